/*
 * Trees whose heights can be worked out by hand, against brute force, and what must be refused.
 */
#include "check.h"

#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/random.h"
#include "base/simd.h"
#include "cluster/linkage.h"
#include "cluster/linkage_mst.h"

static const UcRun run = {.threads = 2,.max_memory = (size_t) 1 << 30};

static bool
near(double a, double b)
{
	return fabs(a - b) <= 1e-5 * fabs(b) + 1e-12;
}

static bool
stop(void *arg)
{
	return true;
}

static void
refusals(void)
{
	const float rows[] = {0, 1, 3, 7};
	const float bad[] = {0, NAN, 3, 7};
	const double weights[] = {1, 0, 1, 1};
	UcRun		poor = {.threads = 1,.max_memory = 100};
	UcRun		stopped = {.threads = 2,.max_memory = (size_t) 1 << 30,.interrupted = stop};
	UcLinkage	tree;
	UcError		err = {0};
	int32_t		labels[4];
	size_t		clusters;
	float	   *many = uc_alloc_zeroed(3000 * 64 * sizeof(float));

	CHECK_REFUSED(uc_linkage(rows, 0, 1, UC_LINKAGE_WARD, UC_METRIC_EUCLIDEAN, NULL, &run, &tree, &err),
				  UC_INVALID_ARGUMENT, &err, "no rows", "no rows are refused");
	CHECK(uc_linkage(bad, 4, 1, UC_LINKAGE_WARD, UC_METRIC_EUCLIDEAN, NULL, &run, &tree, &err) == UC_INVALID_DATA,
		  "NaN is refused");
	CHECK(uc_linkage(rows, 4, 1, UC_LINKAGE_AVERAGE, UC_METRIC_COSINE, NULL, &run, &tree, &err) == UC_INVALID_DATA,
		  "a row without direction is refused with the cosine metric");
	CHECK_REFUSED(uc_linkage(rows, 4, 1, UC_LINKAGE_WARD, UC_METRIC_EUCLIDEAN, weights, &run, &tree, &err),
				  UC_INVALID_DATA, &err, "row 2", "a weight of zero is refused");
	CHECK(uc_linkage(rows, 4, 1, UC_LINKAGE_WARD, UC_METRIC_EUCLIDEAN, NULL, &poor, &tree, &err) == UC_MEMORY_LIMIT,
		  "a budget that holds no tree is refused");
	CHECK(uc_linkage(many, 3000, 64, UC_LINKAGE_WARD, UC_METRIC_EUCLIDEAN, NULL, &stopped, &tree, &err) ==
		  UC_INTERRUPTED, "an interrupt ends the work");
	CHECK(uc_linkage(rows, 4, 1, UC_LINKAGE_WARD, UC_METRIC_EUCLIDEAN, NULL, &run, &tree, &err) == UC_OK, "four rows");
	CHECK_REFUSED(uc_tree_cut(&tree, 0, labels, &err), UC_INVALID_ARGUMENT, &err, "at least 1", "k = 0 is refused");
	CHECK_REFUSED(uc_tree_cut(&tree, 5, labels, &err), UC_INVALID_ARGUMENT, &err, "at most", "k > rows is refused");
	CHECK_REFUSED(uc_tree_cut_height(&tree, NAN, labels, &clusters, &err), UC_INVALID_ARGUMENT, &err, "height",
				  "a height that is no number is refused");
	uc_linkage_free(&tree);
	uc_free(many);
}

/* rows 0, 1, 3, 7 on a line: joined from the left, at heights that differ by method */
static void
known_values(void)
{
	const float rows[] = {0, 1, 3, 7};
	const double heights[5][3] = {
		{1, sqrt(2 * 2.0 / 3 * 2.5 * 2.5), sqrt(2 * 3.0 / 4) * (7 - 4.0 / 3)},
		{1, 2.5, (7 + 6 + 4) / 3.0}, {1, 3, 7}, {1, 2, 4}, {1, 2.5, 5.25}
	};
	UcError		err = {0};

	for (int method = 0; method < 5; method++)
	{
		UcLinkage	tree;
		int32_t		labels[4];
		size_t		clusters;

		CHECK(uc_linkage(rows, 4, 1, (UcLinkageMethod) method, UC_METRIC_EUCLIDEAN, NULL, &run, &tree, &err) == UC_OK,
			  "method %d", method);
		for (int i = 0; i < 3; i++)
			CHECK(near(tree.merges[i].height, heights[method][i]) && tree.merges[i].size == i + 2,
				  "method %d, merge %d at %g", method, i, tree.merges[i].height);
		CHECK(tree.merges[0].left == 0 && tree.merges[0].right == 1 && tree.merges[2].left == 3 &&
			  tree.merges[2].right == 5, "nodes are numbered in the order of the merges");
		CHECK(uc_tree_cut(&tree, 2, labels, &err) == UC_OK && labels[0] == 0 && labels[1] == 0 && labels[2] == 0 &&
			  labels[3] == 1, "two clusters, the larger first");
		CHECK(uc_tree_cut_height(&tree, 1, labels, &clusters, &err) == UC_OK && clusters == 3 && labels[0] == 0 &&
			  labels[1] == 0 && labels[2] == 1 && labels[3] == 2, "a cut at the height of a merge keeps it");
		uc_linkage_free(&tree);
	}
}

