/*
 * import_tokenizer.c
 *	  Reading tokenizer.json (https://huggingface.co/docs/tokenizers): each part is represented exactly or refused by name.
 */
#include "model/import_tokenizer.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "model/import_source.h"
#include "model/tokenizer_format.h"

#define MAX_IDS (1u << 24)

typedef struct Builder
{
	UcTokenizerHeader header;
	const char **pieces;		/* [ids], in the parsed JSON */
	size_t	   *lengths;		/* [ids] */
	double	   *scores;			/* [ids] */
	UcAddedToken *added;
	uint8_t    *charsmap;		/* decoded; [charsmap_bytes] */
	size_t		charsmap_bytes;
} Builder;

static UcStatus
refuse(UcError *err, const char *part, const char *name)
{
	return uc_error(err, UC_UNSUPPORTED, "tokenizer.json has the %s \"%s\", which is not supported", part,
					name == NULL ? "null" : name);
}

static const char *
string_at(json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static bool
is_type(json_t *object, const char *type)
{
	const char *name = string_at(object, "type");

	return name != NULL && strcmp(name, type) == 0;
}

static UcStatus
add_step(Builder *b, UcNormalizerStep step, UcError *err)
{
	if (b->header.step_count == UC_TOKENIZER_STEPS)
		return uc_error(err, UC_UNSUPPORTED, "tokenizer.json has more than %d normalizer steps", UC_TOKENIZER_STEPS);
	b->header.steps[b->header.step_count++] = step;
	return UC_OK;
}

static int
base64_digit(char c)
{
	const char *digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c == '\0' ? NULL : strchr(digits, c);

	return at == NULL ? -1 : (int) (at - digits);
}

static UcStatus
read_charsmap(Builder *b, json_t *normalizer, UcError *err)
{
	json_t	   *value = json_object_get(normalizer, "precompiled_charsmap");
	const char *text = json_string_value(value);
	size_t		length = json_string_length(value);
	uint32_t	bits = 0;
	int			held = 0;

	if (text == NULL || b->charsmap != NULL)
		return refuse(err, "normalizer", "Precompiled");
	b->charsmap = uc_alloc(length + 8);
	if (b->charsmap == NULL)
		return uc_out_of_memory(err, length);
	for (size_t i = 0; i < length && text[i] != '='; i++)
	{
		int			digit = base64_digit(text[i]);

		if (digit < 0)
			return uc_error(err, UC_CORRUPT, "tokenizer.json has a precompiled map that is not base64");
		bits = bits << 6 | (uint32_t) digit;
		held += 6;
		if (held >= 8)
		{
			held -= 8;
			b->charsmap[b->charsmap_bytes++] = (uint8_t) (bits >> held);
		}
	}
	return add_step(b, UC_NORMALIZE_CHARSMAP, err);
}

static UcStatus
read_bert_normalizer(Builder *b, json_t *n, UcError *err)
{
	json_t	   *strip = json_object_get(n, "strip_accents");
	bool		lower = json_is_true(json_object_get(n, "lowercase"));
	UcStatus	status = UC_OK;

	if (json_is_true(json_object_get(n, "clean_text")))
		status = add_step(b, UC_NORMALIZE_CLEAN, err);
	if (status == UC_OK && json_is_true(json_object_get(n, "handle_chinese_chars")))
		status = add_step(b, UC_NORMALIZE_SPLIT_CHINESE, err);
	if (status == UC_OK && (json_is_boolean(strip) ? json_is_true(strip) : lower))
		if ((status = add_step(b, UC_NORMALIZE_NFD, err)) == UC_OK)
			status = add_step(b, UC_NORMALIZE_STRIP_ACCENTS, err);
	if (status == UC_OK && lower)
		status = add_step(b, UC_NORMALIZE_LOWERCASE, err);
	return status;
}

static UcStatus
read_normalizer(Builder *b, json_t *n, int depth, UcError *err)
{
	if (n == NULL || json_is_null(n))
		return UC_OK;
	if (is_type(n, "Sequence") && depth == 0)
	{
		size_t		i;
		json_t	   *part;
		UcStatus	status = UC_OK;

		json_array_foreach(json_object_get(n, "normalizers"), i, part)
			if ((status = read_normalizer(b, part, 1, err)) != UC_OK)
				break;
		return status;
	}
	if (is_type(n, "BertNormalizer"))
		return read_bert_normalizer(b, n, err);
	if (is_type(n, "Precompiled"))
		return read_charsmap(b, n, err);
	if (is_type(n, "NFD"))
		return add_step(b, UC_NORMALIZE_NFD, err);
	if (is_type(n, "Lowercase"))
		return add_step(b, UC_NORMALIZE_LOWERCASE, err);
	if (is_type(n, "Replace"))
	{
		const char *regex = string_at(json_object_get(n, "pattern"), "Regex"),
				   *content = string_at(n, "content");

		if (regex != NULL && strcmp(regex, " {2,}") == 0 && content != NULL && strcmp(content, " ") == 0)
			return add_step(b, UC_NORMALIZE_COLLAPSE_SPACES, err);
	}
	return refuse(err, "normalizer", string_at(n, "type"));
}

static UcStatus
read_pre_tokenizer(Builder *b, json_t *p, int depth, UcError *err)
{
	if (is_type(p, "Sequence") && depth == 0)
	{
		size_t		i;
		json_t	   *part;
		UcStatus	status = UC_OK;

		json_array_foreach(json_object_get(p, "pretokenizers"), i, part)
			if ((status = read_pre_tokenizer(b, part, 1, err)) != UC_OK)
				break;
		return status;
	}
	if (b->header.pre_tokenizer != 0)
		return refuse(err, "pre-tokenizer", string_at(p, "type"));
	if (is_type(p, "WhitespaceSplit") && depth == 1)
		b->header.whitespace_split = 1;
	else if (is_type(p, "BertPreTokenizer") && !b->header.whitespace_split)
		b->header.pre_tokenizer = UC_PRETOKENIZE_BERT;
	else if (is_type(p, "Metaspace"))
	{
		const char *mark = string_at(p, "replacement"),
				   *scheme = string_at(p, "prepend_scheme");

		if (mark == NULL || strcmp(mark, "\xE2\x96\x81") != 0)
			return refuse(err, "Metaspace replacement", mark);
		b->header.pre_tokenizer = UC_PRETOKENIZE_METASPACE;
		b->header.metaspace_split = !json_is_false(json_object_get(p, "split"));
		if (scheme == NULL)
			b->header.prepend = json_is_false(json_object_get(p, "add_prefix_space")) ? UC_PREPEND_NEVER : UC_PREPEND_ALWAYS;
		else if (strcmp(scheme, "always") == 0)
			b->header.prepend = UC_PREPEND_ALWAYS;
		else if (strcmp(scheme, "never") == 0)
			b->header.prepend = UC_PREPEND_NEVER;
		else if (strcmp(scheme, "first") == 0)
			b->header.prepend = UC_PREPEND_FIRST;
		else
			return refuse(err, "Metaspace prepend scheme", scheme);
	}
	else
		return refuse(err, "pre-tokenizer", string_at(p, "type"));
	return UC_OK;
}

static UcStatus
add_template_token(Builder *b, bool front, json_int_t id, UcError *err)
{
	uint32_t   *count = front ? &b->header.prefix_count : &b->header.suffix_count;

	if (*count == UC_TEMPLATE_TOKENS || id < 0 || id >= (json_int_t) MAX_IDS)
		return uc_error(err, UC_UNSUPPORTED, "tokenizer.json has a template that is not supported");
	(front ? b->header.prefix : b->header.suffix)[(*count)++] = (uint32_t) id;
	return UC_OK;
}

static UcStatus
read_template(Builder *b, json_t *p, UcError *err)
{
	bool		front = true;
	size_t		i,
				j;
	json_t	   *part,
			   *id;
	UcStatus	status;

	if (p == NULL || json_is_null(p))
		return UC_OK;
	if (is_type(p, "BertProcessing") || is_type(p, "RobertaProcessing"))
	{
		status = add_template_token(b, true, json_integer_value(json_array_get(json_object_get(p, "cls"), 1)), err);
		return status != UC_OK ? status
			: add_template_token(b, false, json_integer_value(json_array_get(json_object_get(p, "sep"), 1)), err);
	}
	if (!is_type(p, "TemplateProcessing"))
		return refuse(err, "post-processor", string_at(p, "type"));
	json_array_foreach(json_object_get(p, "single"), i, part)
	{
		json_t	   *special = json_object_get(part, "SpecialToken");
		const char *name = string_at(special, "id");

		if (special == NULL)
		{
			front = false;
			continue;
		}
		json_array_foreach(json_object_get(json_object_get(json_object_get(p, "special_tokens"), name == NULL ? "" : name), "ids"), j, id)
			if ((status = add_template_token(b, front, json_integer_value(id), err)) != UC_OK)
				return status;
	}
	return UC_OK;
}

static UcStatus
set_piece(Builder *b, json_int_t id, json_t *text, double score, UcError *err)
{
	if (id < 0 || id >= (json_int_t) b->header.ids || !json_is_string(text))
		return uc_error(err, UC_CORRUPT, "tokenizer.json has a vocabulary entry with no usable id or text");
	b->pieces[id] = json_string_value(text);
	b->lengths[id] = json_string_length(text);
	b->scores[id] = score;
	if (b->lengths[id] > b->header.max_piece)
		b->header.max_piece = (uint32_t) b->lengths[id];
	return UC_OK;
}

static UcStatus
read_unigram(Builder *b, json_t *model, UcError *err)
{
	double		least = 0;
	size_t		i;
	json_t	   *entry;
	json_t	   *unknown = json_object_get(model, "unk_id");

	if (json_is_true(json_object_get(model, "byte_fallback")))
		return refuse(err, "Unigram option", "byte_fallback");
	if (!json_is_integer(unknown) || json_integer_value(unknown) < 0 || json_integer_value(unknown) >= b->header.ids)
		return uc_error(err, UC_UNSUPPORTED, "tokenizer.json has a Unigram model without unk_id, which is not supported");
	b->header.kind = UC_TOKENIZER_UNIGRAM;
	b->header.unknown = (uint32_t) json_integer_value(unknown);
	json_array_foreach(json_object_get(model, "vocab"), i, entry)
	{
		double		score = json_number_value(json_array_get(entry, 1));
		UcStatus	status = set_piece(b, (json_int_t) i, json_array_get(entry, 0), score, err);

		if (status != UC_OK)
			return status;
		if (i == 0 || score < least)
			least = score;
	}
	b->header.unknown_score = least - 10;
	return UC_OK;
}

static UcStatus
read_wordpiece(Builder *b, json_t *model, UcError *err)
{
	const char *mark = string_at(model, "continuing_subword_prefix"),
			   *unknown = string_at(model, "unk_token"),
			   *text;
	json_t	   *vocab = json_object_get(model, "vocab"),
			   *id,
			   *limit = json_object_get(model, "max_input_chars_per_word");

	if (mark == NULL || strlen(mark) >= sizeof b->header.continuation)
		return refuse(err, "WordPiece prefix", mark);
	strcpy(b->header.continuation, mark);
	b->header.kind = UC_TOKENIZER_WORDPIECE;
	b->header.max_word = json_is_integer(limit) ? (uint32_t) json_integer_value(limit) : 100;
	id = json_object_get(vocab, unknown == NULL ? "" : unknown);
	if (id == NULL)
		return uc_error(err, UC_CORRUPT, "tokenizer.json has no id for its unknown token");
	b->header.unknown = (uint32_t) json_integer_value(id);
	json_object_foreach(vocab, text, id)
	{
		json_int_t	number = json_integer_value(id);

		if (number < 0 || number >= b->header.ids)
			return uc_error(err, UC_CORRUPT, "tokenizer.json has an id out of range");
		b->pieces[number] = text;
		b->lengths[number] = strlen(text);
		if (b->lengths[number] > b->header.max_piece)
			b->header.max_piece = (uint32_t) b->lengths[number];
	}
	return UC_OK;
}

static uint32_t
count_ids(json_t *root)
{
	json_t	   *vocab = json_object_get(json_object_get(root, "model"), "vocab"),
			   *value;
	json_int_t	most = (json_int_t) json_array_size(vocab) - 1;
	const char *key;
	size_t		i;

	json_object_foreach(vocab, key, value)
		if (json_integer_value(value) > most)
			most = json_integer_value(value);
	json_array_foreach(json_object_get(root, "added_tokens"), i, value)
		if (json_integer_value(json_object_get(value, "id")) > most)
			most = json_integer_value(json_object_get(value, "id"));
	return most < 0 || most >= (json_int_t) MAX_IDS ? 0 : (uint32_t) most + 1;
}

static int
longer_first(const void *a, const void *b)
{
	return (int) ((const UcAddedToken *) b)->bytes - (int) ((const UcAddedToken *) a)->bytes;
}

static UcStatus
read_added(Builder *b, json_t *tokens, UcError *err)
{
	size_t		i;
	json_t	   *token;

	b->added = uc_alloc_zeroed(uc_size_mul(json_array_size(tokens) + 1, sizeof *b->added));
	if (b->added == NULL)
		return uc_out_of_memory(err, json_array_size(tokens) * sizeof *b->added);
	json_array_foreach(tokens, i, token)
	{
		UcAddedToken *added = &b->added[b->header.added_count];
		json_t	   *content = json_object_get(token, "content");
		json_int_t	id = json_integer_value(json_object_get(token, "id"));
		size_t		bytes = json_string_length(content);

		if (bytes == 0 || bytes >= sizeof added->content || id < 0 || id >= b->header.ids ||
			json_is_true(json_object_get(token, "normalized")))
			return refuse(err, "added token", json_string_value(content));
		memcpy(added->content, json_string_value(content), bytes);
		added->bytes = (uint8_t) bytes;
		added->id = (uint32_t) id;
		added->single_word = json_is_true(json_object_get(token, "single_word"));
		added->strip_left = json_is_true(json_object_get(token, "lstrip"));
		added->strip_right = json_is_true(json_object_get(token, "rstrip"));
		if (b->pieces[id] == NULL)
		{
			b->pieces[id] = json_string_value(content);
			b->lengths[id] = SIZE_MAX;	/* for showing; the model itself does not know it */
		}
		b->header.added_count++;
	}
	qsort(b->added, b->header.added_count, sizeof *b->added, longer_first);
	return UC_OK;
}

static void
put(char *section, size_t *used, UcSpan *span, const void *data, size_t bytes)
{
	*used = (*used + 7) & ~(size_t) 7;
	*span = (UcSpan) {*used, bytes};
	if (section != NULL && bytes > 0 && data != NULL)
		memcpy(section + *used, data, bytes);
	*used += bytes;
}

static void
fill_hash(const Builder *b, UcTokenSlot *slots)
{
	for (uint32_t i = 0; i < b->header.slots; i++)
		slots[i] = (UcTokenSlot) {0, UC_NO_ID};
	for (uint32_t id = 0; id < b->header.ids; id++)
	{
		uint64_t	hash = UC_HASH_BASIS;
		uint32_t	slot;

		if (b->pieces[id] == NULL || b->lengths[id] == SIZE_MAX || b->lengths[id] == 0)
			continue;
		for (size_t i = 0; i < b->lengths[id]; i++)
			hash = uc_token_hash(hash, (uint8_t) b->pieces[id][i]);
		slot = uc_token_slot(hash, b->header.slots);
		while (slots[slot].id != UC_NO_ID)
			slot = (slot + 1) & (b->header.slots - 1);
		slots[slot] = (UcTokenSlot) {(uint32_t) (hash >> 32), id};
	}
}

/* Called twice: without a section it only counts. */
static size_t
lay_out(Builder *b, char *section)
{
	UcTokenizerHeader *h = &b->header;
	size_t		used = sizeof *h,
				text_bytes = 0;
	uint32_t	units = 0;

	for (uint32_t id = 0; id < h->ids; id++)
		text_bytes += b->pieces[id] == NULL ? 0 : strlen(b->pieces[id]);
	put(section, &used, &h->piece_starts, NULL, ((size_t) h->ids + 1) * sizeof(uint32_t));
	put(section, &used, &h->pieces, NULL, text_bytes);
	put(section, &used, &h->scores, b->scores, h->kind == UC_TOKENIZER_UNIGRAM ? h->ids * sizeof(double) : 0);
	put(section, &used, &h->hash, NULL, (size_t) h->slots * sizeof(UcTokenSlot));
	put(section, &used, &h->added, b->added, h->added_count * sizeof(UcAddedToken));
	if (b->charsmap_bytes > 4)
		memcpy(&units, b->charsmap, sizeof units);
	if (units > 0 && units <= b->charsmap_bytes - 4)
	{
		put(section, &used, &h->charsmap_units, b->charsmap + 4, units / 4 * 4);
		put(section, &used, &h->charsmap_text, b->charsmap + 4 + units, b->charsmap_bytes - 4 - units);
	}
	if (section != NULL)
	{
		uint32_t   *starts = (uint32_t *) (section + h->piece_starts.offset);
		uint32_t	at = 0;

		for (uint32_t id = 0; id < h->ids; id++)
		{
			size_t		bytes = b->pieces[id] == NULL ? 0 : strlen(b->pieces[id]);

			starts[id] = at;
			if (bytes > 0)
				memcpy(section + h->pieces.offset + at, b->pieces[id], bytes);
			at += (uint32_t) bytes;
		}
		starts[h->ids] = at;
		fill_hash(b, (UcTokenSlot *) (section + h->hash.offset));
		memcpy(section, h, sizeof *h);
	}
	return used;
}

static UcStatus
build(Builder *b, json_t *root, UcImportedTokenizer *out, UcError *err)
{
	json_t	   *model = json_object_get(root, "model");
	UcStatus	status;

	memcpy(b->header.magic, UC_TOKENIZER_MAGIC, sizeof b->header.magic);
	b->header.ids = count_ids(root);
	if (b->header.ids == 0)
		return uc_error(err, UC_CORRUPT, "tokenizer.json has no vocabulary");
	b->pieces = uc_alloc_zeroed(b->header.ids * sizeof *b->pieces);
	b->lengths = uc_alloc_zeroed(b->header.ids * sizeof *b->lengths);
	b->scores = uc_alloc_zeroed(b->header.ids * sizeof *b->scores);
	if (b->pieces == NULL || b->lengths == NULL || b->scores == NULL)
		return uc_out_of_memory(err, b->header.ids * sizeof *b->pieces);
	if (is_type(model, "Unigram"))
		status = read_unigram(b, model, err);
	else if (is_type(model, "WordPiece"))
		status = read_wordpiece(b, model, err);
	else
		return refuse(err, "model", string_at(model, "type"));
	if (status != UC_OK || (status = read_added(b, json_object_get(root, "added_tokens"), err)) != UC_OK ||
		(status = read_normalizer(b, json_object_get(root, "normalizer"), 0, err)) != UC_OK ||
		(status = read_pre_tokenizer(b, json_object_get(root, "pre_tokenizer"), 0, err)) != UC_OK ||
		(status = read_template(b, json_object_get(root, "post_processor"), err)) != UC_OK)
		return status;
	if (b->header.pre_tokenizer == 0)
		return refuse(err, "pre-tokenizer", NULL);
	for (b->header.slots = 16; b->header.slots < 2 * b->header.ids;)
		b->header.slots *= 2;
	out->ids = b->header.ids;
	out->bytes = lay_out(b, NULL);
	out->section = uc_alloc_zeroed(out->bytes);
	if (out->section == NULL)
		return uc_out_of_memory(err, out->bytes);
	lay_out(b, out->section);
	return UC_OK;
}

UcStatus
uc_import_tokenizer(const char *directory, UcImportedTokenizer *out, UcError *err)
{
	char		path[PATH_MAX];
	Builder		b = {0};
	UcMapping	file = {0};
	json_t	   *root,
			   *config;
	UcStatus	status;

	snprintf(path, sizeof path, "%s/tokenizer.json", directory);
	if ((status = uc_map_file(path, &file, err)) != UC_OK)
		return status;
	memcpy(out->sha256, file.sha256, sizeof out->sha256);
	uc_unmap_file(&file);
	if ((status = uc_read_json(directory, "tokenizer.json", &root, err)) != UC_OK)
		return status;
	status = build(&b, root, out, err);
	if (status == UC_OK && (status = uc_read_json(directory, "tokenizer_config.json", &config, err)) == UC_OK)
	{
		double		length = json_number_value(json_object_get(config, "model_max_length"));

		out->model_max_length = length >= 1 && length < 1e9 ? (uint64_t) length : 0;
		json_decref(config);
	}
	json_decref(root);
	uc_free(b.pieces);
	uc_free(b.lengths);
	uc_free(b.scores);
	uc_free(b.added);
	uc_free(b.charsmap);
	return status;
}

void
uc_imported_tokenizer_free(UcImportedTokenizer *tokenizer)
{
	uc_free(tokenizer->section);
	*tokenizer = (UcImportedTokenizer) {0};
}
