/*
 * segment_plot_test.c
 *	  The scatter: what it refuses, well-formedness whatever names hold, the sample, the centres; the projection; and what
 *	  all pictures share, text and axes.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/random.h"
#include "check.h"
#include "cluster/plane.h"
#include "segment/plot.h"
#include "segment/plot_frame.h"
#include "segment/svg.h"
#include "text/unicode.h"

static const UcRun run = {.threads = 1,.max_memory = (size_t) 1 << 30};

static size_t
occurrences(const char *text, const char *what)
{
	size_t		count = 0;

	for (const char *at = text; (at = strstr(at, what)) != NULL; at += strlen(what))
		count++;
	return count;
}

/* The text of a user between marks, or NULL without memory; uc_free it. */
static char *
text_of(const char *text, double width)
{
	UcSvg		svg = {.text = NULL};
	char	   *written = NULL;
	size_t		length;
	UcError		err;

	uc_svg_text(&svg, text, width);
	return uc_svg_finish(&svg, &written, &length, &err) == UC_OK ? written : NULL;
}

static void
check_text(const char *text, double width, const char *wanted, const char *what)
{
	char	   *written = text_of(text, width);

	CHECK(written != NULL && strcmp(written, wanted) == 0, "text: %s", what);
	if (written != NULL && strcmp(written, wanted) != 0)
		printf("# %s\n", written);
	uc_free(written);
}

static void
texts(void)
{
	check_text("a<b>&\"c\"", INFINITY, "a&lt;b&gt;&amp;&quot;c&quot;", "markup is escaped");
	check_text("a\001b\x7f" "c\xc2\x85" "d\x1b[1m", INFINITY, "abcd[1m", "controls are dropped");
	check_text("a\tb\r\nc", INFINITY, "a b  c", "tabs and line ends are spaces");
	check_text("\xef\xbf\xbe\xef\xbf\xbfx\xf0\x9f\xbf\xbf", INFINITY, "x", "what is no character is dropped");
	check_text("\xed\xa0\x80x", INFINITY, "x", "surrogates are dropped");
	check_text("\xff\x80x\xe4\xb8", INFINITY, "x", "bytes that are not UTF-8 are dropped");
	check_text("\xc0\xaf\xe0\x80\xafx", INFINITY, "x", "overlong forms are dropped");
	check_text("\xe2\x80\xaex", INFINITY, "x", "direction overrides are dropped");
	check_text("电影与音乐", INFINITY, "电影与音乐", "Chinese stays");
	check_text("电影与音乐", 5, "电影与音乐", "Chinese that just fits stays");
	check_text("电影与音乐", 4.5, "电影与&#8230;", "Chinese is cut between characters");
	check_text("电影", 0, "&#8230;", "nothing fits");
	check_text("e\xcc\x81" "bc", 1.6, "e\xcc\x81&#8230;", "an accent stays with its letter");
	check_text("\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x92\xbb" "abc", 2, "\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x92\xbb&#8230;",
			   "a picture put together from two is not torn");
	check_text("\xcc\x81" "a", INFINITY, "a", "an accent without a letter is dropped");
}

/* Very long texts, and letters with more marks than any script has. */
static void
long_texts(void)
{
	const size_t marks = 100000;
	char	   *text = malloc(marks * 2 + 3),
			   *written;

	text[0] = 'a';
	for (size_t i = 0; i < marks; i++)
		memcpy(text + 1 + 2 * i, "\xcc\x81", 2);
	memcpy(text + 1 + 2 * marks, "b", 2);
	written = text_of(text, INFINITY);
	CHECK(written != NULL && strlen(written) == 1 + 2 * 31 + 1, "marks are kept up to a bound, and what follows them");
	uc_free(written);
	memset(text, 'x', marks * 2);
	text[marks * 2] = '\0';
	written = text_of(text, INFINITY);
	CHECK(written != NULL && strlen(written) < 20000, "a text has a largest width");
	uc_free(written);
	free(text);
}

/* Whatever bytes a name has: what is written is UTF-8 without controls, and has no markup but references. */
static void
random_texts(void)
{
	static const char *const pieces[] = {"<", "&", "\"", "a", " ", "\n", "\x1b", "\xe7", "\x94", "\xb5", "\xf0\x9f", "\xcc\x81", "\xe2\x80\x8d",
	"\xf0\x9f\x87\xa8", "\xff", "\xed\xa0\x80", "电", "\xf4\x90\x80\x80", "\xc0\x80", "]]>"};
	bool		clean = true;
	UcRandom	random;

	uc_random_seed(&random, 11, 0);
	for (int i = 0; i < 20000 && clean; i++)
	{
		char		text[256] = "",
				   *written;
		double		width = (double) uc_random_below(&random, 12);
		UcChars		chars = {0};
		UcError		err;

		for (size_t j = uc_random_below(&random, 40); j > 0; j--)
			strcat(text, pieces[uc_random_below(&random, sizeof pieces / sizeof pieces[0])]);
		written = text_of(text, width);
		clean = written != NULL && strpbrk(written, "<>\"") == NULL &&
			uc_chars_decode(&chars, written, 0, strlen(written), &err) == UC_OK;
		for (const char *at = written; clean && *at != '\0'; at++)
			clean = (unsigned char) *at >= 0x20 && *at != 0x7f &&
				(*at != '&' || strncmp(at, "&lt;", 4) == 0 || strncmp(at, "&gt;", 4) == 0 || strncmp(at, "&amp;", 5) == 0 ||
				 strncmp(at, "&quot;", 6) == 0 || strncmp(at, "&#8230;", 7) == 0);
		if (!clean && written != NULL)
			printf("# %s\n", written);
		uc_chars_free(&chars);
		uc_free(written);
	}
	CHECK(clean, "random bytes become clean text");
}

