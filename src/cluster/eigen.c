/*
 * eigen.c
 *	  Eigenvectors by LAPACK; of large matrices by subspace iteration, which can be stopped.
 *
 * One LAPACK call over a large matrix would run for seconds. There a block of vectors is driven towards the leading
 * subspace by a Chebyshev polynomial of the matrix that stays small on the unwanted part of the spectrum
 * (https://doi.org/10.1007/BF02219773), and LAPACK solves the small problem inside the block.
 */
#include "cluster/eigen.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/blas.h"
#include "base/memory.h"

#define DIRECT_SIZE 800			/* up to here LAPACK takes a tenth of a second */
#define STRIP 64				/* columns of a product that one task computes */
#define DEGREE 8				/* of the polynomial */
#define MOST_ROUNDS 30			/* what has not converged by then lies among nearly equal eigenvalues: any choice will do */
#define RESIDUAL 1e-9			/* of the largest eigenvalue */

typedef struct Subspace
{
	size_t		n;
	size_t		size;			/* vectors in the block: more than wanted, so that the last wanted ones converge */
	const double *a;			/* [n, n] */
	double	   *basis;			/* [size, n] */
	double	   *image;			/* [size, n] basis · a */
	double	   *spare;			/* [size, n] */
	double	   *small;			/* [size, size] */
	double	   *rotation;		/* [size, size] */
	double	   *values;			/* [size] */
} Subspace;

/* out[rows, n] = left[rows, k] · right[k, n], by strips of columns */
typedef struct Product
{
	size_t		rows;
	size_t		k;
	size_t		n;
	const double *left;
	const double *right;
	double	   *out;
} Product;

static size_t
block_size(size_t n, size_t count)
{
	size_t		size = count + (count < 32 ? 16 : count / 2);

	return n <= DIRECT_SIZE || size > n / 2 ? 0 : size;
}

size_t
uc_eigen_memory(size_t n, size_t count)
{
	size_t		size = block_size(n, count);
	size_t		doubles = uc_size_add(uc_size_mul(3, n), uc_size_add(uc_size_mul(2, size), 1));

	if (size == 0)
		return uc_symmetric_eigen_memory(n);
	return uc_size_add(uc_size_mul(uc_size_mul(size, doubles), sizeof(double)), uc_symmetric_eigen_memory(size));
}

static UcStatus
multiply_strip(void *arg, size_t task, int worker, UcSection *section, UcError *err)
{
	const Product *product = arg;
	size_t		begin = task * STRIP,
				width = product->n - begin < STRIP ? product->n - begin : STRIP;

	if (!uc_section_stopped(section, worker))
		uc_dgemm_nn(product->rows, width, product->k, 1, product->left, product->k, product->right + begin, product->n, 0,
					product->out + begin, product->n);
	return UC_OK;
}

static UcStatus
multiply(const Subspace *space, const double *left, size_t k, const double *right, double *out, const UcRun *run,
		 UcError *err)
{
	Product		product = {.rows = space->size,.k = k,.n = space->n,.left = left,.right = right,.out = out};

	return uc_parallel(run, (space->n + STRIP - 1) / STRIP, multiply_strip, &product, err);
}

static double
dot(const double *a, const double *b, size_t n)
{
	double		lanes[8] = {0},
				sum = 0;
	size_t		i = 0;

	for (; i + 8 <= n; i += 8)
		for (size_t lane = 0; lane < 8; lane++)
			lanes[lane] += a[i + lane] * b[i + lane];
	for (; i < n; i++)
		sum += a[i] * b[i];
	for (size_t lane = 0; lane < 8; lane++)
		sum += lanes[lane];
	return sum;
}

/* Gram-Schmidt, twice. A vector that depends on those before it gives way to an axis of the space. */
static UcStatus
orthonormalise(const Subspace *space, const UcRun *run, UcError *err)
{
	size_t		n = space->n;

	for (size_t i = 0; i < space->size; i++)
	{
		double	   *x = space->basis + i * n;
		size_t		axis = i;

		if (uc_interrupted(run))
			return uc_interrupt_error(err);
		for (int pass = 0; pass < 2; pass++)
		{
			double		before = dot(x, x, n),
						after;

			for (size_t j = 0; j < i; j++)
			{
				const double *other = space->basis + j * n;
				double		share = dot(x, other, n);

				for (size_t c = 0; c < n; c++)
					x[c] -= share * other[c];
			}
			after = dot(x, x, n);
			if (!(after > 1e-24 * before) || !(after > 0))
			{
				memset(x, 0, n * sizeof(double));
				x[axis++ % n] = 1;
				pass = -1;
				continue;
			}
			for (size_t c = 0; c < n; c++)
				x[c] /= sqrt(after);
		}
	}
	return UC_OK;
}

static void
swap(double **a, double **b)
{
	double	   *kept = *a;

	*a = *b;
	*b = kept;
}

