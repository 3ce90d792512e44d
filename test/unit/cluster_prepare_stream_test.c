/*
 * A preparation fitted to rows that pass by equals one fitted to the same rows in memory.
 */
#include "check.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "cluster/prepare_stream.h"

enum
{
	ROWS = 2500, DIM = 40, GROUPS = 21, FEATURES = 3
};

static const UcRun run = {.threads = 2,.max_memory = (size_t) 1 << 30};

typedef struct Data
{
	float		rows[ROWS * DIM];
	double		weights[ROWS];
	double		features[ROWS * FEATURES];
	int32_t		groups[ROWS];
} Data;

static Data data;
static int32_t order[GROUPS];	/* of the groups as they first pass by, their number in data */
static int32_t seen[GROUPS];	/* and back */

static void
make_data(void)
{
	UcRandom	random;
	int			known = 0;

	uc_random_seed(&random, 3, 0);
	memset(seen, -1, sizeof seen);
	for (int i = 0; i < ROWS; i++)
	{
		data.weights[i] = i % 5 == 0 ? 0 : 0.25 + uc_random_unit(&random);
		data.groups[i] = i % 17 == 0 ? -1 : (int32_t) uc_random_below(&random, GROUPS);
		if (data.groups[i] >= 0 && seen[data.groups[i]] < 0)
		{
			order[known] = data.groups[i];
			seen[data.groups[i]] = known++;
		}
		for (int j = 0; j < DIM; j++)
			data.rows[i * DIM + j] = (float) (2 + (uc_random_unit(&random) - 0.5) * 4 / (1 + j) + (j == data.groups[i]));
		data.features[i * FEATURES] = 1e200 * uc_random_unit(&random);
		data.features[i * FEATURES + 1] = 7;
		data.features[i * FEATURES + 2] = i % 3 == 0 ? NAN : -1e6 + uc_random_unit(&random);
	}
}

static UcStatus
pass_by(UcPrepareStream *stream, bool weighted, bool grouped, bool features, UcError *err)
{
	UcStatus	status = UC_OK;

	for (int i = 0; status == UC_OK && i < ROWS; i++)
		status = uc_prepare_stream_add(stream, data.rows + i * DIM, weighted ? data.weights[i] : 1,
									   grouped && data.groups[i] >= 0 ? seen[data.groups[i]] : -1,
									   features ? data.features + i * FEATURES : NULL, FEATURES, err);
	return status;
}

static UcStatus
fit_stream(UcPreparationMethod method, bool directions, bool weighted, bool grouped, bool features, UcPreparation *result,
		   UcError *err)
{
	UcPrepareStream stream;
	UcStatus	status = uc_prepare_stream_begin(&stream, DIM, directions, err);

	if (status == UC_OK)
		status = pass_by(&stream, weighted, grouped, features, err);
	if (status == UC_OK)
		status = uc_prepare_stream_means(&stream, method, grouped ? order : NULL, 0.5, result, err);
	for (size_t begin = 0; status == UC_OK && method == UC_PREPARE_WHITENED && begin < ROWS; begin += UC_STREAM_BLOCK)
		status = uc_prepare_stream_block(&stream, result, data.rows + begin * DIM, weighted ? data.weights + begin : NULL,
										 grouped ? data.groups + begin : NULL,
										 ROWS - begin < UC_STREAM_BLOCK ? ROWS - begin : UC_STREAM_BLOCK, &run, err);
	if (status == UC_OK && method == UC_PREPARE_WHITENED)
		status = uc_prepare_stream_whiten(&stream, &run, result, err);
	uc_prepare_stream_free(&stream);
	return status;
}

static bool
near(const double *a, const double *b, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!(fabs(a[i] - b[i]) <= 1e-9 * fabs(b[i])))
			return false;
	return true;
}

static bool
same(const float *a, const float *b, size_t count)
{
	return (a == NULL) == (b == NULL) && (a == NULL || memcmp(a, b, count * sizeof(float)) == 0);
}

