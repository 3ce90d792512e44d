/*
 * slope.c
 *	  The derivatives, by the formulas of the activations in embed/activation.c.
 */
#include "train/slope.h"

#include <math.h>

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
			return 0.5f * (1.0f + erff(x * 0.70710678f)) + x * 0.39894228f * expf(-0.5f * x * x);
		case UC_ACTIVATION_GELU_TANH:
			t = tanhf(0.79788456f * (x + 0.044715f * x * x * x));
			return 0.5f * (1.0f + t) + 0.5f * x * (1.0f - t * t) * 0.79788456f * (1.0f + 3.0f * 0.044715f * x * x);
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
	for (size_t i = 0; i < n; i++)
		x[i] = gradient[i] * slope(activation, x[i]);
}
