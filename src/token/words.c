/*
 * words.c
 *	  Words, and their pieces: WordPiece (longest match first) and Unigram (the most probable split, by Viterbi).
 */
#include <string.h>

#include "base/memory.h"
#include "token/internal.h"

#define METASPACE 0x2581

static UcStatus
make_room(UcTokenScratch *s, size_t bytes, UcError *err)
{
	size_t		room = bytes + bytes / 2 + 64;

	if (bytes <= s->room && s->bytes != NULL)
		return UC_OK;
	uc_free(s->bytes);
	uc_free(s->places);
	uc_free(s->best);
	s->bytes = uc_alloc(room + 1);
	s->places = uc_alloc(uc_size_mul(room + 1, sizeof *s->places));
	s->best = uc_alloc(uc_size_mul(room + 1, sizeof *s->best));
	s->room = room;
	if (s->bytes != NULL && s->places != NULL && s->best != NULL)
		return UC_OK;
	s->room = 0;
	return uc_out_of_memory(err, room);
}

/* The word's bytes, and for each the number of its character. */
static size_t
encode(UcTokenScratch *s, const UcChar *word, size_t count)
{
	size_t		bytes = 0;

	for (size_t i = 0; i < count; i++)
	{
		size_t		n = uc_utf8_encode(word[i].code, s->bytes + bytes);

		for (size_t j = 0; j < n; j++)
			s->places[bytes + j] = (uint32_t) i;
		bytes += n;
	}
	s->places[bytes] = (uint32_t) count;
	return bytes;
}

static bool
ends_character(const char *text, size_t bytes, size_t at)
{
	return at == bytes || ((unsigned char) text[at] & 0xC0) != 0x80;
}

static UcStatus
wordpiece(const UcTokenizer *t, const UcChar *word, size_t count, UcTokens *tokens, UcError *err)
{
	UcTokenScratch *s = tokens->scratch;
	size_t		before = tokens->count,
				at = 0,
				bytes;
	UcStatus	status = make_room(s, 4 * count, err);

	if (status != UC_OK)
		return status;
	bytes = encode(s, word, count);
	while (at < bytes)
	{
		const char *mark = at == 0 ? "" : t->header.continuation;
		size_t		mark_bytes = strlen(mark),
					end = 0;
		uint64_t	hash = UC_HASH_BASIS;
		uint32_t	found = UC_NO_ID;

		for (size_t i = 0; i < mark_bytes; i++)
			hash = uc_token_hash(hash, (uint8_t) mark[i]);
		for (size_t i = at; i < bytes && i - at < t->header.max_piece; i++)
		{
			uint32_t	id;

			hash = uc_token_hash(hash, (uint8_t) s->bytes[i]);
			if (!ends_character(s->bytes, bytes, i + 1))
				continue;
			id = uc_find_piece(t, hash, mark, mark_bytes, s->bytes + at, i + 1 - at);
			if (id != UC_NO_ID)
			{
				found = id;
				end = i + 1;
			}
		}
		if (found == UC_NO_ID)
		{
			tokens->count = before;
			return uc_put_token(tokens, t->header.unknown, word[0].start, word[count - 1].stop) ? UC_OK
				: uc_out_of_memory(err, sizeof(UcToken));
		}
		if (!uc_put_token(tokens, found, word[s->places[at]].start, word[s->places[end] - 1].stop))
			return uc_out_of_memory(err, sizeof(UcToken));
		at = end;
	}
	return UC_OK;
}

static void
offer(UcBest *best, double score, uint32_t id, size_t from)
{
	if (best->from == UINT32_MAX || score > best->score)
		*best = (UcBest) {score, id, (uint32_t) from};
}

