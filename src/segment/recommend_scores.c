/*
 * recommend_scores.c
 *	  The strategies.
 */
#include "segment/recommend_scores.h"

#include <math.h>
#include <string.h>

#include "base/blas.h"
#include "base/memory.h"

/*
 * How many items of one user, and users of one item, are looked at where pairs of items are counted, evenly spread over
 * all: without a bound one user with everything would cost as much as all others together.
 */
#define MOST_ITEMS 2000
#define MOST_USERS 5000

/* ---- what all users share ---- */

size_t
uc_scoring_memory(const UcShop *shop)
{
	size_t		segment = uc_size_add(uc_size_mul(shop->past->items, sizeof(double)), sizeof(size_t));

	return uc_size_add(uc_size_mul(shop->past->items, 2 * sizeof(double)),
					   shop->segments == NULL ? 0 : uc_size_mul((size_t) shop->segment_count, segment));
}

static void
sum_segments(UcScoring *scoring)
{
	const UcShop *shop = scoring->shop;
	const UcInteractions *past = shop->past;

	for (size_t u = 0; u < past->users; u++)
	{
		int32_t		segment = shop->segments[u];

		if (segment < 0 || past->user_start[u] == past->user_start[u + 1])
			continue;
		scoring->segment_active[segment]++;
		for (size_t i = past->user_start[u]; i < past->user_start[u + 1]; i++)
			scoring->segment_sums[(size_t) segment * past->items + (size_t) past->user_items[i]] += past->user_weights[i];
	}
}

UcStatus
uc_scoring_create(UcScoring *scoring, const UcShop *shop, const UcRecommendOptions *options, const UcRun *run, UcError *err)
{
	const UcInteractions *past = shop->past;
	size_t		items = uc_size_mul(past->items, sizeof(double));

	*scoring = (UcScoring) {.shop = shop,.options = options};
	scoring->popularity = uc_alloc_zeroed(items);
	scoring->item_norms = uc_alloc_zeroed(items);
	if (shop->segments != NULL)
	{
		scoring->segment_sums = uc_alloc_zeroed(uc_size_mul((size_t) shop->segment_count, items));
		scoring->segment_active = uc_alloc_zeroed(uc_size_mul((size_t) shop->segment_count, sizeof(size_t)));
	}
	if (scoring->popularity == NULL || scoring->item_norms == NULL ||
		(shop->segments != NULL && (scoring->segment_sums == NULL || scoring->segment_active == NULL)))
		return uc_out_of_memory(err, uc_scoring_memory(shop));
	for (size_t i = 0; i < past->items; i++)
	{
		double		sum = 0,
					square = 0;

		for (size_t p = past->item_start[i]; p < past->item_start[i + 1]; p++)
		{
			sum += past->item_weights[p];
			square += (double) past->item_weights[p] * past->item_weights[p];
		}
		scoring->popularity[i] = sum;
		scoring->item_norms[i] = sqrt(square);
	}
	if (uc_interrupted(run))
		return uc_interrupt_error(err);
	if (shop->segments != NULL)
		sum_segments(scoring);
	uc_blas_prepare();
	return UC_OK;
}

void
uc_scoring_free(UcScoring *scoring)
{
	uc_free(scoring->popularity);
	uc_free(scoring->item_norms);
	uc_free(scoring->segment_sums);
	uc_free(scoring->segment_active);
	uc_free(scoring->near_items);
	uc_free(scoring->near_cosines);
}

/* ---- scratch ---- */

size_t
uc_scores_memory(const UcShop *shop, int neighbours)
{
	size_t		per_item = (UC_STRATEGIES + 1) * sizeof(double) + 2 * sizeof(int32_t),
				per_user = uc_size_mul(uc_size_add(shop->dim, UC_PRODUCT_ROWS), sizeof(float)),
				near = uc_size_mul((size_t) neighbours, sizeof(int32_t) + sizeof(float)),
				block = uc_scores_block(shop);

	if (shop->item_texts != NULL)
		per_item = uc_size_add(per_item, block * sizeof(float));
	return uc_size_add(uc_size_mul(shop->past->items, per_item),
					   uc_size_add(uc_size_mul(block, uc_size_add(per_user, near)), near));
}

