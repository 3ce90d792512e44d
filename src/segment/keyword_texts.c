/*
 * keyword_texts.c
 *	  From texts to terms, in two steps: words while texts arrive, terms when the commonest language is known.
 */
#include "segment/keyword_texts.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "text/fold.h"
#include "text/stop_words.h"

#define POLL_EVERY 65536		/* tokens */
#define UNKNOWN_TERM (UC_NO_TERM - 1)	/* no stem is numbered so */
#define STOP_KEY (UC_LANGUAGE_ROOM + 1 + UC_FOLD_ROOM)

/* Where Latin letters are those of a foreign word, most often an English one. */
static const char other_scripts[] =
	" zh yue ja ko th lo km my ar fa ur ps ug ckb he yi hi mr ne bn ta te kn ml gu pa or si ru uk bg be sr mk kk mn el ka hy am bo ";

/* Articles and pronouns that are written together with the next word. */
static const char elisions[] = " fr it ca ";

/* ---- opening and stop words ---- */

static bool
listed(const char *list, const char *code)
{
	size_t		bytes = strlen(code);

	for (const char *at = strstr(list, code); at != NULL && bytes > 0; at = strstr(at + 1, code))
		if (at[-1] == ' ' && at[bytes] == ' ')
			return true;
	return false;
}

static size_t
stop_key(const char *code, const char *word, size_t bytes, char key[STOP_KEY])
{
	size_t		length = strlen(code);

	memcpy(key, code, length);
	key[length] = ' ';
	memcpy(key + length + 1, word, bytes);
	return length + 1 + bytes;
}

UcStatus
uc_keyword_texts_stop_word(UcKeywordTexts *texts, const char *language, const char *word, size_t bytes, bool stop, UcError *err)
{
	char		folded[UC_FOLD_ROOM];
	char		key[STOP_KEY];
	uint32_t	id;
	UcStatus	status;

	if (!uc_fold_word(word, bytes, folded, &bytes))
		return UC_OK;			/* too long to be a term anyway */
	bytes = stop_key(language == NULL ? "" : language, folded, bytes, key);
	status = uc_dictionary_add(&texts->stop_words, key, bytes, UC_MOST_FORMS, &texts->budget, &id, err);
	if (status == UC_OK)
		status = uc_budget_grow(&texts->budget, (void **) &texts->stop_flags, &texts->stop_room, (size_t) id + 1, sizeof(bool), err);
	if (status == UC_OK)
		texts->stop_flags[id] = stop;
	return status;
}

static bool
is_stop_word(const UcKeywordTexts *texts, const char *code, const char *folded, size_t bytes)
{
	char		key[STOP_KEY];
	uint32_t	any = uc_dictionary_find(&texts->stop_words, key, stop_key("", folded, bytes, key));
	uint32_t	own = uc_dictionary_find(&texts->stop_words, key, stop_key(code, folded, bytes, key));

	return (any != UC_NO_STRING && texts->stop_flags[any]) || (own != UC_NO_STRING && texts->stop_flags[own]);
}

static UcStatus
open_parts(UcKeywordTexts *texts, UcError *err)
{
	UcStopWord	word = {0};
	UcStatus	status = uc_clean_purpose("keywords", &texts->cleaning, err);

	texts->cleaning.choice[UC_CLEAN_LETTER_CASE] = UC_CLEAN_KEEP;
	texts->cleaning.choice[UC_CLEAN_NUMBERS] = UC_CLEAN_KEEP;
	texts->cleaning.choice[UC_CLEAN_PUNCTUATION] = UC_CLEAN_KEEP;
	texts->cleaning.choice[UC_CLEAN_CHINESE] = UC_CLEAN_KEEP;
	if (status == UC_OK)
		status = uc_words_open(&texts->breaker, err);
	if (status == UC_OK)
		status = uc_detector_open(&texts->detector, err);
	while (status == UC_OK && uc_stop_word_next(&word))
		status = uc_keyword_texts_stop_word(texts, word.language, word.word, word.bytes, true, err);
	return status;
}

