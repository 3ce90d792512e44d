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
#include <string.h>

#include "base/memory.h"

extern int	blas_thread_shutdown_(void) __attribute__((weak));
extern int	openblas_get_parallel(void) __attribute__((weak));
extern void openblas_set_num_threads(int) __attribute__((weak));

/* Present where the linker was told --wrap; see BLAS_LIBS in the Makefile. */
extern void *__real_blas_memory_alloc(int kind) __attribute__((weak));
extern void __real_blas_memory_free(void *buffer) __attribute__((weak));
extern void *__wrap_blas_memory_alloc(int kind);
extern void __wrap_blas_memory_free(void *buffer);

/* LAPACK is Fortran: everything by address, matrices by columns, and the lengths of the strings at the end. */
extern void dsyevr_(const char *vectors, const char *range, const char *triangle, const blasint *n, double *a,
					const blasint *lda, const double *low, const double *high, const blasint *first, const blasint *last,
					const double *tolerance, blasint *found, double *values, double *z, const blasint *ldz, blasint *support,
					double *work, const blasint *work_size, blasint *integers, const blasint *integer_size, blasint *info,
					size_t, size_t, size_t);

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

/*
 * The one function of the Fortran runtime that the static library's LAPACK calls here: two strings put together, padded
 * with blanks. Having it here saves a second library, which many systems have no link for. The shared library brings its own.
 */
extern void _gfortran_concat_string(size_t size, char *to, size_t size_a, const char *a, size_t size_b, const char *b)
	__attribute__((visibility("hidden")));

void
_gfortran_concat_string(size_t size, char *to, size_t size_a, const char *a, size_t size_b, const char *b)
{
	size_a = size_a < size ? size_a : size;
	size_b = size_b < size - size_a ? size_b : size - size_a;
	memcpy(to, a, size_a);
	memcpy(to + size_a, b, size_b);
	memset(to + size_a + size_b, ' ', size - size_a - size_b);
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
product(CBLAS_TRANSPOSE transpose_a, CBLAS_TRANSPOSE transpose_b, size_t m, size_t n, size_t k, float alpha, const float *a,
		size_t lda, const float *b, size_t ldb, float beta, float *c, size_t ldc)
{
	if (take_turns)
		pthread_mutex_lock(&turns);
	cblas_sgemm(CblasRowMajor, transpose_a, transpose_b, (blasint) m, (blasint) n, (blasint) k,
				alpha, a, (blasint) lda, b, (blasint) ldb, beta, c, (blasint) ldc);
	if (take_turns)
		pthread_mutex_unlock(&turns);
}

void
uc_sgemm_nt(size_t m, size_t n, size_t k, float alpha, const float *a, size_t lda, const float *b, size_t ldb,
			float beta, float *c, size_t ldc)
{
	product(CblasNoTrans, CblasTrans, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}

void
uc_sgemv(size_t m, size_t k, const float *a, size_t lda, const float *x, float *y)
{
	if (take_turns)
		pthread_mutex_lock(&turns);
	cblas_sgemv(CblasRowMajor, CblasNoTrans, (blasint) m, (blasint) k, 1, a, (blasint) lda, x, 1, 0, y, 1);
	if (take_turns)
		pthread_mutex_unlock(&turns);
}

void
uc_sgemm_nn(size_t m, size_t n, size_t k, float alpha, const float *a, size_t lda, const float *b, size_t ldb,
			float beta, float *c, size_t ldc)
{
	product(CblasNoTrans, CblasNoTrans, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}

void
uc_sgemm_tn(size_t m, size_t n, size_t k, float alpha, const float *a, size_t lda, const float *b, size_t ldb,
			float beta, float *c, size_t ldc)
{
	product(CblasTrans, CblasNoTrans, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}

static void
product_in_double(CBLAS_TRANSPOSE transpose_b, size_t m, size_t n, size_t k, double alpha, const double *a, size_t lda,
				  const double *b, size_t ldb, double beta, double *c, size_t ldc)
{
	if (take_turns)
		pthread_mutex_lock(&turns);
	cblas_dgemm(CblasRowMajor, CblasNoTrans, transpose_b, (blasint) m, (blasint) n, (blasint) k,
				alpha, a, (blasint) lda, b, (blasint) ldb, beta, c, (blasint) ldc);
	if (take_turns)
		pthread_mutex_unlock(&turns);
}

void
uc_dgemm_nt(size_t m, size_t n, size_t k, double alpha, const double *a, size_t lda, const double *b, size_t ldb,
			double beta, double *c, size_t ldc)
{
	product_in_double(CblasTrans, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}

void
uc_dgemm_nn(size_t m, size_t n, size_t k, double alpha, const double *a, size_t lda, const double *b, size_t ldb,
			double beta, double *c, size_t ldc)
{
	product_in_double(CblasNoTrans, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}

/* What LAPACK asks for at least, and blocks of 64 columns. */
#define EIGEN_WORK(n) (uc_size_mul(n, 26 + 64))
#define EIGEN_INTEGERS(n) (uc_size_mul(n, 10))

size_t
uc_symmetric_eigen_memory(size_t n)
{
	size_t		doubles = uc_size_add(EIGEN_WORK(n), n);
	size_t		integers = uc_size_add(EIGEN_INTEGERS(n), uc_size_mul(n, 2));

	return uc_size_add(uc_size_mul(doubles, sizeof(double)), uc_size_mul(integers, sizeof(blasint)));
}

/* LAPACK numbers the eigenvalues from the smallest: turns both results round. */
static void
reverse(double *values, double *vectors, size_t n, size_t count)
{
	for (size_t i = 0; i < count / 2; i++)
	{
		double	   *a = vectors + i * n,
				   *b = vectors + (count - 1 - i) * n;
		double		value = values[i];

		values[i] = values[count - 1 - i];
		values[count - 1 - i] = value;
		for (size_t j = 0; j < n; j++)
		{
			double		kept = a[j];

			a[j] = b[j];
			b[j] = kept;
		}
	}
}

UcStatus
uc_symmetric_eigen(double *a, size_t n, size_t count, double *values, double *vectors, UcError *err)
{
	blasint		size = (blasint) n,
				first = (blasint) (n - count + 1),
				found = 0,
				info = 0,
				work_size = (blasint) EIGEN_WORK(n),
				integer_size = (blasint) EIGEN_INTEGERS(n);
	const double none = 0;
	double	   *work = uc_alloc(uc_size_mul(uc_size_add(EIGEN_WORK(n), n), sizeof(double)));
	blasint    *integers = uc_alloc(uc_size_mul(uc_size_add(EIGEN_INTEGERS(n), uc_size_mul(n, 2)), sizeof(blasint)));

	if (work == NULL || integers == NULL)
	{
		uc_free(work);
		uc_free(integers);
		return uc_out_of_memory(err, uc_symmetric_eigen_memory(n));
	}
	if (take_turns)
		pthread_mutex_lock(&turns);
	dsyevr_("V", "I", "L", &size, a, &size, &none, &none, &first, &size, &none, &found, work + EIGEN_WORK(n), vectors, &size,
			integers + EIGEN_INTEGERS(n), work, &work_size, integers, &integer_size, &info, 1, 1, 1);
	if (take_turns)
		pthread_mutex_unlock(&turns);
	memcpy(values, work + EIGEN_WORK(n), count * sizeof(double));
	uc_free(work);
	uc_free(integers);
	if (info != 0 || (size_t) found != count)
		return uc_error(err, UC_INVALID_DATA, "the principal components of these rows cannot be computed");
	reverse(values, vectors, n, count);
	return UC_OK;
}