static void
edges(void)
{
	const float rows[] = {1, 2, 3, 4};
	const float same[] = {2, 2, 2, 2, 2, 2, 2, 2, 2, 2};
	UcLinkage	tree;
	UcError		err = {0};
	int32_t		labels[5];

	CHECK(uc_linkage(rows, 1, 4, UC_LINKAGE_WARD, UC_METRIC_COSINE, NULL, &run, &tree, &err) == UC_OK &&
		  uc_tree_cut(&tree, 1, labels, &err) == UC_OK && labels[0] == 0, "one row is one cluster");
	uc_linkage_free(&tree);
	CHECK(uc_linkage(rows, 2, 2, UC_LINKAGE_SINGLE, UC_METRIC_EUCLIDEAN, NULL, &run, &tree, &err) == UC_OK &&
		  near(tree.merges[0].height, sqrt(8)), "two rows are joined at their distance");
	uc_linkage_free(&tree);
	for (int method = 0; method < 5; method++)
	{
		CHECK(uc_linkage(same, 5, 2, (UcLinkageMethod) method, UC_METRIC_EUCLIDEAN, NULL, &run, &tree, &err) == UC_OK &&
			  tree.merges[3].height == 0 && tree.merges[3].size == 5, "identical rows are joined at height 0");
		uc_linkage_free(&tree);
	}
}

static float *
clouds(size_t rows, size_t dim, int count, float spread)
{
	UcRandom	random;
	float	   *x = uc_alloc(rows * dim * sizeof(float));

	uc_random_seed(&random, 3, 0);
	for (size_t i = 0; i < rows; i++)
		for (size_t j = 0; j < dim; j++)
		{
			UcRandom	centre;

			uc_random_seed(&centre, 5, (i % (size_t) count) * dim + j);
			x[i * dim + j] = (float) (uc_random_unit(&centre) + spread * uc_random_unit(&random));
		}
	return x;
}

/* A row that weighs two is two identical rows, as soon as these are joined. */
static void
weights(void)
{
	const float single[] = {0, 1, 5, 9, 10.5f};
	const float doubled[] = {0, 1, 1, 5, 9, 9, 9, 10.5f};
	const double weight[] = {1, 2, 1, 3, 1};
	UcError		err = {0};

	for (int method = 0; method < 2; method++)
	{
		UcLinkage	a,
					b;

		CHECK(uc_linkage(single, 5, 1, (UcLinkageMethod) method, UC_METRIC_EUCLIDEAN, weight, &run, &a, &err) == UC_OK &&
			  uc_linkage(doubled, 8, 1, (UcLinkageMethod) method, UC_METRIC_EUCLIDEAN, NULL, &run, &b, &err) == UC_OK,
			  "method %d with weights", method);
		for (int i = 0; i < 4; i++)
			CHECK(near(a.merges[i].height, b.merges[i + 3].height), "merge %d is as high as with repeated rows", i);
		uc_linkage_free(&a);
		uc_linkage_free(&b);
	}
}

