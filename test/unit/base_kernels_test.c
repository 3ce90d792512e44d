/*
 * The kernel sets against plain arithmetic and against each other.
 */
#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/random.h"
#include "base/simd.h"
#include "check.h"

#define MAX_N 1100

static float a[MAX_N], b[MAX_N], weight[MAX_N], bias[MAX_N];

static void
fill(float *x, size_t n, UcRandom *random, double spread)
{
	for (size_t i = 0; i < n; i++)
		x[i] = (float) ((uc_random_unit(random) - 0.5) * spread);
}

static double
worst(const float *x, const double *expected, size_t n)
{
	double		largest = 0;

	for (size_t i = 0; i < n; i++)
		largest = fmax(largest, fabs(x[i] - expected[i]));
	return largest;
}

static void
check_reductions(const UcKernels *k, size_t n)
{
	double		dot = 0, aa = 0, bb = 0, distance = 0, all[3];
	double		tolerance = 1e-12 * (double) (n + 1);

	for (size_t i = 0; i < n; i++)
	{
		dot += (double) a[i] * b[i];
		aa += (double) a[i] * a[i];
		bb += (double) b[i] * b[i];
		distance += ((double) a[i] - b[i]) * ((double) a[i] - b[i]);
	}
	k->dot_and_norms(a, b, n, all);
	CHECK(fabs(k->dot(a, b, n) - dot) <= tolerance && fabs(k->squared_distance(a, b, n) - distance) <= tolerance &&
		  fabs(all[0] - dot) <= tolerance && fabs(all[1] - aa) <= tolerance && fabs(all[2] - bb) <= tolerance,
		  "%s reductions of %zu floats are exact to double", k->name, n);
}

static void
check_forward(const UcKernels *k, size_t n)
{
	static float x[MAX_N + 1];
	static double expected[MAX_N];
	double		top = -INFINITY, total = 0, mean = 0, variance = 0;

	memcpy(x, a, n * sizeof(float));
	x[n] = 12345;
	for (size_t i = 0; i < n; i++)
		top = fmax(top, a[i]);
	for (size_t i = 0; i < n; i++)
		total += expected[i] = exp((a[i] - top) * 0.3);
	for (size_t i = 0; i < n; i++)
		expected[i] /= total;
	k->softmax(x, n, 0.3f);
	CHECK(worst(x, expected, n) < 3e-7 && x[n] == 12345, "%s softmax of %zu", k->name, n);

	memcpy(x, a, n * sizeof(float));
	total = 0;
	for (size_t i = 0; i < n; i++)
		total += expected[i] = exp(a[i] - top);
	CHECK(k->largest(x, n) == (float) top && fabs(k->exponentials(x, (float) top, n) - total) < 1e-6 * total &&
		  worst(x, expected, n) < 3e-7 && x[n] == 12345, "%s exponentials of %zu", k->name, n);

	memcpy(x, a, n * sizeof(float));
	for (size_t i = 0; i < n; i++)
		mean += a[i] / (double) n;
	for (size_t i = 0; i < n; i++)
		variance += (a[i] - mean) * (a[i] - mean) / (double) n;
	for (size_t i = 0; i < n; i++)
		expected[i] = (a[i] - mean) / sqrt(variance + 1e-5) * weight[i] + bias[i];
	k->layer_norm(x, weight, bias, 1e-5f, n);
	CHECK(worst(x, expected, n) < 2e-5 && x[n] == 12345, "%s layer norm of %zu", k->name, n);

	memcpy(x, a, n * sizeof(float));
	for (size_t i = 0; i < n; i++)
		expected[i] = 0.5 * a[i] * (1 + erf(a[i] / sqrt(2)));
	k->gelu(x, n);
	CHECK(worst(x, expected, n) < 2e-6 && x[n] == 12345, "%s gelu of %zu", k->name, n);

	memcpy(x, a, n * sizeof(float));
	for (size_t i = 0; i < n; i++)
		expected[i] = 0.5 * a[i] * (1 + tanh(sqrt(2 / M_PI) * (a[i] + 0.044715 * a[i] * a[i] * a[i])));
	k->gelu_tanh(x, n);
	CHECK(worst(x, expected, n) < 2e-6 && x[n] == 12345, "%s gelu, tanh form, of %zu", k->name, n);
}

