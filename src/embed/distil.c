/*
 * distil.c
 *	  Vocabulary, the base model's embeddings, ridge regression, file.
 */
#include "embed/distil.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "base/simd.h"
#include "embed/distil_words.h"
#include "model/static_model.h"
#include "model/writer.h"

#define FILE_BYTES 38000000		/* of vectors, so that the file stays below 40 MB */
#define COMMON 1e-3				/* share of all words at which a word's weight is one half */
#define COLUMNS 32				/* that one task solves: their row is two cache lines */
#define STEPS 100				/* of conjugate gradients, at most */
#define TOLERANCE 1e-8			/* of the squared residual */

static const double penalties[] = {0.1, 0.3, 1, 3};

typedef struct Distil
{
	const UcRun *run;
	UcText	   *texts;			/* [count] shuffled: the last `held` are held back */
	size_t		count;
	size_t		held;
	size_t		dim;
	UcDistilWords words;
	uint32_t	vocabulary;
	char	   *section;
	size_t		section_bytes;
	size_t	   *starts;			/* [count + 1] into ids and values */
	uint32_t   *ids;			/* A, row after row */
	float	   *values;
	float	   *weights;		/* [vocabulary] */
	float	   *mean;			/* [dim] of the embeddings */
	float	   *e;				/* [count, dim] less the mean */
	float	   *v0;				/* [vocabulary, dim] less their mean */
	float	   *rest;			/* [count, dim] E − s·A·V0 */
	float	   *v;				/* [vocabulary, dim] */
	float	   *best;			/* [vocabulary, dim] */
	double		scale;			/* s */
	double		penalty;
} Distil;

static size_t
trained(const Distil *d)
{
	return d->count - d->held;
}

static UcStatus
get_floats(float **out, size_t rows, size_t columns, UcError *err)
{
	size_t		bytes = uc_size_mul(uc_size_mul(rows, columns), sizeof(float));

	*out = uc_alloc_zeroed(bytes);
	return *out == NULL ? uc_out_of_memory(err, bytes) : UC_OK;
}

/* Texts that have words, in a random order. */
static UcStatus
choose_texts(Distil *d, const UcText *texts, size_t count, uint64_t seed, UcError *err)
{
	UcRandom	random;
	UcStatus	status = UC_OK;

	d->texts = uc_alloc(uc_size_mul(count + 1, sizeof *d->texts));
	if (d->texts == NULL)
		return uc_out_of_memory(err, uc_size_mul(count + 1, sizeof *d->texts));
	for (size_t i = 0; i < count && status == UC_OK; i++)
	{
		bool		any;

		if (i % 64 == 0 && uc_interrupted(d->run))
			return uc_interrupt_error(err);
		status = uc_distil_words_any(&d->words, texts[i], d->run, &any, err);
		if (any)
			d->texts[d->count++] = texts[i];
	}
	if (status != UC_OK)
		return status;
	if (d->count < UC_DISTIL_LEAST)
	{
		uc_error(err, UC_INVALID_DATA, "too few texts to distil a model from");
		uc_error_detail(err, "%zu of %zu texts have words, and at least %d must.", d->count, count, UC_DISTIL_LEAST);
		uc_error_hint(err, "Give a few thousand texts of the kind that the model will embed.");
		return UC_INVALID_DATA;
	}
	uc_random_seed(&random, seed, 0);
	for (size_t i = d->count - 1; i > 0; i--)
	{
		size_t		other = uc_random_below(&random, i + 1);
		UcText		kept = d->texts[i];

		d->texts[i] = d->texts[other];
		d->texts[other] = kept;
	}
	d->held = d->count / 10;
	return UC_OK;
}

