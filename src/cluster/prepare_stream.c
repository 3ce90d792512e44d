/*
 * prepare_stream.c
 *	  Sums over rows that pass by, and the preparation they make.
 */
#include "cluster/prepare_stream.h"

#include <math.h>
#include <string.h>

#include "base/blas.h"
#include "base/memory.h"
#include "base/simd.h"
#include "cluster/eigen.h"
#include "cluster/moments.h"

#define FIRST_GROUPS 16

_Static_assert(UC_STREAM_BLOCK == UC_MOMENTS_BLOCK, "a block that passes by is one of those of the covariance");

/* Running mean and squared deviations (Welford, https://doi.org/10.1080/00401706.1962.10490022); wide, for squares of any double. */
typedef struct UcFeatureMoments
{
	double		largest;		/* absolute value */
	long double total;			/* weight of the rows that have it */
	long double mean;
	long double squares;		/* weighted, about the mean */
} UcFeatureMoments;

size_t
uc_prepare_stream_memory(size_t dim, int groups, bool whitened, size_t count, int threads)
{
	size_t		cells = uc_size_mul(2 + 2 * (size_t) groups, dim),
				bytes = uc_size_mul(cells, sizeof(double) + sizeof(float));
	size_t		components = uc_prepare_components(count, dim);

	if (!whitened)
		return bytes;
	bytes = uc_size_add(bytes, uc_size_mul(uc_size_mul(dim, dim), sizeof(double)));
	bytes = uc_size_add(bytes, uc_size_mul(uc_size_mul(components, dim + 1), sizeof(double) + sizeof(float)));
	bytes = uc_size_add(bytes, uc_size_mul(UC_STREAM_BLOCK, uc_size_mul(dim, sizeof(float))));
	return uc_size_add(bytes, uc_size_add(uc_moments_covariance_memory(dim, threads), uc_eigen_memory(dim, components)));
}

UcStatus
uc_prepare_stream_begin(UcPrepareStream *stream, size_t dim, bool directions, UcError *err)
{
	*stream = (UcPrepareStream) {.dim = dim,.directions = directions};
	stream->sums = uc_alloc_zeroed(uc_size_mul(dim, sizeof(double)));
	return stream->sums == NULL ? uc_out_of_memory(err, uc_size_mul(dim, sizeof(double))) : UC_OK;
}

void
uc_prepare_stream_free(UcPrepareStream *stream)
{
	uc_free(stream->sums);
	uc_free(stream->group_sums);
	uc_free(stream->group_totals);
	uc_free(stream->feature_moments);
	uc_free(stream->block);
	uc_free(stream->covariance);
	*stream = (UcPrepareStream) {0};
}

/* ---- the first pass ---- */

static UcStatus
add_group(UcPrepareStream *stream, UcError *err)
{
	size_t		capacity = stream->group_capacity == 0 ? FIRST_GROUPS : 2 * (size_t) stream->group_capacity,
				row = uc_size_mul(stream->dim, sizeof(double)),
				known = (size_t) stream->groups;

	if (stream->groups == stream->group_capacity)
	{
		double	   *sums = uc_alloc_zeroed(uc_size_mul(capacity, row));
		double	   *totals = uc_alloc_zeroed(uc_size_mul(capacity, sizeof(double)));

		if (sums == NULL || totals == NULL)
		{
			uc_free(sums);
			uc_free(totals);
			return uc_out_of_memory(err, uc_size_mul(capacity, row));
		}
		if (known > 0)
		{
			memcpy(sums, stream->group_sums, known * row);
			memcpy(totals, stream->group_totals, known * sizeof(double));
		}
		uc_free(stream->group_sums);
		uc_free(stream->group_totals);
		stream->group_sums = sums;
		stream->group_totals = totals;
		stream->group_capacity = (int) capacity;
	}
	stream->groups++;
	return UC_OK;
}