/* More rows than are measured pair by pair, some of them very close: products lose what is then measured again. */
static void
close_pairs(void)
{
	size_t		rows = 6000,
				dim = 128;
	float	   *x = clouds(rows, dim, 300, 1e-4f);
	double		least = INFINITY;
	UcRun		one = {.threads = 1,.max_memory = (size_t) 1 << 30};
	UcLinkage	tree,
				again;
	UcError		err = {0};

	for (size_t i = 0; i < rows; i++)
		for (size_t j = i + 300; j < rows; j += 300)
			least = fmin(least, sqrt(uc_squared_distance(x + i * dim, x + j * dim, dim)));
	CHECK(uc_linkage(x, rows, dim, UC_LINKAGE_COMPLETE, UC_METRIC_EUCLIDEAN, NULL, &run, &tree, &err) == UC_OK &&
		  near(tree.merges[0].height, least), "the closest pair is joined first, at its distance");
	CHECK(uc_linkage(x, rows, dim, UC_LINKAGE_COMPLETE, UC_METRIC_EUCLIDEAN, NULL, &one, &again, &err) == UC_OK &&
		  memcmp(tree.merges, again.merges, (rows - 1) * sizeof(UcMerge)) == 0, "one thread makes the same tree");
	uc_linkage_free(&tree);
	uc_linkage_free(&again);
	uc_free(x);
}

static void
micro_clusters(void)
{
	size_t		rows = 4000,
				dim = 8;
	float	   *x = clouds(rows, dim, 5, 0.01f);
	UcRun		poor = {.threads = 2,.max_memory = (size_t) 5 << 20};
	int32_t    *labels = uc_alloc(rows * sizeof(int32_t));
	bool		right = true;
	UcLinkage	tree;
	UcError		err = {0};

	CHECK(uc_linkage(x, rows, dim, UC_LINKAGE_WARD, UC_METRIC_EUCLIDEAN, NULL, &poor, &tree, &err) == UC_OK &&
		  tree.leaf_of != NULL && tree.leaves < rows && tree.leaves >= 64,
		  "rows beyond the memory are gathered into micro-clusters (%zu)", tree.leaves);
	if (tree.leaf_of != NULL)
	{
		CHECK(tree.merges[tree.leaves - 2].size == (int64_t) rows, "the last merge holds all rows");
		CHECK(uc_tree_cut(&tree, 5, labels, &err) == UC_OK, "cut into five");
		for (size_t i = 0; i < rows; i++)
			right = right && labels[i] == labels[i % 5];
		for (int i = 1; i < 5; i++)
			right = right && labels[i] != labels[i - 1];
		CHECK(right, "the five clouds are found through micro-clusters");
	}
	uc_linkage_free(&tree);
	uc_free(labels);
	uc_free(x);
}

/* Where dimensions are few, trees are grown without a matrix: by the same edges, ties included. */
static void
few_dimensions(void)
{
	static const size_t counts[] = {1, 2, 511, 512, 513, 1500};
	UcRandom	random;

	uc_random_seed(&random, 5, 0);
	for (size_t c = 0; c < sizeof counts / sizeof counts[0]; c++)
		for (int kind = 0; kind < 6; kind++)
		{
			size_t		count = counts[c],
						dim = 1 + (size_t) kind / 2;
			float	   *rows = uc_alloc(count * dim * sizeof(float));
			double	   *core = uc_alloc(count * sizeof(double));
			UcMerge    *fast = uc_alloc_zeroed(count * sizeof(UcMerge)),
					   *plain = uc_alloc_zeroed(count * sizeof(UcMerge));
			UcPairwise	pairwise;
			UcError		err;
			bool		equal;

			/* on a coarse grid with many ties, or anywhere */
			for (size_t i = 0; i < count * dim; i++)
				rows[i] = kind % 2 ? (float) uc_random_below(&random, 12) : (float) uc_random_unit(&random);
			for (size_t i = 0; i < count; i++)
				core[i] = kind % 2 ? (double) uc_random_below(&random, 3) : uc_random_unit(&random) / 10;
			equal = uc_pairwise_create(&pairwise, rows, count, dim, UC_DISTANCE_EUCLIDEAN, &run, &err) == UC_OK;
			for (int with_core = 0; with_core < 2 && equal; with_core++)
				equal = uc_spanning_tree(&pairwise, with_core ? core : NULL, false, fast, &run, &err) == UC_OK &&
					uc_spanning_tree(&pairwise, with_core ? core : NULL, true, plain, &run, &err) == UC_OK &&
					memcmp(fast, plain, (count - 1) * sizeof(UcMerge)) == 0;
			CHECK(equal, "%zu rows of %zu dimensions%s", count, dim, kind % 2 ? " on a grid" : "");
			uc_pairwise_free(&pairwise);
			uc_free(rows);
			uc_free(core);
			uc_free(fast);
			uc_free(plain);
		}
}

int
main(void)
{
	refusals();
	known_values();
	edges();
	weights();
	close_pairs();
	micro_clusters();
	few_dimensions();
	return check_done();
}
