/*
 * blas.h
 *	  The only door to BLAS. Matrices are row-major; ld* is the distance between rows, in floats.
 *
 * Calls are single-threaded and may come from several of our threads at once. A call is not interruptible: callers tile
 * so that one takes 20 ms at most (about 2 GFLOP).
 */
#ifndef UC_BASE_BLAS_H
#define UC_BASE_BLAS_H

#include <stddef.h>

/*
 * Ends the threads that a threaded OpenBLAS started when it was loaded and holds it to one. Idempotent; called once
 * before the first product, never in a process that will fork to go on computing.
 */
extern void uc_blas_prepare(void);

/* C[m, n] = alpha * A[m, k] · B[n, k]ᵀ + beta * C */
extern void uc_sgemm_nt(size_t m, size_t n, size_t k, float alpha, const float *a, size_t lda, const float *b, size_t ldb,
						float beta, float *c, size_t ldc);

/* C[m, n] = alpha * A[m, k] · B[k, n] + beta * C */
extern void uc_sgemm_nn(size_t m, size_t n, size_t k, float alpha, const float *a, size_t lda, const float *b, size_t ldb,
						float beta, float *c, size_t ldc);

#endif