UcStatus
uc_scores_create(UcScores *scores, const UcScoring *scoring, UcError *err)
{
	const UcShop *shop = scoring->shop;
	size_t		items = shop->past->items,
				neighbours = (size_t) scoring->options->neighbours,
				block = uc_scores_block(shop);
	bool		complete = true;

	scores->of[UC_BY_POPULARITY] = scoring->popularity;
	for (int s = UC_BY_POPULARITY + 1; s < UC_STRATEGIES; s++)
	{
		scores->of[s] = uc_alloc_zeroed(uc_size_mul(items, sizeof(double)));
		complete = complete && scores->of[s] != NULL;
	}
	scores->sums = uc_alloc_zeroed(uc_size_mul(items, sizeof(double)));
	scores->touched = uc_alloc(uc_size_mul(items, sizeof(int32_t)));
	scores->most = uc_alloc(uc_size_mul(items, sizeof(double)));
	scores->because = uc_alloc(uc_size_mul(items, sizeof(int32_t)));
	scores->near = uc_alloc(uc_size_mul(neighbours, sizeof(int32_t)));
	scores->near_cosines = uc_alloc(uc_size_mul(neighbours, sizeof(float)));
	scores->gathered = uc_alloc(uc_size_mul(block, uc_size_mul(shop->dim, sizeof(float))));
	scores->tile = uc_alloc(uc_size_mul(block, UC_PRODUCT_ROWS * sizeof(float)));
	scores->all_users = uc_alloc(uc_size_mul(block, uc_size_mul(neighbours, sizeof(int32_t))));
	scores->user_cosines = uc_alloc(uc_size_mul(block, uc_size_mul(neighbours, sizeof(float))));
	if (shop->item_texts != NULL)
	{
		scores->text_cosines = uc_alloc(uc_size_mul(block, uc_size_mul(items, sizeof(float))));
		complete = complete && scores->text_cosines != NULL;
	}
	if (!complete || scores->sums == NULL || scores->touched == NULL || scores->most == NULL || scores->because == NULL ||
		scores->near == NULL || scores->near_cosines == NULL || scores->gathered == NULL || scores->tile == NULL ||
		scores->all_users == NULL || scores->user_cosines == NULL)
		return uc_out_of_memory(err, uc_scores_memory(shop, scoring->options->neighbours));
	return UC_OK;
}

void
uc_scores_free(UcScores *scores)
{
	for (int s = UC_BY_POPULARITY + 1; s < UC_STRATEGIES; s++)
		uc_free(scores->of[s]);
	uc_free(scores->sums);
	uc_free(scores->touched);
	uc_free(scores->most);
	uc_free(scores->because);
	uc_free(scores->near);
	uc_free(scores->near_cosines);
	uc_free(scores->gathered);
	uc_free(scores->tile);
	uc_free(scores->all_users);
	uc_free(scores->user_cosines);
	uc_free(scores->text_cosines);
}

/* ---- helpers ---- */

