/*
 * points.c
 *	  Checking, copying, centring and normalising the rows.
 *
 * Column sums are taken per slice of rows and added in the order of the slices: slices depend on the shape alone, so
 * that the mean has the same bits whatever the number of threads.
 */
#include "cluster/points.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/simd.h"

#define MAX_SLICES 64
#define POLL_FLOATS (1u << 20)	/* about a millisecond of work between two polls */

typedef struct Preparation
{
	UcPoints   *points;
	size_t		slice_rows;
	double	   *sums;			/* [slices, dim] column sums of given, or of x with the cosine metric */
	double	   *slice_squares;	/* [slices] sum of squared lengths of x */
	float	   *largest;		/* [slices] largest magnitude of a given value */
} Preparation;

static size_t
slice_rows_for(size_t rows)
{
	size_t		size = (rows + MAX_SLICES - 1) / MAX_SLICES;

	return size < 256 ? 256 : size;
}

static size_t
slice_count(size_t rows)
{
	size_t		size = slice_rows_for(rows);

	return (rows + size - 1) / size;
}

size_t
uc_points_memory(size_t rows, size_t dim)
{
	size_t		bytes = uc_size_mul(rows, uc_size_mul(dim, sizeof(float)));

	bytes = uc_size_add(bytes, uc_size_mul(rows, sizeof(float)));
	bytes = uc_size_add(bytes, uc_size_mul(slice_count(rows) + 1, uc_size_mul(dim, sizeof(double))));
	return uc_size_add(bytes, MAX_SLICES * (sizeof(double) + sizeof(float)));
}

UcRun
uc_run_for_work(const UcRun *run, double work)
{
	const double worth_a_thread = 4e6;	/* a fraction of a millisecond */
	UcRun		granted = *run;

	if (work < worth_a_thread)
		granted.threads = 1;
	return granted;
}

size_t
uc_column_slices(size_t dim, int threads, size_t *width)
{
	const size_t line = UC_ALIGNMENT / sizeof(float);
	size_t		share = (dim + (size_t) threads - 1) / (size_t) threads;

	*width = (share + line - 1) / line * line;
	return (dim + *width - 1) / *width;
}

static UcStatus
not_finite(const float *x, size_t row, UcError *err)
{
	size_t		column = 0;

	while (isfinite(x[column]))
		column++;
	uc_error(err, UC_INVALID_DATA, "cannot cluster vectors with NaN or infinity");
	uc_error_detail(err, "Row %zu is not finite at position %zu.", row + 1, column + 1);
	return UC_INVALID_DATA;
}

static UcStatus
no_direction(size_t row, UcError *err)
{
	uc_error(err, UC_INVALID_DATA, "cannot cluster a vector of zero length by cosine");
	uc_error_detail(err, "Row %zu has only zeros.", row + 1);
	uc_error_hint(err, "Leave such rows out, or use the euclidean metric.");
	return UC_INVALID_DATA;
}

/* The largest magnitude of a row as its bits, which order like the numbers; infinity and NaN are above all others. */
static uint32_t
largest_magnitude(const float *x, size_t dim)
{
	uint32_t	largest = 0;

	for (size_t i = 0; i < dim; i++)
	{
		uint32_t	bits;

		memcpy(&bits, &x[i], sizeof bits);
		bits &= 0x7FFFFFFF;
		largest = bits > largest ? bits : largest;
	}
	return largest;
}

static bool
poll_due(const UcPoints *points, size_t row)
{
	size_t		every = POLL_FLOATS / points->dim + 1;

	return row % every == 0;
}

static void
enter(const UcPoints *points, const float *from, float *to)
{
	if (points->metric == UC_METRIC_COSINE)
	{
		double		factor = 1 / sqrt(uc_dot(from, from, points->dim));

		for (size_t i = 0; i < points->dim; i++)
			to[i] = (float) (from[i] * factor);
	}
	else
		for (size_t i = 0; i < points->dim; i++)
			to[i] = (float) (((double) from[i] - points->mean[i]) * points->scale);
}

/* Checks a slice and sums its columns; the cosine metric normalises it on the way. */
static UcStatus
survey_slice(void *arg, size_t task, int worker, UcSection *section, UcError *err)
{
	Preparation *preparation = arg;
	UcPoints   *points = preparation->points;
	const UcKernels *kernels = uc_kernels();
	double	   *sum = preparation->sums + task * points->dim;
	size_t		begin = task * preparation->slice_rows,
				end = begin + preparation->slice_rows;
	const uint32_t infinity_bits = 0x7F800000;
	uint32_t	largest = 0;

	for (size_t row = begin; row < end && row < points->rows; row++)
	{
		const float *from = points->given + row * points->dim;
		uint32_t	magnitude;

		if (poll_due(points, row) && uc_section_stopped(section, worker))
			return UC_OK;
		magnitude = largest_magnitude(from, points->dim);
		if (magnitude >= infinity_bits)
			return not_finite(from, row, err);
		largest = magnitude > largest ? magnitude : largest;
		if (points->metric == UC_METRIC_COSINE)
		{
			if (magnitude == 0)
				return no_direction(row, err);
			enter(points, from, points->x + row * points->dim);
			from = points->x + row * points->dim;
		}
		kernels->accumulate(sum, from, uc_row_weight(points, row), points->dim);
	}
	memcpy(&preparation->largest[task], &largest, sizeof largest);
	return UC_OK;
}

