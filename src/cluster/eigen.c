/*
 * eigen.c
 *	  Eigenvectors by LAPACK.
 */
#include "cluster/eigen.h"

#include <math.h>

#include "base/blas.h"
#include "base/memory.h"

size_t
uc_eigen_memory(size_t n, size_t count)
{
	return uc_symmetric_eigen_memory(n);
}

/* Eigenvectors have no sign of their own: which one a library returns must not show. */
static void
fix_sign(double *vector, size_t n)
{
	size_t		largest = 0;

	for (size_t i = 1; i < n; i++)
		if (fabs(vector[i]) > fabs(vector[largest]))
			largest = i;
	if (vector[largest] < 0)
		for (size_t i = 0; i < n; i++)
			vector[i] = -vector[i];
}

UcStatus
uc_eigen_largest(double *a, size_t n, size_t count, const UcRun *run, double *values, double *vectors, UcError *err)
{
	UcStatus	status = uc_symmetric_eigen(a, n, count, values, vectors, err);

	if (status != UC_OK)
		return status;
	for (size_t i = 0; i < count; i++)
		fix_sign(vectors + i * n, n);
	return UC_OK;
}
