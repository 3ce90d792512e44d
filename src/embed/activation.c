/*
 * activation.c
 *	  GELU, which nearly every encoder uses, goes to the vector kernels; the rest is plain arithmetic.
 */
#include "embed/activation.h"

#include <math.h>

#include "base/simd.h"

static float
sigmoid(float x)
{
	return 1.0f / (1.0f + expf(-x));
}

/* log(1 + e^x) without overflow */
static float
softplus(float x)
{
	return x > 20.0f ? x : log1pf(expf(x));
}

void
uc_activate(UcActivation activation, float *x, size_t n)
{
	switch (activation)
	{
		case UC_ACTIVATION_IDENTITY:
			return;
		case UC_ACTIVATION_GELU:
			uc_kernels()->gelu(x, n);
			return;
		case UC_ACTIVATION_GELU_TANH:
			uc_kernels()->gelu_tanh(x, n);
			return;
		case UC_ACTIVATION_RELU:
			for (size_t i = 0; i < n; i++)
				x[i] = fmaxf(x[i], 0.0f);
			return;
		case UC_ACTIVATION_RELU6:
			for (size_t i = 0; i < n; i++)
				x[i] = fminf(fmaxf(x[i], 0.0f), 6.0f);
			return;
		case UC_ACTIVATION_RELU2:
			for (size_t i = 0; i < n; i++)
				x[i] = fmaxf(x[i], 0.0f) * fmaxf(x[i], 0.0f);
			return;
		case UC_ACTIVATION_LEAKY_RELU:
			for (size_t i = 0; i < n; i++)
				x[i] = x[i] < 0.0f ? 0.01f * x[i] : x[i];
			return;
		case UC_ACTIVATION_SILU:
			for (size_t i = 0; i < n; i++)
				x[i] *= sigmoid(x[i]);
			return;
		case UC_ACTIVATION_QUICK_GELU:
			for (size_t i = 0; i < n; i++)
				x[i] *= sigmoid(1.702f * x[i]);
			return;
		case UC_ACTIVATION_TANH:
			for (size_t i = 0; i < n; i++)
				x[i] = tanhf(x[i]);
			return;
		case UC_ACTIVATION_SIGMOID:
			for (size_t i = 0; i < n; i++)
				x[i] = sigmoid(x[i]);
			return;
		case UC_ACTIVATION_MISH:
			for (size_t i = 0; i < n; i++)
				x[i] *= tanhf(softplus(x[i]));
			return;
	}
}
