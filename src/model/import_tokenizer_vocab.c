/*
 * import_tokenizer_vocab.c
 *	  A directory with vocab.txt and no tokenizer.json: the tokenizer that transformers' BertTokenizer makes of it, written
 *	  down as the tokenizer.json that it would save.
 */
#include "model/import_tokenizer_builder.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

/* One entry a line; of equal ones the last counts. The ends of lines are those of Python's text files. */
static UcStatus
read_vocab(const char *directory, json_t *vocab, UcError *err)
{
	char		path[PATH_MAX];
	UcMapping	file;
	size_t		start = 0;
	json_int_t	id = 0;
	UcStatus	status;

	snprintf(path, sizeof path, "%s/vocab.txt", directory);
	if ((status = uc_map_file(path, &file, err)) != UC_OK)
		return status;
	while (start < file.bytes && status == UC_OK)
	{
		const char *line = (const char *) file.data + start;
		size_t		bytes = 0;
		json_t	   *checked;

		while (start + bytes < file.bytes && line[bytes] != '\n' && line[bytes] != '\r')
			bytes++;
		checked = json_stringn(line, bytes);	/* NULL where it is not UTF-8 */
		if (checked == NULL || memchr(line, 0, bytes) != NULL || id >= (json_int_t) UC_MAX_IDS)
			status = uc_error(err, UC_CORRUPT, "vocab.txt: line %lld is not an entry in UTF-8", (long long) id + 1);
		else if (json_object_set_new(vocab, json_string_value(checked), json_integer(id++)) != 0)
			status = uc_out_of_memory(err, bytes);
		json_decref(checked);
		start += bytes;
		if (start + 1 < file.bytes && file.data[start] == '\r' && file.data[start + 1] == '\n')
			start++;
		start++;
	}
	uc_unmap_file(&file);
	return status;
}

static const char *
special_name(json_t *config, const char *key, const char *usual)
{
	json_t	   *value = json_object_get(config, key);
	const char *name = json_is_object(value) ? uc_json_string(value, "content") : json_string_value(value);

	return name == NULL ? usual : name;
}

static bool
option(json_t *config, const char *key, bool usual)
{
	json_t	   *value = json_object_get(config, key);

	return json_is_boolean(value) ? json_is_true(value) : usual;
}

/* Entries of added_tokens_decoder as they stand; without it, the special names as special tokens. */
static UcStatus
add_tokens(json_t *config, json_t *vocab, json_t *added, const char *const *names, size_t count, UcError *err)
{
	const char *key;
	json_t	   *entry;

	json_object_foreach(json_object_get(config, "added_tokens_decoder"), key, entry)
	{
		json_t	   *token = json_copy(entry);
		long		id = -1;

		if (sscanf(key, "%ld", &id) != 1 || json_object_set_new(token, "id", json_integer(id)) != 0)
		{
			json_decref(token);
			return uc_json_refuse(err, "added token", key);
		}
		json_array_append_new(added, token);
	}
	if (json_array_size(added) > 0)
		return UC_OK;
	for (size_t i = 0; i < count; i++)
	{
		json_t	   *id = json_object_get(vocab, names[i]);

		if (id == NULL)
			return uc_error(err, UC_CORRUPT, "vocab.txt has no entry for the special token \"%s\"", names[i]);
		json_array_append_new(added, json_pack("{s:O, s:s, s:b}", "id", id, "content", names[i], "special", 1));
	}
	return UC_OK;
}

UcStatus
uc_json_from_vocab(const char *directory, json_t *config, json_t **root, UcError *err)
{
	static const char *const bert[] = {"BertTokenizer", "BertTokenizerFast", "DistilBertTokenizer", "DistilBertTokenizerFast",
	"ElectraTokenizer", "ElectraTokenizerFast"};
	const char *class = uc_json_string(config, "tokenizer_class");
	const char *names[] = {special_name(config, "pad_token", "[PAD]"), special_name(config, "unk_token", "[UNK]"),
		special_name(config, "cls_token", "[CLS]"), special_name(config, "sep_token", "[SEP]"),
	special_name(config, "mask_token", "[MASK]")};
	json_t	   *strip = json_object_get(config, "strip_accents");
	bool		known = class == NULL;
	json_t	   *vocab = json_object(),
			   *added = json_array();
	UcStatus	status = UC_OK;

	for (size_t i = 0; i < sizeof bert / sizeof *bert && !known; i++)
		known = strcmp(class, bert[i]) == 0;
	if (!known)
		status = uc_error(err, UC_UNSUPPORTED, "vocab.txt without tokenizer.json belongs to the tokenizer \"%s\", which is not supported",
						  class);
	else if (!option(config, "do_basic_tokenize", true))
		status = uc_error(err, UC_UNSUPPORTED, "tokenizer_config.json has \"do_basic_tokenize\" false, which is not supported");
	else if ((status = read_vocab(directory, vocab, err)) == UC_OK)
		status = add_tokens(config, vocab, added, names, sizeof names / sizeof *names, err);
	if (status == UC_OK && (json_object_get(vocab, names[2]) == NULL || json_object_get(vocab, names[3]) == NULL))
		status = uc_error(err, UC_CORRUPT, "vocab.txt has no entry for \"%s\" or \"%s\"", names[2], names[3]);
	if (status == UC_OK)
	{
		*root = json_pack("{s:O, s:{s:s, s:b, s:b, s:b, s:O}, s:{s:s}, s:{s:s, s:[s, O], s:[s, O]}, s:{s:s, s:s, s:s, s:i, s:O}}",
						  "added_tokens", added,
						  "normalizer", "type", "BertNormalizer", "clean_text", 1,
						  "handle_chinese_chars", option(config, "tokenize_chinese_chars", true),
						  "lowercase", option(config, "do_lower_case", true),
						  "strip_accents", json_is_boolean(strip) ? strip : json_null(),
						  "pre_tokenizer", "type", "BertPreTokenizer",
						  "post_processor", "type", "BertProcessing", "cls", names[2], json_object_get(vocab, names[2]),
						  "sep", names[3], json_object_get(vocab, names[3]),
						  "model", "type", "WordPiece", "unk_token", names[1], "continuing_subword_prefix", "##",
						  "max_input_chars_per_word", 100, "vocab", vocab);
		if (*root == NULL)
			status = uc_out_of_memory(err, json_object_size(vocab));
	}
	json_decref(vocab);
	json_decref(added);
	return status;
}
