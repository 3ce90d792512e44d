/*
 * clean.c
 *	  The switches, the purposes, and the passes in their order.
 *
 * The order makes cleaning idempotent: a pass finds nothing more in what the later ones make of its output. So invisible
 * characters go before words are looked at, forms are settled before addresses are recognized, and runs are shortened last.
 */
#include "text/clean.h"

#include <stdio.h>

#include "base/memory.h"
#include "text/clean_pass.h"

static const char *const choice_names[UC_CLEAN_CHOICES] = {
	[UC_CLEAN_KEEP] = "keep",[UC_CLEAN_DROP] = "drop",[UC_CLEAN_TEXT] = "text",[UC_CLEAN_NAME] = "name",
	[UC_CLEAN_FOLD] = "fold",[UC_CLEAN_LOWER] = "lower",[UC_CLEAN_NFC] = "nfc",[UC_CLEAN_NFKC] = "nfkc",
	[UC_CLEAN_ZERO] = "zero",[UC_CLEAN_SIMPLIFIED] = "simplified",[UC_CLEAN_TRADITIONAL] = "traditional",
	[UC_CLEAN_COLLAPSE] = "collapse",
};

#define CHOICE(name) (1u << UC_CLEAN_##name)
#define KEEP_DROP (CHOICE(KEEP) | CHOICE(DROP))

/*
 * An embedding model reads sentences: it gets them whole, in their case and with their signs, without what it cannot read.
 * Keywords are compared with each other: what varies without meaning is made equal. Punctuation stays, phrases end there.
 */
static const struct
{
	const char *name;
	unsigned	allowed;
	UcCleanChoice embedding;
	UcCleanChoice keywords;
} switches[UC_CLEAN_SWITCHES] = {
	[UC_CLEAN_MARKUP] = {"markup", KEEP_DROP, UC_CLEAN_DROP, UC_CLEAN_DROP},
	[UC_CLEAN_INVISIBLE] = {"invisible", KEEP_DROP, UC_CLEAN_DROP, UC_CLEAN_DROP},
	[UC_CLEAN_WIDTH] = {"width", CHOICE(KEEP) | CHOICE(FOLD), UC_CLEAN_FOLD, UC_CLEAN_FOLD},
	[UC_CLEAN_FORM] = {"form", CHOICE(KEEP) | CHOICE(NFC) | CHOICE(NFKC), UC_CLEAN_NFC, UC_CLEAN_NFKC},
	[UC_CLEAN_LETTER_CASE] = {"letter_case", CHOICE(KEEP) | CHOICE(LOWER) | CHOICE(FOLD), UC_CLEAN_KEEP, UC_CLEAN_FOLD},
	[UC_CLEAN_URLS] = {"urls", KEEP_DROP, UC_CLEAN_DROP, UC_CLEAN_DROP},
	[UC_CLEAN_EMAILS] = {"emails", KEEP_DROP, UC_CLEAN_DROP, UC_CLEAN_DROP},
	[UC_CLEAN_HANDLES] = {"handles", KEEP_DROP, UC_CLEAN_KEEP, UC_CLEAN_DROP},
	[UC_CLEAN_HASHTAGS] = {"hashtags", KEEP_DROP | CHOICE(TEXT), UC_CLEAN_TEXT, UC_CLEAN_TEXT},
	[UC_CLEAN_EMOJI] = {"emoji", KEEP_DROP | CHOICE(NAME), UC_CLEAN_KEEP, UC_CLEAN_DROP},
	[UC_CLEAN_NUMBERS] = {"numbers", KEEP_DROP | CHOICE(ZERO), UC_CLEAN_KEEP, UC_CLEAN_KEEP},
	[UC_CLEAN_PUNCTUATION] = {"punctuation", KEEP_DROP, UC_CLEAN_KEEP, UC_CLEAN_KEEP},
	[UC_CLEAN_CHINESE] = {"chinese", CHOICE(KEEP) | CHOICE(SIMPLIFIED) | CHOICE(TRADITIONAL), UC_CLEAN_KEEP, UC_CLEAN_SIMPLIFIED},
	[UC_CLEAN_SPACES] = {"spaces", CHOICE(KEEP) | CHOICE(COLLAPSE), UC_CLEAN_COLLAPSE, UC_CLEAN_COLLAPSE},
};

/* Three of a kind say as much as ten; two would make AA batteries of AAA ones. */
#define REPEATS 3

/* Passes that no switch decides on. */
#define IF_REPEATS (1u << 30)
#define IF_STOP_WORDS (1u << 31)

