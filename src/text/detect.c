/*
 * detect.c
 *	  Script, then letters, function words and endings.
 */
#include "text/detect.h"

#include <math.h>
#include <string.h>
#include <unicode/uchar.h>
#include <unicode/uscript.h>
#include <unicode/utf8.h>

#include "base/memory.h"
#include "text/stop_words.h"

/* Measured on sentences of 20 words and on their first words: below these the answer is a guess. */
#define LEAST_SCORE 1.5			/* of the best language */
#define LEAST_RATE 0.3			/* of it for each word: other languages share some words with it */
#define LEAST_LEAD 0.3			/* by which it exceeds the next one */

#define STRANGE_LETTER 0.5		/* off for each letter that a language does not write */
#define LONGEST_ENDING 18		/* bytes */
#define WORD_ROOM 48			/* bytes; no function word is longer */
#define MOST_LANGUAGES 64
#define SLOTS 16384				/* of the hash table, a power of two */

static const struct
{
	const char *code;
	UScriptCode script;
	const char *letters;
	const char *words;
	const char *endings;
}			languages[] = {
#include "text/detect_tables.inc"
};

#define LANGUAGES (sizeof languages / sizeof *languages)

_Static_assert(sizeof languages / sizeof *languages <= MOST_LANGUAGES, "a language is one bit");

/* Scripts in which one language is written, or one by far most of all. */
static const struct
{
	UScriptCode script;
	const char *code;
}			single[] = {
	{USCRIPT_HAN, "zh"}, {USCRIPT_HANGUL, "ko"}, {USCRIPT_THAI, "th"}, {USCRIPT_LAO, "lo"}, {USCRIPT_KHMER, "km"},
	{USCRIPT_MYANMAR, "my"}, {USCRIPT_GREEK, "el"}, {USCRIPT_GEORGIAN, "ka"}, {USCRIPT_ARMENIAN, "hy"}, {USCRIPT_TAMIL, "ta"},
	{USCRIPT_TELUGU, "te"}, {USCRIPT_KANNADA, "kn"}, {USCRIPT_MALAYALAM, "ml"}, {USCRIPT_GUJARATI, "gu"}, {USCRIPT_GURMUKHI, "pa"},
	{USCRIPT_ORIYA, "or"}, {USCRIPT_SINHALA, "si"}, {USCRIPT_TIBETAN, "bo"}, {USCRIPT_ETHIOPIC, "am"}, {USCRIPT_HEBREW, "he"}, {USCRIPT_BENGALI, "bn"}
};

typedef enum SignKind
{
	SIGN_WORD, SIGN_LETTER, SIGN_ENDING
} SignKind;

/* What speaks for some languages. */
typedef struct Sign
{
	const char *text;			/* NULL: a free slot */
	size_t		bytes;
	SignKind	kind;
	uint64_t	languages;		/* bit i: languages[i] */
} Sign;

struct UcDetector
{
	Sign		signs[SLOTS];
	int			in_script[LANGUAGES];	/* languages of the same script */
};

static Sign *
find_sign(UcDetector *detector, SignKind kind, const char *text, size_t bytes)
{
	uint32_t	hash = 2166136261u + kind;

	for (size_t i = 0; i < bytes; i++)
		hash = (hash ^ (unsigned char) text[i]) * 16777619u;
	for (uint32_t slot = hash ^ hash >> 16;; slot++)
	{
		Sign	   *sign = &detector->signs[slot % SLOTS];

		if (sign->text == NULL || (sign->kind == kind && sign->bytes == bytes && memcmp(sign->text, text, bytes) == 0))
			return sign;
	}
}

static void
add_sign(UcDetector *detector, SignKind kind, const char *text, size_t bytes, size_t language)
{
	Sign	   *sign = find_sign(detector, kind, text, bytes);

	sign->text = text;
	sign->bytes = bytes;
	sign->kind = kind;
	sign->languages |= UINT64_C(1) << language;
}

