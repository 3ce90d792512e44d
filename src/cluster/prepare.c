/*
 * prepare.c
 *	  The rule, the checks, and the fit.
 */
#include "cluster/prepare.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/simd.h"
#include "cluster/eigen.h"
#include "cluster/moments.h"

#define EMBEDDING_DIMENSIONS 64 /* the rule takes vectors of fewer for numbers that mean something each */
#define FEW_ROWS 16
#define ROWS_TO_WHITEN 256
#define MOST_COMPONENTS 100
#define POLL_ROWS 1024

/* Variance below this, of the largest and of the rows' mean square, is rounding. */
#define ROUNDING_OF_LARGEST 1e-6
#define ROUNDING_OF_ENERGY 1e-11

static size_t
smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

size_t
uc_prepare_components(size_t count, size_t dim)
{
	size_t		components = smaller(MOST_COMPONENTS, dim);

	return count <= 2 ? 1 : smaller(components, count - 1);
}

void
uc_prepare_auto(size_t count, size_t dim, bool directions, bool groups, UcPreparationMethod *method, size_t *components)
{
	bool		untouched = !directions || dim < EMBEDDING_DIMENSIONS || count < FEW_ROWS;

	*components = 0;
	if (untouched)
		*method = groups ? UC_PREPARE_CENTRED : UC_PREPARE_NONE;
	else if (count < ROWS_TO_WHITEN)
		*method = UC_PREPARE_CENTRED;
	else
	{
		*method = UC_PREPARE_WHITENED;
		*components = uc_prepare_components(count, dim);
	}
}

static size_t
group_count_of(const UcPrepareInput *input, UcPreparationMethod method)
{
	return method == UC_PREPARE_NONE || input->groups == NULL ? 0 : (size_t) input->group_count;
}

size_t
uc_prepare_memory(const UcPrepareInput *input, UcPreparationMethod method, size_t components, int threads)
{
	size_t		dim = input->dim,
				bytes = uc_size_mul(input->count, sizeof(double)),
				floats = uc_size_mul(1 + group_count_of(input, method), dim);

	bytes = uc_size_add(bytes, uc_size_mul(uc_size_mul(input->feature_count, 2), sizeof(double)));
	if (method == UC_PREPARE_NONE)
		return bytes;
	bytes = uc_size_add(bytes, uc_moments_means_memory(input));
	if (method == UC_PREPARE_WHITENED)
	{
		components = components == 0 ? uc_prepare_components(input->count, dim) : smaller(components, dim);
		floats = uc_size_add(floats, uc_size_mul(components, dim));
		bytes = uc_size_add(bytes, uc_size_mul(uc_size_mul(dim, dim), sizeof(double)));
		bytes = uc_size_add(bytes, uc_size_mul(uc_size_mul(components, uc_size_add(dim, 1)), sizeof(double)));
		bytes = uc_size_add(bytes, uc_moments_covariance_memory(dim, threads));
		bytes = uc_size_add(bytes, uc_eigen_memory(dim, components));
	}
	return uc_size_add(bytes, uc_size_mul(floats, sizeof(float)));
}

/* ---- checks ---- */

static UcStatus
check_arguments(const UcPrepareInput *input, UcPreparationMethod method, size_t components, UcError *err)
{
	if (input->count == 0 || input->dim == 0)
		return uc_error(err, UC_INVALID_ARGUMENT, "there are no vectors to prepare");
	if (method != UC_PREPARE_NONE && method != UC_PREPARE_CENTRED && method != UC_PREPARE_WHITENED)
		return uc_error(err, UC_INVALID_ARGUMENT, "this preparation is not known");
	if (components > input->dim)
	{
		uc_error(err, UC_INVALID_ARGUMENT, "cannot take more components than the vectors have dimensions");
		uc_error_detail(err, "%zu components were asked for, the vectors have %zu dimensions.", components, input->dim);
		return UC_INVALID_ARGUMENT;
	}
	if (input->groups != NULL && input->group_count < 1)
		return uc_error(err, UC_INVALID_ARGUMENT, "the number of groups must be at least 1");
	if (!(input->feature_weight >= 0) || isinf(input->feature_weight))
		return uc_error(err, UC_INVALID_ARGUMENT, "the weight of features must be a finite number and not negative");
	if ((input->features == NULL) != (input->feature_count == 0))
		return uc_error(err, UC_INVALID_ARGUMENT, "features must be given together with their number");
	return UC_OK;
}

UcStatus
uc_prepare_bad_row(size_t row, const char *what, UcError *err)
{
	uc_error(err, UC_INVALID_DATA, "cannot prepare %s", what);
	uc_error_detail(err, "It is in row %zu.", row + 1);
	return UC_INVALID_DATA;
}

