/*
 * choose_k_rows.c
 *	  What the core says of every k over a file of raw floats, for bench/choose_k: a line per k, the recommended one first.
 *
 *	  choose_k_rows ROWS COUNT DIM METRIC KMIN KMAX THREADS SAMPLE SEED
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "cluster/choose.h"

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

int
main(int argc, char **argv)
{
	UcChooseOptions options;
	UcRun		run = {.max_memory = SIZE_MAX - 1};
	UcError		err = {0};
	UcChoiceReason reason;
	UcChoice   *choices;
	size_t		rows_count,
				dim;
	int			count;
	float	   *rows;

	if (argc < 10)
	{
		fprintf(stderr, "usage: choose_k_rows ROWS COUNT DIM METRIC KMIN KMAX THREADS SAMPLE SEED\n");
		return 1;
	}
	uc_choose_defaults(&options);
	rows_count = strtoull(argv[2], NULL, 10);
	dim = strtoull(argv[3], NULL, 10);
	options.kmeans.metric = strcmp(argv[4], "cosine") == 0 ? UC_METRIC_COSINE : UC_METRIC_EUCLIDEAN;
	options.k_min = atoi(argv[5]);
	options.k_max = atoi(argv[6]);
	run.threads = atoi(argv[7]);
	options.sample = strtoull(argv[8], NULL, 10);
	options.kmeans.seed = strtoull(argv[9], NULL, 10);
	rows = read_floats(argv[1], uc_size_mul(rows_count, dim));
	choices = calloc((size_t) (options.k_max - options.k_min + 1), sizeof *choices);
	if (choices == NULL || uc_choose_k(rows, rows_count, dim, &options, &run, choices, &count, &err) != UC_OK)
	{
		fprintf(stderr, "%s (%s)\n", err.message, err.detail);
		return 1;
	}
	printf("%d\n", choices[uc_choose_recommend(choices, count, &reason)].k);
	for (int i = 0; i < count; i++)
		printf("%d %.10g %.10g %.10g %.10g %.10g %.10g %.10g\n", choices[i].k, choices[i].inertia,
			   choices[i].silhouette.mean, choices[i].silhouette.error, choices[i].validity.simplified_silhouette,
			   choices[i].validity.calinski_harabasz, choices[i].validity.davies_bouldin, choices[i].stability);
	free(choices);
	uc_free(rows);
	return 0;
}