/* A pass runs where a switch on which it works says other than keep, and where the text holds what it looks for. */
static const struct
{
	void		(*pass) (UcClean *c);
	unsigned	works_on;		/* bits of switches */
	char		mark;			/* byte that must occur; 0: none */
} passes[] = {
	{uc_clean_tags, 1u << UC_CLEAN_MARKUP, '<'},
	{uc_clean_entities, 1u << UC_CLEAN_MARKUP, '&'},
	{uc_clean_invisible, 1u << UC_CLEAN_INVISIBLE, 0},
	{uc_clean_forms, 1u << UC_CLEAN_WIDTH | 1u << UC_CLEAN_FORM | 1u << UC_CLEAN_LETTER_CASE, 0},
	{uc_clean_spans, 1u << UC_CLEAN_URLS | 1u << UC_CLEAN_EMAILS | 1u << UC_CLEAN_HANDLES | 1u << UC_CLEAN_HASHTAGS, 0},
	{uc_clean_stop_words, IF_STOP_WORDS, 0},
	{uc_clean_emoji, 1u << UC_CLEAN_EMOJI, 0},
	{uc_clean_numbers, 1u << UC_CLEAN_NUMBERS, 0},
	{uc_clean_punctuation, 1u << UC_CLEAN_PUNCTUATION, 0},
	{uc_clean_chinese, 1u << UC_CLEAN_CHINESE, 0},
	{uc_clean_repeats, IF_REPEATS, 0},
	{uc_clean_spaces, 1u << UC_CLEAN_SPACES, 0},
};

UcStatus
uc_clean_purpose(const char *purpose, UcCleanOptions *out, UcError *err)
{
	bool		embedding = strcmp(purpose, "embedding") == 0;

	if (!embedding && strcmp(purpose, "keywords") != 0)
	{
		uc_error(err, UC_INVALID_ARGUMENT, "unrecognized purpose \"%s\"", purpose);
		uc_error_hint(err, "Use 'embedding' or 'keywords'.");
		return UC_INVALID_ARGUMENT;
	}
	for (int i = 0; i < UC_CLEAN_SWITCHES; i++)
		out->choice[i] = embedding ? switches[i].embedding : switches[i].keywords;
	out->repeats = REPEATS;
	return UC_OK;
}

UcStatus
uc_clean_set(UcCleanOptions *options, UcCleanSwitch which, const char *choice, UcError *err)
{
	char		allowed[200] = "";
	size_t		used = 0;

	for (int i = 0; i < UC_CLEAN_CHOICES; i++)
	{
		if (!(switches[which].allowed & 1u << i))
			continue;
		if (strcmp(choice, choice_names[i]) == 0)
		{
			options->choice[which] = (UcCleanChoice) i;
			return UC_OK;
		}
		/* At most four short names. */
		used += (size_t) snprintf(allowed + used, sizeof allowed - used, "%s'%s'", used == 0 ? "" : ", ", choice_names[i]);
	}
	uc_error(err, UC_INVALID_ARGUMENT, "unrecognized choice \"%s\" for \"%s\"", choice, switches[which].name);
	uc_error_hint(err, "Use one of %s, or NULL for what the purpose prescribes.", allowed);
	return UC_INVALID_ARGUMENT;
}

UcStatus
uc_clean_set_repeats(UcCleanOptions *options, int repeats, UcError *err)
{
	if (repeats < 0)
	{
		uc_error(err, UC_INVALID_ARGUMENT, "\"repeats\" must not be negative");
		uc_error_detail(err, "It is %d.", repeats);
		uc_error_hint(err, "Use 0 to leave repeated characters alone.");
		return UC_INVALID_ARGUMENT;
	}
	options->repeats = repeats;
	return UC_OK;
}

void
uc_clean_poll(UcClean *c, size_t at)
{
	c->poll_at = at + UC_CLEAN_POLL_BYTES;
	if (c->status == UC_OK && uc_interrupted(c->run))
		c->status = uc_interrupt_error(c->err);
}

/* Whether a buffer may grow from `room` bytes by `more`, which exist together for a while. */
static bool
granted(UcClean *c, size_t more)
{
	size_t		kept = uc_size_mul(uc_size_add(c->kept.room, c->kept_out.room), sizeof *c->kept.spans);
	size_t		held = uc_size_add(uc_size_add(c->other_room, c->out.room), kept);

	c->status = uc_check_budget("cleaning a text", uc_size_add(held, more), c->run->max_memory, c->err);
	return c->status == UC_OK;
}

void
uc_clean_keep(UcClean *c, size_t start, size_t stop)
{
	UcCleanKept *kept = &c->kept_out;

	if (kept->count == kept->room)
	{
		size_t		room = kept->room + kept->room / 2 + 16;
		UcCleanKept grown = {.count = kept->count,.room = room};

		if (c->status != UC_OK || !granted(c, uc_size_mul(room, sizeof *kept->spans)))
			return;
		grown.spans = uc_alloc(uc_size_mul(room, sizeof *kept->spans));
		if (grown.spans == NULL)
		{
			c->status = uc_out_of_memory(c->err, uc_size_mul(room, sizeof *kept->spans));
			return;
		}
		if (kept->count > 0)
			memcpy(grown.spans, kept->spans, kept->count * sizeof *kept->spans);
		uc_free(kept->spans);
		*kept = grown;
	}
	kept->spans[kept->count].start = (uint32_t) c->out.bytes;
	uc_clean_put(c, c->text + start, stop - start);
	kept->spans[kept->count++].stop = (uint32_t) c->out.bytes;
}

