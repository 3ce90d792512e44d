-- What must be refused
SELECT * FROM usercluster.hdbscan('VALUES (1, ''[1]''::embedding)', min_cluster_size => 1);
SELECT * FROM usercluster.hdbscan('VALUES (1, ''[1]''::embedding)', min_samples => 0);
SELECT * FROM usercluster.hdbscan('VALUES (1, ''[1]''::embedding)', min_samples => 2);
SELECT * FROM usercluster.hdbscan('VALUES (1, ''[1]''::embedding)', selection => 'all');
SELECT * FROM usercluster.hdbscan('VALUES (1, ''[1]''::embedding)', metric => 'manhattan');
SELECT * FROM usercluster.hdbscan('VALUES (1, ''[0]''::embedding)');
SELECT * FROM usercluster.hdbscan(NULL);

-- Two dense places and a row far from both
CREATE TABLE line (id int, name text, place embedding(1));
INSERT INTO line VALUES (1, 'a', '[0]'), (2, 'b', '[1]'), (3, 'c', '[2]'), (4, 'd', '[100]'), (5, 'e', '[10]'),
	(6, 'f', '[11]'), (7, 'g', '[12]'), (8, 'h', '[13.5]'), (9, 'i', NULL);
SELECT id, cluster, round(membership::numeric, 4) AS membership
FROM usercluster.hdbscan('SELECT id, place FROM line', min_cluster_size => 3, min_samples => 1, metric => 'euclidean');
SELECT id, cluster
FROM usercluster.hdbscan('SELECT name, place FROM line WHERE place IS NOT NULL', key => NULL::text,
	min_cluster_size => 3, min_samples => 1, metric => 'euclidean', selection => 'leaf');

-- No rows; too few for a cluster
SELECT count(*) FROM usercluster.hdbscan('SELECT id, place FROM line WHERE false');
SELECT * FROM usercluster.hdbscan('SELECT id, place FROM line WHERE id < 3', metric => 'euclidean');
DROP TABLE line;