/* Checks every row and fills scales [count]. */
static UcStatus
check_rows(const UcPrepareInput *input, const UcRun *run, double *scales, UcError *err)
{
	double		total = 0;

	for (size_t row = 0; row < input->count; row++)
	{
		const float *x = input->rows + row * input->dim;

		if (row % POLL_ROWS == 0 && uc_interrupted(run))
			return uc_interrupt_error(err);
		if (!isfinite(uc_dot(x, x, input->dim)))
			return uc_prepare_bad_row(row, "a vector with NaN or infinity", err);
		scales[row] = uc_prepare_scale(x, input->dim, input->directions);
		if (scales[row] == 0)
			return uc_prepare_bad_row(row, "a vector of zero length by cosine", err);
		if (input->groups != NULL && (input->groups[row] < -1 || input->groups[row] >= input->group_count))
			return uc_prepare_bad_row(row, "a group outside its range", err);
		if (input->weights != NULL && !(input->weights[row] >= 0 && isfinite(input->weights[row])))
			return uc_prepare_bad_row(row, "a weight that is negative or not finite", err);
		total += input->weights == NULL ? 1 : input->weights[row];
		for (size_t i = 0; i < input->feature_count; i++)
			if (isinf(input->features[row * input->feature_count + i]))
				return uc_prepare_bad_row(row, "an infinite feature", err);
	}
	if (!(total > 0) || isinf(total))
		return uc_error(err, UC_INVALID_DATA, "the weights must have a finite sum above zero");
	return UC_OK;
}

/* ---- features ---- */

/* Mean and scale of one attribute over the rows that have it. Values are divided by the largest so that squares are finite. */
static void
standardise(const UcPrepareInput *input, size_t feature, double *mean, double *scale)
{
	const double constant = 1e-12;	/* a deviation below this times the largest value is rounding */
	double		largest = 0,
				total = 0,
				sum = 0,
				squares = 0;

	*mean = 0;
	*scale = 0;
	for (size_t row = 0; row < input->count; row++)
	{
		double		value = fabs(input->features[row * input->feature_count + feature]);

		largest = value > largest ? value : largest;	/* never a NaN */
	}
	if (largest == 0)
		return;
	for (int pass = 0; pass < 2; pass++)
	{
		for (size_t row = 0; row < input->count; row++)
		{
			double		value = input->features[row * input->feature_count + feature] / largest;
			double		weight = input->weights == NULL ? 1 : input->weights[row];

			if (isnan(value))
				continue;
			if (pass == 0)
			{
				total += weight;
				sum += weight * value;
			}
			else
				squares += weight * (value - sum / total) * (value - sum / total);
		}
		if (!(total > 0))
			return;
	}
	*mean = sum / total * largest;
	if (sqrt(squares / total) > constant)
		*scale = input->feature_weight / sqrt((double) input->feature_count) / (sqrt(squares / total) * largest);
	if (isinf(*scale))			/* values near the smallest that exist */
		*scale = 0;
}

static UcStatus
fit_features(const UcPrepareInput *input, const UcRun *run, UcPreparation *preparation, UcError *err)
{
	size_t		bytes = uc_size_mul(input->feature_count, sizeof(double));

	preparation->features = input->feature_count;
	preparation->feature_weight = input->feature_weight;
	if (input->feature_count == 0)
		return UC_OK;
	preparation->feature_mean = uc_alloc(bytes);
	preparation->feature_scale = uc_alloc(bytes);
	if (preparation->feature_mean == NULL || preparation->feature_scale == NULL)
		return uc_out_of_memory(err, bytes);
	for (size_t i = 0; i < input->feature_count; i++)
	{
		if (uc_interrupted(run))
			return uc_interrupt_error(err);
		standardise(input, i, &preparation->feature_mean[i], &preparation->feature_scale[i]);
	}
	return UC_OK;
}

/* ---- the fit ---- */