bool
uc_clean_grow(UcClean *c, size_t more)
{
	size_t		needed = uc_size_add(c->out.bytes, more);
	size_t		room = uc_size_add(c->out.room, c->out.room / 2);
	char	   *grown;

	if (c->status != UC_OK)
		return false;
	if (needed > UC_CLEAN_MOST_BYTES)
	{
		c->status = uc_error(c->err, UC_LIMIT_EXCEEDED, "the cleaned text would be too long");
		uc_error_detail(c->err, "It would have more than %d bytes.", UC_CLEAN_MOST_BYTES);
		return false;
	}
	if (room < needed)
		room = needed;
	if (!granted(c, room))
		return false;
	grown = uc_alloc(room);
	if (grown == NULL)
	{
		c->status = uc_out_of_memory(c->err, room);
		return false;
	}
	if (c->out.bytes > 0)
		memcpy(grown, c->out.text, c->out.bytes);
	uc_free(c->out.text);
	c->out.text = grown;
	c->out.room = room;
	return true;
}

bool
uc_clean_needs_gap(const UcClean *c, size_t at)
{
	size_t		next = at;
	UChar32		code = next < c->bytes ? uc_clean_next(c->text, c->bytes, &next) : 0;
	UChar32		after;

	if (code == 0 || u_isUWhiteSpace(code))
		return false;
	if (code >= 0x80)
		return !(U_GET_GC_MASK(code) & (U_GC_PO_MASK | U_GC_PE_MASK | U_GC_PF_MASK));
	if (strchr(".,;:!?)", code) == NULL)
		return true;
	after = uc_clean_peek(c->text, c->bytes, next);
	return after != 0 && !u_isUWhiteSpace(after) && (after >= 0x80 || strchr(".,;:!?)", after) == NULL);
}

static void
check_utf8(UcClean *c)
{
	for (size_t at = 0; uc_clean_more(c, at);)
	{
		size_t		start = at;
		UChar32		code;

		U8_NEXT(c->text, at, c->bytes, code);
		if (code < 0)
		{
			c->status = uc_error(c->err, UC_INVALID_DATA, "text is not valid UTF-8");
			uc_error_detail(c->err, "Byte %zu does not begin a character.", start + 1);
		}
	}
}

static bool
pass_wanted(const UcClean *c, size_t pass)
{
	if (passes[pass].mark != 0 && memchr(c->text, passes[pass].mark, c->bytes) == NULL)
		return false;
	if (passes[pass].works_on == IF_REPEATS)
		return c->options->repeats > 0;
	if (passes[pass].works_on == IF_STOP_WORDS)
		return c->tools->stop_words != NULL;
	for (int i = 0; i < UC_CLEAN_SWITCHES; i++)
		if ((passes[pass].works_on & 1u << i) && c->options->choice[i] != UC_CLEAN_KEEP)
			return true;
	return false;
}

/* Lets the pass read what the one before it has written: two buffers take turns. */
static void
run_pass(UcClean *c, UcCleanBuffer *read, void (*pass) (UcClean *c))
{
	UcCleanBuffer written;
	UcCleanKept kept;

	c->out.bytes = 0;
	c->kept_out.count = 0;
	c->kept_at = 0;
	c->other_room = read->room;
	c->poll_at = 0;
	if (c->out.room < c->bytes)
		uc_clean_grow(c, c->bytes);
	if (c->status == UC_OK)
		pass(c);
	written = c->out;
	c->out = *read;
	*read = written;
	kept = c->kept_out;
	c->kept_out = c->kept;
	c->kept = kept;
	c->text = read->text;
	c->bytes = read->bytes;
}

UcStatus
uc_clean_text(const UcCleanOptions *options, const UcCleanTools *tools, const char *text, size_t bytes, const UcRun *run,
			  char **out, size_t *out_bytes, UcError *err)
{
	UcClean		c = {.options = options,.tools = tools,.run = run,.text = text,.bytes = bytes,.err = err};
	UcCleanBuffer read = {0};

	check_utf8(&c);
	for (size_t i = 0; i < sizeof passes / sizeof *passes && c.status == UC_OK; i++)
		if (pass_wanted(&c, i))
			run_pass(&c, &read, passes[i].pass);
	if (c.status == UC_OK)
	{
		/* Room for the end; this also copies a text that no pass was wanted for. */
		c.out.bytes = 0;
		c.other_room = read.room;
		if (c.bytes > 0)
			uc_clean_put(&c, c.text, c.bytes);
		uc_clean_put(&c, "", 1);
	}
	uc_free(read.text);
	uc_free(c.kept.spans);
	uc_free(c.kept_out.spans);
	if (c.status != UC_OK)
	{
		uc_free(c.out.text);
		return c.status;
	}
	*out = c.out.text;
	*out_bytes = c.bytes;
	return UC_OK;
}
