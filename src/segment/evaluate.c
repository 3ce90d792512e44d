/*
 * evaluate.c
 *	  Splits by time, and lists of recommendations measured against what was kept back.
 */
#include "segment/evaluate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "base/simd.h"

#define USERS_AT_ONCE 512

/* ---- the split ---- */

/* Where the pair stands in user_items, or count where it was left out. */
static size_t
place_of(const UcInteractions *all, int32_t user, int32_t item)
{
	size_t		low = all->user_start[user],
				high = all->user_start[user + 1];

	while (low < high)
	{
		size_t		middle = low + (high - low) / 2;

		if (all->user_items[middle] == item)
			return middle;
		if (all->user_items[middle] < item)
			low = middle + 1;
		else
			high = middle;
	}
	return all->count;
}

void
uc_pair_times(const UcInteractions *all, size_t count, const int32_t *user, const int32_t *item, const int64_t *at,
			  uint64_t seed, int64_t *times)
{
	UcRandom	random;

	uc_random_seed(&random, seed, 0);
	for (size_t p = 0; p < all->count; p++)
		times[p] = at == NULL ? (int64_t) (uc_random_next(&random) >> 1) : INT64_MAX;
	for (size_t i = 0; i < count && at != NULL; i++)
	{
		size_t		place = place_of(all, user[i], item[i]);

		if (place < all->count && at[i] < times[place])
			times[place] = at[i];
	}
}

size_t
uc_split_memory(const UcInteractions *all)
{
	size_t		pairs = uc_size_mul(all->count, 2 * sizeof(int64_t) + 2 * sizeof(int32_t) + sizeof(float) + 1);

	return uc_size_add(uc_size_add(pairs, uc_size_mul(all->users, sizeof(int32_t))),
					   uc_size_mul(2, uc_interactions_memory(all->users, all->items, all->count)));
}

typedef struct Moment
{
	int64_t		time;
	size_t		place;
} Moment;

static int
compare_moments(const void *a, const void *b)
{
	const Moment *x = a,
			   *y = b;

	if (x->time != y->time)
		return x->time < y->time ? -1 : 1;
	return x->place < y->place ? -1 : x->place > y->place;
}

/* Marks the latest pairs of every user with at least two. */
static void
mark_latest(const UcInteractions *all, const int64_t *times, double share, Moment *moments, bool *latest)
{
	for (size_t u = 0; u < all->users; u++)
	{
		size_t		first = all->user_start[u],
					count = all->user_start[u + 1] - first,
					wanted = (size_t) fmax(1, round(share * (double) count));

		if (count < 2)
			continue;
		if (wanted > count - 1)
			wanted = count - 1;
		for (size_t i = 0; i < count; i++)
			moments[i] = (Moment) {times[first + i], first + i};
		qsort(moments, count, sizeof *moments, compare_moments);
		for (size_t i = count - wanted; i < count; i++)
			latest[moments[i].place] = true;
	}
}

/* The pairs with this mark, or without it. */
static UcStatus
part_of(const UcInteractions *all, const bool *latest, bool wanted, const UcRun *run, UcInteractions *part, UcError *err)
{
	int32_t    *users = uc_alloc(uc_size_mul(all->count, sizeof(int32_t)));
	int32_t    *items = uc_alloc(uc_size_mul(all->count, sizeof(int32_t)));
	float	   *weights = uc_alloc(uc_size_mul(all->count, sizeof(float)));
	size_t		count = 0;
	UcStatus	status;

	if (users == NULL || items == NULL || weights == NULL)
		status = uc_out_of_memory(err, uc_size_mul(all->count, 2 * sizeof(int32_t) + sizeof(float)));
	else
	{
		for (size_t u = 0; u < all->users; u++)
			for (size_t p = all->user_start[u]; p < all->user_start[u + 1]; p++)
				if (latest[p] == wanted)
				{
					users[count] = (int32_t) u;
					items[count] = all->user_items[p];
					weights[count++] = all->user_weights[p];
				}
		status = uc_interactions_create(all->users, all->items, count, users, items, weights, run, part, err);
	}
	uc_free(users);
	uc_free(items);
	uc_free(weights);
	return status;
}

/* The users with something kept back, at most `most` of them by selection sampling. */
static void
draw_users(UcSplit *split, size_t most, uint64_t seed)
{
	const UcInteractions *kept = &split->kept;
	size_t		left = kept->active;
	UcRandom	random;

	uc_random_seed(&random, seed, 1);
	for (size_t u = 0; u < kept->users && split->count < most; u++)
	{
		if (kept->user_start[u] == kept->user_start[u + 1])
			continue;
		if (left <= most - split->count || uc_random_below(&random, left) < most - split->count)
			split->users[split->count++] = (int32_t) u;
		left--;
	}
}

