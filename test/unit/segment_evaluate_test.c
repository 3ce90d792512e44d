/*
 * segment_evaluate_test.c
 *	  Splits of interactions, and measures of recommendations on them, where the answer is known.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "check.h"
#include "segment/evaluate.h"
#include "segment/tune.h"

#define EQUAL(call, wanted) CHECK((call) == (wanted), "%s is %s", #call, #wanted)
#define HOLDS(condition) CHECK(condition, "%s", #condition)

#define USERS 40
#define ITEMS 20
#define PAIRS (USERS * 6)

static const UcRun run = {.threads = 1,.max_memory = SIZE_MAX};

static int32_t user[PAIRS];
static int32_t item[PAIRS];
static int64_t at[PAIRS];

/* Users of two tastes: the even ones go through items 0 … 9 from somewhere on, the odd ones through 10 … 19. */
static UcInteractions
make_interactions(void)
{
	UcInteractions all;
	UcError		err;

	for (int i = 0; i < PAIRS; i++)
	{
		user[i] = i / 6;
		item[i] = i / 6 % 2 * 10 + (i / 6 / 2 + i % 6) % 10;
		at[i] = i % 6;
	}
	EQUAL(uc_interactions_create(USERS, ITEMS, PAIRS, user, item, NULL, &run, &all, &err), UC_OK);
	return all;
}

static void
refuses(void)
{
	static const double shares[] = {-0.1, 1, NAN, INFINITY};
	UcInteractions all = make_interactions();
	int64_t		times[PAIRS];
	UcSplit		split;
	UcError		err;
	UcRun		small = {.threads = 1,.max_memory = 1000};

	uc_pair_times(&all, PAIRS, user, item, at, 1, times);
	for (size_t i = 0; i < sizeof shares / sizeof *shares; i++)
		EQUAL(uc_split(&all, times, shares[i], SIZE_MAX, 1, &run, &split, &err), UC_INVALID_ARGUMENT);
	EQUAL(uc_split(&all, times, 0.2, SIZE_MAX, 1, &small, &split, &err), UC_MEMORY_LIMIT);
	uc_interactions_free(&all);
}

static void
keeps_the_latest(void)
{
	UcInteractions all = make_interactions();
	int64_t		times[PAIRS];
	UcSplit		split;
	UcError		err;
	bool		right = true;

	uc_pair_times(&all, PAIRS, user, item, at, 1, times);
	EQUAL(uc_split(&all, times, 0, SIZE_MAX, 1, &run, &split, &err), UC_OK);
	EQUAL(split.count, USERS);
	EQUAL(split.kept.count, USERS);
	EQUAL(split.past.count, PAIRS - USERS);
	for (int u = 0; u < USERS; u++)
		right = right && split.kept.user_items[u] == item[u * 6 + 5];
	for (size_t p = 0; p < split.past.count; p++)
		right = right && split.times[p] < 5;
	HOLDS(right);
	uc_split_free(&split);

	EQUAL(uc_split(&all, times, 0.33, 7, 1, &run, &split, &err), UC_OK);
	EQUAL(split.kept.count, USERS * 2);
	EQUAL(split.count, 7);
	uc_split_free(&split);
	EQUAL(uc_split(&all, times, 0.999, SIZE_MAX, 1, &run, &split, &err), UC_OK);
	EQUAL(split.past.count, USERS);
	uc_split_free(&split);
	uc_interactions_free(&all);
}

/* Without times a seeded order; a pair that comes twice counts by its first time; a user with one item is not tested. */
static void
odd_cases(void)
{
	static const int32_t users[] = {0, 0, 0, 1, 1}, items[] = {3, 4, 3, 2, 2};
	static const int64_t moments[] = {1, 2, 3, 1, 9};
	UcInteractions all;
	int64_t		times[5],
				again[5];
	UcSplit		split;
	UcError		err;

	EQUAL(uc_interactions_create(2, 5, 5, users, items, NULL, &run, &all, &err), UC_OK);
	uc_pair_times(&all, 5, users, items, moments, 1, times);
	HOLDS(times[0] == 1 && times[1] == 2 && times[2] == 1);
	EQUAL(uc_split(&all, times, 0, SIZE_MAX, 1, &run, &split, &err), UC_OK);
	EQUAL(split.count, 1);
	EQUAL(split.kept.user_items[0], 4);
	uc_split_free(&split);
	uc_pair_times(&all, 5, users, items, NULL, 7, times);
	uc_pair_times(&all, 5, users, items, NULL, 7, again);
	HOLDS(memcmp(times, again, 3 * sizeof *times) == 0 && times[0] != times[1]);
	uc_interactions_free(&all);
	EQUAL(uc_interactions_create(0, 0, 0, NULL, NULL, NULL, &run, &all, &err), UC_OK);
	EQUAL(uc_split(&all, times, 0.2, SIZE_MAX, 1, &run, &split, &err), UC_OK);
	EQUAL(split.count, 0);
	uc_split_free(&split);
	uc_interactions_free(&all);
}