UcStatus
uc_keyword_texts_open(const UcHan *han, const UcRun *run, UcKeywordTexts **texts, UcError *err)
{
	UcKeywordTexts *made = uc_alloc_zeroed(sizeof *made);
	UcStatus	status;

	*texts = made;
	if (made == NULL)
		return uc_out_of_memory(err, sizeof *made);
	made->budget = (UcBudget) {.work = "finding keywords",.allowed = run->max_memory};
	made->code_count = 1;
	made->han_converter = han;
	status = open_parts(made, err);
	if (status != UC_OK)
	{
		uc_keyword_texts_close(made);
		*texts = NULL;
	}
	return status;
}

void
uc_keyword_texts_close(UcKeywordTexts *texts)
{
	if (texts == NULL)
		return;
	uc_free(texts->stops);
	uc_free(texts->segments);
	uc_free(texts->words);
	uc_free(texts->terms);
	uc_free(texts->order);
	uc_free(texts->weak);
	uc_free(texts->han);
	uc_free(texts->languages);
	uc_free(texts->kinds);
	uc_free(texts->stop_flags);
	uc_dictionary_free(&texts->forms);
	uc_dictionary_free(&texts->stems);
	uc_dictionary_free(&texts->stop_words);
	for (int i = 0; i < UC_KEYWORD_LANGUAGES; i++)
		uc_stemmer_close(texts->stemmers[i]);
	uc_words_close(texts->breaker);
	uc_detector_close(texts->detector);
	uc_free(texts);
}

/* ---- words ---- */

/* The place of a code; beyond UC_KEYWORD_LANGUAGES all are unknown. */
static uint8_t
language_place(UcKeywordTexts *texts, const char *code)
{
	for (int i = 0; i < texts->code_count; i++)
		if (strcmp(texts->codes[i], code) == 0)
			return (uint8_t) i;
	if (texts->code_count == UC_KEYWORD_LANGUAGES)
		return 0;
	memcpy(texts->codes[texts->code_count], code, strlen(code) + 1);
	return (uint8_t) texts->code_count++;
}

static UcGap
gap_between(const char *text, size_t from, size_t to)
{
	if (from == to)
		return UC_GAP_NONE;
	if (to - from == 1 && text[from] == '-')
		return UC_GAP_HYPHEN;
	for (size_t at = from; at < to; at++)
		if (text[at] != ' ' && text[at] != '\t' && (unsigned char) text[at] != 0xC2 && (unsigned char) text[at] != 0xA0)
			return UC_GAP_BREAK;
	return UC_GAP_SPACE;
}

/* The word behind an article that is written together with it. */
static size_t
skip_elision(const char *word, size_t bytes)
{
	for (size_t i = 1; i + 2 < bytes && i < 6; i++)
	{
		if (word[i] == '\'')
			return i + 1;
		if (i + 4 < bytes && memcmp(word + i, "\xE2\x80\x99", 3) == 0)
			return i + 3;
	}
	return 0;
}

static UcStatus
add_word(UcKeywordTexts *texts, const char *text, size_t bytes, UcWordKind kind, UcGap gap, UcError *err)
{
	uint32_t	known = texts->forms.count;
	uint32_t	form;
	UcStatus	status = uc_dictionary_add(&texts->forms, text, bytes, UC_MOST_FORMS, &texts->budget, &form, err);

	if (status == UC_OK && form == known)
	{
		status = uc_budget_grow(&texts->budget, (void **) &texts->kinds, &texts->kinds_room, (size_t) form + 1, 1, err);
		if (status == UC_OK)
			texts->kinds[form] = (uint8_t) kind;
	}
	if (status == UC_OK && texts->tokens >= UINT32_MAX)
		return uc_error(err, UC_LIMIT_EXCEEDED, "the texts have more than %u words", UINT32_MAX);
	if (status == UC_OK)
		status = uc_budget_grow(&texts->budget, (void **) &texts->words, &texts->words_room, texts->tokens + 1, sizeof(uint32_t), err);
	if (status == UC_OK)
		texts->words[texts->tokens++] = UC_TOKEN(form, gap);
	return status;
}