/* Turns an orthonormal basis so that its vectors are the best approximations of eigenvectors that it holds. */
static UcStatus
rayleigh_ritz(Subspace *space, const UcRun *run, UcError *err)
{
	size_t		size = space->size;
	UcStatus	status = multiply(space, space->basis, space->n, space->a, space->image, run, err);

	if (status != UC_OK)
		return status;
	uc_dgemm_nt(size, size, space->n, 1, space->basis, space->n, space->image, space->n, 0, space->small, size);
	status = uc_symmetric_eigen(space->small, size, size, space->values, space->rotation, err);
	if (status == UC_OK)
		status = multiply(space, space->rotation, size, space->basis, space->spare, run, err);
	if (status != UC_OK)
		return status;
	swap(&space->basis, &space->spare);
	status = multiply(space, space->rotation, size, space->image, space->spare, run, err);
	swap(&space->image, &space->spare);
	return status;
}

static bool
converged(const Subspace *space, size_t count)
{
	double		allowed = RESIDUAL * space->values[0];

	for (size_t i = 0; i < count; i++)
	{
		const double *x = space->basis + i * space->n,
				   *y = space->image + i * space->n;
		double		squares = 0;

		for (size_t c = 0; c < space->n; c++)
			squares += (y[c] - space->values[i] * x[c]) * (y[c] - space->values[i] * x[c]);
		if (squares > allowed * allowed)
			return false;
	}
	return true;
}

/* basis = T(a) · basis, where T stays within 1 on [0, cut] and grows fast above; image must be basis · a. */
static UcStatus
filter(Subspace *space, double cut, const UcRun *run, UcError *err)
{
	size_t		all = space->size * space->n;
	double		half = cut / 2;

	for (size_t i = 0; i < all; i++)
		space->image[i] = space->image[i] / half - space->basis[i];
	for (int degree = 2; degree <= DEGREE; degree++)
	{
		UcStatus	status = multiply(space, space->image, space->n, space->a, space->spare, run, err);

		if (status != UC_OK)
			return status;
		for (size_t i = 0; i < all; i++)
			space->spare[i] = 2 * (space->spare[i] / half - space->image[i]) - space->basis[i];
		swap(&space->basis, &space->image);
		swap(&space->image, &space->spare);
	}
	swap(&space->basis, &space->image);
	return UC_OK;
}

static UcStatus
iterate(Subspace *space, size_t count, const UcRun *run, UcError *err)
{
	size_t		all = space->size * space->n;
	uint64_t	state = 1;
	UcStatus	status;

	/* A start that no matrix was made for; its quality does not matter. */
	for (size_t i = 0; i < all; i++)
	{
		state = state * 6364136223846793005u + 1442695040888963407u;
		space->basis[i] = (double) (int64_t) state * 0x1p-63;
	}
	status = multiply(space, space->basis, space->n, space->a, space->image, run, err);
	swap(&space->basis, &space->image);
	for (int round = 0; status == UC_OK; round++)
	{
		double		cut;

		status = orthonormalise(space, run, err);
		if (status == UC_OK)
			status = rayleigh_ritz(space, run, err);
		if (status != UC_OK || round == MOST_ROUNDS || converged(space, count))
			break;
		uc_progress_done(run, (size_t) round + 1);
		cut = fmax(space->values[space->size - 1], 1e-9 * space->values[0]);
		status = filter(space, cut, run, err);
	}
	return status;
}

static UcStatus
by_subspace(const double *a, size_t n, size_t count, const UcRun *run, double *values, double *vectors, UcError *err)
{
	Subspace	space = {.n = n,.size = block_size(n, count),.a = a};
	size_t		bytes = uc_size_mul(uc_size_mul(space.size, 3 * n + 2 * space.size + 1), sizeof(double));
	double	   *memory = uc_alloc(bytes);
	UcStatus	status;

	if (memory == NULL)
		return uc_out_of_memory(err, bytes);
	space.basis = memory;
	space.image = space.basis + space.size * n;
	space.spare = space.image + space.size * n;
	space.small = space.spare + space.size * n;
	space.rotation = space.small + space.size * space.size;
	space.values = space.rotation + space.size * space.size;
	uc_blas_prepare();
	status = iterate(&space, count, run, err);
	if (status == UC_OK)
	{
		memcpy(values, space.values, count * sizeof(double));
		memcpy(vectors, space.basis, count * n * sizeof(double));
	}
	uc_free(memory);
	return status;
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
	UcStatus	status;

	if (block_size(n, count) > 0)
		status = by_subspace(a, n, count, run, values, vectors, err);
	else
		status = uc_symmetric_eigen(a, n, count, values, vectors, err);
	if (status != UC_OK)
		return status;
	for (size_t i = 0; i < count; i++)
		fix_sign(vectors + i * n, n);
	return UC_OK;
}
