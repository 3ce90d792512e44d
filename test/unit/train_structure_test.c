/*
 * How firmly vectors fall into groups: what is refused, groups that are there, that are blurred, and that are not there.
 */
#include "check.h"

#include <math.h>

#include "base/random.h"
#include "train/structure.h"

#define COUNT 200
#define DIM 16
#define GROUPS 8

static float vectors[COUNT * DIM];

/* Around as many directions as there are groups, and so far from them. */
static void
scatter(double noise)
{
	UcRandom	random;
	float		centres[GROUPS * DIM];

	uc_random_seed(&random, 5, 1);
	for (size_t i = 0; i < GROUPS * DIM; i++)
		centres[i] = (float) uc_random_unit(&random) - 0.5f;
	for (size_t i = 0; i < COUNT * DIM; i++)
		vectors[i] = centres[i / DIM % GROUPS * DIM + i % DIM] + (float) (noise * (uc_random_unit(&random) - 0.5));
}

static double
structure_of(size_t count, int threads)
{
	UcRun		run = {.threads = threads,.max_memory = SIZE_MAX};
	UcError		err = {0};
	UcStructure structure = {NAN, NAN};

	CHECK(uc_structure(vectors, count, DIM, 3, &run, &structure, &err) == UC_OK, "%zu vectors: %s", count, err.message);
	CHECK(structure.silhouette > -1 && structure.silhouette < 1, "the silhouette is %.3f", structure.silhouette);
	return structure.agreement;
}

int
main(void)
{
	UcRun		run = {.threads = 1,.max_memory = SIZE_MAX};
	UcError		err = {0};
	UcStructure refused;
	double		firm,
				blurred,
				none;

	scatter(0.2);
	vectors[7] = NAN;
	CHECK_REFUSED(uc_structure(vectors, COUNT, DIM, 3, &run, &refused, &err), UC_INVALID_DATA, &err, "", "NaN");
	scatter(0.2);
	run.max_memory = 10;
	CHECK_REFUSED(uc_structure(vectors, COUNT, DIM, 3, &run, &refused, &err), UC_MEMORY_LIMIT, &err, "", "no memory");

	firm = structure_of(COUNT, 1);
	CHECK(structure_of(COUNT, 3) == firm, "three threads see what one sees");
	CHECK(structure_of(10, 1) > 0, "ten vectors are enough");
	scatter(1.5);
	blurred = structure_of(COUNT, 1);
	scatter(30);
	none = structure_of(COUNT, 1);
	CHECK(firm > 0.6, "groups that lie apart are found in both halves: %.3f", firm);
	CHECK(blurred < firm - 0.1 && none < blurred - 0.1, "less so where they are blurred: %.3f, and without groups: %.3f", blurred, none);
	for (size_t i = 0; i < COUNT * DIM; i++)
		vectors[i] = 1;
	CHECK(isfinite(structure_of(COUNT, 1)), "vectors that are all the same");
	return check_done();
}
