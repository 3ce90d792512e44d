/*
 * simd.h
 *	  Vector kernels, chosen once at run time from what the processor has.
 *
 * The reductions (dot, distances, norms) add products in double over sixteen lanes in one fixed order, without fused
 * multiply-add: every kernel set gives the same bits on every machine, so they settle ties and serve as the reference for
 * faster, less exact routes. The elementwise kernels of the forward pass may differ between sets in the last bits.
 * Pointers need no alignment beyond that of float; lengths may be zero.
 */
#ifndef UC_BASE_SIMD_H
#define UC_BASE_SIMD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct UcKernels
{
	const char *name;			/* "plain", "avx2", "avx512" */

	/* reductions over n floats, in double */
	double		(*dot) (const float *a, const float *b, size_t n);
	double		(*squared_distance) (const float *a, const float *b, size_t n);
	void		(*dot_and_norms) (const float *a, const float *b, size_t n, double out[3]); /* a·b, a·a, b·b */

	/* sum[i] += weight * x[i] over n floats, in double */
	void		(*accumulate) (double *sum, const float *x, double weight, size_t n);

	/* the forward pass, in float; rows are [rows, n], contiguous, changed in place */
	void		(*softmax) (float *row, size_t n, float scale);	/* softmax(scale * row) */
	void		(*layer_norm) (float *row, const float *weight, const float *bias, float epsilon, size_t n);
	void		(*add) (float *x, const float *y, size_t n);	/* x += y */
	void		(*gelu) (float *x, size_t n);	/* x·Φ(x), the erf form, within 1e-6 */
	void		(*gelu_tanh) (float *x, size_t n);	/* the tanh approximation of it */

	float		(*largest) (const float *x, size_t n);	/* of n > 0 */
	double		(*exponentials) (float *x, float shift, size_t n); /* x[i] = exp(x[i] - shift); their sum */

	/* the way back: x[i] = gradient[i] * f'(x[i]) */
	void		(*gelu_slope) (float *x, const float *gradient, size_t n);
	void		(*gelu_tanh_slope) (float *x, const float *gradient, size_t n);

	/*
	 * x[i] = 0 where the hash of key and i, 32 bits, is below the threshold, else x[i] * scale: the same bits from every set
	 */
	void		(*drop) (float *x, uint64_t key, uint32_t threshold, float scale, size_t n);

	void		(*widen) (float *out, const uint16_t *x, size_t n);	/* IEEE half precision to float, exactly */
} UcKernels;

/* The best set for this processor; thread-safe, no set-up call needed. */
extern const UcKernels *uc_kernels(void);

/* Forces the plain set (true) or returns to the best one (false): for tests and for comparing. Not while threads run. */
extern void uc_kernels_force_plain(bool plain);

#define uc_dot(a, b, n) (uc_kernels()->dot((a), (b), (n)))
#define uc_squared_distance(a, b, n) (uc_kernels()->squared_distance((a), (b), (n)))

#endif
