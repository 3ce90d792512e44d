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
#include "embed/distil_ridge.h"
#include "embed/distil_words.h"
#include "embed/encoder.h"
#include "model/static_model.h"
#include "model/writer.h"
#include "text/pieces.h"

#define FILE_BYTES 38000000		/* of vectors, so that the file stays below 40 MB */
#define COMMON 1e-3				/* share of all words at which a word's weight is one half */
#define PIECE_WORDS 3			/* that have a piece, at least */
#define PIECE_WEIGHT 0.1		/* a word has many: their vectors are the longer, so that only a text's length is changed by this */
#define PIECE_PENALTY 4			/* of a piece's part in a word, between what suits Chinese and what suits English */
#define POLLED 1024				/* rows between two polls */

static const double penalties[] = {0.1, 0.3, 1, 3};

typedef struct Distil
{
	UcRun		run;
	UcText	   *texts;			/* [count] shuffled: the last `held` are held back */
	size_t		count;
	size_t		held;
	size_t		dim;
	UcDistilWords words;
	UcDistilWords parts;
	uint32_t	vocabulary;		/* words: entries from 0 on */
	uint32_t	pieces;			/* entries behind them */
	char	   *section;
	size_t		section_bytes;
	size_t	   *starts;			/* [count + 1] into ids and values */
	uint32_t   *ids;			/* A [count, vocabulary], row after row */
	float	   *values;
	size_t		entries;		/* room for these */
	size_t	   *part_starts;	/* [vocabulary + 1] into part_ids and part_values */
	uint32_t   *part_ids;		/* which pieces a word has */
	float	   *part_values;
	size_t		part_entries;
	float	   *weights;		/* [vocabulary + pieces] */
	bool	   *seen;			/* [vocabulary] by the texts that are not held back */
	double	   *row;			/* [dim] */
	float	   *mean;			/* [dim] of the embeddings */
	float	   *e;				/* [count, dim] less the mean */
	float	   *v0;				/* [vocabulary, dim] less their mean */
	float	   *rest;			/* [count, dim] E − s·A·V0 */
	float	   *v;				/* [vocabulary + pieces, dim] */
	double		scale;			/* s */
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

		if (i % 64 == 0 && uc_interrupted(&d->run))
			return uc_interrupt_error(err);
		status = uc_distil_words_any(&d->words, texts[i], &d->run, &any, err);
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

/* The entries of the file: words, and behind them pieces, of which an eighth of the room is theirs. */
static UcStatus
make_section(Distil *d, UcError *err)
{
	size_t		entries = (size_t) d->vocabulary + d->pieces;
	UcStaticWord *all = uc_alloc(uc_size_mul(entries, sizeof *all));
	UcStatus	status;

	if (all == NULL)
		return uc_out_of_memory(err, uc_size_mul(entries, sizeof *all));
	memcpy(all, d->words.words, d->vocabulary * sizeof *all);
	if (d->pieces > 0)
		memcpy(all + d->vocabulary, d->parts.words, d->pieces * sizeof *all);
	status = uc_static_section(all, (uint32_t) entries, &d->section, &d->section_bytes, err);
	uc_free(all);
	return status;
}

static UcStatus
make_vocabulary(Distil *d, UcError *err)
{
	size_t		room = FILE_BYTES / (2 * d->dim);
	UcStatus	status = UC_OK;

	for (size_t i = 0; i < d->count && status == UC_OK; i++)
	{
		if (i % 64 == 0 && uc_interrupted(&d->run))
			return uc_interrupt_error(err);
		status = uc_distil_words_add(&d->words, d->texts[i], &d->run, err);
	}
	for (size_t i = 0; i < d->words.count; i++)
		d->entries += d->words.words[i].count;
	if (status != UC_OK || (status = uc_distil_words_finish(&d->words, 1, room - room / 8, &d->vocabulary, err)) != UC_OK)
		return status;
	d->parts.bytes = d->words.bytes;
	status = uc_distil_words_part(&d->words, d->vocabulary, &d->parts, &d->run, err);
	for (size_t i = 0; i < d->parts.count; i++)
		d->part_entries += d->parts.words[i].count;
	if (status == UC_OK)
		status = uc_distil_words_finish(&d->parts, PIECE_WORDS, room - d->vocabulary, &d->pieces, err);
	return status == UC_OK ? make_section(d, err) : status;
}

/* All that the rest needs, before the first of it is done. */
static UcStatus
take_memory(Distil *d, const UcModel *base, UcError *err)
{
	size_t		all = (size_t) d->vocabulary + d->pieces,
				texts = uc_ridge_memory(d->count, d->vocabulary, d->dim, &d->run),
				words = uc_ridge_memory(d->vocabulary, d->pieces, d->dim, &d->run),
				encoder = uc_size_mul(uc_encoder_memory(base), d->run.threads < 1 ? 1 : (size_t) d->run.threads),
				most = texts > words ? texts : words,
				floats = uc_size_mul(uc_size_add(2 * d->count, uc_size_add(d->vocabulary, all)), d->dim),
				places = uc_size_add(uc_size_mul(d->entries + d->part_entries, sizeof(uint32_t) + sizeof(float)),
									 uc_size_mul(d->count + d->vocabulary + 2, sizeof(size_t))),
				bytes = uc_size_add(d->parts.bytes, uc_size_add(places, uc_size_add(uc_size_mul(floats, sizeof(float)),
																				  most > encoder ? most : encoder)));
	UcStatus	status = uc_check_budget("distilling a model from these texts", bytes, d->run.max_memory, err);

	if (status != UC_OK)
		return status;
	d->starts = uc_alloc_zeroed(uc_size_mul(d->count + 1, sizeof *d->starts));
	d->ids = uc_alloc(uc_size_mul(d->entries + 1, sizeof *d->ids));
	d->values = uc_alloc(uc_size_mul(d->entries + 1, sizeof *d->values));
	d->part_starts = uc_alloc_zeroed(uc_size_mul((size_t) d->vocabulary + 1, sizeof *d->part_starts));
	d->part_ids = uc_alloc(uc_size_mul(d->part_entries + 1, sizeof *d->part_ids));
	d->part_values = uc_alloc(uc_size_mul(d->part_entries + 1, sizeof *d->part_values));
	d->seen = uc_alloc_zeroed(d->vocabulary * sizeof *d->seen);
	d->row = uc_alloc(d->dim * sizeof *d->row);
	if (d->starts == NULL || d->ids == NULL || d->values == NULL || d->part_starts == NULL || d->part_ids == NULL ||
		d->part_values == NULL || d->seen == NULL || d->row == NULL)
		return uc_out_of_memory(err, places);
	if ((status = get_floats(&d->weights, all, 1, err)) == UC_OK && (status = get_floats(&d->mean, 1, d->dim, err)) == UC_OK &&
		(status = get_floats(&d->e, d->count, d->dim, err)) == UC_OK &&
		(status = get_floats(&d->rest, d->count, d->dim, err)) == UC_OK &&
		(status = get_floats(&d->v0, d->vocabulary, d->dim, err)) == UC_OK)
		status = get_floats(&d->v, all, d->dim, err);
	return status;
}

static void
make_weights(Distil *d)
{
	for (uint32_t i = 0; i < d->vocabulary; i++)
		d->weights[i] = (float) (COMMON / (COMMON + (double) d->words.words[i].count / (double) d->entries));
	for (uint32_t i = 0; i < d->pieces; i++)
		d->weights[d->vocabulary + i] = (float) PIECE_WEIGHT;
}

/* Row after row of A; words that did not come into the vocabulary are left out. */
static UcStatus
count_tokens(Distil *d, const UcTokenizer *tokenizer, UcTokens *tokens, UcError *err)
{
	for (size_t i = 0; i < d->count; i++)
	{
		size_t		first = d->starts[i],
					words = 0,
					distinct;
		double		square = 0;
		UcStatus	status = uc_tokenize(tokenizer, d->texts[i].text, d->texts[i].bytes, &d->run, tokens, err);

		if (status != UC_OK)
			return status;
		for (size_t k = 0; k < tokens->count; k++)
			if (tokens->tokens[k].id < d->vocabulary)
				tokens->tokens[words++] = tokens->tokens[k];
		tokens->count = words;
		uc_distil_bag(tokens, d->weights, d->ids + first, d->values + first, &distinct);
		for (size_t k = first; k < first + distinct; k++)
		{
			square += (double) d->values[k] * d->values[k];
			if (i < trained(d))
				d->seen[d->ids[k]] = true;
		}
		for (size_t k = first; k < first + distinct; k++)
			d->values[k] /= (float) sqrt(square);
		d->starts[i + 1] = first + distinct;
		if (i % 64 == 0 && uc_interrupted(&d->run))
			return uc_interrupt_error(err);
	}
	return UC_OK;
}

static UcStatus
make_bags(Distil *d, UcError *err)
{
	UcTokenizer *tokenizer = NULL;
	UcTokens	tokens = {0};
	UcStatus	status = uc_tokenizer_open(d->section, d->section_bytes, d->vocabulary + d->pieces, &tokenizer, err);

	if (status == UC_OK)
		status = count_tokens(d, tokenizer, &tokens, err);
	uc_tokens_free(&tokens);
	uc_tokenizer_close(tokenizer);
	return status;
}

/* Takes the mean of the first `rows` away from all, and adds it to `mean` unless that is NULL. */
static UcStatus
centre(Distil *d, float *x, size_t rows, size_t all, float *mean, UcError *err)
{
	memset(d->row, 0, d->dim * sizeof *d->row);
	for (size_t i = 0; i < rows; i++)
	{
		uc_kernels()->accumulate(d->row, x + i * d->dim, 1, d->dim);
		if (i % POLLED == 0 && uc_interrupted(&d->run))
			return uc_interrupt_error(err);
	}
	for (size_t j = 0; j < d->dim; j++)
	{
		d->row[j] /= (double) rows;
		if (mean != NULL)
			mean[j] += (float) d->row[j];
	}
	for (size_t i = 0; i < all; i++)
	{
		for (size_t j = 0; j < d->dim; j++)
			x[i * d->dim + j] -= (float) d->row[j];
		if (i % POLLED == 0 && uc_interrupted(&d->run))
			return uc_interrupt_error(err);
	}
	return UC_OK;
}

static UcStatus
embed_base(Distil *d, const UcModel *base, const UcTokenizer *tokenizer, UcError *err)
{
	UcEmbedOptions options = {.prompt = uc_model_prompt(base)};
	UcText	   *words = uc_alloc(uc_size_mul(d->vocabulary, sizeof *words));
	UcStatus	status = words == NULL ? uc_out_of_memory(err, uc_size_mul(d->vocabulary, sizeof *words)) : UC_OK;

	for (uint32_t i = 0; i < d->vocabulary && status == UC_OK; i++)
		words[i] = (UcText) {d->words.words[i].text, d->words.words[i].bytes};
	if (status == UC_OK &&
		(status = uc_embed(base, tokenizer, d->texts, d->count, &options, &d->run, d->e, err)) == UC_OK &&
		(status = uc_embed(base, tokenizer, words, d->vocabulary, &options, &d->run, d->v0, err)) == UC_OK &&
		(status = centre(d, d->e, trained(d), d->count, d->mean, err)) == UC_OK)
		status = centre(d, d->v0, d->vocabulary, d->vocabulary, NULL, err);
	uc_free(words);
	return status;
}

/* row = row `i` of A·vectors */
static void
sum_row(const Distil *d, const float *vectors, size_t i)
{
	memset(d->row, 0, d->dim * sizeof *d->row);
	for (size_t k = d->starts[i]; k < d->starts[i + 1]; k++)
		uc_kernels()->accumulate(d->row, vectors + d->ids[k] * d->dim, d->values[k], d->dim);
}

/* s, and what s·A·V0 leaves of E, over the first `rows`. */
static UcStatus
find_rest(Distil *d, size_t rows, UcError *err)
{
	double		both = 0,
				own = 0;

	for (size_t i = 0; i < rows; i++)
	{
		sum_row(d, d->v0, i);
		for (size_t j = 0; j < d->dim; j++)
		{
			both += d->row[j] * d->e[i * d->dim + j];
			own += d->row[j] * d->row[j];
		}
		if (i % POLLED == 0 && uc_interrupted(&d->run))
			return uc_interrupt_error(err);
	}
	d->scale = own > 0 ? both / own : 0;
	for (size_t i = 0; i < rows; i++)
	{
		sum_row(d, d->v0, i);
		for (size_t j = 0; j < d->dim; j++)
			d->rest[i * d->dim + j] = (float) (d->e[i * d->dim + j] - d->scale * d->row[j]);
		if (i % POLLED == 0 && uc_interrupted(&d->run))
			return uc_interrupt_error(err);
	}
	return UC_OK;
}

/* V from the first `rows` texts. */
static UcStatus
fit(Distil *d, size_t rows, double penalty, UcError *err)
{
	UcRidge		ridge = {.rows = rows,.columns = d->vocabulary,.starts = d->starts,.ids = d->ids,.values = d->values,
	.target = d->rest,.dim = d->dim,.penalty = penalty,.out = d->v,.phase = "fitting word vectors"};
	UcStatus	status = uc_ridge_fit(&ridge, &d->run, err);

	for (size_t i = 0; i < d->vocabulary && status == UC_OK; i++)
		for (size_t j = 0; j < d->dim; j++)
			d->v[i * d->dim + j] += (float) d->scale * d->v0[i * d->dim + j];
	return status;
}

/* Mean cosines over the texts held back, without the words that only they have. */
static UcStatus
judge(Distil *d, double *fidelity, double *centred, UcError *err)
{
	*fidelity = *centred = 0;
	for (size_t i = trained(d); i < d->count; i++)
	{
		double		sums[6] = {0},
					square = 0;

		memset(d->row, 0, d->dim * sizeof *d->row);
		for (size_t k = d->starts[i]; k < d->starts[i + 1]; k++)
			if (d->seen[d->ids[k]])
			{
				uc_kernels()->accumulate(d->row, d->v + d->ids[k] * d->dim, d->values[k], d->dim);
				square += (double) d->values[k] * d->values[k];
			}
		square = square > 0 ? 1 / sqrt(square) : 0;
		for (size_t j = 0; j < d->dim; j++)
		{
			double		e = d->e[i * d->dim + j],
						m = d->mean[j],
						v = square * d->row[j];

			sums[0] += e * v;
			sums[1] += e * e;
			sums[2] += v * v;
			sums[3] += (e + m) * (v + m);
			sums[4] += (e + m) * (e + m);
			sums[5] += (v + m) * (v + m);
		}
		*centred += sums[1] > 0 && sums[2] > 0 ? sums[0] / sqrt(sums[1] * sums[2]) : 0;
		*fidelity += sums[4] > 0 && sums[5] > 0 ? sums[3] / sqrt(sums[4] * sums[5]) : 0;
		if (i % POLLED == 0 && uc_interrupted(&d->run))
			return uc_interrupt_error(err);
	}
	*fidelity /= (double) d->held;
	*centred /= (double) d->held;
	return UC_OK;
}

/* The penalty that does best on the texts held back. */
static UcStatus
choose_penalty(Distil *d, UcDistilled *out, UcError *err)
{
	UcStatus	status = find_rest(d, trained(d), err);

	out->centred = -2;
	for (size_t i = 0; i < sizeof penalties / sizeof *penalties && status == UC_OK; i++)
	{
		double		fidelity,
					centred;

		if ((status = fit(d, trained(d), penalties[i], err)) == UC_OK &&
			(status = judge(d, &fidelity, &centred, err)) == UC_OK && centred > out->centred)
		{
			out->centred = centred;
			out->fidelity = fidelity;
			out->penalty = penalties[i];
		}
	}
	return status;
}

/* Vectors of pieces whose sums come near to the vectors of the words that have them. */
static UcStatus
fit_pieces(Distil *d, UcError *err)
{
	UcRidge		ridge = {.rows = d->vocabulary,.columns = d->pieces,.starts = d->part_starts,.ids = d->part_ids,
		.values = d->part_values,.target = d->v,.dim = d->dim,.penalty = PIECE_PENALTY * PIECE_WEIGHT * PIECE_WEIGHT,
	.out = d->v + d->vocabulary * d->dim,.phase = "fitting vectors of pieces"};
	size_t		used = 0;

	for (uint32_t i = 0; i < d->vocabulary; i++)
	{
		UcPieces	parts;
		char		piece[UC_PIECE_ROOM];
		size_t		bytes;

		uc_pieces_start(&parts, d->words.words[i].text, d->words.words[i].bytes);
		while (uc_pieces_next(&parts, piece, &bytes))
		{
			uint32_t	id = uc_distil_words_find(&d->parts, piece, bytes);

			if (id >= d->pieces)
				continue;
			d->part_ids[used] = id;
			d->part_values[used++] = (float) PIECE_WEIGHT;
		}
		d->part_starts[i + 1] = used;
		if (i % POLLED == 0 && uc_interrupted(&d->run))
			return uc_interrupt_error(err);
	}
	return uc_ridge_fit(&ridge, &d->run, err);
}

/* With the penalty chosen, all texts teach. */
static UcStatus
train(Distil *d, UcDistilled *out, UcError *err)
{
	UcStatus	status;

	if ((status = choose_penalty(d, out, err)) == UC_OK &&
		(status = centre(d, d->e, d->count, d->count, d->mean, err)) == UC_OK &&
		(status = find_rest(d, d->count, err)) == UC_OK && (status = fit(d, d->count, out->penalty, err)) == UC_OK)
		status = fit_pieces(d, err);
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
	UcStaticContent content = {.section = d->section,.section_bytes = d->section_bytes,.words = d->vocabulary + d->pieces,
	.dimensions = (uint32_t) d->dim,.vectors = d->v,.weights = d->weights,.mean = d->mean,.run = &d->run};
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

UcStatus
uc_distil(const UcModel *base, const UcTokenizer *tokenizer, const char *name, const UcText *texts, size_t count,
		  uint64_t seed, const char *output, const UcRun *run, UcDistilled *out, UcError *err)
{
	Distil		d = {.run = *run,.dim = base->config.dimensions};
	UcStatus	status;

	if (base->config.architecture == UC_ARCHITECTURE_STATIC)
	{
		uc_error(err, UC_INVALID_ARGUMENT, "model \"%s\" is a static one already", name);
		uc_error_hint(err, "Distil from the model that it was distilled from.");
		return UC_INVALID_ARGUMENT;
	}
	status = uc_distil_words_open(&d.words, err);
	d.words.bytes = uc_size_mul(2 * count, sizeof *texts);
	for (size_t i = 0; i < count; i++)
		d.words.bytes = uc_size_add(d.words.bytes, texts[i].bytes);
	if (status == UC_OK && (status = choose_texts(&d, texts, count, seed, err)) == UC_OK &&
		(status = make_vocabulary(&d, err)) == UC_OK && (status = take_memory(&d, base, err)) == UC_OK)
	{
		make_weights(&d);
		if ((status = make_bags(&d, err)) == UC_OK && (status = embed_base(&d, base, tokenizer, err)) == UC_OK)
			status = train(&d, out, err);
	}
	if (status == UC_OK)
	{
		out->texts = d.count;
		out->held_out = d.held;
		out->words = d.vocabulary;
		status = write_model(&d, base, name, output, out, err);
	}
	uc_distil_words_close(&d.words);
	uc_distil_words_close(&d.parts);
	uc_free(d.texts);
	uc_free(d.section);
	uc_free(d.starts);
	uc_free(d.ids);
	uc_free(d.values);
	uc_free(d.part_starts);
	uc_free(d.part_ids);
	uc_free(d.part_values);
	uc_free(d.seen);
	uc_free(d.row);
	uc_free(d.weights);
	uc_free(d.mean);
	uc_free(d.e);
	uc_free(d.rest);
	uc_free(d.v0);
	uc_free(d.v);
	return status;
}