static UcStatus
add_words(UcKeywordTexts *texts, const char *code, const char *text, size_t bytes, const UcRun *run, UcError *err)
{
	bool		elided = listed(elisions, code);
	size_t		last = 0;
	bool		first = true;
	UcStatus	status;

	uc_words_start(texts->breaker, text, bytes);
	for (;;)
	{
		UcWord		word;
		UcGap		gap;
		size_t		start;

		status = uc_words_next(texts->breaker, run, &word, err);
		if (status != UC_OK || word.span.stop == word.span.start)
			return status;
		start = word.span.start;
		gap = first ? UC_GAP_BREAK : gap_between(text, last, start);
		if (elided && word.kind == UC_WORD_LETTERS)
			start += skip_elision(text + start, word.span.stop - start);
		if (start > word.span.start)
			gap = UC_GAP_BREAK;
		status = add_word(texts, text + start, word.span.stop - start, word.kind, gap, err);
		if (status != UC_OK)
			return status;
		last = word.span.stop;
		first = false;
	}
}

/* A text that has been cleaned, of a language or of the one it is found to be in. */
static UcStatus
add_clean(UcKeywordTexts *texts, uint32_t segment, const char *language, const char *text, size_t bytes, const UcRun *run,
		  UcError *err)
{
	char		code[UC_LANGUAGE_ROOM];
	UcStatus	status;

	if (language == NULL)
	{
		uc_detect_language(texts->detector, text, bytes, code);
		language = code;
	}
	status = add_words(texts, language, text, bytes, run, err);
	if (status == UC_OK)
		status = uc_budget_grow(&texts->budget, (void **) &texts->stops, &texts->rows_room, texts->rows + 1, sizeof(size_t), err);
	if (status == UC_OK)
		status = uc_budget_grow(&texts->budget, (void **) &texts->segments, &texts->segments_room, texts->rows + 1, sizeof(uint32_t), err);
	if (status == UC_OK)
		status = uc_budget_grow(&texts->budget, (void **) &texts->languages, &texts->languages_room, texts->rows + 1, 1, err);
	if (status != UC_OK)
		return status;
	texts->stops[texts->rows] = texts->tokens;
	texts->segments[texts->rows] = segment;
	texts->languages[texts->rows++] = language_place(texts, language);
	return UC_OK;
}

UcStatus
uc_keyword_texts_add(UcKeywordTexts *texts, uint32_t segment, const char *language, const char *text, size_t bytes,
					 const UcRun *run, UcError *err)
{
	UcCleanTools tools = {0};
	UcRun		rest = *run;	/* what the texts so far have left over */
	char	   *cleaned = NULL;
	size_t		cleaned_bytes;
	UcStatus	status;

	if (texts->rows >= UINT32_MAX - 1)
		return uc_error(err, UC_LIMIT_EXCEEDED, "there are more than %u texts", UINT32_MAX - 1);
	rest.max_memory -= texts->budget.used < rest.max_memory ? texts->budget.used : rest.max_memory;
	status = uc_clean_text(&texts->cleaning, &tools, text, bytes, &rest, &cleaned, &cleaned_bytes, err);
	if (status == UC_OK)
		status = add_clean(texts, segment, language, cleaned, cleaned_bytes, run, err);
	uc_free(cleaned);
	return status;
}

/* ---- terms ---- */

static void
settle_unknown_languages(UcKeywordTexts *texts)
{
	size_t		counts[UC_KEYWORD_LANGUAGES] = {0};
	int			commonest = 0;

	for (size_t row = 0; row < texts->rows; row++)
		counts[texts->languages[row]]++;
	for (int i = 1; i < texts->code_count; i++)
		if (commonest == 0 || counts[i] > counts[commonest] ||
			(counts[i] == counts[commonest] && strcmp(texts->codes[i], texts->codes[commonest]) < 0))
			commonest = i;
	if (commonest == 0)
		commonest = language_place(texts, "en");
	for (size_t row = 0; row < texts->rows; row++)
		if (texts->languages[row] == 0)
			texts->languages[row] = (uint8_t) commonest;
}

