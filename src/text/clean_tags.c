/*
 * clean_tags.c
 *	  HTML tags, comments and declarations, and what stands inside scripts and styles.
 *
 * After the HTML standard (https://html.spec.whatwg.org/multipage/parsing.html), but gentler, since most texts are none:
 * only names of HTML elements, and names with a hyphen or a prefix, make a tag, so that <Inception> stays; and what is not
 * closed is text. This does not make text safe to be shown in a browser.
 */
#include "text/clean_pass.h"

#include <stdlib.h>
#include <strings.h>

/* What a tag leaves behind. */
typedef enum TagKind
{
	TAG_NONE,					/* not a tag */
	TAG_INLINE,					/* nothing: the word goes on */
	TAG_SPACE,
	TAG_LINE,
	TAG_RAW						/* a line end, and its content is dropped */
} TagKind;

#define LONGEST_NAME 32
#define RAW_ELEMENTS 8

static const struct Element
{
	char		name[12];
	TagKind		kind;
} elements[] = {
	{"a", TAG_INLINE}, {"abbr", TAG_INLINE}, {"acronym", TAG_INLINE}, {"address", TAG_LINE}, {"applet", TAG_SPACE},
	{"area", TAG_SPACE}, {"article", TAG_LINE}, {"aside", TAG_LINE}, {"audio", TAG_SPACE}, {"b", TAG_INLINE},
	{"base", TAG_SPACE}, {"basefont", TAG_INLINE}, {"bdi", TAG_INLINE}, {"bdo", TAG_INLINE}, {"big", TAG_INLINE},
	{"blink", TAG_INLINE}, {"blockquote", TAG_LINE}, {"body", TAG_LINE}, {"br", TAG_LINE}, {"button", TAG_SPACE},
	{"canvas", TAG_SPACE}, {"caption", TAG_LINE}, {"center", TAG_LINE}, {"cite", TAG_INLINE}, {"code", TAG_INLINE},
	{"col", TAG_LINE}, {"colgroup", TAG_LINE}, {"data", TAG_INLINE}, {"datalist", TAG_SPACE}, {"dd", TAG_LINE},
	{"del", TAG_INLINE}, {"details", TAG_LINE}, {"dfn", TAG_INLINE}, {"dialog", TAG_LINE}, {"dir", TAG_LINE},
	{"div", TAG_LINE}, {"dl", TAG_LINE}, {"dt", TAG_LINE}, {"em", TAG_INLINE}, {"embed", TAG_SPACE},
	{"fieldset", TAG_LINE}, {"figcaption", TAG_LINE}, {"figure", TAG_LINE}, {"font", TAG_INLINE}, {"footer", TAG_LINE},
	{"form", TAG_LINE}, {"frame", TAG_LINE}, {"frameset", TAG_LINE}, {"g", TAG_INLINE}, {"h1", TAG_LINE},
	{"h2", TAG_LINE}, {"h3", TAG_LINE}, {"h4", TAG_LINE}, {"h5", TAG_LINE}, {"h6", TAG_LINE},
	{"head", TAG_LINE}, {"header", TAG_LINE}, {"hgroup", TAG_LINE}, {"hr", TAG_LINE}, {"html", TAG_LINE},
	{"i", TAG_INLINE}, {"iframe", TAG_RAW}, {"img", TAG_SPACE}, {"input", TAG_SPACE}, {"ins", TAG_INLINE},
	{"kbd", TAG_INLINE}, {"keygen", TAG_SPACE}, {"label", TAG_INLINE}, {"legend", TAG_LINE}, {"li", TAG_LINE},
	{"link", TAG_SPACE}, {"main", TAG_LINE}, {"map", TAG_INLINE}, {"mark", TAG_INLINE}, {"marquee", TAG_LINE},
	{"math", TAG_INLINE}, {"menu", TAG_LINE}, {"menuitem", TAG_LINE}, {"meta", TAG_SPACE}, {"meter", TAG_INLINE},
	{"nav", TAG_LINE}, {"nobr", TAG_INLINE}, {"noembed", TAG_RAW}, {"noframes", TAG_RAW}, {"noscript", TAG_LINE},
	{"object", TAG_SPACE}, {"ol", TAG_LINE}, {"optgroup", TAG_LINE}, {"option", TAG_LINE}, {"output", TAG_INLINE},
	{"p", TAG_LINE}, {"param", TAG_SPACE}, {"path", TAG_INLINE}, {"picture", TAG_INLINE}, {"plaintext", TAG_LINE},
	{"pre", TAG_LINE}, {"progress", TAG_INLINE}, {"q", TAG_INLINE}, {"rb", TAG_INLINE}, {"rp", TAG_SPACE},
	{"rt", TAG_SPACE}, {"rtc", TAG_SPACE}, {"ruby", TAG_INLINE}, {"s", TAG_INLINE}, {"samp", TAG_INLINE},
	{"script", TAG_RAW}, {"search", TAG_LINE}, {"section", TAG_LINE}, {"select", TAG_SPACE}, {"slot", TAG_INLINE},
	{"small", TAG_INLINE}, {"source", TAG_SPACE}, {"span", TAG_INLINE}, {"strike", TAG_INLINE}, {"strong", TAG_INLINE},
	{"style", TAG_RAW}, {"sub", TAG_INLINE}, {"summary", TAG_LINE}, {"sup", TAG_INLINE}, {"svg", TAG_INLINE},
	{"table", TAG_LINE}, {"tbody", TAG_LINE}, {"td", TAG_SPACE}, {"template", TAG_LINE}, {"textarea", TAG_SPACE},
	{"tfoot", TAG_LINE}, {"th", TAG_SPACE}, {"thead", TAG_LINE}, {"time", TAG_INLINE}, {"title", TAG_LINE},
	{"tr", TAG_LINE}, {"track", TAG_SPACE}, {"tt", TAG_INLINE}, {"u", TAG_INLINE}, {"ul", TAG_LINE},
	{"var", TAG_INLINE}, {"video", TAG_SPACE}, {"wbr", TAG_INLINE}, {"xmp", TAG_LINE},
};