/* Each of the words between single spaces. */
static void
add_words(UcDetector *detector, SignKind kind, const char *words, size_t language)
{
	while (*words != '\0')
	{
		size_t		bytes = strcspn(words, " ");

		add_sign(detector, kind, words, bytes, language);
		words += bytes + (words[bytes] == ' ');
	}
}

UcStatus
uc_detector_open(UcDetector **detector, UcError *err)
{
	UcDetector *made = uc_alloc_zeroed(sizeof *made);
	UcStopWord	word = {0};

	*detector = made;
	if (made == NULL)
		return uc_out_of_memory(err, sizeof *made);
	for (size_t i = 0; i < LANGUAGES; i++)
	{
		const char *at;
		size_t		bytes;

		for (size_t j = 0; j < LANGUAGES; j++)
			made->in_script[i] += languages[j].script == languages[i].script;
		for (at = languages[i].letters; *at != '\0'; at += bytes)
		{
			bytes = (size_t) U8_COUNT_TRAIL_BYTES((uint8_t) *at) + 1;
			add_sign(made, SIGN_LETTER, at, bytes, i);
		}
		add_words(made, SIGN_WORD, languages[i].words, i);
		add_words(made, SIGN_ENDING, languages[i].endings, i);
	}
	while (uc_stop_word_next(&word))
		for (size_t i = 0; i < LANGUAGES; i++)
			if (strcmp(word.language, languages[i].code) == 0)
				add_sign(made, SIGN_WORD, word.word, word.bytes, i);
	return UC_OK;
}

void
uc_detector_close(UcDetector *detector)
{
	uc_free(detector);
}

/* A Han character says as much as some letters. */
static int
letter_weight(UScriptCode script)
{
	return script == USCRIPT_HAN || script == USCRIPT_HANGUL ? 3 : script == USCRIPT_HIRAGANA || script == USCRIPT_KATAKANA ? 2 : 1;
}

static UScriptCode
script_of(UChar32 code)
{
	UErrorCode	failed = U_ZERO_ERROR;

	return code < 0x80 ? USCRIPT_LATIN : uscript_getScript(code, &failed);
}

/* The script that more than half of the text is in; USCRIPT_UNKNOWN: none. Japanese counts as one, katakana. */
static UScriptCode
main_script(const uint8_t *text, int32_t bytes)
{
	int			weights[USCRIPT_CODE_LIMIT] = {0};
	int			all = 0;
	int			kana;

	for (int32_t at = 0; at < bytes;)
	{
		UChar32		code;
		UScriptCode script;

		U8_NEXT(text, at, bytes, code);
		if (code < 0 || !u_isalpha(code))
			continue;
		script = script_of(code);
		if (script < 0 || script >= USCRIPT_CODE_LIMIT)
			continue;
		weights[script] += letter_weight(script);
		all += letter_weight(script);
	}
	kana = weights[USCRIPT_HIRAGANA] + weights[USCRIPT_KATAKANA];
	/* Chinese may hold a Japanese name; Japanese hardly goes without particles. */
	if (kana * 10 >= weights[USCRIPT_HAN])
	{
		weights[USCRIPT_KATAKANA] = kana + weights[USCRIPT_HAN];
		weights[USCRIPT_HAN] = weights[USCRIPT_HIRAGANA] = 0;
	}
	for (int script = 0; script < USCRIPT_CODE_LIMIT; script++)
		if (weights[script] * 2 > all)
			return (UScriptCode) script;
	return USCRIPT_UNKNOWN;
}

typedef struct Scores
{
	const UcDetector *detector;
	UScriptCode script;
	double		scores[LANGUAGES];
	int			words;
} Scores;

