/*
 * head.c
 *	  Two ways over the blocks of the vocabulary: the first finds each row's sum of exponentials, the second its gradients.
 */
#include "train/head.h"

#include <math.h>
#include <string.h>

#include "base/blas.h"
#include "base/memory.h"
#include "base/simd.h"

#define ROWS 512				/* words guessed at a time */
#define STRANDS 16				/* sums of d_z, each over the blocks strand, strand + STRANDS …: one order for any threads */

struct UcHead
{
	const UcWeights *weights;
	size_t		hidden;
	size_t		vocabulary;
	size_t		block;
	size_t		blocks;
	int			threads;
	float	   *values;			/* T [hidden, hidden], t [hidden], c [vocabulary] */
	float	   *z;				/* [ROWS, hidden] T · x + t */
	float	   *d_z;			/* [STRANDS, ROWS, hidden] */
	float	   *logits;			/* [threads, ROWS, block] */
	float	   *largest;		/* [blocks, ROWS] */
	double	   *sums;			/* [blocks, ROWS] of exponentials, the block's largest taken off */
	float	   *normalizer;		/* [ROWS] logarithm of the sum over all blocks */
	float	   *hit;			/* [ROWS] the target's logit */
};

/* Of one call, for the rows at hand. */
typedef struct Guess
{
	UcHead	   *head;
	const uint32_t *targets;	/* [rows] */
	size_t		rows;
	float		share;
	float	   *d_bias;			/* [vocabulary] */
	float	   *d_word;			/* [vocabulary, hidden] or NULL */
} Guess;

size_t
uc_head_floats(const UcWeights *w)
{
	size_t		h = w->model.config.hidden;

	return uc_size_add(uc_size_mul(h, h + 1), w->model.config.vocabulary);
}

static size_t
blocks_of(size_t vocabulary, size_t block)
{
	return vocabulary / block + (vocabulary % block != 0);
}

size_t
uc_head_memory(const UcWeights *w, size_t block, int threads)
{
	size_t		h = w->model.config.hidden,
				blocks = blocks_of(w->model.config.vocabulary, block),
				row = uc_size_mul(sizeof(float), (STRANDS + 1) * h + 2);

	row = uc_size_add(row, uc_size_mul(blocks, sizeof(float) + sizeof(double)));
	row = uc_size_add(row, uc_size_mul((size_t) threads, block * sizeof(float)));
	return uc_size_add(uc_size_mul(ROWS, row), uc_size_mul(uc_head_floats(w), sizeof(float)));
}

UcStatus
uc_head_create(const UcWeights *w, const size_t *counts, size_t block, int threads, UcHead **out, UcError *err)
{
	UcHead	   *head = uc_alloc_zeroed(sizeof *head);
	size_t		h = w->model.config.hidden,
				words = w->model.config.vocabulary,
				blocks = blocks_of(words, block);
	double		total = (double) words;

	*out = NULL;
	if (head == NULL)
		return uc_out_of_memory(err, sizeof *head);
	head->weights = w;
	head->hidden = h;
	head->vocabulary = words;
	head->block = block;
	head->blocks = blocks;
	head->threads = threads;
	head->values = uc_alloc_zeroed(uc_size_mul(uc_head_floats(w), sizeof(float)));
	head->z = uc_alloc(uc_size_mul(ROWS * h, sizeof(float)));
	head->d_z = uc_alloc(uc_size_mul(STRANDS * ROWS * h, sizeof(float)));
	head->logits = uc_alloc(uc_size_mul((size_t) threads * ROWS, block * sizeof(float)));
	head->largest = uc_alloc(uc_size_mul(blocks * ROWS, sizeof(float)));
	head->sums = uc_alloc(uc_size_mul(blocks * ROWS, sizeof(double)));
	head->normalizer = uc_alloc(ROWS * sizeof(float));
	head->hit = uc_alloc(ROWS * sizeof(float));
	if (head->values == NULL || head->z == NULL || head->d_z == NULL || head->logits == NULL || head->largest == NULL ||
		head->sums == NULL || head->normalizer == NULL || head->hit == NULL)
	{
		uc_head_free(head);
		return uc_out_of_memory(err, uc_head_memory(w, block, threads));
	}
	for (size_t i = 0; i < words; i++)
		total += (double) counts[i];
	/* one more than they are: no word is impossible */
	for (size_t i = 0; i < words; i++)
		head->values[h * (h + 1) + i] = (float) log(((double) counts[i] + 1) / total);
	*out = head;
	return UC_OK;
}

void
uc_head_free(UcHead *head)
{
	if (head == NULL)
		return;
	uc_free(head->values);
	uc_free(head->z);
	uc_free(head->d_z);
	uc_free(head->logits);
	uc_free(head->largest);
	uc_free(head->sums);
	uc_free(head->normalizer);
	uc_free(head->hit);
	uc_free(head);
}

float *
uc_head_values(UcHead *head)
{
	return head->values;
}

/* logits [rows, n] of a block; n is returned. */
static size_t
block_logits(const Guess *g, size_t block, float *logits)
{
	const UcHead *head = g->head;
	size_t		h = head->hidden,
				first = block * head->block,
				n = head->vocabulary - first < head->block ? head->vocabulary - first : head->block;
	const float *bias = head->values + h * (h + 1) + first,
			   *word = (const float *) head->weights->model.word + first * h;

	for (size_t i = 0; i < g->rows; i++)
		memcpy(logits + i * n, bias, n * sizeof(float));
	uc_sgemm_nt(g->rows, n, h, 1.0f, head->z, h, word, h, 1.0f, logits, n);
	return n;
}