bool
uc_interacted(const UcInteractions *past, int32_t user, int32_t item)
{
	size_t		low = past->user_start[user],
				high = past->user_start[user + 1];

	while (low < high)
	{
		size_t		middle = low + (high - low) / 2;

		if (past->user_items[middle] == item)
			return true;
		if (past->user_items[middle] < item)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

/* [begin, end) in at most `most` steps of equal length. */
static size_t
stride(size_t begin, size_t end, size_t most)
{
	return (end - begin + most - 1) / most + (end == begin);
}

/* ---- segments ---- */

static double
segment_rate(const UcScoring *scoring, int32_t segment, int32_t item)
{
	const UcInteractions *past = scoring->shop->past;
	double		shrinkage = scoring->options->segment_shrinkage;
	double		overall = past->active == 0 ? 0 : scoring->popularity[item] / (double) past->active;
	double		users = (double) scoring->segment_active[segment] + shrinkage;

	return users == 0 ? overall :
		(scoring->segment_sums[(size_t) segment * past->items + (size_t) item] + shrinkage * overall) / users;
}

static int32_t
segment_of(const UcShop *shop, int32_t user)
{
	return shop->segments == NULL ? -1 : shop->segments[user];
}

static void
score_by_segment(UcScores *scores, const UcScoring *scoring, int32_t user)
{
	const UcInteractions *past = scoring->shop->past;
	int32_t		segment = segment_of(scoring->shop, user);
	double	   *of = scores->of[UC_BY_SEGMENT];
	const double *sums;
	double		shrinkage = scoring->options->segment_shrinkage,
				share,
				users;

	scores->known[UC_BY_SEGMENT] = segment >= 0 && scoring->segment_active[segment] > 0;
	if (!scores->known[UC_BY_SEGMENT])
		return;
	/* segment_rate of every item, without a division for each */
	sums = scoring->segment_sums + (size_t) segment * past->items;
	share = shrinkage / (double) past->active;
	users = 1 / ((double) scoring->segment_active[segment] + shrinkage);
	for (size_t i = 0; i < past->items; i++)
		of[i] = (sums[i] + share * scoring->popularity[i]) * users;
}

double
uc_segment_lift(const UcScoring *scoring, int32_t user, int32_t item)
{
	int32_t		segment = segment_of(scoring->shop, user);
	double		overall = scoring->popularity[item] / (double) scoring->shop->past->active;

	return segment < 0 || !(overall > 0) ? NAN : segment_rate(scoring, segment, item) / overall;
}

/* ---- texts ---- */

static void
score_by_text(UcScores *scores, const UcScoring *scoring, size_t place)
{
	size_t		items = scoring->shop->past->items,
				with_text = 0;
	const float *cosines = scores->text_cosines + place * items;
	double		sum = 0;

	scores->known[UC_BY_TEXT] = false;
	if (!scores->has_text[place])
		return;
	/* cosines of one model lie close together: what counts is how far above their mean one is */
	for (size_t i = 0; i < items; i++)
		if (cosines[i] != 0)
		{
			sum += cosines[i];
			with_text++;
		}
	for (size_t i = 0; i < items; i++)
		scores->of[UC_BY_TEXT][i] = cosines[i] == 0 ? 0 : fmax(0, cosines[i] - sum / (double) with_text);
	scores->known[UC_BY_TEXT] = with_text > 0;
}

/* ---- items of the same users ---- */

/*
 * The items nearest to one by the cosine of their columns, over users that are looked at. Returns how many; their cosines
 * are above 0.
 */
static int
near_items(UcScores *scores, const UcScoring *scoring, int32_t item, int32_t *near, float *cosines)
{
	const UcInteractions *past = scoring->shop->past;
	size_t		begin = past->item_start[item],
				end = past->item_start[item + 1],
				step = stride(begin, end, MOST_USERS),
				touched = 0;
	int			found = 0;

	for (size_t p = begin; p < end; p += step)
	{
		int32_t		user = past->item_users[p];
		size_t		from = past->user_start[user],
					to = past->user_start[user + 1],
					skip = stride(from, to, MOST_ITEMS);

		for (size_t q = from; q < to; q += skip)
		{
			int32_t		other = past->user_items[q];

			if (scores->sums[other] == 0)
				scores->touched[touched++] = other;
			scores->sums[other] += (double) past->item_weights[p] * past->user_weights[q];
		}
	}
	for (size_t t = 0; t < touched; t++)
	{
		int32_t		other = scores->touched[t];
		double		norms = scoring->item_norms[item] * scoring->item_norms[other];
		double		cosine = scores->sums[other] / (norms + scoring->options->item_shrinkage);

		scores->sums[other] = 0;
		if (other != item && cosine > 0)
			found = uc_near_insert(near, cosines, found, scoring->options->neighbours, other, (float) cosine);
	}
	return found;
}

static void
score_by_items(UcScores *scores, const UcScoring *scoring, int32_t user, UcSection *section, int worker)
{
	const UcInteractions *past = scoring->shop->past;
	double	   *of = scores->of[UC_BY_ITEMS];
	size_t		begin = past->user_start[user],
				end = past->user_start[user + 1],
				step = stride(begin, end, MOST_ITEMS);

	memset(of, 0, past->items * sizeof *of);
	memset(scores->most, 0, past->items * sizeof *scores->most);
	scores->known[UC_BY_ITEMS] = begin < end;
	for (size_t p = begin; p < end; p += step)
	{
		int32_t		item = past->user_items[p];
		size_t		place = (size_t) item * (size_t) scoring->options->neighbours;
		const int32_t *near = scoring->near_items == NULL ? scores->near : scoring->near_items + place;
		const float *cosines = scoring->near_items == NULL ? scores->near_cosines : scoring->near_cosines + place;
		int			found = scoring->options->neighbours;

		if (uc_section_stopped(section, worker))
			return;
		if (scoring->near_items == NULL)
			found = near_items(scores, scoring, item, scores->near, scores->near_cosines);
		for (int i = 0; i < found && near[i] >= 0; i++)
		{
			double		part = (double) past->user_weights[p] * cosines[i];

			of[near[i]] += part;
			if (part > scores->most[near[i]])
			{
				scores->most[near[i]] = part;
				scores->because[near[i]] = item;
			}
		}
	}
}

typedef struct AllItems
{
	UcScoring  *scoring;
	UcScores   *workers;		/* [threads] */
} AllItems;

#define TASK_ITEMS 64

static UcStatus
find_near_items(void *arg, size_t task, int worker, UcSection *section, UcError *err)
{
	AllItems   *all = arg;
	UcScoring  *scoring = all->scoring;
	UcScores   *scores = &all->workers[worker];
	size_t		items = scoring->shop->past->items,
				most = (size_t) scoring->options->neighbours;
	UcStatus	status = scores->sums != NULL ? UC_OK : uc_scores_create(scores, scoring, err);

	for (size_t i = task * TASK_ITEMS; i < (task + 1) * TASK_ITEMS && i < items && status == UC_OK; i++)
	{
		int			found;

		if (uc_section_stopped(section, worker))
			return UC_OK;
		found = near_items(scores, scoring, (int32_t) i, scoring->near_items + i * most, scoring->near_cosines + i * most);
		for (size_t j = (size_t) found; j < most; j++)
			scoring->near_items[i * most + j] = -1;
	}
	return status;
}

size_t
uc_scoring_all_memory(const UcShop *shop, int neighbours)
{
	return uc_size_mul(shop->past->items, uc_size_mul((size_t) neighbours, sizeof(int32_t) + sizeof(float)));
}

UcStatus
uc_scoring_all_items(UcScoring *scoring, const UcRun *run, UcError *err)
{
	size_t		items = scoring->shop->past->items,
				most = (size_t) scoring->options->neighbours;
	AllItems	all = {.scoring = scoring};
	UcStatus	status;

	all.workers = uc_alloc_zeroed(uc_size_mul((size_t) run->threads, sizeof(UcScores)));
	scoring->near_items = uc_alloc(uc_size_mul(items, most * sizeof(int32_t)));
	scoring->near_cosines = uc_alloc(uc_size_mul(items, most * sizeof(float)));
	if (all.workers == NULL || scoring->near_items == NULL || scoring->near_cosines == NULL)
		status = uc_out_of_memory(err, uc_scoring_all_memory(scoring->shop, (int) most));
	else
		status = uc_parallel(run, (items + TASK_ITEMS - 1) / TASK_ITEMS, find_near_items, &all, err);
	for (int i = 0; all.workers != NULL && i < run->threads; i++)
		uc_scores_free(&all.workers[i]);
	uc_free(all.workers);
	if (status != UC_OK)
	{
		uc_free(scoring->near_items);
		uc_free(scoring->near_cosines);
		scoring->near_items = NULL;
		scoring->near_cosines = NULL;
	}
	return status;
}

/* ---- similar users ---- */

static void
score_by_users(UcScores *scores, const UcScoring *scoring, size_t place)
{
	const UcInteractions *past = scoring->shop->past;
	size_t		first = place * (size_t) scoring->options->neighbours;
	const float *cosines = scores->user_cosines + first;
	double	   *of = scores->of[UC_BY_USERS];

	scores->users = scores->all_users + first;
	scores->user_count = scores->user_counts[place];
	memset(of, 0, past->items * sizeof *of);
	for (int n = 0; n < scores->user_count; n++)
	{
		size_t		end = past->user_start[scores->users[n] + 1];

		for (size_t p = past->user_start[scores->users[n]]; p < end; p++)
			of[past->user_items[p]] += (double) cosines[n] * past->user_weights[p];
	}
	scores->known[UC_BY_USERS] = scores->user_count > 0;
}

int
uc_similar_users_with(const UcScoring *scoring, const UcScores *scores, int32_t item)
{
	int			count = 0;

	for (int n = 0; n < scores->user_count; n++)
		count += uc_interacted(scoring->shop->past, scores->users[n], item);
	return count;
}

/* ---- one user ---- */

void
uc_scores_of_user(UcScores *scores, const UcScoring *scoring, size_t place, int32_t user, UcSection *section, int worker)
{
	const double *weights = scoring->options->weights;

	memset(scores->known, 0, sizeof scores->known);
	scores->user_count = 0;
	scores->known[UC_BY_POPULARITY] = true;
	if (weights[UC_BY_SEGMENT] > 0)
		score_by_segment(scores, scoring, user);
	if (weights[UC_BY_TEXT] > 0)
		score_by_text(scores, scoring, place);
	if (weights[UC_BY_ITEMS] > 0)
		score_by_items(scores, scoring, user, section, worker);
	if (weights[UC_BY_USERS] > 0)
		score_by_users(scores, scoring, place);
}
