/*
 * import_tokenizer_steps.c
 *	  The normalizer, the pre-tokenizer and the template of a tokenizer.json.
 */
#include "model/import_tokenizer_builder.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

static UcStatus
add_step(UcTokenizerBuilder *b, UcNormalizerStep step, uint32_t argument, UcError *err)
{
	if (b->header.step_count == UC_TOKENIZER_STEPS)
		return uc_error(err, UC_UNSUPPORTED, "tokenizer.json has more than %d normalizer steps", UC_TOKENIZER_STEPS);
	b->header.steps[b->header.step_count++] = (UcStep) {step, argument};
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
read_charsmap(UcTokenizerBuilder *b, json_t *normalizer, UcError *err)
{
	json_t	   *value = json_object_get(normalizer, "precompiled_charsmap");
	const char *text = json_string_value(value);
	size_t		length = json_string_length(value);
	uint32_t	bits = 0;
	int			held = 0;

	if (text == NULL || b->charsmap != NULL)
		return uc_json_refuse(err, "normalizer", "Precompiled");
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
	return add_step(b, UC_NORMALIZE_CHARSMAP, 0, err);
}

static UcStatus
read_bert_normalizer(UcTokenizerBuilder *b, json_t *n, UcError *err)
{
	json_t	   *strip = json_object_get(n, "strip_accents");
	bool		lower = json_is_true(json_object_get(n, "lowercase"));
	UcStatus	status = UC_OK;

	if (json_is_true(json_object_get(n, "clean_text")))
		status = add_step(b, UC_NORMALIZE_CLEAN, 0, err);
	if (status == UC_OK && json_is_true(json_object_get(n, "handle_chinese_chars")))
		status = add_step(b, UC_NORMALIZE_SPLIT_CHINESE, 0, err);
	if (status == UC_OK && (json_is_boolean(strip) ? json_is_true(strip) : lower))
		if ((status = add_step(b, UC_NORMALIZE_NFD, 0, err)) == UC_OK)
			status = add_step(b, UC_NORMALIZE_STRIP_ACCENTS, 0, err);
	if (status == UC_OK && lower)
		status = add_step(b, UC_NORMALIZE_LOWERCASE, 0, err);
	return status;
}

/* ---- Replace and Prepend ---- */

/* Code points of a string of at most UC_REWRITE_CODES of them; false for a longer one. */
static bool
decode(const char *text, size_t bytes, uint32_t *codes, uint32_t *count)
{
	*count = 0;
	for (size_t at = 0; at < bytes; (*count)++)
	{
		uint8_t		lead = (uint8_t) text[at++];
		uint32_t	code = lead < 0x80 ? lead : lead < 0xE0 ? lead & 0x1F : lead < 0xF0 ? lead & 0xF : lead & 7;

		if (*count == UC_REWRITE_CODES)
			return false;
		for (; at < bytes && ((uint8_t) text[at] & 0xC0) == 0x80; at++)
			code = code << 6 | ((uint8_t) text[at] & 0x3F);
		codes[*count] = code;
	}
	return true;
}

/* How often the atom before it is wanted: "", "+" or "{n,}"; 0 for any other ending. */
static uint32_t
quantifier(const char *text)
{
	char	   *end;
	long		least;

	if (strcmp(text, "") == 0 || strcmp(text, "+") == 0)
		return 1;
	if (text[0] != '{' || text[1] < '1' || text[1] > '9')
		return 0;
	least = strtol(text + 1, &end, 10);
	return strcmp(end, ",}") == 0 && least < 1000 ? (uint32_t) least : 0;
}

/* The regular expressions that are runs of one character or of spaces, or literal text; false for all others. */
static bool
read_regex(const char *regex, UcRewrite *r)
{
	const char *special = "\\.[](){}*+?|^$";
	size_t		plain = strcspn(regex, special);
	uint32_t	count;

	if (strncmp(regex, "\\s", 2) == 0)
	{
		r->least = quantifier(regex + 2);
		/* "\\s" alone takes one at a time, which no run does. */
		r->kind = UC_REWRITE_SPACES;
		return r->least > 0 && regex[2] != '\0';
	}
	if (plain == 0 || !decode(regex, plain, r->pattern, &r->pattern_count))
		return false;
	if (regex[plain] == '\0')
	{
		r->kind = UC_REWRITE_LITERAL;
		r->least = 1;
		return true;
	}
	count = quantifier(regex + plain);
	r->kind = UC_REWRITE_RUN;
	r->least = count;
	return count > 0 && r->pattern_count == 1;
}

static UcStatus
add_rewrite(UcTokenizerBuilder *b, json_t *n, UcNormalizerStep step, const char *content_key, UcError *err)
{
	json_t	   *pattern = json_object_get(n, "pattern"),
			   *literal = json_object_get(pattern, "String"),
			   *content = json_object_get(n, content_key);
	const char *regex = uc_json_string(pattern, "Regex");
	UcRewrite	r = {.kind = UC_REWRITE_LITERAL,.least = 1};
	bool		good = json_is_string(content) &&
		decode(json_string_value(content), json_string_length(content), r.content, &r.content_count);

	if (step == UC_NORMALIZE_REPLACE && literal != NULL)
		good = good && json_string_length(literal) > 0 &&
			decode(json_string_value(literal), json_string_length(literal), r.pattern, &r.pattern_count);
	else if (step == UC_NORMALIZE_REPLACE)
		good = good && regex != NULL && read_regex(regex, &r);
	if (!good && step == UC_NORMALIZE_REPLACE)
		return uc_json_refuse(err, "normalizer Replace of", regex != NULL ? regex : json_string_value(literal));
	if (!good)
		return uc_json_refuse(err, "normalizer", uc_json_string(n, "type"));
	if (b->rewrite_count == UC_TOKENIZER_STEPS)
		return add_step(b, step, 0, err);
	b->rewrites[b->rewrite_count] = r;
	return add_step(b, step, b->rewrite_count++, err);
}

static UcStatus
add_strip(UcTokenizerBuilder *b, json_t *n, UcError *err)
{
	UcStatus	status = UC_OK;

	if (json_is_true(json_object_get(n, "strip_left")))
		status = add_step(b, UC_NORMALIZE_STRIP_LEFT, 0, err);
	if (status == UC_OK && json_is_true(json_object_get(n, "strip_right")))
		status = add_step(b, UC_NORMALIZE_STRIP_RIGHT, 0, err);
	return status;
}

#define SEQUENCE_DEPTH 8

UcStatus
uc_build_normalizer(UcTokenizerBuilder *b, json_t *n, int depth, UcError *err)
{
	static const struct
	{
		const char *name;
		UcNormalizerStep step;
	}			plain[] = {
		{"NFC", UC_NORMALIZE_NFC}, {"NFD", UC_NORMALIZE_NFD}, {"NFKC", UC_NORMALIZE_NFKC}, {"NFKD", UC_NORMALIZE_NFKD},
		{"Lowercase", UC_NORMALIZE_LOWERCASE}, {"StripAccents", UC_NORMALIZE_STRIP_COMBINING}, {"Nmt", UC_NORMALIZE_NMT},
	};

	if (n == NULL || json_is_null(n))
		return UC_OK;
	if (uc_json_is_type(n, "Sequence") && depth < SEQUENCE_DEPTH)
	{
		size_t		i;
		json_t	   *part;
		UcStatus	status = UC_OK;

		json_array_foreach(json_object_get(n, "normalizers"), i, part)
			if ((status = uc_build_normalizer(b, part, depth + 1, err)) != UC_OK)
				break;
		return status;
	}
	for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
		if (uc_json_is_type(n, plain[i].name))
			return add_step(b, plain[i].step, 0, err);
	if (uc_json_is_type(n, "BertNormalizer"))
		return read_bert_normalizer(b, n, err);
	if (uc_json_is_type(n, "Precompiled"))
		return read_charsmap(b, n, err);
	if (uc_json_is_type(n, "Strip"))
		return add_strip(b, n, err);
	if (uc_json_is_type(n, "Replace"))
		return add_rewrite(b, n, UC_NORMALIZE_REPLACE, "content", err);
	if (uc_json_is_type(n, "Prepend"))
		return add_rewrite(b, n, UC_NORMALIZE_PREPEND, "prepend", err);
	return uc_json_refuse(err, "normalizer", uc_json_string(n, "type"));
}

static UcStatus
add_stage(UcTokenizerBuilder *b, UcPreTokenizer stage, UcError *err)
{
	if (b->header.stage_count == UC_TOKENIZER_STAGES)
		return uc_error(err, UC_UNSUPPORTED, "tokenizer.json has more than %d pre-tokenizers", UC_TOKENIZER_STAGES);
	b->header.stages[b->header.stage_count++] = stage;
	return UC_OK;
}

static UcStatus
read_metaspace(UcTokenizerBuilder *b, json_t *p, UcError *err)
{
	const char *mark = uc_json_string(p, "replacement"),
			   *scheme = uc_json_string(p, "prepend_scheme");

	if (mark == NULL || strcmp(mark, "\xE2\x96\x81") != 0)
		return uc_json_refuse(err, "Metaspace replacement", mark);
	for (uint32_t i = 0; i < b->header.stage_count; i++)
		if (b->header.stages[i] == UC_PRETOKENIZE_METASPACE)
			return uc_json_refuse(err, "second pre-tokenizer", "Metaspace");
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
		return uc_json_refuse(err, "Metaspace prepend scheme", scheme);
	return add_stage(b, UC_PRETOKENIZE_METASPACE, err);
}

UcStatus
uc_build_pre_tokenizer(UcTokenizerBuilder *b, json_t *p, int depth, UcError *err)
{
	if (p == NULL || json_is_null(p))
		return UC_OK;
	if (uc_json_is_type(p, "Sequence") && depth < SEQUENCE_DEPTH)
	{
		size_t		i;
		json_t	   *part;
		UcStatus	status = UC_OK;

		json_array_foreach(json_object_get(p, "pretokenizers"), i, part)
			if ((status = uc_build_pre_tokenizer(b, part, depth + 1, err)) != UC_OK)
				break;
		return status;
	}
	if (uc_json_is_type(p, "WhitespaceSplit"))
		return add_stage(b, UC_PRETOKENIZE_SPACES, err);
	if (uc_json_is_type(p, "Whitespace"))
		return add_stage(b, UC_PRETOKENIZE_WORDS, err);
	if (uc_json_is_type(p, "BertPreTokenizer"))
		return add_stage(b, UC_PRETOKENIZE_BERT, err);
	if (uc_json_is_type(p, "Punctuation"))
	{
		const char *behavior = uc_json_string(p, "behavior");

		if (behavior != NULL && strcmp(behavior, "Isolated") != 0)
			return uc_json_refuse(err, "Punctuation behavior", behavior);
		return add_stage(b, UC_PRETOKENIZE_PUNCTUATION, err);
	}
	if (uc_json_is_type(p, "Metaspace"))
		return read_metaspace(b, p, err);
	return uc_json_refuse(err, "pre-tokenizer", uc_json_string(p, "type"));
}

static UcStatus
add_template_token(UcTokenizerBuilder *b, bool front, json_int_t id, UcError *err)
{
	uint32_t   *count = front ? &b->header.prefix_count : &b->header.suffix_count;

	if (*count == UC_TEMPLATE_TOKENS || id < 0 || id >= (json_int_t) UC_MAX_IDS)
		return uc_error(err, UC_UNSUPPORTED, "tokenizer.json has a template that is not supported");
	(front ? b->header.prefix : b->header.suffix)[(*count)++] = (uint32_t) id;
	return UC_OK;
}

UcStatus
uc_build_template(UcTokenizerBuilder *b, json_t *p, UcError *err)
{
	bool		front = true;
	size_t		i,
				j;
	json_t	   *part,
			   *id;
	UcStatus	status;

	if (p == NULL || json_is_null(p))
		return UC_OK;
	if (uc_json_is_type(p, "BertProcessing") || uc_json_is_type(p, "RobertaProcessing"))
	{
		status = add_template_token(b, true, json_integer_value(json_array_get(json_object_get(p, "cls"), 1)), err);
		return status != UC_OK ? status
			: add_template_token(b, false, json_integer_value(json_array_get(json_object_get(p, "sep"), 1)), err);
	}
	if (!uc_json_is_type(p, "TemplateProcessing"))
		return uc_json_refuse(err, "post-processor", uc_json_string(p, "type"));
	json_array_foreach(json_object_get(p, "single"), i, part)
	{
		json_t	   *special = json_object_get(part, "SpecialToken");
		const char *name = uc_json_string(special, "id");

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