static float *
logits_of(const UcHead *head, int worker)
{
	return head->logits + (size_t) worker * ROWS * head->block;
}

static UcStatus
sum_block(void *arg, size_t block, int worker, UcSection *section, UcError *err)
{
	const Guess *g = arg;
	const UcHead *head = g->head;
	float	   *logits = logits_of(head, worker);
	size_t		n,
				first = block * head->block;

	if (uc_section_stopped(section, worker))
		return uc_interrupt_error(err);
	n = block_logits(g, block, logits);
	for (size_t i = 0; i < g->rows; i++)
	{
		float	   *row = logits + i * n,
					top = uc_kernels()->largest(row, n);

		if (g->targets[i] >= first && g->targets[i] < first + n)
			head->hit[i] = row[g->targets[i] - first];
		head->largest[block * ROWS + i] = top;
		head->sums[block * ROWS + i] = uc_kernels()->exponentials(row, top, n);
	}
	return UC_OK;
}

/* The normalizers from the blocks' sums, in the order of the blocks; the loss of the rows. */
static double
normalize(const Guess *g)
{
	const UcHead *head = g->head;
	double		loss = 0;

	for (size_t i = 0; i < g->rows; i++)
	{
		float		top = head->largest[i];
		double		sum = 0;

		for (size_t b = 1; b < head->blocks; b++)
			top = fmaxf(top, head->largest[b * ROWS + i]);
		for (size_t b = 0; b < head->blocks; b++)
			sum += head->sums[b * ROWS + i] * exp((double) head->largest[b * ROWS + i] - top);
		head->normalizer[i] = (float) (top + log(sum));
		loss += top + log(sum) - head->hit[i];
	}
	return loss;
}

/* A block's logits become share * (probability - target), which gives the gradients. */
static UcStatus
strand_back(void *arg, size_t strand, int worker, UcSection *section, UcError *err)
{
	const Guess *g = arg;
	const UcHead *head = g->head;
	size_t		h = head->hidden;
	float	   *d_z = head->d_z + strand * ROWS * h,
			   *logits = logits_of(head, worker);

	memset(d_z, 0, g->rows * h * sizeof(float));
	for (size_t block = strand; block < head->blocks; block += STRANDS)
	{
		size_t		first = block * head->block,
					n;

		if (uc_section_stopped(section, worker))
			return uc_interrupt_error(err);
		n = block_logits(g, block, logits);
		for (size_t i = 0; i < g->rows; i++)
		{
			float	   *row = logits + i * n;

			uc_kernels()->exponentials(row, head->normalizer[i], n);
			if (g->targets[i] >= first && g->targets[i] < first + n)
				row[g->targets[i] - first] -= 1.0f;
			for (size_t j = 0; j < n; j++)
				row[j] *= g->share;
			uc_kernels()->add(g->d_bias + first, row, n);
		}
		uc_sgemm_nn(g->rows, h, n, 1.0f, logits, n, (const float *) head->weights->model.word + first * h, h, 1.0f, d_z, h);
		if (g->d_word != NULL)
			uc_sgemm_tn(n, h, g->rows, 1.0f, logits, n, head->z, h, 1.0f, g->d_word + first * h, h);
	}
	return UC_OK;
}

/* At most ROWS rows. */
static UcStatus
run_rows(Guess *g, const float *x, float *d_x, float *d_values, const UcRun *run, double *loss, UcError *err)
{
	UcHead	   *head = g->head;
	size_t		h = head->hidden;
	const float *transform = head->values;
	float	   *d_z = head->d_z;
	UcStatus	status;
	double		sum;

	for (size_t i = 0; i < g->rows; i++)
		memcpy(head->z + i * h, transform + h * h, h * sizeof(float));
	uc_sgemm_nt(g->rows, h, h, 1.0f, x, h, transform, h, 1.0f, head->z, h);
	status = uc_parallel(run, head->blocks, sum_block, g, err);
	if (status != UC_OK)
		return status;
	sum = normalize(g);
	if (!isfinite(sum))
		return uc_error(err, UC_INVALID_DATA, "the training loss is not finite");
	*loss += sum * g->share;
	if (d_values == NULL)
		return UC_OK;
	status = uc_parallel(run, STRANDS, strand_back, g, err);
	if (status != UC_OK)
		return status;
	for (size_t strand = 1; strand < STRANDS; strand++)
		uc_kernels()->add(d_z, d_z + strand * ROWS * h, g->rows * h);
	uc_sgemm_tn(h, h, g->rows, 1.0f, d_z, h, x, h, 1.0f, d_values, h);
	for (size_t i = 0; i < g->rows; i++)
		uc_kernels()->add(d_values + h * h, d_z + i * h, h);
	uc_sgemm_nn(g->rows, h, h, 1.0f, d_z, h, transform, h, 0.0f, d_x, h);
	return UC_OK;
}

UcStatus
uc_head_run(UcHead *head, const float *x, const uint32_t *targets, size_t count, double share, float *d_x, float *d_values,
			float *d_word, const UcRun *run, double *loss, UcError *err)
{
	size_t		h = head->hidden;
	UcRun		granted = *run;
	UcStatus	status = UC_OK;

	granted.threads = run->threads < head->threads ? run->threads : head->threads;
	for (size_t first = 0; first < count && status == UC_OK; first += ROWS)
	{
		Guess		g = {head, targets + first, count - first < ROWS ? count - first : ROWS, (float) share,
		d_values == NULL ? NULL : d_values + h * (h + 1), d_word};

		status = run_rows(&g, x + first * h, d_values == NULL ? NULL : d_x + first * h, d_values, &granted, loss, err);
	}
	return status;
}