/* ---- axes ---- */

static void
check_ticks(double low, double high, double apart, double least, double step, double first, int count)
{
	const UcAxis axis = {low, high, 100, 500};
	UcTicks		ticks = uc_axis_ticks(&axis, apart, least);

	CHECK(ticks.count == count && (count == 0 || (fabs(ticks.step / step - 1) < 1e-9 && ticks.first == first)),
		  "ticks from %g to %g: %d of %g from %g", low, high, count, step, first * step);
	if (ticks.count != count)
		printf("# %d of %g from %g\n", ticks.count, ticks.step, ticks.first);
}

static void
axes(void)
{
	const UcAxis fall = {10, 20, 500, 100},
				point = {7, 7, 100, 200},
				huge = {-1e308, 1e308, 0, 100};

	CHECK(uc_axis_pixel(&fall, 10) == 500 && uc_axis_pixel(&fall, 20) == 100 && uc_axis_pixel(&fall, 15) == 300, "pixels fall");
	CHECK(uc_axis_pixel(&point, 7) == 150 && uc_axis_pixel(&point, 1e9) == 150, "without a range all lie in the middle");
	CHECK(fabs(uc_axis_pixel(&huge, 0) - 50) < 1e-9, "the largest numbers do not overflow");
	check_ticks(0, 1, 80, 0, 0.2, 0, 6);
	check_ticks(0, 1, 81, 0, 0.5, 0, 3);
	check_ticks(-0.31, 0.29, 60, 0, 0.1, -3, 6);
	check_ticks(2, 15, 10, 1, 1, 2, 14);
	check_ticks(0, 7e-30, 100, 0, 2e-30, 0, 4);
	check_ticks(3, 3, 100, 1, 1, 3, 1);
	check_ticks(3, 3, 100, 0, 1, 0, 0);
	check_ticks(1e300, 1e300 + 1, 100, 0, 1, 0, 0);
	check_ticks(-1e308, 1e308, 100, 0, 1, 0, 0);
}

/* ---- the scatter ---- */

static void
refusals(void)
{
	const double point[2] = {0},
				explained[2] = {0};
	const int32_t group = -1;
	UcScatter	scatter = {
		.width = 800,.height = 600,.points = point,.groups = &group,.count = 1,.explained = explained
	};
	UcRun		poor = {.threads = 1,.max_memory = 1000};
	UcError		err;
	char	   *text;
	size_t		length;

	scatter.width = UC_PLOT_SMALLEST - 1;
	CHECK_REFUSED(uc_scatter(&scatter, &run, &text, &length, &err), UC_INVALID_ARGUMENT, &err, "width", "too narrow");
	scatter.width = UC_PLOT_LARGEST + 1;
	CHECK_REFUSED(uc_scatter(&scatter, &run, &text, &length, &err), UC_INVALID_ARGUMENT, &err, "width", "too wide");
	scatter.width = 800;
	scatter.height = -1;
	CHECK_REFUSED(uc_scatter(&scatter, &run, &text, &length, &err), UC_INVALID_ARGUMENT, &err, "height", "too low");
	scatter.height = 600;
	scatter.count = 0;
	CHECK_REFUSED(uc_scatter(&scatter, &run, &text, &length, &err), UC_INVALID_ARGUMENT, &err, "0 points", "no points");
	scatter.count = 1;
	CHECK_REFUSED(uc_scatter(&scatter, &poor, &text, &length, &err), UC_MEMORY_LIMIT, &err, "drawing", "no memory");
}

/* Draws `count` random points in `groups` groups, a tenth of them noise. */
static char *
draw(size_t count, int groups, uint64_t seed, int width, double unit)
{
	double	   *points = malloc(count * 2 * sizeof(double));
	int32_t    *codes = malloc(count * sizeof(int32_t));
	char	  (*names)[16] = malloc((size_t) groups * 16);
	const char **pointers = malloc((size_t) groups * sizeof(char *));
	const double explained[2] = {0.25, 0.125};
	UcScatter	scatter = {
		.title = "<题目>",.width = width,.height = 600,.points = points,.groups = codes,.count = count,.names = pointers,
		.group_count = groups,.explained = explained,.seed = seed
	};
	UcRandom	random;
	UcError		err;
	char	   *text = NULL;
	size_t		length = 0;

	uc_random_seed(&random, 7, 0);
	for (int i = 0; i < groups; i++)
	{
		snprintf(names[i], sizeof names[i], "g%d", i);
		pointers[i] = names[i];
	}
	for (size_t i = 0; i < count; i++)
	{
		points[i * 2] = uc_random_unit(&random) * unit;
		points[i * 2 + 1] = uc_random_unit(&random) * unit;
		codes[i] = i % 10 == 9 ? -1 : (int32_t) uc_random_below(&random, (uint64_t) groups);
	}
	if (uc_scatter(&scatter, &run, &text, &length, &err) != UC_OK || strlen(text) != length)
		printf("# drawing failed\n");
	free(points);
	free(codes);
	free(names);
	free(pointers);
	return text;
}