/* The language of a word in a text of language `place`. */
static uint8_t
word_language(UcKeywordTexts *texts, uint8_t place, UcWordKind kind, const char *word)
{
	const char *code = texts->codes[place];

	if (kind == UC_WORD_IDEOGRAPHIC)
		return strcmp(code, "ja") == 0 ? place : language_place(texts, "zh");
	if (kind == UC_WORD_KANA)
		return language_place(texts, "ja");
	if ((unsigned char) word[0] < 0xC9 && listed(other_scripts, code))
		return language_place(texts, "en");
	return place;
}

static size_t
characters(const char *word, size_t bytes)
{
	size_t		count = 0;

	for (size_t i = 0; i < bytes; i++)
		count += ((unsigned char) word[i] & 0xC0) != 0x80;
	return count;
}

/* The language's stemmer, NULL where there is none. */
static UcStatus
stemmer_of(UcKeywordTexts *texts, uint8_t language, UcStemmer **stemmer, UcError *err)
{
	UcStatus	status = UC_OK;

	if (!texts->stemmer_known[language])
	{
		status = uc_stemmer_open(texts->codes[language], &texts->stemmers[language], err);
		if (status == UC_UNSUPPORTED)
			status = UC_OK;
		texts->stemmer_known[language] = status == UC_OK;
	}
	*stemmer = texts->stemmers[language];
	return status;
}

/* Bytes without the particle that a Korean noun is written together with, where two syllables are left; longest first. */
static size_t
without_particle(const char *word, size_t bytes)
{
	static const char *const particles[] = {
#include "segment/korean_tables.inc"
	};

	for (size_t i = 0; i < sizeof particles / sizeof *particles; i++)
	{
		size_t		length = strlen(particles[i]);

		if (bytes >= length + 6 && memcmp(word + bytes - length, particles[i], length) == 0)
			return bytes - length;
	}
	return bytes;
}

/* The number of a form's stem, which is added where it is new; UC_NO_TERM where the form is no term. */
static UcStatus
make_term(UcKeywordTexts *texts, uint32_t form, uint8_t language, uint32_t *stem_id, UcError *err)
{
	UcWordKind	kind = (UcWordKind) texts->kinds[form];
	const char *code = texts->codes[language];
	char		room[UC_FOLD_ROOM];
	UcStemmer  *stemmer;
	size_t		word_bytes,
				bytes;
	const char *word = uc_dictionary_text(&texts->forms, form, &word_bytes);
	UcStatus	status;

	*stem_id = UC_NO_TERM;
	if (kind == UC_WORD_NUMBER || !uc_fold_word(word, word_bytes, room, &bytes) || bytes > UC_FOLD_LONGEST ||
		is_stop_word(texts, code, room, bytes))
		return UC_OK;
	if (kind == UC_WORD_IDEOGRAPHIC)
	{
		/* The particle of completion, which the dictionaries leave at some verbs. */
		if (bytes > 3 && memcmp(room + bytes - 3, "\xE4\xBA\x86", 3) == 0)
			bytes -= 3;
		if (is_stop_word(texts, code, room, bytes))
			return UC_OK;
		if (texts->han_converter != NULL && strcmp(code, "zh") == 0)
			bytes = uc_han_convert_utf8(texts->han_converter, room, bytes, sizeof room);
	}
	else
	{
		if (characters(room, bytes) <= (kind == UC_WORD_KANA ? 2 : 1))
			return UC_OK;
		status = stemmer_of(texts, language, &stemmer, err);
		if (status != UC_OK)
			return status;
		uc_stem(stemmer, word, word_bytes, room, &bytes);
		if (strcmp(code, "ko") == 0)
			bytes = without_particle(room, bytes);
	}
	return uc_dictionary_add(&texts->stems, room, bytes, UNKNOWN_TERM, &texts->budget, stem_id, err);
}

