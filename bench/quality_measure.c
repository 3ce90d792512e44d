/*
 * quality_measure.c
 *	  The core's measures of a clustering over files of raw floats and labels, for bench/quality: prints seconds and
 *	  figures.
 *
 *	  quality_measure ROWS LABELS COUNT DIM K METRIC THREADS SAMPLE [VALUES]
 *
 * With a file VALUES, each row's silhouette is written to it as doubles.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "cluster/silhouette.h"
#include "cluster/validity.h"

static void *
read_file(const char *path, size_t bytes)
{
	FILE	   *file = fopen(path, "rb");
	void	   *content = uc_alloc(bytes);

	if (file == NULL || content == NULL || fread(content, 1, bytes, file) != bytes)
	{
		fprintf(stderr, "cannot read %zu bytes from %s\n", bytes, path);
		exit(1);
	}
	fclose(file);
	return content;
}

static double
now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double) time.tv_sec + 1e-9 * (double) time.tv_nsec;
}

static void
write_values(const char *path, const double *values, size_t count)
{
	FILE	   *file = fopen(path, "wb");

	if (file == NULL || fwrite(values, sizeof(double), count, file) != count || fclose(file) != 0)
	{
		fprintf(stderr, "cannot write %s\n", path);
		exit(1);
	}
}

int
main(int argc, char **argv)
{
	UcRun		run = {.max_memory = SIZE_MAX - 1};
	UcSilhouetteOptions options = {.seed = 1};
	UcSilhouette silhouette;
	UcValidity	validity;
	UcError		err = {0};
	size_t		count,
				dim;
	int			k;
	float	   *rows;
	int32_t    *labels;
	double	   *values;
	double		begin,
				middle,
				end;

	if (argc < 9)
	{
		fprintf(stderr, "usage: quality_measure ROWS LABELS COUNT DIM K METRIC THREADS SAMPLE [VALUES]\n");
		return 1;
	}
	count = strtoull(argv[3], NULL, 10);
	dim = strtoull(argv[4], NULL, 10);
	k = atoi(argv[5]);
	options.metric = strcmp(argv[6], "cosine") == 0 ? UC_METRIC_COSINE : UC_METRIC_EUCLIDEAN;
	run.threads = atoi(argv[7]);
	options.sample = strtoull(argv[8], NULL, 10);
	rows = read_file(argv[1], uc_size_mul(count, uc_size_mul(dim, sizeof(float))));
	labels = read_file(argv[2], uc_size_mul(count, sizeof(int32_t)));
	values = uc_alloc(uc_size_mul(count, sizeof(double)));

	begin = now();
	if (values == NULL ||
		uc_silhouette(rows, labels, count, dim, k, &options, &run, values, &silhouette, &err) != UC_OK)
	{
		fprintf(stderr, "%s (%s)\n", err.message, err.detail);
		return 1;
	}
	middle = now();
	if (uc_validity(rows, labels, NULL, count, dim, k, options.metric, &run, &validity, &err) != UC_OK)
	{
		fprintf(stderr, "%s (%s)\n", err.message, err.detail);
		return 1;
	}
	end = now();
	printf("%.6f %.6f %.12g %.12g %.12g %.12g %.12g %.12g\n", middle - begin, end - middle, silhouette.mean,
		   silhouette.error, validity.inertia, validity.simplified_silhouette, validity.calinski_harabasz,
		   validity.davies_bouldin);
	if (argc > 9)
		write_values(argv[9], values, count);
	uc_free(rows);
	uc_free(labels);
	uc_free(values);
	return 0;
}