static UcStatus
begin_features(UcPrepareStream *stream, size_t count, UcError *err)
{
	stream->feature_moments = uc_alloc_zeroed(uc_size_mul(count, sizeof(UcFeatureMoments)));
	if (stream->feature_moments == NULL)
		return uc_out_of_memory(err, uc_size_mul(count, sizeof(UcFeatureMoments)));
	stream->features = count;
	return UC_OK;
}

static void
add_feature(UcFeatureMoments *moments, double value, double weight)
{
	long double apart;

	if (isnan(value))
		return;
	moments->largest = fmax(moments->largest, fabs(value));
	moments->total += weight;
	if (!(weight > 0))
		return;
	apart = value - moments->mean;
	moments->mean += apart * weight / moments->total;
	moments->squares += weight * apart * (value - moments->mean);
}

UcStatus
uc_prepare_stream_add(UcPrepareStream *stream, const float *row, double weight, int32_t group, const double *features,
					  size_t feature_count, UcError *err)
{
	size_t		dim = stream->dim;
	double		scale = uc_prepare_scale(row, dim, stream->directions);
	UcStatus	status = UC_OK;

	if (group >= stream->groups)
		status = add_group(stream, err);
	if (status == UC_OK && features != NULL && stream->features == 0)
		status = begin_features(stream, feature_count, err);
	if (status != UC_OK)
		return status;
	stream->count++;
	stream->total += weight;
	stream->squares += weight * (stream->directions ? 1 : uc_dot(row, row, dim));
	uc_kernels()->accumulate(stream->sums, row, weight * scale, dim);
	if (group >= 0)
	{
		stream->group_totals[group] += weight;
		uc_kernels()->accumulate(stream->group_sums + (size_t) group * dim, row, weight * scale, dim);
	}
	for (size_t i = 0; features != NULL && i < stream->features; i++)
		add_feature(&stream->feature_moments[i], features[i], weight);
	return UC_OK;
}

/* ---- what it tells ---- */

static UcStatus
fill_features(const UcPrepareStream *stream, double feature_weight, UcPreparation *preparation, UcError *err)
{
	const double constant = 1e-12;	/* as uc_prepare_fit: a deviation below this times the largest value is rounding */
	size_t		bytes = uc_size_mul(stream->features, sizeof(double));

	preparation->features = stream->features;
	preparation->feature_weight = feature_weight;
	if (stream->features == 0)
		return UC_OK;
	preparation->feature_mean = uc_alloc_zeroed(bytes);
	preparation->feature_scale = uc_alloc_zeroed(bytes);
	if (preparation->feature_mean == NULL || preparation->feature_scale == NULL)
		return uc_out_of_memory(err, bytes);
	for (size_t i = 0; i < stream->features; i++)
	{
		const UcFeatureMoments *moments = &stream->feature_moments[i];
		long double deviation;

		if (!(moments->total > 0) || moments->largest == 0)
			continue;
		deviation = sqrtl(moments->squares / moments->total);
		preparation->feature_mean[i] = (double) moments->mean;
		if (deviation > constant * moments->largest)
			preparation->feature_scale[i] = (double) (feature_weight / sqrt((double) stream->features) / deviation);
		if (isinf(preparation->feature_scale[i]))
			preparation->feature_scale[i] = 0;
	}
	return UC_OK;
}

