/*
 * blas.c
 *	  OpenBLAS behind blas.h, whichever flavour the linker or the administrator's alternatives gave us.
 *
 * The pthread flavour starts cores-1 threads when it is loaded, and they can take a backend's SIGTERM; setting the count
 * to one and then shutting the pool down ends them. The OpenMP flavour keeps none while the count is one.
 *
 * The serial flavour starts nothing, but hands out its work buffers without a lock: two of our threads that call it at one
 * time can be given the same one and compute nonsense. Where it is linked statically the Makefile has the linker send those
 * two calls through the locks below; where it was found as a shared library only, products take turns.
 */
#include "base/blas.h"

#include <cblas.h>
#include <pthread.h>
#include <stdbool.h>

extern int	blas_thread_shutdown_(void) __attribute__((weak));
extern int	openblas_get_parallel(void) __attribute__((weak));
extern void openblas_set_num_threads(int) __attribute__((weak));

/* Present where the linker was told --wrap; see BLAS_LIBS in the Makefile. */
extern void *__real_blas_memory_alloc(int kind) __attribute__((weak));
extern void __real_blas_memory_free(void *buffer) __attribute__((weak));
extern void *__wrap_blas_memory_alloc(int kind);
extern void __wrap_blas_memory_free(void *buffer);

static pthread_mutex_t buffers = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t turns = PTHREAD_MUTEX_INITIALIZER;
static bool take_turns;			/* set once, before the first product */

void *
__wrap_blas_memory_alloc(int kind)
{
	void	   *buffer;

	pthread_mutex_lock(&buffers);
	buffer = __real_blas_memory_alloc(kind);
	pthread_mutex_unlock(&buffers);
	return buffer;
}

void
__wrap_blas_memory_free(void *buffer)
{
	pthread_mutex_lock(&buffers);
	__real_blas_memory_free(buffer);
	pthread_mutex_unlock(&buffers);
}

static void
hold_to_one_thread(void)
{
	const int	pthread_flavour = 1;
	int			flavour = openblas_get_parallel != NULL ? openblas_get_parallel() : 0;

	if (flavour == 0)
	{
		take_turns = __real_blas_memory_alloc == NULL;
		return;
	}
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

static void
product(CBLAS_TRANSPOSE transpose_b, size_t m, size_t n, size_t k, float alpha, const float *a, size_t lda, const float *b,
		size_t ldb, float beta, float *c, size_t ldc)
{
	if (take_turns)
		pthread_mutex_lock(&turns);
	cblas_sgemm(CblasRowMajor, CblasNoTrans, transpose_b, (blasint) m, (blasint) n, (blasint) k,
				alpha, a, (blasint) lda, b, (blasint) ldb, beta, c, (blasint) ldc);
	if (take_turns)
		pthread_mutex_unlock(&turns);
}

void
uc_sgemm_nt(size_t m, size_t n, size_t k, float alpha, const float *a, size_t lda, const float *b, size_t ldb,
			float beta, float *c, size_t ldc)
{
	product(CblasTrans, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}

void
uc_sgemm_nn(size_t m, size_t n, size_t k, float alpha, const float *a, size_t lda, const float *b, size_t ldb,
			float beta, float *c, size_t ldc)
{
	product(CblasNoTrans, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}