static UcStatus
make_vocabulary(Distil *d, UcError *err)
{
	UcStatus	status = UC_OK;
	double		total = 0;

	for (size_t i = 0; i < trained(d) && status == UC_OK; i++)
	{
		if (i % 64 == 0 && uc_interrupted(d->run))
			return uc_interrupt_error(err);
		status = uc_distil_words_add(&d->words, d->texts[i], d->run, err);
	}
	if (status == UC_OK)
		status = uc_distil_words_finish(&d->words, FILE_BYTES / (2 * d->dim), &d->vocabulary, err);
	if (status == UC_OK)
		status = uc_static_section(d->words.words, d->vocabulary, &d->section, &d->section_bytes, err);
	if (status == UC_OK)
		status = get_floats(&d->weights, d->vocabulary, 1, err);
	if (status != UC_OK)
		return status;
	for (uint32_t i = 0; i < d->vocabulary; i++)
		total += d->words.words[i].count;
	for (uint32_t i = 0; i < d->vocabulary; i++)
		d->weights[i] = (float) (COMMON / (COMMON + d->words.words[i].count / total));
	return UC_OK;
}

static UcStatus
count_tokens(Distil *d, const UcTokenizer *tokenizer, UcTokens *tokens, size_t *room, UcError *err)
{
	for (size_t i = 0; i < d->count; i++)
	{
		size_t		first = d->starts[i];
		double		square = 0;
		UcStatus	status = uc_tokenize(tokenizer, d->texts[i].text, d->texts[i].bytes, d->run, tokens, err);

		if (status != UC_OK)
			return status;
		if (first + tokens->count > *room)
		{
			size_t		grown = 2 * (first + tokens->count);
			uint32_t   *ids = realloc(d->ids, uc_size_mul(grown, sizeof *ids));
			float	   *values;

			d->ids = ids != NULL ? ids : d->ids;
			values = ids == NULL ? NULL : realloc(d->values, uc_size_mul(grown, sizeof *values));
			if (values == NULL)
				return uc_out_of_memory(err, uc_size_mul(grown, sizeof *values));
			d->values = values;
			*room = grown;
		}
		uc_distil_bag(tokens, d->weights, d->ids + first, d->values + first, &d->starts[i + 1]);
		for (size_t k = 0; k < d->starts[i + 1]; k++)
			square += (double) d->values[first + k] * d->values[first + k];
		for (size_t k = 0; k < d->starts[i + 1] && square > 0; k++)
			d->values[first + k] /= (float) sqrt(square);
		d->starts[i + 1] += first;
		if (i % 64 == 0 && uc_interrupted(d->run))
			return uc_interrupt_error(err);
	}
	return UC_OK;
}

static UcStatus
make_bags(Distil *d, UcError *err)
{
	UcTokenizer *tokenizer = NULL;
	UcTokens	tokens = {0};
	size_t		room = 0;
	UcStatus	status = uc_tokenizer_open(d->section, d->section_bytes, d->vocabulary, &tokenizer, err);

	d->starts = uc_alloc_zeroed(uc_size_mul(d->count + 1, sizeof *d->starts));
	if (status == UC_OK && d->starts == NULL)
		status = uc_out_of_memory(err, uc_size_mul(d->count + 1, sizeof *d->starts));
	if (status == UC_OK)
		status = count_tokens(d, tokenizer, &tokens, &room, err);
	uc_tokens_free(&tokens);
	uc_tokenizer_close(tokenizer);
	return status;
}

/* Takes the mean of the first `rows` away from all. */
static void
centre(float *x, size_t rows, size_t all, size_t dim, float *mean)
{
	for (size_t j = 0; j < dim; j++)
	{
		double		sum = 0;

		for (size_t i = 0; i < rows; i++)
			sum += x[i * dim + j];
		mean[j] = (float) (sum / (double) rows);
		for (size_t i = 0; i < all; i++)
			x[i * dim + j] -= mean[j];
	}
}

static UcStatus
embed_base(Distil *d, const UcModel *base, const UcTokenizer *tokenizer, UcError *err)
{
	UcEmbedOptions options = {.prompt = uc_model_prompt(base)};
	UcText	   *words = uc_alloc(uc_size_mul(d->vocabulary, sizeof *words));
	float	   *word_mean = NULL;
	UcStatus	status = words == NULL ? uc_out_of_memory(err, uc_size_mul(d->vocabulary, sizeof *words)) : UC_OK;

	for (uint32_t i = 0; i < d->vocabulary && status == UC_OK; i++)
		words[i] = (UcText) {d->words.words[i].text, d->words.words[i].bytes};
	if (status == UC_OK &&
		(status = get_floats(&word_mean, 1, d->dim, err)) == UC_OK &&
		(status = uc_embed(base, tokenizer, d->texts, d->count, &options, d->run, d->e, err)) == UC_OK &&
		(status = uc_embed(base, tokenizer, words, d->vocabulary, &options, d->run, d->v0, err)) == UC_OK)
	{
		centre(d->e, trained(d), d->count, d->dim, d->mean);
		centre(d->v0, d->vocabulary, d->vocabulary, d->dim, word_mean);
	}
	uc_free(words);
	uc_free(word_mean);
	return status;
}

