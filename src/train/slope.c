/*
 * slope.c
 *	  The derivatives, by the formulas of the activations in embed/activation.c.
 */
#include "train/slope.h"

#include <math.h>

#include "base/simd.h"

static float
sigmoid(float x)
{
	return 1.0f / (1.0f + expf(-x));
}

static float
slope(UcActivation activation, float x)
{
	float		s,
				t;

	switch (activation)
	{
		case UC_ACTIVATION_IDENTITY:
			return 1.0f;
		case UC_ACTIVATION_GELU:
		case UC_ACTIVATION_GELU_TANH:
			break;				/* the kernels' */
		case UC_ACTIVATION_RELU:
			return x > 0 ? 1.0f : 0.0f;
		case UC_ACTIVATION_RELU6:
			return x > 0 && x < 6.0f ? 1.0f : 0.0f;
		case UC_ACTIVATION_RELU2:
			return x > 0 ? 2.0f * x : 0.0f;
		case UC_ACTIVATION_LEAKY_RELU:
			return x > 0 ? 1.0f : 0.01f;
		case UC_ACTIVATION_SILU:
			s = sigmoid(x);
			return s + x * s * (1.0f - s);
		case UC_ACTIVATION_QUICK_GELU:
			s = sigmoid(1.702f * x);
			return s + 1.702f * x * s * (1.0f - s);
		case UC_ACTIVATION_TANH:
			t = tanhf(x);
			return 1.0f - t * t;
		case UC_ACTIVATION_SIGMOID:
			s = sigmoid(x);
			return s * (1.0f - s);
		case UC_ACTIVATION_MISH:
			t = tanhf(x > 20.0f ? x : log1pf(expf(x)));
			return t + x * (1.0f - t * t) * sigmoid(x);
	}
	return 0;
}

void
uc_slope(UcActivation activation, float *x, const float *gradient, size_t n)
{
	if (activation == UC_ACTIVATION_GELU)
	{
		uc_kernels()->gelu_slope(x, gradient, n);
		return;
	}
	if (activation == UC_ACTIVATION_GELU_TANH)
	{
		uc_kernels()->gelu_tanh_slope(x, gradient, n);
		return;
	}
	for (size_t i = 0; i < n; i++)
		x[i] = gradient[i] * slope(activation, x[i]);
}