/* The split of least cost, written backwards into best[].from; false where the caller should stop. */
static bool
find_best(const UcTokenizer *t, UcTokenScratch *s, size_t bytes, const UcRun *run)
{
	for (size_t i = 0; i <= bytes; i++)
		s->best[i].from = UINT32_MAX;
	s->best[0] = (UcBest) {0, 0, 0};
	for (size_t at = 0; at < bytes;)
	{
		double		score = s->best[at].score;
		uint64_t	hash = UC_HASH_BASIS;
		size_t		next = at + 1;
		bool		single = false;

		while (!ends_character(s->bytes, bytes, next))
			next++;
		if (uc_token_poll(run, &s->work))
			return false;
		for (size_t i = at; i < bytes && i - at < t->header.max_piece; i++)
		{
			uint32_t	id;

			hash = uc_token_hash(hash, (uint8_t) s->bytes[i]);
			if (!ends_character(s->bytes, bytes, i + 1))
				continue;
			id = uc_find_piece(t, hash, "", 0, s->bytes + at, i + 1 - at);
			if (id == UC_NO_ID)
				continue;
			offer(&s->best[i + 1], score + t->scores[id], id, at);
			single = single || i + 1 == next;
		}
		if (!single)
			offer(&s->best[next], score + t->header.unknown_score, t->header.unknown, at);
		at = next;
	}
	return true;
}

/* Tokens of bytes [from, to) of the word, the last one first. */
static bool
put_unigram(const UcTokenizer *t, uint32_t id, size_t from, size_t to, uint32_t start, uint32_t stop, UcTokens *tokens)
{
	const char *bytes = tokens->scratch->bytes;
	bool		spelled = t->header.byte_fallback && id == t->header.unknown;
	size_t		shown;
	const char *piece = uc_token_piece(t, id, &shown);

	/* The unknown token's own text is in the vocabulary and no unknown one. */
	if (spelled && piece != NULL && shown == to - from && memcmp(piece, bytes + from, shown) == 0)
		spelled = false;
	for (size_t i = from; i < to && spelled; i++)
		spelled = t->byte_ids[(unsigned char) bytes[i]] != UC_NO_ID;
	if (!spelled)
		return uc_put_token(tokens, id, start, stop);
	for (size_t i = to; i > from; i--)
		if (!uc_put_token(tokens, t->byte_ids[(unsigned char) bytes[i - 1]], start, stop))
			return false;
	return true;
}

static UcStatus
unigram(const UcTokenizer *t, const UcChar *word, size_t count, const UcRun *run, UcTokens *tokens, UcError *err)
{
	UcTokenScratch *s = tokens->scratch;
	size_t		first = tokens->count,
				bytes;
	UcStatus	status = make_room(s, 4 * count, err);

	if (status != UC_OK)
		return status;
	bytes = encode(s, word, count);
	if (!find_best(t, s, bytes, run))
		return uc_interrupt_error(err);
	for (size_t end = bytes; end > 0;)
	{
		size_t		stop = end,
					from = s->best[end].from;

		/* Neighbouring unknown characters are one unknown token. */
		while (s->best[end].id == t->header.unknown && from > 0 && s->best[from].id == t->header.unknown)
			from = s->best[from].from;
		if (!put_unigram(t, s->best[end].id, from, stop, word[s->places[from]].start, word[s->places[stop] - 1].stop, tokens))
			return uc_out_of_memory(err, sizeof(UcToken));
		end = from;
	}
	for (size_t i = first, j = tokens->count; i + 1 < j; i++)
	{
		UcToken		kept = tokens->tokens[i];

		tokens->tokens[i] = tokens->tokens[--j];
		tokens->tokens[j] = kept;
	}
	return UC_OK;
}

static UcStatus
tokenize_word(const UcTokenizer *t, const UcChar *word, size_t count, const UcRun *run, UcTokens *tokens, UcError *err)
{
	if (count == 0)
		return UC_OK;
	if (uc_token_poll(run, &tokens->scratch->work))
		return uc_interrupt_error(err);
	if (t->header.kind == UC_TOKENIZER_UNIGRAM)
		return unigram(t, word, count, run, tokens, err);
	if (count > t->header.max_word)
		return uc_put_token(tokens, t->header.unknown, word[0].start, word[count - 1].stop) ? UC_OK
			: uc_out_of_memory(err, sizeof(UcToken));
	return wordpiece(t, word, count, tokens, err);
}

