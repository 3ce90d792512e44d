/*
 * preparation_fit.c
 *	  Prepares raw floats and clusters them by cosine, once per seed, for bench/preparation.
 *
 *	  preparation_fit ROWS COUNT DIM K METHOD COMPONENTS SEEDS GROUPS
 *
 * METHOD is none, centred, whitened or auto; GROUPS a file of int32 or "-". Prints one line of labels per seed, after a line
 * with the components and the seconds that preparation took.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "cluster/kmeans.h"
#include "cluster/prepare.h"

static void *
read_words(const char *path, size_t count)
{
	FILE	   *file = fopen(path, "rb");
	void	   *words = uc_alloc(uc_size_mul(count, 4));

	if (file == NULL || words == NULL || fread(words, 4, count, file) != count)
	{
		fprintf(stderr, "cannot read %zu words from %s\n", count, path);
		exit(1);
	}
	fclose(file);
	return words;
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
	const UcRun run = {.threads = 1,.max_memory = SIZE_MAX - 1};
	UcPrepareInput input = {.directions = true};
	UcPreparationMethod method = UC_PREPARE_NONE;
	UcPreparation preparation;
	UcKmeansOptions options;
	UcError		err = {0};
	size_t		components;
	float	   *out;
	double		begin;

	if (argc != 9)
	{
		fprintf(stderr, "usage: preparation_fit ROWS COUNT DIM K METHOD COMPONENTS SEEDS GROUPS\n");
		return 1;
	}
	input.count = strtoull(argv[2], NULL, 10);
	input.dim = strtoull(argv[3], NULL, 10);
	input.rows = read_words(argv[1], uc_size_mul(input.count, input.dim));
	if (strcmp(argv[8], "-") != 0)
	{
		input.groups = read_words(argv[8], input.count);
		for (size_t i = 0; i < input.count; i++)
			if (input.groups[i] >= input.group_count)
				input.group_count = input.groups[i] + 1;
	}
	components = strtoull(argv[6], NULL, 10);
	if (strcmp(argv[5], "auto") == 0)
		uc_prepare_auto(input.count, input.dim, true, input.groups != NULL, &method, &components);
	else
		method = argv[5][0] == 'w' ? UC_PREPARE_WHITENED : argv[5][0] == 'c' ? UC_PREPARE_CENTRED : UC_PREPARE_NONE;

	begin = now();
	if (uc_prepare_fit(&input, method, components, &run, &preparation, &err) != UC_OK)
	{
		fprintf(stderr, "%s (%s)\n", err.message, err.detail);
		return 1;
	}
	out = uc_alloc(uc_size_mul(uc_size_mul(input.count, preparation.out_dim), sizeof(float)));
	if (out == NULL || uc_prepare_apply(&preparation, input.rows, input.count, input.groups, NULL, &run, out, &err) != UC_OK)
	{
		fprintf(stderr, "%s (%s)\n", err.message, err.detail);
		return 1;
	}
	printf("%zu %.4f\n", preparation.components, now() - begin);

	uc_kmeans_defaults(&options);
	options.k = atoi(argv[4]);
	options.metric = UC_METRIC_COSINE;
	options.restarts = 10;
	for (int seed = 0; seed < atoi(argv[7]); seed++)
	{
		UcKmeans	result;

		options.seed = (uint64_t) seed;
		if (uc_kmeans(out, input.count, preparation.out_dim, &options, &run, &result, &err) != UC_OK)
		{
			fprintf(stderr, "%s (%s)\n", err.message, err.detail);
			return 1;
		}
		for (size_t i = 0; i < input.count; i++)
			printf("%d ", (int) result.labels[i]);
		putchar('\n');
		uc_kmeans_free(&result);
	}
	uc_prepare_free(&preparation);
	return 0;
}
