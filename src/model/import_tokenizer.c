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
#include "model/import_tokenizer_builder.h"

UcStatus
uc_json_refuse(UcError *err, const char *part, const char *name)
{
	return uc_error(err, UC_UNSUPPORTED, "tokenizer.json has the %s \"%s\", which is not supported", part,
					name == NULL ? "null" : name);
}

const char *
uc_json_string(json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

bool
uc_json_is_type(json_t *object, const char *type)
{
	const char *name = uc_json_string(object, "type");

	return name != NULL && strcmp(name, type) == 0;
}

static UcStatus
set_piece(UcTokenizerBuilder *b, json_int_t id, json_t *text, double score, UcError *err)
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
read_unigram(UcTokenizerBuilder *b, json_t *model, UcError *err)
{
	double		least = 0;
	size_t		i;
	json_t	   *entry;
	json_t	   *unknown = json_object_get(model, "unk_id");

	if (!json_is_integer(unknown) || json_integer_value(unknown) < 0 || json_integer_value(unknown) >= b->header.ids)
		return uc_error(err, UC_UNSUPPORTED, "tokenizer.json has a Unigram model without unk_id, which is not supported");
	b->header.kind = UC_TOKENIZER_UNIGRAM;
	b->header.byte_fallback = json_is_true(json_object_get(model, "byte_fallback"));
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
read_wordpiece(UcTokenizerBuilder *b, json_t *model, UcError *err)
{
	const char *mark = uc_json_string(model, "continuing_subword_prefix"),
			   *unknown = uc_json_string(model, "unk_token"),
			   *text;
	json_t	   *vocab = json_object_get(model, "vocab"),
			   *id,
			   *limit = json_object_get(model, "max_input_chars_per_word");

	if (mark == NULL || strlen(mark) >= sizeof b->header.continuation)
		return uc_json_refuse(err, "WordPiece prefix", mark);
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
	return most < 0 || most >= (json_int_t) UC_MAX_IDS ? 0 : (uint32_t) most + 1;
}

static int
longer_first(const void *a, const void *b)
{
	const UcAddedToken *x = a,
			   *y = b;

	return x->bytes != y->bytes ? y->bytes - x->bytes : x->rank < y->rank ? -1 : x->rank > y->rank;
}

static UcStatus
read_added(UcTokenizerBuilder *b, json_t *tokens, UcError *err)
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
			(b->pieces[id] != NULL && strcmp(b->pieces[id], json_string_value(content)) != 0))
			return uc_json_refuse(err, "added token", json_string_value(content));
		memcpy(added->content, json_string_value(content), bytes);
		added->bytes = (uint8_t) bytes;
		added->id = (uint32_t) id;
		/* The reference looks for the special ones first. */
		added->rank = (uint32_t) i + (json_is_true(json_object_get(token, "special")) ? 0 : UC_MAX_IDS);
		added->normalized = json_is_true(json_object_get(token, "normalized"));
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

static bool
same_piece(const UcTokenizerBuilder *b, uint32_t x, uint32_t y)
{
	return b->lengths[x] == b->lengths[y] && memcmp(b->pieces[x], b->pieces[y], b->lengths[x]) == 0;
}

static void
fill_hash(const UcTokenizerBuilder *b, UcTokenSlot *slots)
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
		/* Of equal entries the last one counts. */
		while (slots[slot].id != UC_NO_ID && !same_piece(b, slots[slot].id, id))
			slot = (slot + 1) & (b->header.slots - 1);
		slots[slot] = (UcTokenSlot) {(uint32_t) (hash >> 32), id};
	}
}

/* Called twice: without a section it only counts. */
static size_t
lay_out(UcTokenizerBuilder *b, char *section)
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
	put(section, &used, &h->rewrites, b->rewrites, b->rewrite_count * sizeof *b->rewrites);
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
build(UcTokenizerBuilder *b, json_t *root, UcImportedTokenizer *out, UcError *err)
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
	if (uc_json_is_type(model, "Unigram"))
		status = read_unigram(b, model, err);
	else if (uc_json_is_type(model, "WordPiece"))
		status = read_wordpiece(b, model, err);
	else
		return uc_json_refuse(err, "model", uc_json_string(model, "type"));
	if (status != UC_OK || (status = read_added(b, json_object_get(root, "added_tokens"), err)) != UC_OK ||
		(status = uc_build_normalizer(b, json_object_get(root, "normalizer"), 0, err)) != UC_OK ||
		(status = uc_build_pre_tokenizer(b, json_object_get(root, "pre_tokenizer"), 0, err)) != UC_OK ||
		(status = uc_build_template(b, json_object_get(root, "post_processor"), err)) != UC_OK)
		return status;
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

/* tokenizer.json, or what stands for it where there is only vocab.txt. */
static UcStatus
read_root(const char *directory, json_t *config, json_t **root, char sha256[65], UcError *err)
{
	const char *name = "tokenizer.json";
	char		path[PATH_MAX];
	UcMapping	file = {0};
	UcStatus	status = uc_read_json(directory, name, root, err);

	if (status == UC_OK && *root == NULL)
	{
		UcError		missing = {0};

		snprintf(path, sizeof path, "%s/vocab.txt", directory);
		if (uc_map_file(path, &file, &missing) == UC_OK)
		{
			name = "vocab.txt";
			uc_unmap_file(&file);
			status = uc_json_from_vocab(directory, config, root, err);
		}
	}
	if (status != UC_OK)
		return status;
	snprintf(path, sizeof path, "%s/%s", directory, name);
	if ((status = uc_map_file(path, &file, err)) != UC_OK)
		return status;
	memcpy(sha256, file.sha256, sizeof file.sha256);
	uc_unmap_file(&file);
	return UC_OK;
}

UcStatus
uc_import_tokenizer(const char *directory, UcImportedTokenizer *out, UcError *err)
{
	UcTokenizerBuilder b = {0};
	json_t	   *root = NULL,
			   *config = NULL;
	UcStatus	status = uc_read_json(directory, "tokenizer_config.json", &config, err);

	if (status == UC_OK)
		status = read_root(directory, config, &root, out->sha256, err);
	if (status == UC_OK)
		status = build(&b, root, out, err);
	if (status == UC_OK)
	{
		double		length = json_number_value(json_object_get(config, "model_max_length"));

		out->model_max_length = length >= 1 && length < 1e9 ? (uint64_t) length : 0;
	}
	json_decref(config);
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