static bool
count_sign(Scores *scores, SignKind kind, const char *text, size_t bytes)
{
	const Sign *sign = find_sign((UcDetector *) scores->detector, kind, text, bytes);
	/* Names bring letters and endings of other languages. */
	static const double weights[] = {[SIGN_WORD] = 1,[SIGN_LETTER] = 0.4,[SIGN_ENDING] = 0.4};
	uint64_t	having = 0;

	if (sign->text == NULL)
		return false;
	for (size_t i = 0; i < LANGUAGES; i++)
		if (languages[i].script == scores->script)
			having |= sign->languages & UINT64_C(1) << i;
	if (having == 0)
		return false;
	for (size_t i = 0; i < LANGUAGES; i++)
	{
		if (languages[i].script != scores->script)
			continue;
		if ((having >> i & 1) == 0)
			scores->scores[i] -= kind == SIGN_LETTER ? STRANGE_LETTER : 0;
		else
			scores->scores[i] += weights[kind] *
				log((scores->detector->in_script[i] + 0.5) / __builtin_popcountll(having));
	}
	return true;
}

static void
count_word(Scores *scores, const char *word, size_t bytes)
{
	const char *apostrophe = memchr(word, '\'', bytes);

	scores->words++;
	if (!count_sign(scores, SIGN_WORD, word, bytes))
		for (size_t ending = LONGEST_ENDING; ending >= 2; ending--)
			if (bytes > ending + 1 && count_sign(scores, SIGN_ENDING, word + bytes - ending, ending))
				break;
	if (apostrophe == NULL)
		return;
	count_sign(scores, SIGN_WORD, word, (size_t) (apostrophe + 1 - word));
	count_sign(scores, SIGN_WORD, apostrophe + 1, bytes - (size_t) (apostrophe + 1 - word));
}

static void
count_signs(Scores *scores, const uint8_t *text, int32_t bytes)
{
	char		word[WORD_ROOM];
	int32_t		length = 0;
	bool		fits = true;

	for (int32_t at = 0; at <= bytes;)
	{
		UChar32		code = ' ';
		char		letter[4];
		int32_t		letter_bytes = 0;

		if (at < bytes)
			U8_NEXT(text, at, bytes, code);
		else
			at++;
		if (code == 0x2019)
			code = '\'';
		if (code < 0 || !(u_isalpha(code) || (length > 0 && (code == '\'' || (U_GET_GC_MASK(code) & U_GC_M_MASK)))))
		{
			if (length > 0 && fits)
				count_word(scores, word, (size_t) length);
			length = 0;
			fits = true;
			continue;
		}
		code = u_tolower(code);
		U8_APPEND_UNSAFE(letter, letter_bytes, code);
		if (code >= 0x80)
			count_sign(scores, SIGN_LETTER, letter, (size_t) letter_bytes);
		if (length + letter_bytes > WORD_ROOM)
			fits = false;
		else
		{
			memcpy(word + length, letter, (size_t) letter_bytes);
			length += letter_bytes;
		}
	}
}

void
uc_detect_language(const UcDetector *detector, const char *text, size_t bytes, char code[UC_LANGUAGE_ROOM])
{
	int32_t		looked_at = (int32_t) (bytes < UC_DETECT_BYTES ? bytes : UC_DETECT_BYTES);
	UScriptCode script = main_script((const uint8_t *) text, looked_at);
	Scores		scores = {.detector = detector,.script = script};
	size_t		best = LANGUAGES;
	double		next = 0;

	code[0] = '\0';
	if (script == USCRIPT_KATAKANA)
		strcpy(code, "ja");
	for (size_t i = 0; i < sizeof single / sizeof *single; i++)
		if (script == single[i].script)
			strcpy(code, single[i].code);
	if (code[0] != '\0')
		return;
	count_signs(&scores, (const uint8_t *) text, looked_at);
	for (size_t i = 0; i < LANGUAGES; i++)
	{
		if (languages[i].script != script)
			continue;
		if (best == LANGUAGES || scores.scores[i] > scores.scores[best])
		{
			if (best < LANGUAGES && scores.scores[best] > next)
				next = scores.scores[best];
			best = i;
		}
		else if (scores.scores[i] > next)
			next = scores.scores[i];
	}
	if (best < LANGUAGES && scores.scores[best] >= LEAST_SCORE && (script != USCRIPT_LATIN || scores.scores[best] >= LEAST_RATE * scores.words) &&
		scores.scores[best] - next >= LEAST_LEAD)
		strcpy(code, languages[best].code);
}
