/*
 * contrast.c
 *	  In double throughout: a batch is small beside the encoder's work.
 */
#include "train/contrast.h"

#include <math.h>
#include <stdbool.h>

#include "base/blas.h"
#include "base/memory.h"

/* unit [rows, n] and the lengths; false where one has none. */
static bool
to_unit_length(const float *vectors, size_t rows, size_t n, double *unit, double *lengths)
{
	for (size_t i = 0; i < rows; i++)
	{
		double		squares = 0;

		for (size_t j = 0; j < n; j++)
			squares += (double) vectors[i * n + j] * vectors[i * n + j];
		lengths[i] = sqrt(squares);
		if (!isfinite(lengths[i]) || lengths[i] == 0)
			return false;
		for (size_t j = 0; j < n; j++)
			unit[i * n + j] = vectors[i * n + j] / lengths[i];
	}
	return true;
}

/* The loss of one row of scores, which becomes its gradient. */
static double
row_loss(double *row, size_t pairs, size_t own, const int32_t *labels)
{
	double		largest = row[0],
				sum = 0,
				loss = 0;
	size_t		positives = 0;

	for (size_t j = 1; j < pairs; j++)
		largest = fmax(largest, row[j]);
	for (size_t j = 0; j < pairs; j++)
		sum += exp(row[j] - largest);
	for (size_t j = 0; j < pairs; j++)
		positives += labels == NULL ? j == own : labels[j] == labels[own];
	for (size_t j = 0; j < pairs; j++)
	{
		double		target = (labels == NULL ? j == own : labels[j] == labels[own]) ? 1.0 / (double) positives : 0;

		loss -= target * (row[j] - largest - log(sum));
		row[j] = exp(row[j] - largest) / sum - target;
	}
	return loss;
}

/* d [rows, n] through the scaling to unit length, into floats */
static void
length_back(const double *d, const double *unit, const double *lengths, size_t rows, size_t n, float *out)
{
	for (size_t i = 0; i < rows; i++)
	{
		double		along = 0;

		for (size_t j = 0; j < n; j++)
			along += d[i * n + j] * unit[i * n + j];
		for (size_t j = 0; j < n; j++)
			out[i * n + j] = (float) ((d[i * n + j] - unit[i * n + j] * along) / lengths[i]);
	}
}

size_t
uc_contrast_memory(size_t pairs, size_t n)
{
	size_t		rows = uc_size_mul(2, pairs),
				floats = uc_size_add(uc_size_mul(rows, n), uc_size_mul(pairs, pairs));

	return uc_size_mul(uc_size_add(uc_size_mul(2, floats), rows), sizeof(double));
}

UcStatus
uc_contrast(const float *vectors, size_t pairs, size_t n, const int32_t *labels, double scale, double *loss, float *d_vectors,
			UcError *err)
{
	size_t		rows = uc_size_mul(2, pairs),
				floats = uc_size_mul(rows, n),
				square = uc_size_mul(pairs, pairs);
	double	   *unit = uc_alloc(uc_contrast_memory(pairs, n)),
			   *d,
			   *scores,
			   *turned,
			   *lengths;

	if (unit == NULL)
		return uc_out_of_memory(err, uc_contrast_memory(pairs, n));
	d = unit + floats;
	scores = d + floats;
	turned = scores + square;
	lengths = turned + square;
	*loss = NAN;
	if (to_unit_length(vectors, rows, n, unit, lengths))
	{
		*loss = 0;
		uc_dgemm_nt(pairs, pairs, n, scale, unit, n, unit + pairs * n, n, 0.0, scores, pairs);
		for (size_t i = 0; i < pairs; i++)
			*loss += row_loss(scores + i * pairs, pairs, i, labels) / (double) pairs;
	}
	if (isfinite(*loss) && d_vectors != NULL)
	{
		double		factor = scale / (double) pairs;

		for (size_t i = 0; i < pairs; i++)
			for (size_t j = 0; j < pairs; j++)
				turned[j * pairs + i] = scores[i * pairs + j];
		uc_dgemm_nn(pairs, n, pairs, factor, scores, pairs, unit + pairs * n, n, 0.0, d, n);
		uc_dgemm_nn(pairs, n, pairs, factor, turned, pairs, unit, n, 0.0, d + pairs * n, n);
		length_back(d, unit, lengths, rows, n, d_vectors);
	}
	uc_free(unit);
	return isfinite(*loss) ? UC_OK : uc_error(err, UC_INVALID_DATA, "the training loss is not finite");
}
