/*
 * distil_ridge.h
 *	  Ridge regression with a sparse matrix and many columns to fit.
 */
#ifndef UC_EMBED_DISTIL_RIDGE_H
#define UC_EMBED_DISTIL_RIDGE_H

#include <stdint.h>

#include "base/run.h"
#include "base/status.h"

typedef struct UcRidge
{
	size_t		rows;			/* of A */
	size_t		columns;
	const size_t *starts;		/* [rows + 1] into ids and values: A, row after row */
	const uint32_t *ids;		/* columns, each below `columns` */
	const float *values;
	const float *target;		/* E [rows, dim] */
	size_t		dim;
	double		penalty;		/* λ, above 0 */
	float	   *out;			/* V [columns, dim] */
	const char *phase;			/* what those who watch are told */
} UcRidge;

/* Bytes that uc_ridge_fit allocates. */
extern size_t uc_ridge_memory(size_t rows, size_t columns, size_t dim, const UcRun *run);

/*
 * V = Aᵀ(A·Aᵀ + λI)⁻¹E, by conjugate gradients over the sparse A, so that no matrix of rows by rows is made. What is computed does
 * not depend on the number of threads. Errors: UC_OUT_OF_MEMORY, UC_INTERRUPTED.
 */
extern UcStatus uc_ridge_fit(const UcRidge *ridge, const UcRun *run, UcError *err);

#endif