static void
equals_fit(UcPreparationMethod method, bool directions, bool weighted, bool grouped, bool features)
{
	static const char *const names[] = {"none", "centred", "whitened"};
	UcPrepareInput input = {
		.rows = data.rows,.count = ROWS,.dim = DIM,.weights = weighted ? data.weights : NULL,
		.groups = grouped ? data.groups : NULL,.group_count = GROUPS,.features = features ? data.features : NULL,
		.feature_count = features ? FEATURES : 0,.feature_weight = 0.5,.directions = directions
	};
	UcPreparation whole,
				streamed;
	UcError		err = {0};
	bool		fitted = uc_prepare_fit(&input, method, 0, &run, &whole, &err) == UC_OK &&
		fit_stream(method, directions, weighted, grouped, features, &streamed, &err) == UC_OK;

	CHECK(fitted && streamed.method == whole.method && streamed.directions == whole.directions && streamed.dim == whole.dim &&
		  streamed.out_dim == whole.out_dim && streamed.components == whole.components && streamed.groups == whole.groups &&
		  streamed.features == whole.features &&
		  same(streamed.mean, whole.mean, DIM) &&
		  same(streamed.group_means, whole.group_means, (size_t) whole.groups * DIM) &&
		  same(streamed.projection, whole.projection, whole.components * DIM) &&
		  near(streamed.feature_mean, whole.feature_mean, whole.features) &&
		  near(streamed.feature_scale, whole.feature_scale, whole.features),
		  "%s%s%s%s%s: as in memory", names[method], directions ? ", directions" : "", weighted ? ", weights" : "",
		  grouped ? ", groups" : "", features ? ", features" : "");
	if (!fitted)
		printf("# %s\n", err.message);
	uc_prepare_free(&whole);
	uc_prepare_free(&streamed);
}

static void
refusals(void)
{
	static const float row[DIM] = {1};
	UcPrepareStream stream;
	UcPreparation preparation;
	UcError		err = {0};

	uc_prepare_stream_begin(&stream, DIM, true, &err);
	CHECK_REFUSED(uc_prepare_stream_means(&stream, UC_PREPARE_CENTRED, NULL, 1, &preparation, &err), UC_INVALID_DATA, &err,
				  "weights", "no rows are refused");
	uc_prepare_stream_add(&stream, row, 0, -1, NULL, 0, &err);
	CHECK_REFUSED(uc_prepare_stream_means(&stream, UC_PREPARE_CENTRED, NULL, 1, &preparation, &err), UC_INVALID_DATA, &err,
				  "weights", "rows without weight are refused");
	uc_prepare_stream_add(&stream, row, 1, -1, NULL, 0, &err);
	CHECK(uc_prepare_stream_means(&stream, UC_PREPARE_WHITENED, NULL, 1, &preparation, &err) == UC_OK, "one row is enough for means");
	CHECK_REFUSED(uc_prepare_stream_whiten(&stream, &run, &preparation, &err), UC_INVALID_DATA, &err, "no vectors",
				  "whitening without a second pass is refused");
	uc_prepare_stream_block(&stream, &preparation, row, NULL, NULL, 1, &run, &err);
	CHECK(uc_prepare_stream_whiten(&stream, &run, &preparation, &err) == UC_OK && preparation.method == UC_PREPARE_CENTRED,
		  "a row that does not vary is only centred");
	uc_prepare_free(&preparation);
	uc_prepare_stream_free(&stream);
}

int
main(void)
{
	make_data();
	refusals();
	for (int method = UC_PREPARE_NONE; method <= UC_PREPARE_WHITENED; method++)
		for (int mask = 0; mask < 16; mask++)
			equals_fit(method, mask & 1, mask & 2, mask & 4 && method != UC_PREPARE_NONE, mask & 8);
	return check_done();
}