static void
shuffles(void)
{
	int32_t		segments[USERS],
				sizes[2] = {0};
	int			moved = 0,
				without = 0;
	UcError		err;

	for (int u = 0; u < USERS; u++)
		segments[u] = u < 5 ? -1 : u % 2;
	EQUAL(uc_shuffle_segments(segments, USERS, 1, &err), UC_OK);
	for (int u = 0; u < USERS; u++)
	{
		if (segments[u] < 0)
			without++;
		else
			sizes[segments[u]]++;
		moved += u >= 5 && segments[u] != u % 2;
		HOLDS((segments[u] < 0) == (u < 5));
	}
	EQUAL(without, 5);
	EQUAL(sizes[0], 17);
	HOLDS(moved > 5);
}

static double
ndcg(const UcEvaluation *evaluation)
{
	double		sum = 0;

	for (size_t i = 0; i < evaluation->count; i++)
		sum += evaluation->measures[(size_t) UC_NDCG * evaluation->count + i];
	return sum / (double) evaluation->count;
}

/* Segments that know the taste beat popularity, for users with a past as for newcomers; random ones do not. */
static void
segments_help(void)
{
	UcInteractions all = make_interactions();
	int64_t		times[PAIRS];
	int32_t		segments[USERS];
	UcSplit		split;
	UcRecommendOptions options;
	UcError		err;

	uc_pair_times(&all, PAIRS, user, item, at, 1, times);
	for (int u = 0; u < USERS; u++)
		segments[u] = u % 2;
	EQUAL(uc_split(&all, times, 0.33, SIZE_MAX, 1, &run, &split, &err), UC_OK);
	uc_recommend_defaults(&options);
	memset(options.weights, 0, sizeof options.weights);
	options.segment_shrinkage = 0;
	for (int folds = 0; folds <= 4; folds += 4)
	{
		UcShop		shop = {.past = &split.past,.segments = segments,.segment_count = 2};
		UcEvaluation popular,
					known;

		options.weights[UC_BY_SEGMENT] = 0;
		options.weights[UC_BY_POPULARITY] = 1;
		EQUAL(uc_evaluate(&shop, &split, &options, 5, folds, &run, &popular, &err), UC_OK);
		options.weights[UC_BY_SEGMENT] = 1;
		options.weights[UC_BY_POPULARITY] = 0;
		EQUAL(uc_evaluate(&shop, &split, &options, 5, folds, &run, &known, &err), UC_OK);
		EQUAL(known.count, USERS);
		HOLDS(ndcg(&known) > 1.2 * ndcg(&popular));
		HOLDS(known.coverage > 0.5 && known.coverage <= 1 && isnan(known.diversity));
		uc_evaluation_free(&popular);
		uc_evaluation_free(&known);
	}
	/* a newcomer's own past speaks for nothing: with items alone he gets what is popular */
	{
		UcShop		shop = {.past = &split.past,.segments = segments,.segment_count = 2};
		UcEvaluation items,
					popular;

		options.weights[UC_BY_SEGMENT] = 0;
		options.weights[UC_BY_ITEMS] = 1;
		EQUAL(uc_evaluate(&shop, &split, &options, 5, 4, &run, &items, &err), UC_OK);
		options.weights[UC_BY_ITEMS] = 0;
		options.weights[UC_BY_POPULARITY] = 1;
		EQUAL(uc_evaluate(&shop, &split, &options, 5, 4, &run, &popular, &err), UC_OK);
		HOLDS(ndcg(&items) == ndcg(&popular));
		uc_evaluation_free(&items);
		uc_evaluation_free(&popular);
	}
	uc_split_free(&split);
	uc_interactions_free(&all);
}

/* Where everybody's taste is known by segment, the segment's weight grows; without users nothing changes. */
static void
tunes(void)
{
	UcInteractions all = make_interactions();
	int64_t		times[PAIRS];
	int32_t		segments[USERS];
	UcSplit		split;
	UcShop		shop = {.past = &split.past,.segments = segments,.segment_count = 2};
	UcRecommendOptions options;
	UcTuning	tuning;
	UcError		err;

	uc_pair_times(&all, PAIRS, user, item, at, 1, times);
	for (int u = 0; u < USERS; u++)
		segments[u] = u % 2;
	EQUAL(uc_split(&all, times, 0.33, SIZE_MAX, 1, &run, &split, &err), UC_OK);
	uc_recommend_defaults(&options);
	memset(options.weights, 0, sizeof options.weights);
	options.weights[UC_BY_POPULARITY] = 1;
	options.segment_shrinkage = 0;
	EQUAL(uc_tune(&shop, &split, 5, 4, &run, &options, &tuning, &err), UC_OK);
	HOLDS(tuning.after > tuning.before + 0.2 && tuning.trials > 5 && tuning.trials <= UC_MOST_TRIALS);
	HOLDS(options.weights[UC_BY_SEGMENT] > 0 && options.weights[UC_BY_ITEMS] == 0 && options.weights[UC_BY_USERS] == 0);
	uc_split_free(&split);
	uc_interactions_free(&all);
}

int
main(void)
{
	refuses();
	keeps_the_latest();
	odd_cases();
	shuffles();
	segments_help();
	tunes();
	return check_done();
}