/* out [dim] = row `i` of A·vectors */
static void
sum_row(const Distil *d, const float *vectors, size_t i, double *out)
{
	memset(out, 0, d->dim * sizeof *out);
	for (size_t k = d->starts[i]; k < d->starts[i + 1]; k++)
		uc_kernels()->accumulate(out, vectors + d->ids[k] * d->dim, d->values[k], d->dim);
}

/* s, and what s·A·V0 leaves of E. */
static void
find_rest(Distil *d, double *row)
{
	double		both = 0,
				own = 0;

	for (size_t i = 0; i < trained(d); i++)
	{
		sum_row(d, d->v0, i, row);
		for (size_t j = 0; j < d->dim; j++)
		{
			both += row[j] * d->e[i * d->dim + j];
			own += row[j] * row[j];
		}
	}
	d->scale = own > 0 ? both / own : 0;
	for (size_t i = 0; i < trained(d); i++)
	{
		sum_row(d, d->v0, i, row);
		for (size_t j = 0; j < d->dim; j++)
			d->rest[i * d->dim + j] = (float) (d->e[i * d->dim + j] - d->scale * row[j]);
	}
}

/* t [vocabulary, COLUMNS] = Aᵀ·x [texts, COLUMNS] */
static void
spread(const Distil *d, const float *x, float *t)
{
	memset(t, 0, (size_t) d->vocabulary * COLUMNS * sizeof *t);
	for (size_t i = 0; i < trained(d); i++)
		for (size_t k = d->starts[i]; k < d->starts[i + 1]; k++)
		{
			float	   *to = t + (size_t) d->ids[k] * COLUMNS;

			for (int j = 0; j < COLUMNS; j++)
				to[j] += d->values[k] * x[i * COLUMNS + j];
		}
}

/* One step for each column; true: all have come to an end. */
static bool
step(const Distil *d, float *x, float *r, float *p, float *q, float *t, double *norms, const double *goals)
{
	size_t		n = trained(d);
	double		curvature[COLUMNS] = {0},
				next[COLUMNS] = {0};
	bool		done = true;

	spread(d, p, t);
	for (size_t i = 0; i < n; i++)
	{
		float	   *row = q + i * COLUMNS;

		for (int j = 0; j < COLUMNS; j++)
			row[j] = (float) d->penalty * p[i * COLUMNS + j];
		for (size_t k = d->starts[i]; k < d->starts[i + 1]; k++)
			for (int j = 0; j < COLUMNS; j++)
				row[j] += d->values[k] * t[(size_t) d->ids[k] * COLUMNS + j];
		for (int j = 0; j < COLUMNS; j++)
			curvature[j] += (double) row[j] * p[i * COLUMNS + j];
	}
	for (int j = 0; j < COLUMNS; j++)
		curvature[j] = norms[j] > goals[j] && curvature[j] > 0 ? norms[j] / curvature[j] : 0;
	for (size_t i = 0; i < n * COLUMNS; i++)
	{
		x[i] += (float) curvature[i % COLUMNS] * p[i];
		r[i] -= (float) curvature[i % COLUMNS] * q[i];
		next[i % COLUMNS] += (double) r[i] * r[i];
	}
	for (size_t i = 0; i < n * COLUMNS; i++)
	{
		int			j = (int) (i % COLUMNS);

		p[i] = r[i] + (norms[j] > 0 ? (float) (next[j] / norms[j]) : 0) * p[i];
	}
	for (int j = 0; j < COLUMNS; j++)
	{
		norms[j] = next[j];
		done = done && next[j] <= goals[j];
	}
	return done;
}

