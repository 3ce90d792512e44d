/*
 * blas.c
 *	  OpenBLAS behind blas.h, whichever flavour the linker or the administrator's alternatives gave us.
 *
 * The pthread flavour starts cores-1 threads when it is loaded, and they can take a backend's SIGTERM; setting the count
 * to one and then shutting the pool down ends them. The OpenMP flavour keeps none while the count is one. The serial
 * flavour, linked statically where the build found it, needs nothing.
 */
#include "base/blas.h"

#include <cblas.h>
#include <pthread.h>

extern int	blas_thread_shutdown_(void) __attribute__((weak));
extern int	openblas_get_parallel(void) __attribute__((weak));
extern void openblas_set_num_threads(int) __attribute__((weak));

static void
hold_to_one_thread(void)
{
	const int	pthread_flavour = 1;
	int			flavour = openblas_get_parallel != NULL ? openblas_get_parallel() : 0;

	if (flavour == 0)
		return;
	if (openblas_set_num_threads != NULL)
		openblas_set_num_threads(1);
	if (flavour == pthread_flavour && blas_thread_shutdown_ != NULL)
		blas_thread_shutdown_();
}

void
uc_blas_prepare(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, hold_to_one_thread);
}

void
uc_sgemm_nt(size_t m, size_t n, size_t k, float alpha, const float *a, size_t lda, const float *b, size_t ldb,
			float beta, float *c, size_t ldc)
{
	cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (blasint) m, (blasint) n, (blasint) k,
				alpha, a, (blasint) lda, b, (blasint) ldb, beta, c, (blasint) ldc);
}

void
uc_sgemm_nn(size_t m, size_t n, size_t k, float alpha, const float *a, size_t lda, const float *b, size_t ldb,
			float beta, float *c, size_t ldc)
{
	cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (blasint) m, (blasint) n, (blasint) k,
				alpha, a, (blasint) lda, b, (blasint) ldb, beta, c, (blasint) ldc);
}