UcStatus
uc_split(const UcInteractions *all, const int64_t *times, double share, size_t most, uint64_t seed, const UcRun *run,
		 UcSplit *split, UcError *err)
{
	Moment	   *moments;
	bool	   *latest;
	size_t		past = 0;
	UcStatus	status;

	*split = (UcSplit) {0};
	if (!(share >= 0 && share < 1))
		return uc_error(err, UC_INVALID_ARGUMENT, "share must be at least 0 and below 1, not %g", share);
	status = uc_check_budget("the split of interactions", uc_split_memory(all), run->max_memory, err);
	if (status != UC_OK)
		return status;
	moments = uc_alloc(uc_size_mul(all->count, sizeof *moments));
	latest = uc_alloc_zeroed(all->count);
	split->times = uc_alloc(uc_size_mul(all->count, sizeof(int64_t)));
	split->users = uc_alloc(uc_size_mul(all->users, sizeof(int32_t)));
	if (moments == NULL || latest == NULL || split->times == NULL || split->users == NULL)
		status = uc_out_of_memory(err, uc_split_memory(all));
	if (status == UC_OK)
	{
		mark_latest(all, times, share, moments, latest);
		for (size_t p = 0; p < all->count; p++)
			if (!latest[p])
				split->times[past++] = times[p];
		status = part_of(all, latest, false, run, &split->past, err);
	}
	if (status == UC_OK)
		status = part_of(all, latest, true, run, &split->kept, err);
	uc_free(moments);
	uc_free(latest);
	if (status == UC_OK)
		draw_users(split, most, seed);
	else
		uc_split_free(split);
	return status;
}

void
uc_split_free(UcSplit *split)
{
	uc_interactions_free(&split->past);
	uc_interactions_free(&split->kept);
	uc_free(split->times);
	uc_free(split->users);
	*split = (UcSplit) {0};
}

UcStatus
uc_shuffle_segments(int32_t *segments, size_t users, uint64_t seed, UcError *err)
{
	size_t	   *members = uc_alloc(uc_size_mul(users, sizeof *members));
	size_t		count = 0;
	UcRandom	random;

	if (members == NULL)
		return uc_out_of_memory(err, uc_size_mul(users, sizeof *members));
	uc_random_seed(&random, seed, 2);
	for (size_t u = 0; u < users; u++)
		if (segments[u] >= 0)
			members[count++] = u;
	for (size_t left = count; left > 1; left--)
	{
		size_t		a = members[left - 1],
					b = members[uc_random_below(&random, left)];
		int32_t		segment = segments[a];

		segments[a] = segments[b];
		segments[b] = segment;
	}
	uc_free(members);
	return UC_OK;
}

/* ---- the measures ---- */

typedef struct Tally
{
	UcEvaluation *evaluation;
	const UcSplit *split;
	const UcShop *shop;
	int			n;
	bool	   *listed;			/* [items] came in a list */
	double		unlike;			/* sum over lists */
	size_t		lists;			/* with at least two items */
	UcRecommendation *found;	/* [USERS_AT_ONCE, n] */
	int		   *counts;			/* [USERS_AT_ONCE] */
	int32_t    *list;			/* [n] */
	int32_t    *users;			/* [split->count] of one fold */
	size_t	   *places;			/* [split->count] where each of them stands in the split */
} Tally;

static void
measure_list(Tally *tally, size_t place, const UcRecommendation *found, int count)
{
	const UcInteractions *kept = &tally->split->kept;
	int32_t		user = tally->split->users[place];
	size_t		first = kept->user_start[user];
	double		measures[UC_RANKING_MEASURES],
				unlike = 0;
	size_t		dim = tally->shop->text_dim;

	for (int i = 0; i < count; i++)
	{
		tally->list[i] = found[i].item;
		tally->listed[found[i].item] = true;
	}
	uc_ranking_measure(tally->list, (size_t) count, (size_t) tally->n, kept->user_items + first, kept->user_start[user + 1] - first,
					   measures);
	for (int m = 0; m < UC_RANKING_MEASURES; m++)
		tally->evaluation->measures[(size_t) m * tally->split->count + place] = measures[m];
	if (tally->shop->item_texts == NULL || count < 2)
		return;
	for (int i = 1; i < count; i++)
		for (int j = 0; j < i; j++)
			unlike += 1 - uc_dot(tally->shop->item_texts + (size_t) tally->list[i] * dim,
								 tally->shop->item_texts + (size_t) tally->list[j] * dim, dim);
	tally->unlike += unlike / (count * (count - 1) / 2.0);
	tally->lists++;
}