/* The pass, and what is known not to come any more: a search that failed is never made again, which keeps it linear. */
typedef struct Tags
{
	UcClean    *c;
	bool		no_quote[2];	/* " and ' */
	bool		no_comment_end;
	bool		no_declaration_end;
	const struct Element *unclosed[RAW_ELEMENTS];	/* no end tag of these follows */
	int			unclosed_count;
} Tags;

static int
compare_name(const void *key, const void *element)
{
	return strcmp(key, ((const struct Element *) element)->name);
}

/* The name at `at`: its kind, its end, and the element where it is one of HTML. */
static TagKind
tag_name(const UcClean *c, size_t at, size_t *end, const struct Element **element)
{
	char		name[LONGEST_NAME + 1];
	size_t		length = 0;
	bool		custom = false;

	*element = NULL;
	while (at + length < c->bytes && length < LONGEST_NAME)
	{
		char		ch = c->text[at + length];
		bool		joint = ch == '-' || ch == ':';

		if (!uc_ascii_alnum(ch) && !(joint && length > 0))
			break;
		custom |= joint;
		name[length++] = uc_ascii_letter(ch) ? ch | 0x20 : ch;
	}
	name[length] = '\0';
	*end = at + length;
	if (length == 0 || !uc_ascii_letter(name[0]) || !uc_ascii_alnum(name[length - 1]))
		return TAG_NONE;
	if (*end < c->bytes && strchr(" \t\r\n\f/>", c->text[*end]) == NULL)
		return TAG_NONE;
	if (custom)
		return TAG_SPACE;
	*element = bsearch(name, elements, sizeof elements / sizeof *elements, sizeof *elements, compare_name);
	return *element == NULL ? TAG_NONE : (*element)->kind;
}

/*
 * Goes through the attributes from `at`: true at the '>' that ends the tag. False at a '<' or the end of the text, with that
 * place in `end`: all before it is text, and not looked at again. A quote that is not closed is an ordinary character.
 */
static bool
tag_end(Tags *tags, size_t at, size_t *end)
{
	const char *text = tags->c->text;
	size_t		bytes = tags->c->bytes;
	bool		value = false;	/* behind an equals sign */

	for (; uc_clean_more(tags->c, at) && text[at] != '<' && text[at] != '>'; at++)
	{
		bool		single = text[at] == '\'';

		if (value && (single || text[at] == '"') && !tags->no_quote[single])
		{
			const char *closing = memchr(text + at + 1, text[at], bytes - at - 1);

			tags->no_quote[single] = closing == NULL;
			at = closing == NULL ? at : (size_t) (closing - text);
		}
		value = text[at] == '=' || (value && strchr(" \t\r\n\f", text[at]) != NULL);
	}
	*end = at < bytes && text[at] == '>' ? at + 1 : at;
	return at < bytes && text[at] == '>';
}