/* Every half there is, at every place in a row of sixteen. */
static void
check_widening(const UcKernels *k)
{
	static uint16_t halves[65536 + 5];
	static float floats[65536 + 5];
	size_t		wrong = 0;

	for (size_t i = 0; i < sizeof halves / sizeof *halves; i++)
		halves[i] = (uint16_t) (i * 4099);
	k->widen(floats, halves, sizeof halves / sizeof *halves);
	for (size_t i = 0; i < sizeof halves / sizeof *halves; i++)
	{
		int			exponent = halves[i] >> 10 & 31,
					mantissa = halves[i] & 1023;
		double		expected = exponent == 0 ? ldexp(mantissa, -24)
			: exponent == 31 ? (mantissa == 0 ? INFINITY : NAN) : ldexp(1024 + mantissa, exponent - 25);

		if (isnan(expected) ? !isnan(floats[i]) : floats[i] != copysign(expected, halves[i] & 0x8000 ? -1 : 1) ||
			!signbit(floats[i]) != !(halves[i] & 0x8000))
			wrong++;
	}
	CHECK(wrong == 0, "%s: every half is widened exactly (%zu are not)", k->name, wrong);
}

static void
check_slopes(const UcKernels *k, size_t n)
{
	static float x[MAX_N + 1];
	static double expected[2][MAX_N];

	for (size_t i = 0; i < n; i++)
	{
		double		t = tanh(sqrt(2 / M_PI) * (a[i] + 0.044715 * a[i] * a[i] * a[i]));

		expected[0][i] = b[i] * (0.5 * (1 + erf(a[i] / sqrt(2))) + a[i] * exp(-0.5 * a[i] * a[i]) / sqrt(2 * M_PI));
		expected[1][i] = b[i] * (0.5 * (1 + t) + 0.5 * a[i] * (1 - t * t) * sqrt(2 / M_PI) * (1 + 0.134145 * a[i] * a[i]));
	}
	memcpy(x, a, n * sizeof(float));
	x[n] = 12345;
	k->gelu_slope(x, b, n);
	CHECK(worst(x, expected[0], n) < 2e-5 && x[n] == 12345, "%s slope of gelu of %zu", k->name, n);
	memcpy(x, a, n * sizeof(float));
	k->gelu_tanh_slope(x, b, n);
	CHECK(worst(x, expected[1], n) < 2e-5 && x[n] == 12345, "%s slope of gelu, tanh form, of %zu", k->name, n);
}

int
main(void)
{
	static const size_t sizes[] = {0, 1, 2, 15, 16, 17, 31, 384, 385, 1024, MAX_N};
	const UcKernels *best = uc_kernels();
	UcRandom	random;
	bool		same_bits = true;

	uc_random_seed(&random, 7, 0);
	fill(a, MAX_N, &random, 20);
	fill(b, MAX_N, &random, 20);
	fill(weight, MAX_N, &random, 4);
	fill(bias, MAX_N, &random, 4);

	for (int plain = 0; plain < 2; plain++)
	{
		uc_kernels_force_plain(plain);
		check_widening(uc_kernels());
		for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
		{
			check_reductions(uc_kernels(), sizes[i]);
			if (sizes[i] > 0)
			{
				check_forward(uc_kernels(), sizes[i]);
				check_slopes(uc_kernels(), sizes[i]);
			}
		}
	}

	uc_kernels_force_plain(true);
	for (size_t n = 0; n < 200; n++)
	{
		double		x[3], y[3], sum[2][200] = {{0}};
		float		kept[2][200];

		best->dot_and_norms(a, b, n, x);
		uc_kernels()->dot_and_norms(a, b, n, y);
		best->accumulate(sum[0], a, 0.1, n);
		uc_kernels()->accumulate(sum[1], a, 0.1, n);
		for (int set = 0; set < 2; set++)
		{
			memcpy(kept[set], a, n * sizeof(float));
			(set == 0 ? best : uc_kernels())->drop(kept[set], n * UINT64_C(0x9E3779B97F4A7C15), 1u << 30, 1.25f, n);
		}
		same_bits = same_bits && memcmp(kept[0], kept[1], n * sizeof(float)) == 0 && memcmp(x, y, sizeof x) == 0 && memcmp(sum[0], sum[1], sizeof sum[0]) == 0 &&
			best->dot(a, b, n) == uc_dot(a, b, n) &&
			best->squared_distance(a, b, n) == uc_squared_distance(a, b, n);
	}
	CHECK(same_bits, "the plain set and %s give the same bits in every reduction and drop the same", best->name);
	return check_done();
}