/* The users in tally->users, by what `shop` knows. */
static UcStatus
measure_users(Tally *tally, const UcShop *shop, const UcRecommendOptions *options, size_t count, const UcRun *run, UcError *err)
{
	UcRecommender *recommender;
	UcStatus	status = uc_recommender_create(shop, options, run, &recommender, err);

	for (size_t first = 0; first < count && status == UC_OK; first += USERS_AT_ONCE)
	{
		size_t		part = count - first < USERS_AT_ONCE ? count - first : USERS_AT_ONCE;

		status = uc_recommend(recommender, tally->users + first, part, tally->n, run, tally->found, tally->counts, err);
		for (size_t i = 0; i < part && status == UC_OK; i++)
			measure_list(tally, tally->places[first + i], tally->found + i * (size_t) tally->n, tally->counts[i]);
	}
	uc_recommender_free(recommender);
	return status;
}

/* Every folds-th tested user from this one on, as a newcomer. */
static UcStatus
measure_fold(Tally *tally, const UcRecommendOptions *options, int fold, int folds, const UcRun *run, UcError *err)
{
	const UcInteractions *past = tally->shop->past;
	UcShop		shop = *tally->shop;
	UcInteractions others = {0};
	bool	   *withheld = uc_alloc_zeroed(past->count);
	size_t		count = 0;
	UcStatus	status;

	if (withheld == NULL)
		return uc_out_of_memory(err, past->count);
	for (size_t i = (size_t) fold; i < tally->split->count; i += (size_t) folds)
	{
		int32_t		user = tally->split->users[i];

		tally->places[count] = i;
		tally->users[count++] = user;
		memset(withheld + past->user_start[user], true, past->user_start[user + 1] - past->user_start[user]);
	}
	status = part_of(past, withheld, false, run, &others, err);
	uc_free(withheld);
	shop.past = &others;
	shop.had = past;
	if (status == UC_OK)
		status = measure_users(tally, &shop, options, count, run, err);
	uc_interactions_free(&others);
	return status;
}

static UcStatus
allocate_tally(Tally *tally, UcError *err)
{
	UcEvaluation *evaluation = tally->evaluation;
	size_t		n = (size_t) tally->n;

	evaluation->count = tally->split->count;
	evaluation->measures = uc_alloc_zeroed(uc_size_mul(evaluation->count, UC_RANKING_MEASURES * sizeof(double)));
	tally->listed = uc_alloc_zeroed(tally->shop->past->items);
	tally->found = uc_alloc(uc_size_mul(n, USERS_AT_ONCE * sizeof(UcRecommendation)));
	tally->counts = uc_alloc(USERS_AT_ONCE * sizeof(int));
	tally->list = uc_alloc(uc_size_mul(n, sizeof(int32_t)));
	tally->users = uc_alloc(uc_size_mul(evaluation->count, sizeof(int32_t)));
	tally->places = uc_alloc(uc_size_mul(evaluation->count, sizeof(size_t)));
	if (evaluation->measures == NULL || tally->listed == NULL || tally->found == NULL || tally->counts == NULL ||
		tally->list == NULL || tally->users == NULL || tally->places == NULL)
		return uc_out_of_memory(err, uc_size_mul(n, USERS_AT_ONCE * sizeof(UcRecommendation)));
	return UC_OK;
}

static void
sum_up(Tally *tally)
{
	const UcShop *shop = tally->shop;
	size_t		listed = 0,
				there = 0;

	for (size_t i = 0; i < shop->past->items; i++)
	{
		there += shop->available == NULL || shop->available[i];
		listed += tally->listed[i];
	}
	tally->evaluation->coverage = there == 0 ? NAN : (double) listed / (double) there;
	tally->evaluation->diversity = tally->lists == 0 ? NAN : tally->unlike / (double) tally->lists;
}

UcStatus
uc_evaluate(const UcShop *shop, const UcSplit *split, const UcRecommendOptions *options, int n, int folds, const UcRun *run,
			UcEvaluation *evaluation, UcError *err)
{
	Tally		tally = {.evaluation = evaluation,.split = split,.shop = shop,.n = n};
	UcStatus	status;

	*evaluation = (UcEvaluation) {0};
	status = allocate_tally(&tally, err);
	for (int fold = 0; fold < folds && status == UC_OK; fold++)
		status = measure_fold(&tally, options, fold, folds, run, err);
	if (folds == 0 && status == UC_OK)
	{
		memcpy(tally.users, split->users, split->count * sizeof(int32_t));
		for (size_t i = 0; i < split->count; i++)
			tally.places[i] = i;
		status = measure_users(&tally, shop, options, split->count, run, err);
	}
	if (status == UC_OK)
		sum_up(&tally);
	else
		uc_evaluation_free(evaluation);
	uc_free(tally.listed);
	uc_free(tally.found);
	uc_free(tally.counts);
	uc_free(tally.list);
	uc_free(tally.users);
	uc_free(tally.places);
	return status;
}

void
uc_evaluation_free(UcEvaluation *evaluation)
{
	uc_free(evaluation->measures);
	*evaluation = (UcEvaluation) {0};
}