/* Columns of V: those of the task. */
static UcStatus
solve(void *arg, size_t task, int worker, UcSection *section, UcError *err)
{
	const Distil *d = arg;
	size_t		n = trained(d) * COLUMNS,
				first = task * COLUMNS,
				width = d->dim - first < COLUMNS ? d->dim - first : COLUMNS;
	double		norms[COLUMNS] = {0},
				goals[COLUMNS];
	float	   *block,
			   *x, *r, *p, *q, *t;
	UcStatus	status = get_floats(&block, uc_size_add(4 * trained(d), d->vocabulary), COLUMNS, err);

	if (status != UC_OK)
		return status;
	x = block;
	r = x + n;
	p = r + n;
	q = p + n;
	t = q + n;
	for (size_t i = 0; i < trained(d); i++)
		for (size_t j = 0; j < width; j++)
		{
			float		value = d->rest[i * d->dim + first + j];

			r[i * COLUMNS + j] = p[i * COLUMNS + j] = value;
			norms[j] += (double) value * value;
		}
	for (int j = 0; j < COLUMNS; j++)
		goals[j] = TOLERANCE * norms[j];
	for (int i = 0; i < STEPS && !uc_section_stopped(section, worker); i++)
		if (step(d, x, r, p, q, t, norms, goals))
			break;
	spread(d, x, t);
	for (size_t i = 0; i < d->vocabulary; i++)
		for (size_t j = 0; j < width; j++)
			d->v[i * d->dim + first + j] = (float) (d->scale * d->v0[i * d->dim + first + j] + t[i * COLUMNS + j]);
	uc_free(block);
	return UC_OK;
}

/* Mean cosines over the texts held back. */
static void
judge(const Distil *d, double *row, double *fidelity, double *centred)
{
	*fidelity = *centred = 0;
	for (size_t i = trained(d); i < d->count; i++)
	{
		double		sums[6] = {0};

		sum_row(d, d->v, i, row);
		for (size_t j = 0; j < d->dim; j++)
		{
			double		e = d->e[i * d->dim + j],
						m = d->mean[j];

			sums[0] += e * row[j];
			sums[1] += e * e;
			sums[2] += row[j] * row[j];
			sums[3] += (e + m) * (row[j] + m);
			sums[4] += (e + m) * (e + m);
			sums[5] += (row[j] + m) * (row[j] + m);
		}
		*centred += sums[1] > 0 && sums[2] > 0 ? sums[0] / sqrt(sums[1] * sums[2]) : 0;
		*fidelity += sums[4] > 0 && sums[5] > 0 ? sums[3] / sqrt(sums[4] * sums[5]) : 0;
	}
	*fidelity /= (double) d->held;
	*centred /= (double) d->held;
}

static UcStatus
train(Distil *d, UcDistilled *out, UcError *err)
{
	double	   *row = uc_alloc(uc_size_mul(d->dim, sizeof *row));
	size_t		tasks = (d->dim + COLUMNS - 1) / COLUMNS;
	UcStatus	status = row == NULL ? uc_out_of_memory(err, uc_size_mul(d->dim, sizeof *row)) : UC_OK;

	out->centred = -2;
	if (status == UC_OK)
		find_rest(d, row);
	for (size_t i = 0; i < sizeof penalties / sizeof *penalties && status == UC_OK; i++)
	{
		double		fidelity,
					centred;

		d->penalty = penalties[i];
		status = uc_parallel_phase(d->run, "fitting word vectors", d->vocabulary, tasks, solve, d, err);
		if (status != UC_OK)
			break;
		judge(d, row, &fidelity, &centred);
		if (centred > out->centred)
		{
			float	   *kept = d->best;

			d->best = d->v;
			d->v = kept;
			out->centred = centred;
			out->fidelity = fidelity;
			out->penalty = d->penalty;
		}
	}
	uc_free(row);
	return status;
}

static UcStatus
add_number(char **metadata, size_t *bytes, const char *key, double value, UcError *err)
{
	char		text[32];

	snprintf(text, sizeof text, "%.6g", value);
	return uc_metadata_add(metadata, bytes, key, text, err);
}

