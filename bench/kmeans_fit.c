/*
 * kmeans_fit.c
 *	  One fit of the core's k-means over a file of raw floats, for bench/kmeans: prints seconds, inertia and iterations.
 *
 *	  kmeans_fit ROWS COUNT DIM K THREADS ITERATIONS [CENTROIDS | k-means++ | k-means|| | batch=ROWS | min=ROWS | seed=N]...
 *
 * With a file of centroids [K, DIM], exactly ITERATIONS from these; without, one restart to convergence, or so many batches.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "cluster/kmeans.h"

static float *
read_floats(const char *path, size_t count)
{
	FILE	   *file = fopen(path, "rb");
	float	   *values = uc_alloc(uc_size_mul(count, sizeof(float)));

	if (file == NULL || values == NULL || fread(values, sizeof(float), count, file) != count)
	{
		fprintf(stderr, "cannot read %zu floats from %s\n", count, path);
		exit(1);
	}
	fclose(file);
	return values;
}

static double
now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double) time.tv_sec + 1e-9 * (double) time.tv_nsec;
}

int
main(int argc, char **argv)
{
	UcKmeansOptions options;
	UcRun		run = {.max_memory = SIZE_MAX - 1};
	UcKmeans	result;
	UcError		err = {0};
	size_t		count,
				dim;
	float	   *rows;
	float	   *start = NULL;
	double		begin,
				end;

	if (argc < 7)
	{
		fprintf(stderr, "usage: kmeans_fit ROWS COUNT DIM K THREADS ITERATIONS [CENTROIDS]...\n");
		return 1;
	}
	count = strtoull(argv[2], NULL, 10);
	dim = strtoull(argv[3], NULL, 10);
	uc_kmeans_defaults(&options);
	options.k = atoi(argv[4]);
	options.metric = UC_METRIC_EUCLIDEAN;
	options.restarts = 1;
	options.max_iterations = atoi(argv[6]);
	run.threads = atoi(argv[5]);
	rows = read_floats(argv[1], uc_size_mul(count, dim));
	for (int i = 7; i < argc; i++)
	{
		const char *word = argv[i];

		if (strcmp(word, "k-means++") == 0)
			options.init = UC_INIT_PLUS_PLUS;
		else if (strcmp(word, "k-means||") == 0)
			options.init = UC_INIT_SCALABLE;
		else if (strncmp(word, "batch=", 6) == 0)
			options.batch_rows = strtoull(word + 6, NULL, 10);
		else if (strncmp(word, "min=", 4) == 0)
			options.min_size = strtoull(word + 4, NULL, 10);
		else if (strncmp(word, "seed=", 5) == 0)
			options.seed = strtoull(word + 5, NULL, 10);
		else
		{
			start = read_floats(word, (size_t) options.k * dim);
			options.centroids = start;
			options.tolerance = 0;
		}
	}

	begin = now();
	if (uc_kmeans(rows, count, dim, &options, &run, &result, &err) != UC_OK)
	{
		fprintf(stderr, "%s (%s)\n", err.message, err.detail);
		return 1;
	}
	end = now();
	printf("%.6f %.9g %d\n", end - begin, result.inertia, result.iterations);
	uc_kmeans_free(&result);
	uc_free(rows);
	uc_free(start);
	return 0;
}