UcStatus
uc_prepare_projection(double *covariance, size_t components, double energy, const UcRun *run, UcPreparation *preparation,
					  UcError *err)
{
	size_t		dim = preparation->dim,
				bytes = uc_size_mul(uc_size_mul(components, dim + 1), sizeof(double)),
				kept = 0;
	double	   *vectors = uc_alloc(bytes);	/* [components, dim], then values [components] */
	double	   *values = vectors + components * dim;
	double		floor;
	UcStatus	status;

	if (vectors == NULL)
		return uc_out_of_memory(err, bytes);
	uc_progress_phase(run, "finding components", UC_UNKNOWN_TOTAL);
	status = uc_eigen_largest(covariance, dim, components, run, values, vectors, err);
	if (status != UC_OK)
	{
		uc_free(vectors);
		return status;
	}
	floor = fmax(values[0] * ROUNDING_OF_LARGEST, energy * ROUNDING_OF_ENERGY);
	while (kept < components && values[kept] > floor)
		kept++;
	if (kept == 0)
		preparation->method = UC_PREPARE_CENTRED;
	else
	{
		preparation->projection = uc_alloc(uc_size_mul(uc_size_mul(kept, dim), sizeof(float)));
		if (preparation->projection == NULL)
			status = uc_out_of_memory(err, uc_size_mul(uc_size_mul(kept, dim), sizeof(float)));
		else
		{
			for (size_t i = 0; i < kept; i++)
				for (size_t j = 0; j < dim; j++)
					preparation->projection[i * dim + j] = (float) (vectors[i * dim + j] / sqrt(sqrt(values[i])));
			preparation->components = kept;
			preparation->out_dim = kept;
		}
	}
	uc_free(vectors);
	return status;
}

static UcStatus
fit_whitening(const UcPrepareInput *input, const double *scales, size_t components, double energy, const UcRun *run,
			  UcPreparation *preparation, UcError *err)
{
	size_t		bytes = uc_size_mul(uc_size_mul(input->dim, input->dim), sizeof(double));
	double	   *covariance = uc_alloc(bytes);
	UcStatus	status;

	if (covariance == NULL)
		return uc_out_of_memory(err, bytes);
	status = uc_moments_covariance(input, scales, preparation, run, covariance, err);
	if (status == UC_OK)
		status = uc_prepare_projection(covariance, components, energy, run, preparation, err);
	uc_free(covariance);
	return status;
}

static UcStatus
fit(const UcPrepareInput *input, size_t components, const UcRun *run, double *scales, UcPreparation *preparation,
	UcError *err)
{
	size_t		row_bytes = uc_size_mul(input->dim, sizeof(float)),
				group_bytes = uc_size_mul(group_count_of(input, preparation->method), row_bytes);
	double		energy = 0;
	UcStatus	status = check_rows(input, run, scales, err);

	if (status == UC_OK)
		status = fit_features(input, run, preparation, err);
	if (status != UC_OK || preparation->method == UC_PREPARE_NONE)
		return status;

	preparation->groups = (int) group_count_of(input, preparation->method);
	preparation->mean = uc_alloc(row_bytes);
	if (preparation->groups > 0)
		preparation->group_means = uc_alloc(group_bytes);
	if (preparation->mean == NULL || (preparation->groups > 0 && preparation->group_means == NULL))
		return uc_out_of_memory(err, uc_size_add(row_bytes, group_bytes));
	status = uc_moments_means(input, scales, run, preparation, &energy, err);
	if (status == UC_OK && preparation->method == UC_PREPARE_WHITENED)
		status = fit_whitening(input, scales, components, energy, run, preparation, err);
	return status;
}

UcStatus
uc_prepare_fit(const UcPrepareInput *input, UcPreparationMethod method, size_t components, const UcRun *run,
			   UcPreparation *preparation, UcError *err)
{
	double	   *scales;
	char		what[128];
	UcStatus	status = check_arguments(input, method, components, err);

	memset(preparation, 0, sizeof *preparation);
	if (status != UC_OK)
		return status;
	if (components == 0)
		components = uc_prepare_components(input->count, input->dim);
	snprintf(what, sizeof what, "preparing %zu rows of %zu dimensions", input->count, input->dim);
	status = uc_check_budget(what, uc_prepare_memory(input, method, components, run->threads), run->max_memory, err);
	if (status != UC_OK)
		return status;
	scales = uc_alloc(uc_size_mul(input->count, sizeof(double)));
	if (scales == NULL)
		return uc_out_of_memory(err, uc_size_mul(input->count, sizeof(double)));

	preparation->method = method;
	preparation->directions = input->directions;
	preparation->dim = input->dim;
	preparation->out_dim = input->dim;
	status = fit(input, components, run, scales, preparation, err);
	uc_free(scales);
	if (status != UC_OK)
		uc_prepare_free(preparation);
	return status;
}

void
uc_prepare_free(UcPreparation *preparation)
{
	uc_free(preparation->mean);
	uc_free(preparation->group_means);
	uc_free(preparation->projection);
	uc_free(preparation->feature_mean);
	uc_free(preparation->feature_scale);
	memset(preparation, 0, sizeof *preparation);
}