static UcStatus
write_model(const Distil *d, const UcModel *base, const char *name, const char *output, const UcDistilled *found, UcError *err)
{
	char	   *metadata = NULL;
	UcStaticContent content = {.section = d->section,.section_bytes = d->section_bytes,.words = d->vocabulary,
	.dimensions = (uint32_t) d->dim,.vectors = d->best,.weights = d->weights,.mean = d->mean};
	size_t		bytes = 0;
	UcStatus	status;

	if ((status = uc_metadata_add(&metadata, &bytes, "prompt", "", err)) == UC_OK &&
		(status = uc_metadata_add(&metadata, &bytes, "distilled.base", name, err)) == UC_OK &&
		(status = uc_metadata_add(&metadata, &bytes, "distilled.fingerprint", base->fingerprint, err)) == UC_OK &&
		(status = add_number(&metadata, &bytes, "distilled.texts", (double) found->texts, err)) == UC_OK &&
		(status = add_number(&metadata, &bytes, "distilled.penalty", found->penalty, err)) == UC_OK &&
		(status = add_number(&metadata, &bytes, "distilled.fidelity", found->fidelity, err)) == UC_OK &&
		(status = add_number(&metadata, &bytes, "distilled.centred", found->centred, err)) == UC_OK)
	{
		content.metadata = metadata;
		content.metadata_bytes = bytes;
		status = uc_static_write(output, &content, err);
	}
	free(metadata);
	return status;
}

static UcStatus
take_memory(Distil *d, UcError *err)
{
	size_t		rows = uc_size_add(uc_size_mul(2, d->count), uc_size_mul(3, d->vocabulary)),
				scratch = uc_size_mul(uc_size_mul(uc_size_add(uc_size_mul(4, d->count), d->vocabulary), COLUMNS),
									  (size_t) d->run->threads),
				bytes = uc_size_mul(uc_size_add(uc_size_mul(rows, d->dim), scratch), sizeof(float));
	UcStatus	status = uc_check_budget("distilling a model from these texts", bytes, d->run->max_memory, err);

	if (status == UC_OK && (status = get_floats(&d->mean, 1, d->dim, err)) == UC_OK &&
		(status = get_floats(&d->e, d->count, d->dim, err)) == UC_OK &&
		(status = get_floats(&d->rest, d->count, d->dim, err)) == UC_OK &&
		(status = get_floats(&d->v0, d->vocabulary, d->dim, err)) == UC_OK &&
		(status = get_floats(&d->v, d->vocabulary, d->dim, err)) == UC_OK)
		status = get_floats(&d->best, d->vocabulary, d->dim, err);
	return status;
}

UcStatus
uc_distil(const UcModel *base, const UcTokenizer *tokenizer, const char *name, const UcText *texts, size_t count,
		  uint64_t seed, const char *output, const UcRun *run, UcDistilled *out, UcError *err)
{
	Distil		d = {.run = run,.dim = base->config.dimensions};
	UcStatus	status;

	if (base->config.architecture == UC_ARCHITECTURE_STATIC)
	{
		uc_error(err, UC_INVALID_ARGUMENT, "model \"%s\" is a static one already", name);
		uc_error_hint(err, "Distil from the model that it was distilled from.");
		return UC_INVALID_ARGUMENT;
	}
	status = uc_distil_words_open(&d.words, err);
	if (status == UC_OK && (status = choose_texts(&d, texts, count, seed, err)) == UC_OK &&
		(status = make_vocabulary(&d, err)) == UC_OK && (status = make_bags(&d, err)) == UC_OK &&
		(status = take_memory(&d, err)) == UC_OK && (status = embed_base(&d, base, tokenizer, err)) == UC_OK &&
		(status = train(&d, out, err)) == UC_OK)
	{
		out->texts = d.count;
		out->held_out = d.held;
		out->words = d.vocabulary;
		status = write_model(&d, base, name, output, out, err);
	}
	uc_distil_words_close(&d.words);
	uc_free(d.texts);
	uc_free(d.section);
	uc_free(d.starts);
	free(d.ids);
	free(d.values);
	uc_free(d.weights);
	uc_free(d.mean);
	uc_free(d.e);
	uc_free(d.rest);
	uc_free(d.v0);
	uc_free(d.v);
	uc_free(d.best);
	return status;
}