/* texts->terms[i] becomes the number of a stem. `made` has an array of [forms.count] for each language that words have. */
static UcStatus
number_stems(UcKeywordTexts *texts, uint32_t **made, const UcRun *run, UcError *err)
{
	size_t		row = 0;

	for (size_t i = 0; i < texts->tokens; i++)
	{
		uint32_t	form = UC_TOKEN_FORM(texts->words[i]);
		size_t		bytes;
		uint8_t		language;
		UcStatus	status = UC_OK;

		if (i % POLL_EVERY == 0 && uc_interrupted(run))
			return uc_interrupt_error(err);
		while (i >= texts->stops[row])
			row++;
		language = word_language(texts, texts->languages[row], (UcWordKind) texts->kinds[form],
								 uc_dictionary_text(&texts->forms, form, &bytes));
		if (made[language] == NULL)
		{
			status = uc_budget_alloc(&texts->budget, texts->forms.count, sizeof(uint32_t), (void **) &made[language], err);
			for (uint32_t other = 0; status == UC_OK && other < texts->forms.count; other++)
				made[language][other] = UNKNOWN_TERM;
		}
		if (status == UC_OK && made[language][form] == UNKNOWN_TERM)
			status = make_term(texts, form, language, &made[language][form], err);
		if (status != UC_OK)
			return status;
		texts->terms[i] = made[language][form];
	}
	return UC_OK;
}

static int
compare_stems(const void *a, const void *b, void *arg)
{
	const UcDictionary *stems = arg;
	size_t		a_bytes,
				b_bytes;
	const char *a_text = uc_dictionary_text(stems, *(const uint32_t *) a, &a_bytes);
	const char *b_text = uc_dictionary_text(stems, *(const uint32_t *) b, &b_bytes);
	int			order = memcmp(a_text, b_text, a_bytes < b_bytes ? a_bytes : b_bytes);

	return order != 0 ? order : (a_bytes > b_bytes) - (a_bytes < b_bytes);
}

/* Renumbers the terms by their bytes, so that what follows does not depend on the order of the texts. */
static UcStatus
order_terms(UcKeywordTexts *texts, UcError *err)
{
	uint32_t	count = texts->stems.count;
	uint32_t   *place = NULL;
	UcStatus	status = uc_budget_alloc(&texts->budget, count, sizeof(uint32_t), (void **) &texts->order, err);

	if (status == UC_OK)
		status = uc_budget_alloc(&texts->budget, count, sizeof(uint32_t), (void **) &place, err);
	if (status == UC_OK)
		status = uc_budget_alloc(&texts->budget, count, sizeof(bool), (void **) &texts->weak, err);
	if (status == UC_OK)
		status = uc_budget_alloc(&texts->budget, count, sizeof(bool), (void **) &texts->han, err);
	if (status == UC_OK)
	{
		for (uint32_t i = 0; i < count; i++)
			texts->order[i] = i;
		qsort_r(texts->order, count, sizeof(uint32_t), compare_stems, &texts->stems);
		for (uint32_t i = 0; i < count; i++)
		{
			size_t		bytes;
			const unsigned char *stem = (const unsigned char *) uc_dictionary_text(&texts->stems, texts->order[i], &bytes);

			place[texts->order[i]] = i;
			texts->weak[i] = characters((const char *) stem, bytes) == 1;
			texts->han[i] = (stem[0] >= 0xE3 && stem[0] <= 0xE9) || stem[0] >= 0xF0;	/* U+3000 to 9FFF, and planes 1 to 3 */
		}
		for (size_t i = 0; i < texts->tokens; i++)
			if (texts->terms[i] != UC_NO_TERM)
				texts->terms[i] = place[texts->terms[i]];
	}
	uc_budget_free(&texts->budget, place, count, sizeof(uint32_t));
	return status;
}

UcStatus
uc_keyword_texts_finish(UcKeywordTexts *texts, const UcRun *run, UcError *err)
{
	uint32_t   *made[UC_KEYWORD_LANGUAGES] = {NULL};
	UcStatus	status = uc_budget_alloc(&texts->budget, texts->tokens, sizeof(uint32_t), (void **) &texts->terms, err);

	if (status == UC_OK)
	{
		settle_unknown_languages(texts);
		status = number_stems(texts, made, run, err);
	}
	for (int i = 0; i < UC_KEYWORD_LANGUAGES; i++)
		uc_budget_free(&texts->budget, made[i], texts->forms.count, sizeof(uint32_t));
	if (status == UC_OK)
		status = order_terms(texts, err);
	return status;
}
