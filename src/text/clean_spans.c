/*
 * clean_spans.c
 *	  Addresses of the web, e-mail addresses, handles and hashtags.
 *
 * An address is ASCII: Chinese goes on right behind it without a space. A web address begins with letters and "://" or with
 * "www."; a bare example.com is left alone, since a sentence may end.There. What is dropped leaves a space. Each recognizer
 * either finds nothing after a few characters, or its span is consumed, or it remembers how far nothing can be found: so
 * the whole is linear. What repeats within a recognizer's signs counts once, because uc_clean_repeats comes later.
 */
#include "text/clean_pass.h"

#define FIRST_CJK 0x2E80

typedef struct Spans
{
	UcClean    *c;
	size_t		no_url;			/* no web address begins before this place */
	size_t		no_email;
	size_t		closing;		/* a sign here closes a hashtag */
	bool		gap;			/* something was dropped right before */
} Spans;

/* The byte at `at`, 0 at the end. */
static unsigned char
byte_at(const UcClean *c, size_t at)
{
	return at < c->bytes ? (unsigned char) c->text[at] : 0;
}

static size_t
skip_alnum(UcClean *c, size_t at)
{
	while (uc_clean_more(c, at) && uc_ascii_alnum(byte_at(c, at)))
		at++;
	return at;
}

static size_t
skip_byte(UcClean *c, size_t at, unsigned char byte)
{
	while (uc_clean_more(c, at) && byte_at(c, at) == byte)
		at++;
	return at;
}

/* What the result ends in decides, as it would if the result were cleaned again. */
static bool
after_letter(const UcClean *c)
{
	return c->out.bytes > 0 && uc_ascii_letter((unsigned char) c->out.text[c->out.bytes - 1]);
}

static bool
address_byte(unsigned char byte)
{
	return byte > ' ' && byte < 0x7F && strchr("\"<>\\^`{|}", byte) == NULL;
}

/* An address does not end in a mark of the sentence, nor in a bracket that it has not opened. */
static size_t
trim_address(const UcClean *c, size_t start, size_t end)
{
	size_t		open[2] = {0},
				closed[2] = {0};

	for (size_t i = start; i < end; i++)
	{
		open[0] += c->text[i] == '(';
		closed[0] += c->text[i] == ')';
		open[1] += c->text[i] == '[';
		closed[1] += c->text[i] == ']';
	}
	for (; end > start; end--)
	{
		char		last = c->text[end - 1];
		int			kind = last == ')' ? 0 : last == ']' ? 1 : -1;

		if (kind >= 0 && closed[kind] > open[kind])
			closed[kind]--;
		else if (strchr(".,;:!?'*", last) == NULL)
			break;
	}
	return end;
}

/* The end of the web address that begins at `at`, or `at`. */
static size_t
url_end(Spans *s, size_t at)
{
	UcClean    *c = s->c;
	size_t		end = skip_alnum(c, at);
	size_t		host;

	s->no_url = end;
	if (byte_at(c, end) == ':' && byte_at(c, end + 1) == '/' && byte_at(c, end + 2) == '/')
		host = skip_byte(c, end + 1, '/');
	else if (byte_at(c, end) == '.' && end - at >= 3 && strspn(c->text + at, "wW") >= end - at)
		host = skip_byte(c, end, '.');
	else
		return at;
	if (!uc_ascii_alnum(byte_at(c, host)) && byte_at(c, host) != '[')
		return at;
	for (end = host; uc_clean_more(c, end) && address_byte(byte_at(c, end));)
		end++;
	/* The last one may begin a keycap emoji. */
	if (end > host && uc_emoji_bytes(c->text, c->bytes, end - 1) > 0)
		end--;
	return trim_address(c, at, end);
}

static bool
local_byte(unsigned char byte)
{
	return uc_ascii_alnum(byte) || (byte != 0 && strchr("._%+-", byte) != NULL);
}

