/*
 * linkage_fit.c
 *	  One tree, or one density clustering, over a file of raw floats, for bench/linkage: prints seconds.
 *
 *	  linkage_fit ROWS COUNT DIM METHOD METRIC THREADS OUTPUT
 *	  linkage_fit ROWS COUNT DIM hdbscan:SIZE:SAMPLES METRIC THREADS OUTPUT
 *
 * Into OUTPUT goes the tree as left, right, height, size, or the clustering as label, membership, all as doubles.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "cluster/hdbscan.h"
#include "cluster/linkage.h"

static double
now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double) time.tv_sec + 1e-9 * (double) time.tv_nsec;
}

static void
fail(const char *what, const UcError *err)
{
	fprintf(stderr, "%s: %s %s\n", what, err->message, err->detail);
	exit(1);
}

static void
write_row(FILE *output, const double *values, size_t count)
{
	fwrite(values, sizeof(double), count, output);
}

int
main(int argc, char **argv)
{
	static const char *const methods[] = {"ward", "average", "complete", "single", "weighted"};
	UcRun		run = {.max_memory = SIZE_MAX - 1};
	UcError		err = {0};
	UcMetric	metric;
	FILE	   *file,
			   *output;
	size_t		count,
				dim;
	float	   *rows;
	double		begin,
				end;

	if (argc != 8)
	{
		fprintf(stderr, "usage: linkage_fit ROWS COUNT DIM METHOD METRIC THREADS OUTPUT\n");
		return 1;
	}
	count = strtoull(argv[2], NULL, 10);
	dim = strtoull(argv[3], NULL, 10);
	metric = strcmp(argv[5], "cosine") == 0 ? UC_METRIC_COSINE : UC_METRIC_EUCLIDEAN;
	run.threads = atoi(argv[6]);
	file = fopen(argv[1], "rb");
	output = fopen(argv[7], "wb");
	rows = uc_alloc(uc_size_mul(count, dim * sizeof(float)));
	if (file == NULL || output == NULL || rows == NULL || fread(rows, sizeof(float), count * dim, file) != count * dim)
		fail(argv[1], &err);
	fclose(file);

	if (strncmp(argv[4], "hdbscan", 7) == 0)
	{
		UcHdbscan	result;
		int			size = 5,
					samples = 5;

		sscanf(argv[4], "hdbscan:%d:%d", &size, &samples);
		begin = now();
		if (uc_hdbscan(rows, count, dim,
					   &(UcHdbscanOptions) {.min_cluster_size = size,.min_samples = samples,.metric = metric,
					   .leaves = strstr(argv[4], "leaf") != NULL}, &run, &result, &err) != UC_OK)
			fail("hdbscan", &err);
		end = now();
		for (size_t i = 0; i < count; i++)
			write_row(output, (double[]) {result.labels[i], result.membership[i]}, 2);
		uc_hdbscan_free(&result);
	}
	else
	{
		UcLinkage	result;
		int			method = 0;

		while (method < 4 && strcmp(methods[method], argv[4]) != 0)
			method++;
		begin = now();
		if (uc_linkage(rows, count, dim, (UcLinkageMethod) method, metric, NULL, &run, &result, &err) != UC_OK)
			fail("linkage", &err);
		end = now();
		for (size_t i = 0; i + 1 < result.leaves; i++)
			write_row(output, (double[]) {result.merges[i].left, result.merges[i].right, result.merges[i].height,
					  (double) result.merges[i].size}, 4);
		uc_linkage_free(&result);
	}
	fclose(output);
	uc_free(rows);
	printf("%.6f\n", end - begin);
	return 0;
}
