/*
 * pass_state.h
 *	  What forward.c keeps for backward.c.
 */
#ifndef UC_TRAIN_PASS_STATE_H
#define UC_TRAIN_PASS_STATE_H

#include "train/pass.h"

#define UC_GROUP_TOKENS 128		/* enough rows for a fast product, few enough to share between threads */

/*
 * Sums over the tokens of a group, layer by layer: gradients of the output norm (weight, bias), the biases of down and up, the
 * attention norm (weight, bias), the biases of attention and qkv; at the end those of the embeddings' norm.
 */
static inline size_t
uc_layer_sums(const UcModelConfig *c)
{
	return 9 * (size_t) c->hidden + c->intermediate;
}

/* Of all tokens of the pass; what the way back puts into the place of what it has used is given at the right. */
typedef struct UcPassLayer
{
	float	   *input;			/* [tokens, hidden] */
	float	   *qkv;			/* [tokens, 3 * hidden], then its gradient */
	float	   *context;		/* [tokens, hidden] what attention gathered */
	float	   *middle_hat;		/* [tokens, hidden] scaled to mean 0 and variance 1, then the gradient before that */
	float	   *middle_rate;	/* [tokens] 1 / standard deviation */
	float	   *middle;			/* [tokens, hidden] behind attention and its norm */
	float	   *up;				/* [tokens, intermediate] before the activation, then its gradient */
	float	   *active;			/* [tokens, intermediate] */
	float	   *output_hat;		/* as middle_hat */
	float	   *output_rate;	/* [tokens] */
} UcPassLayer;

typedef struct UcPassScratch
{
	float	   *dx;				/* [group_tokens, hidden] */
	float	   *dy;				/* [group_tokens, hidden] */
	float	   *wide;			/* [group_tokens, intermediate] */
	float	   *scores;			/* [max_tokens, max_tokens] */
	float	   *d_scores;		/* [max_tokens, max_tokens] */
	float	   *d_head;			/* [3, max_tokens, hidden / heads] */
} UcPassScratch;

struct UcPass
{
	const UcWeights *weights;
	size_t		capacity;		/* tokens */
	size_t		most_texts;
	int			threads;
	const UcDropout *dropout;	/* NULL: none */
	const UcAdapters *adapters; /* NULL: weights are trained */
	float	   *adapter_rows;	/* [threads, capacity, rank] */
	const UcBatch *batch;
	size_t		groups;
	size_t	   *group_starts;	/* [groups + 1] numbers of texts */
	float	   *embedded_hat;	/* [tokens, hidden], then the gradient of the embeddings' sum */
	float	   *embedded_rate;	/* [tokens] */
	UcPassLayer *layers;		/* [config.layers] */
	float	   *output;			/* [tokens, hidden] of the last layer */
	float	   *pooled;			/* [texts, hidden] */
	float	   *dense;			/* [texts, dimensions] before its activation, then its gradient */
	float	   *partial;		/* [groups, sums of one group]: gradients of norms and biases */
	UcPassScratch *scratch;		/* [threads] */
	void	   *memory;
};

/* rows [tokens of the texts, hidden] of texts first_text … last_text - 1 lose what these texts' masks say. */
static inline void
uc_drop_texts(const UcPass *p, size_t layer, UcDropoutPlace place, size_t first_text, size_t last_text, float *rows)
{
	const size_t *starts = p->batch->starts;
	size_t		h = p->weights->model.config.hidden;

	for (size_t t = first_text; t < last_text && p->dropout != NULL; t++)
		uc_dropout_rows(p->dropout, t, layer, place, 0, rows + (starts[t] - starts[first_text]) * h, starts[t + 1] - starts[t], h);
}

#endif