static UcStatus
fill_slice(void *arg, size_t task, int worker, UcSection *section, UcError *err)
{
	Preparation *preparation = arg;
	UcPoints   *points = preparation->points;
	size_t		begin = task * preparation->slice_rows,
				end = begin + preparation->slice_rows;
	double		total = 0;

	for (size_t row = begin; row < end && row < points->rows; row++)
	{
		float	   *x = points->x + row * points->dim;
		double		square;

		if (poll_due(points, row) && uc_section_stopped(section, worker))
			return UC_OK;
		if (points->metric == UC_METRIC_EUCLIDEAN)
			enter(points, points->given + row * points->dim, x);
		square = uc_dot(x, x, points->dim);
		points->squares[row] = (float) square;
		total += uc_row_weight(points, row) * square;
	}
	preparation->slice_squares[task] = total;
	return UC_OK;
}

/* The power of two that brings the largest value to between one half and one: at most two once the mean is gone. */
static double
scale_for(const float *largest, size_t slices)
{
	float		top = 0;
	int			exponent;

	for (size_t i = 0; i < slices; i++)
		top = fmaxf(top, largest[i]);
	if (top == 0)
		return 1;
	frexp(top, &exponent);
	return ldexp(1, -exponent);
}

/* Keeps a copy of the weights whose sums stay in range, unless all are equal. */
static UcStatus
take_weights(UcPoints *points, const double *weights, UcError *err)
{
	double		top = 0;
	bool		equal = true;
	int			exponent;

	points->given_weights = weights;
	for (size_t row = 0; weights != NULL && row < points->rows; row++)
	{
		top = fmax(top, weights[row]);
		equal = equal && weights[row] == weights[0];
	}
	if (equal)
		return UC_OK;
	points->weights = uc_alloc(uc_size_mul(points->rows, sizeof(double)));
	if (points->weights == NULL)
		return uc_out_of_memory(err, uc_size_mul(points->rows, sizeof(double)));
	frexp(top, &exponent);
	for (size_t row = 0; row < points->rows; row++)
		points->weights[row] = ldexp(weights[row], -exponent);
	return UC_OK;
}

static UcStatus
prepare(Preparation *preparation, const UcRun *run, UcError *err)
{
	UcPoints   *points = preparation->points;
	size_t		slices = slice_count(points->rows);
	double	   *mean = preparation->sums;	/* the first slice's sums become the total, then the mean */
	double		mean_square = 0,
				total = 0,
				mass = points->weights == NULL ? (double) points->rows : 0;
	UcStatus	status = uc_parallel(run, slices, survey_slice, preparation, err);

	if (status != UC_OK)
		return status;
	for (size_t s = 1; s < slices; s++)
		for (size_t i = 0; i < points->dim; i++)
			mean[i] += preparation->sums[s * points->dim + i];
	for (size_t row = 0; points->weights != NULL && row < points->rows; row++)
		mass += points->weights[row];
	for (size_t i = 0; i < points->dim; i++)
		mean[i] /= mass;

	if (points->metric == UC_METRIC_EUCLIDEAN)
	{
		memcpy(points->mean, mean, points->dim * sizeof(double));
		points->scale = scale_for(preparation->largest, slices);
	}
	else
		for (size_t i = 0; i < points->dim; i++)
			mean_square += mean[i] * mean[i];

	status = uc_parallel(run, slices, fill_slice, preparation, err);
	for (size_t s = 0; s < slices; s++)
		total += preparation->slice_squares[s];
	points->mean_variance = fmax(0, total / mass - mean_square) / (double) points->dim;
	return status;
}

UcStatus
uc_points_prepare(UcPoints *points, const float *rows, const double *weights, size_t count, size_t dim, UcMetric metric,
				  const UcRun *run, UcError *err)
{
	size_t		slices = slice_count(count);
	Preparation preparation = {.points = points,.slice_rows = slice_rows_for(count)};
	UcRun		granted = uc_run_for_work(run, (double) count * (double) dim);
	UcStatus	status;

	/* one rounding of each component separates rows of the same direction, and nothing else comes that near */
	*points = (UcPoints) {
		.rows = count,.dim = dim,.metric = metric,.given = rows,.scale = 1,
		.identical = metric == UC_METRIC_COSINE ? 2e-14 : 0
	};
	points->x = uc_alloc(uc_size_mul(count, uc_size_mul(dim, sizeof(float))));
	points->squares = uc_alloc(uc_size_mul(count, sizeof(float)));
	points->mean = uc_alloc_zeroed(uc_size_mul(dim, sizeof(double)));
	preparation.sums = uc_alloc_zeroed(uc_size_mul(slices, uc_size_mul(dim, sizeof(double))));
	preparation.slice_squares = uc_alloc_zeroed(slices * sizeof(double));
	preparation.largest = uc_alloc_zeroed(slices * sizeof(float));

	if (points->x == NULL || points->squares == NULL || points->mean == NULL || preparation.sums == NULL ||
		preparation.slice_squares == NULL || preparation.largest == NULL)
		status = uc_out_of_memory(err, uc_points_memory(count, dim));
	else
		status = take_weights(points, weights, err);
	if (status == UC_OK)
		status = prepare(&preparation, &granted, err);

	uc_free(preparation.sums);
	uc_free(preparation.slice_squares);
	uc_free(preparation.largest);
	if (status != UC_OK)
		uc_points_free(points);
	return status;
}

void
uc_points_free(UcPoints *points)
{
	uc_free(points->weights);
	uc_free(points->x);
	uc_free(points->squares);
	uc_free(points->mean);
	*points = (UcPoints) {0};
}

void
uc_points_enter(const UcPoints *points, const float *from, float *to)
{
	const float far = 1e15f;

	enter(points, from, to);
	for (size_t i = 0; i < points->dim; i++)
	{
		to[i] = to[i] > far ? far : to[i];
		to[i] = to[i] < -far ? -far : to[i];
	}
}

void
uc_points_leave(const UcPoints *points, const float *from, float *to)
{
	for (size_t i = 0; i < points->dim; i++)
		to[i] = (float) (points->mean[i] + from[i] / points->scale);
}
