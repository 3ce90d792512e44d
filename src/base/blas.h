/*
 * blas.h
 *	  The only door to BLAS and LAPACK. Matrices are row-major; ld* is the distance between rows, in floats.
 *
 * Calls are single-threaded and may come from several of our threads at once. A call is not interruptible: callers tile
 * so that one takes 20 ms at most (about 2 GFLOP).
 */
#ifndef UC_BASE_BLAS_H
#define UC_BASE_BLAS_H

#include <stddef.h>

#include "base/status.h"

/*
 * Ends the threads that a threaded OpenBLAS started when it was loaded and holds it to one. Idempotent; called once
 * before the first product, never in a process that will fork to go on computing.
 */
extern void uc_blas_prepare(void);

/* C[m, n] = alpha * A[m, k] · B[n, k]ᵀ + beta * C */
extern void uc_sgemm_nt(size_t m, size_t n, size_t k, float alpha, const float *a, size_t lda, const float *b, size_t ldb,
						float beta, float *c, size_t ldc);

/* y[m] = A[m, k] · x[k]: where A is large and read once, faster than a product with a matrix of one row. */
extern void uc_sgemv(size_t m, size_t k, const float *a, size_t lda, const float *x, float *y);

/* C[m, n] = alpha * A[m, k] · B[k, n] + beta * C */
extern void uc_sgemm_nn(size_t m, size_t n, size_t k, float alpha, const float *a, size_t lda, const float *b, size_t ldb,
						float beta, float *c, size_t ldc);

/* C[m, n] = alpha * A[k, m]ᵀ · B[k, n] + beta * C */
extern void uc_sgemm_tn(size_t m, size_t n, size_t k, float alpha, const float *a, size_t lda, const float *b, size_t ldb,
						float beta, float *c, size_t ldc);

/* The same in double: C[m, n] = alpha * A[m, k] · B[n, k]ᵀ + beta * C */
extern void uc_dgemm_nt(size_t m, size_t n, size_t k, double alpha, const double *a, size_t lda, const double *b, size_t ldb,
						double beta, double *c, size_t ldc);

/* C[m, n] = alpha * A[m, k] · B[k, n] + beta * C */
extern void uc_dgemm_nn(size_t m, size_t n, size_t k, double alpha, const double *a, size_t lda, const double *b, size_t ldb,
						double beta, double *c, size_t ldc);

/*
 * The `count` largest eigenvalues of the symmetric matrix a [n, n], falling, and their eigenvectors [count, n], one a row,
 * of unit length and of either sign. What a holds is lost. Not interruptible: about n³ / 10 nanoseconds, so that n is
 * to be 1,024 at most. Errors: UC_OUT_OF_MEMORY; UC_INVALID_DATA where LAPACK finds no solution.
 */
extern UcStatus uc_symmetric_eigen(double *a, size_t n, size_t count, double *values, double *vectors, UcError *err);

/* Bytes that uc_symmetric_eigen allocates, at most. */
extern size_t uc_symmetric_eigen_memory(size_t n);

#endif