/* The place of the end tag of `element` at or behind `at`, or `at` where none follows. */
static size_t
raw_end(Tags *tags, const struct Element *element, size_t at)
{
	const char *text = tags->c->text;
	size_t		length = strlen(element->name);

	for (int i = 0; i < tags->unclosed_count; i++)
		if (tags->unclosed[i] == element)
			return at;
	for (size_t from = at; tags->c->bytes - from > length + 2 && uc_clean_more(tags->c, from);)
	{
		const char *found = memchr(text + from, '<', tags->c->bytes - from - length - 2);

		if (found == NULL)
			break;
		if (found[1] == '/' && strncasecmp(found + 2, element->name, length) == 0 &&
			strchr(" \t\r\n\f/>", found[2 + length]) != NULL)
			return (size_t) (found - text);
		from = (size_t) (found - text) + 1;
	}
	if (tags->unclosed_count < RAW_ELEMENTS)
		tags->unclosed[tags->unclosed_count++] = element;
	return at;
}

/* The end of the comment that "<!--" begins at `at`, or `at` where it is not closed. */
static size_t
comment_end(Tags *tags, size_t at)
{
	const char *text = tags->c->text;
	size_t		bytes = tags->c->bytes;

	if (tags->no_comment_end)
		return at;
	/* From the second dash on: "<!-->" and "<!--->" are comments too. */
	for (size_t i = at + 2; bytes - i > 2 && uc_clean_more(tags->c, i);)
	{
		const char *dash = memchr(text + i, '-', bytes - i - 2);

		if (dash == NULL)
			break;
		i = (size_t) (dash - text);
		if (dash[1] == '-' && dash[2] == '>')
			return i + 3;
		if (dash[1] == '-' && dash[2] == '!' && bytes - i > 3 && dash[3] == '>')
			return i + 4;
		i++;
	}
	tags->no_comment_end = true;
	return at;
}

/* The end of a declaration or processing instruction, as <!DOCTYPE html> or <?xml ... ?>, or `at` where it is none. */
static size_t
declaration_end(Tags *tags, size_t at)
{
	const char *text = tags->c->text;
	const char *end;

	if (tags->c->bytes - at < 4 || tags->no_declaration_end || !(uc_ascii_letter(text[at + 2]) || text[at + 2] == '['))
		return at;
	end = memchr(text + at, '>', tags->c->bytes - at);
	if (end == NULL)
	{
		tags->no_declaration_end = true;
		return at;
	}
	return (size_t) (end - text) + 1;
}

static void
leave_behind(UcClean *c, TagKind kind)
{
	if (kind == TAG_SPACE)
		uc_clean_put_gap(c);
	else if (kind != TAG_INLINE && c->out.bytes > 0 && c->out.text[c->out.bytes - 1] != '\n')
		uc_clean_put(c, "\n", 1);
}

/* Deals with the '<' at `at`; the end of what was dropped, or of what turned out to be text and was kept. */
static size_t
tag(Tags *tags, size_t at)
{
	UcClean    *c = tags->c;
	const char *text = c->text;
	size_t		left = c->bytes - at;
	size_t		end = at + 1;
	const struct Element *element;
	bool		closing = left > 1 && text[at + 1] == '/';
	TagKind		kind;

	if (left > 3 && memcmp(text + at, "<!--", 4) == 0)
	{
		size_t		behind = comment_end(tags, at);

		if (behind > at)
			return behind;
	}
	else if (left > 1 && (text[at + 1] == '!' || text[at + 1] == '?'))
	{
		size_t		behind = declaration_end(tags, at);

		if (behind > at)
			return behind;
	}
	else if ((kind = tag_name(c, at + 1 + closing, &end, &element)) != TAG_NONE)
	{
		if (tag_end(tags, end, &end))
		{
			leave_behind(c, kind);
			return kind == TAG_RAW && !closing ? raw_end(tags, element, end) : end;
		}
	}
	else
		end = at + 1;
	uc_clean_put(c, text + at, end - at);
	return end;
}

void
uc_clean_tags(UcClean *c)
{
	Tags		tags = {.c = c};

	for (size_t at = 0; uc_clean_more(c, at);)
	{
		const char *next = memchr(c->text + at, '<', c->bytes - at);
		size_t		end = next == NULL ? c->bytes : (size_t) (next - c->text);

		if (end > at)
			uc_clean_put(c, c->text + at, end - at);
		at = end < c->bytes ? tag(&tags, end) : end;
	}
}