/* The end of the e-mail address whose first letter or digit stands at `at`, or `at`. */
static size_t
email_end(Spans *s, size_t at)
{
	UcClean    *c = s->c;
	size_t		end = at;
	size_t		domain,
				dot = 0;

	while (uc_clean_more(c, end) && local_byte(byte_at(c, end)))
		end++;
	s->no_email = end;
	domain = skip_byte(c, end, '@');
	if (domain == end || !uc_ascii_alnum(byte_at(c, domain)))
		return at;
	for (end = domain; uc_clean_more(c, end); end++)
	{
		if (!uc_ascii_alnum(byte_at(c, end)) && byte_at(c, end) != '-' && byte_at(c, end) != '.')
			break;
		if (byte_at(c, end) == '.' && uc_ascii_alnum(byte_at(c, end + 1)))
			dot = end;
	}
	if (dot == 0)
		return at;
	for (end = dot + 1; uc_clean_more(c, end) && uc_ascii_letter(byte_at(c, end));)
		end++;
	return end - dot > 2 && !uc_ascii_digit(byte_at(c, end)) ? end : at;
}

static bool
name_character(UChar32 code)
{
	return code == '_' || u_isalnum(code) || uc_char_mark(code) || code == 0x200C || code == 0x200D;
}

/* The end of the name that begins at `at`; `letters` tells whether it is more than digits. */
static size_t
name_end(UcClean *c, size_t at, bool *letters)
{
	*letters = false;
	while (uc_clean_more(c, at))
	{
		size_t		next = at;
		UChar32		code = uc_clean_next(c->text, c->bytes, &next);

		if (!name_character(code))
			break;
		*letters |= code == '_' || u_isalpha(code);
		at = next;
	}
	return at;
}

/* Bytes of the sign, ASCII or full-width, at `at`, or 0. */
static size_t
sign_bytes(const UcClean *c, size_t at, char ascii)
{
	static const char wide_at[] = "\xEF\xBC\xA0",
				wide_hash[] = "\xEF\xBC\x83";

	if (byte_at(c, at) == (unsigned char) ascii)
		return ascii == '#' && uc_emoji_bytes(c->text, c->bytes, at) > 0 ? 0 : 1;
	return c->bytes - at >= 3 && memcmp(c->text + at, ascii == '@' ? wide_at : wide_hash, 3) == 0 ? 3 : 0;
}

static size_t
skip_signs(UcClean *c, size_t at, char ascii)
{
	size_t		bytes;

	while (uc_clean_more(c, at) && (bytes = sign_bytes(c, at, ascii)) > 0)
		at += bytes;
	return at;
}

/* The end of the handle whose sign stands at `at`, or `at`: @name, @first.last, @name@host.example. */
static size_t
handle_end(Spans *s, size_t at)
{
	UcClean    *c = s->c;
	size_t		name = skip_signs(c, at, '@');
	UChar32		first = uc_clean_peek(c->text, c->bytes, name);
	size_t		end;
	bool		letters;

	if (name == at || after_letter(c) || !(first == '_' || u_isalpha(first)))
		return at;
	end = name_end(c, name, &letters);
	while ((byte_at(c, end) == '.' || byte_at(c, end) == '-' || byte_at(c, end) == '@') && uc_ascii_alnum(byte_at(c, end + 1)))
		end = name_end(c, end + 1, &letters);
	return end;
}

/* The end of a topic between two signs, as on Weibo, without white space and with a CJK character; or `start`. */
static size_t
topic_end(UcClean *c, size_t start)
{
	bool		cjk = false;
	size_t		at = start;

	while (uc_clean_more(c, at) && sign_bytes(c, at, '#') == 0)
	{
		UChar32		code = uc_clean_next(c->text, c->bytes, &at);

		if (u_isUWhiteSpace(code))
			return start;
		cjk |= code >= FIRST_CJK && u_isalpha(code);
	}
	return cjk && at < c->bytes ? at : start;
}