static UcStatus split_stage(const UcTokenizer *t, uint32_t stage, const UcChar *chars, size_t count, const UcRun *run,
							UcTokens *tokens, UcError *err);

/* Spaces become U+2581, one is put in front, and each may begin a word. */
static UcStatus
metaspace(const UcTokenizer *t, uint32_t stage, const UcChar *chars, size_t count, const UcRun *run, UcTokens *tokens, UcError *err)
{
	UcTokenScratch *s = tokens->scratch;
	uint32_t	place = chars[0].start;
	bool		marked = chars[0].code == ' ' || chars[0].code == METASPACE;
	bool		prepend = t->header.prepend == UC_PREPEND_ALWAYS || (t->header.prepend == UC_PREPEND_FIRST && place == 0);
	size_t		start = 0;
	UcStatus	status = UC_OK;

	s->spare.count = 0;
	if (!uc_chars_reserve(&s->spare, count + 1))
		return uc_out_of_memory(err, (count + 1) * sizeof(UcChar));
	if (prepend && !marked)
		uc_chars_add(&s->spare, METASPACE, place, place);
	for (size_t i = 0; i < count; i++)
		uc_chars_add(&s->spare, chars[i].code == ' ' ? METASPACE : chars[i].code, chars[i].start, chars[i].stop);
	for (size_t i = 1; i <= s->spare.count && status == UC_OK; i++)
	{
		if (i < s->spare.count && !(t->header.metaspace_split && s->spare.chars[i].code == METASPACE))
			continue;
		status = split_stage(t, stage + 1, s->spare.chars + start, i - start, run, tokens, err);
		start = i;
	}
	return status;
}

/* What a character does to the words around it. */
typedef enum Role
{
	WORD, OTHER_WORD, ALONE, SEPARATOR
} Role;

static Role
role(UcPreTokenizer kind, uint32_t code)
{
	uint16_t	flags = uc_char(code)->flags;

	if ((flags & UC_CHAR_SPACE) && kind != UC_PRETOKENIZE_PUNCTUATION)
		return SEPARATOR;
	if ((flags & UC_CHAR_PUNCTUATION) && (kind == UC_PRETOKENIZE_BERT || kind == UC_PRETOKENIZE_PUNCTUATION))
		return ALONE;
	return kind == UC_PRETOKENIZE_WORDS && !(flags & UC_CHAR_WORD) ? OTHER_WORD : WORD;
}

/* One stage over one word of the stage before it; as deep as there are stages. */
static UcStatus
split_stage(const UcTokenizer *t, uint32_t stage, const UcChar *chars, size_t count, const UcRun *run, UcTokens *tokens,
			UcError *err)
{
	UcPreTokenizer kind;
	size_t		start = 0;
	Role		before = WORD;
	UcStatus	status = UC_OK;

	if (count == 0)
		return UC_OK;
	if (stage == t->header.stage_count)
		return tokenize_word(t, chars, count, run, tokens, err);
	kind = (UcPreTokenizer) t->header.stages[stage];
	if (kind == UC_PRETOKENIZE_METASPACE)
		return metaspace(t, stage, chars, count, run, tokens, err);
	for (size_t i = 0; i < count && status == UC_OK; i++)
	{
		Role		now = role(kind, chars[i].code);

		if (i > start && (now != before || now == ALONE))
		{
			status = split_stage(t, stage + 1, chars + start, i - start, run, tokens, err);
			start = i;
		}
		if (now == SEPARATOR)
			start = i + 1;
		before = now;
	}
	if (status == UC_OK)
		status = split_stage(t, stage + 1, chars + start, count - start, run, tokens, err);
	return status;
}

UcStatus
uc_tokenize_words(const UcTokenizer *t, const UcChar *chars, size_t count, const UcRun *run, UcTokens *tokens, UcError *err)
{
	return split_stage(t, 0, chars, count, run, tokens, err);
}
