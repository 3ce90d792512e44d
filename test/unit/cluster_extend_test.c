/*
 * Centroids for rows that have more distinct points than there are centroids.
 */
#include "check.h"

#include <string.h>

#include "base/memory.h"
#include "cluster/extend.h"

static const UcRun run = {.threads = 1,.max_memory = (size_t) 1 << 30};

static bool
always(void *arg)
{
	return true;
}

static void
farthest_first(void)
{
	static const float rows[] = {0, 0, 1, 0, 0, 5, 9, 0, 9, 0, 3, 3};
	float		centroids[6 * 2] = {0, 0};
	int			found = 1;
	UcError		err = {0};

	CHECK(uc_extend_centroids(rows, NULL, 6, 2, UC_METRIC_EUCLIDEAN, centroids, &found, 3, &run, &err) == UC_OK && found == 3 &&
		  centroids[2] == 9 && centroids[3] == 0 && centroids[4] == 0 && centroids[5] == 5,
		  "the farthest row comes first, then the one farthest from both");
	CHECK(uc_extend_centroids(rows, NULL, 6, 2, UC_METRIC_EUCLIDEAN, centroids, &found, 6, &run, &err) == UC_OK && found == 5,
		  "five distinct rows are five centroids");
}

static void
directions(void)
{
	static const float rows[] = {1, 0, 2, 0, 0, 3, 5e-8f, 1, 0, -1};
	float		centroids[5 * 2] = {1, 0};
	int			found = 1;
	UcError		err = {0};

	CHECK(uc_extend_centroids(rows, NULL, 5, 2, UC_METRIC_COSINE, centroids, &found, 5, &run, &err) == UC_OK && found == 3 &&
		  centroids[3] == 3 && centroids[5] == -1, "rows of one direction, to within rounding, are one");
}

static void
weights(void)
{
	static const float rows[] = {0, 1, 7, 4};
	static const double some[] = {1, 2, 0, 0.5};
	float		centroids[4] = {0};
	int			found = 1;
	UcError		err = {0};

	CHECK(uc_extend_centroids(rows, some, 4, 1, UC_METRIC_EUCLIDEAN, centroids, &found, 4, &run, &err) == UC_OK && found == 3 &&
		  centroids[1] == 4 && centroids[2] == 1, "a row of weight 0 is no centroid");
}

static void
interrupted(void)
{
	static const float rows[] = {0, 1};
	UcRun		impatient = {.threads = 1,.max_memory = (size_t) 1 << 30,.interrupted = always};
	float		centroids[2] = {0};
	int			found = 1;
	UcError		err = {0};

	CHECK_REFUSED(uc_extend_centroids(rows, NULL, 2, 1, UC_METRIC_EUCLIDEAN, centroids, &found, 2, &impatient, &err),
				  UC_INTERRUPTED, &err, "interrupted", "it stops when asked to");
	CHECK(found == 1, "with the centroids there were");
}

int
main(void)
{
	interrupted();
	farthest_first();
	directions();
	weights();
	return check_done();
}