/* Takes the hashtag at `at` out, with the sign that closes it; the end of it, or `at`. */
static size_t
drop_hashtag(Spans *s, size_t at)
{
	UcClean    *c = s->c;
	size_t		start = skip_signs(c, at, '#');
	size_t		end = topic_end(c, start);
	bool		letters = true;

	if (end == start)
		end = name_end(c, start, &letters);
	if (start == at || end == start || !letters || after_letter(c) ||
		uc_clean_before(c->out.text, c->out.bytes) == '&')
		return at;
	/* Always a space, or the signs that stay would find new partners. */
	uc_clean_put_gap(c);
	return skip_signs(c, end, '#');
}

/*
 * Takes out the signs at `at`, and not what they mark: where a name follows, or where CJK text or a name that has an opening
 * sign ends. The signs of "C#", "#1" and "&#33;" stay.
 */
static size_t
drop_signs(Spans *s, size_t at)
{
	UcClean    *c = s->c;
	size_t		start = skip_signs(c, at, '#');
	UChar32		before = uc_clean_before(c->out.text, c->out.bytes);
	bool		closes = at == s->closing || (before >= FIRST_CJK && (u_isalpha(before) || u_ispunct(before)));
	bool		letters;
	size_t		end;

	if (start == at || before == '&' || (!closes && after_letter(c)))
		return at;
	end = name_end(c, start, &letters);
	if (!closes && !letters)
		return at;
	s->closing = closes ? SIZE_MAX : end;
	s->gap = true;
	return start;
}

static void
put_gap(Spans *s, size_t at)
{
	if (s->gap && uc_clean_needs_gap(s->c, at))
		uc_clean_put_gap(s->c);
	s->gap = false;
}

/* Takes the span out or keeps it whole; the end of it. */
static size_t
take(Spans *s, UcCleanSwitch which, size_t at, size_t end)
{
	if (s->c->options->choice[which] == UC_CLEAN_KEEP)
	{
		put_gap(s, at);
		uc_clean_keep(s->c, at, end);
	}
	else
		s->gap = true;
	return end;
}

void
uc_clean_spans(UcClean *c)
{
	UcCleanChoice choice = c->options->choice[UC_CLEAN_HASHTAGS];
	Spans		s = {.c = c,.closing = SIZE_MAX};

	for (size_t at = 0; uc_clean_more(c, at);)
	{
		unsigned char byte = byte_at(c, at);
		size_t		end = at;

		if (s.gap && (uc_ascii_alnum(byte) || sign_bytes(c, at, '@') > 0 || sign_bytes(c, at, '#') > 0))
		{
			/* What follows is judged with the space before it. */
			uc_clean_put_gap(c);
			s.gap = false;
		}
		if (uc_ascii_letter(byte) && at >= s.no_url && !after_letter(c) && (end = url_end(&s, at)) > at)
			at = take(&s, UC_CLEAN_URLS, at, end);
		else if (uc_ascii_alnum(byte) && at >= s.no_email && (end = email_end(&s, at)) > at)
			at = take(&s, UC_CLEAN_EMAILS, at, end);
		else if ((byte == '@' || byte == 0xEF) && (end = handle_end(&s, at)) > at)
			at = take(&s, UC_CLEAN_HANDLES, at, end);
		else if ((byte == '#' || byte == 0xEF) && choice != UC_CLEAN_KEEP &&
				 (end = choice == UC_CLEAN_TEXT ? drop_signs(&s, at) : drop_hashtag(&s, at)) > at)
			at = end;
		else
		{
			/* Signs are gone through once. */
			end = byte == '#' || byte == '@' ? skip_signs(c, at, (char) byte) : at;
			if (end == at && byte == 0xEF)
				end = skip_signs(c, skip_signs(c, at, '@'), '#');
			if (end == at)
				uc_clean_next(c->text, c->bytes, &end);
			put_gap(&s, at);
			uc_clean_put(c, c->text + at, end - at);
			at = end;
		}
	}
}