static void
scatters(void)
{
	char	   *text = draw(300, 3, 1, 800, 1),
			   *other;

	/* a circle for each point, two for each centre, one for each of four lines of the legend */
	CHECK(occurrences(text, "<circle") == 300 + 3 * 2 + 4, "every point, centre and legend mark is drawn");
	CHECK(strstr(text, "&lt;题目&gt;") != NULL && strstr(text, "<题目>") == NULL, "the title is escaped");
	CHECK(strstr(text, "(25 % of") != NULL && strstr(text, "(12.5 %)") != NULL, "axes tell what they explain");
	CHECK(strstr(text, "points drawn") == NULL, "no sample is mentioned where all are drawn");
	CHECK(occurrences(text, ">30</text>") == 1, "noise and its size are in the legend");
	CHECK(occurrences(text, "nan") + occurrences(text, "inf") == 0, "every number is finite");
	other = draw(300, 3, 2, 800, 1);
	CHECK(strcmp(text, other) == 0, "the seed does not matter where all points are drawn");
	uc_free(text);
	uc_free(other);

	text = draw(7000, 3, 1, 800, 1);
	CHECK(occurrences(text, "<circle") == UC_PLOT_POINTS + 3 * 2 + 4, "of many points a sample is drawn");
	CHECK(strstr(text, "5000 of 7000 points drawn") != NULL, "and said to be one");
	other = draw(7000, 3, 1, 800, 1);
	CHECK(strcmp(text, other) == 0, "the same sample for the same seed");
	uc_free(other);
	other = draw(7000, 3, 2, 800, 1);
	CHECK(strcmp(text, other) != 0, "another sample for another seed");
	uc_free(text);
	uc_free(other);

	text = draw(3000, 200, 1, 800, 1);
	CHECK(strstr(text, " more</text>") != NULL, "a legend that does not fit says how many are left out");
	CHECK(occurrences(text, "<svg") == 1 && occurrences(text, "</svg>") == 1, "more groups than marks are drawn");
	uc_free(text);
	text = draw(20, 2, 1, UC_PLOT_SMALLEST, 1e300);
	CHECK(occurrences(text, "nan") + occurrences(text, "inf") == 0, "huge units and a small picture are fine");
	uc_free(text);
	text = draw(20, 2, 1, UC_PLOT_LARGEST, 0);
	CHECK(occurrences(text, "nan") + occurrences(text, "inf") == 0, "points at one place are fine");
	uc_free(text);
}

/* ---- the projection ---- */

static void
projections(void)
{
	/* on a line in space, with a little across it */
	const float rows[] = {0, 0, 0, 1, 1, 0, 2, 2, 0, 3, 3, 0, 1.5f, 1.5f, 0.5f, 1.5f, 1.5f, -0.5f};
	const float zero[] = {5, 5, 5};
	UcRun		poor = {.threads = 1,.max_memory = 10};
	double		points[12],
				explained[2];
	UcError		err;

	CHECK_REFUSED(uc_plane(rows, 0, 3, false, &run, points, explained, &err), UC_INVALID_ARGUMENT, &err, "no vectors",
				  "no rows to project");
	CHECK_REFUSED(uc_plane(rows, 6, 3, false, &poor, points, explained, &err), UC_MEMORY_LIMIT, &err, "projecting",
				  "no memory to project");
	CHECK(uc_plane(rows, 6, 3, false, &run, points, explained, &err) == UC_OK &&
		  fabs(explained[0] - 10 / 10.5) < 1e-6 && fabs(explained[1] - 0.5 / 10.5) < 1e-6, "shares of the variance");
	CHECK(fabs(fabs(points[6] - points[0]) - 3 * sqrt(2)) < 1e-5 && fabs(fabs(points[9] - points[11]) - 1) < 1e-5,
		  "distances in the plane stay");
	CHECK(fabs(points[0] + points[6]) < 1e-5, "the mean is the origin");
	CHECK(uc_plane(zero, 1, 3, false, &run, points, explained, &err) == UC_OK && explained[0] == 0 && points[0] == 0,
		  "one row lies at the origin and explains nothing");
	CHECK(uc_plane(rows, 6, 1, false, &run, points, explained, &err) == UC_OK && explained[1] == 0 && points[1] == 0,
		  "one dimension has no second axis");
}

int
main(void)
{
	refusals();
	texts();
	long_texts();
	random_texts();
	axes();
	scatters();
	projections();
	return check_done();
}