static UcStatus
fill_means(const UcPrepareStream *stream, const int32_t *order, UcPreparation *preparation, UcError *err)
{
	size_t		dim = stream->dim,
				bytes = uc_size_mul(dim, sizeof(double));
	double	   *mean = uc_alloc(bytes);

	preparation->mean = uc_alloc(uc_size_mul(dim, sizeof(float)));
	preparation->groups = order == NULL ? 0 : stream->groups;
	if (preparation->groups > 0)
		preparation->group_means = uc_alloc(uc_size_mul((size_t) stream->groups, uc_size_mul(dim, sizeof(float))));
	if (mean == NULL || preparation->mean == NULL || (preparation->groups > 0 && preparation->group_means == NULL))
	{
		uc_free(mean);
		return uc_out_of_memory(err, uc_size_mul(1 + (size_t) stream->groups, bytes));
	}
	for (size_t i = 0; i < dim; i++)
	{
		mean[i] = stream->sums[i] / stream->total;
		preparation->mean[i] = (float) mean[i];
	}
	for (int group = 0; group < preparation->groups; group++)
		uc_moments_shrink(stream->group_sums + (size_t) group * dim, stream->group_totals[group], mean, dim,
						  preparation->group_means + (size_t) order[group] * dim);
	uc_free(mean);
	return UC_OK;
}

UcStatus
uc_prepare_stream_means(const UcPrepareStream *stream, UcPreparationMethod method, const int32_t *order,
						double feature_weight, UcPreparation *preparation, UcError *err)
{
	UcStatus	status;

	*preparation = (UcPreparation) {
		.method = method == UC_PREPARE_NONE ? UC_PREPARE_NONE : UC_PREPARE_CENTRED,.directions = stream->directions,
		.dim = stream->dim,.out_dim = stream->dim
	};
	if (!(stream->total > 0) || isinf(stream->total))
		return uc_error(err, UC_INVALID_DATA, "the weights must have a finite sum above zero");
	status = fill_features(stream, feature_weight, preparation, err);
	if (status == UC_OK && method != UC_PREPARE_NONE)
		status = fill_means(stream, order, preparation, err);
	if (status != UC_OK)
		uc_prepare_free(preparation);
	return status;
}

/* ---- the second pass ---- */

static UcStatus
begin_covariance(UcPrepareStream *stream, int threads, UcError *err)
{
	size_t		scratch = uc_moments_covariance_memory(stream->dim, threads),
				square = uc_size_mul(uc_size_mul(stream->dim, stream->dim), sizeof(double));

	stream->block = uc_alloc(scratch);
	stream->covariance = uc_alloc_zeroed(square);
	if (stream->block == NULL || stream->covariance == NULL)
		return uc_out_of_memory(err, uc_size_add(scratch, square));
	uc_blas_prepare();
	return UC_OK;
}

UcStatus
uc_prepare_stream_block(UcPrepareStream *stream, const UcPreparation *preparation, const float *rows, const double *weights,
						const int32_t *groups, size_t count, const UcRun *run, UcError *err)
{
	UcPrepareInput input = {
		.rows = rows,.count = count,.dim = stream->dim,.weights = weights,.groups = groups,.group_count = preparation->groups,
		.directions = stream->directions
	};
	double		scales[UC_STREAM_BLOCK];

	if (stream->covariance == NULL)
	{
		UcStatus	status = begin_covariance(stream, run->threads, err);

		if (status != UC_OK)
			return status;
	}
	for (size_t i = 0; i < count; i++)
	{
		scales[i] = uc_prepare_scale(rows + i * stream->dim, stream->dim, stream->directions);
		stream->covered += weights == NULL ? 1 : weights[i];
	}
	return uc_moments_add_block(&input, scales, preparation, 0, stream->block, run, stream->covariance, err);
}

UcStatus
uc_prepare_stream_whiten(UcPrepareStream *stream, const UcRun *run, UcPreparation *preparation, UcError *err)
{
	UcStatus	status;

	if (stream->covariance == NULL || !(stream->covered > 0))
		return uc_error(err, UC_INVALID_DATA, "there are no vectors to prepare");
	status = uc_moments_end_covariance(stream->covariance, stream->dim, stream->covered, err);
	if (status != UC_OK)
		return status;
	preparation->method = UC_PREPARE_WHITENED;
	return uc_prepare_projection(stream->covariance, uc_prepare_components(stream->count, stream->dim),
								 stream->squares / stream->total, run, preparation, err);
}
