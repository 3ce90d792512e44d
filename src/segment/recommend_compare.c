/*
 * recommend_compare.c
 *	  Users with users and with items, by their vectors: a block of users at a time, for whom every other vector is read once.
 *
 * What is kept comes from uc_dot, the same bits for a user alone and among others. Products of matrices, whose rounding depends
 * on their shape, only say whom to look at.
 */
#include "segment/recommend_scores.h"

#include <string.h>

#include "base/blas.h"
#include "base/memory.h"
#include "base/simd.h"

#define ITEMS_AT_ONCE 32			/* whose vectors stay in a near cache while users are compared with them */
#define TEXT_COSINES 4000000	/* of a block of users with all items, kept at a time */

size_t
uc_scores_block(const UcShop *shop)
{
	size_t		most = shop->item_texts == NULL ? UC_SCORES_BLOCK : TEXT_COSINES / (shop->past->items + 1) + 1;

	return most < UC_SCORES_BLOCK ? most : UC_SCORES_BLOCK;
}

int
uc_near_insert(int32_t *list, float *values, int count, int most, int32_t candidate, float value)
{
	int			at = count;

	if (count == most && (most == 0 || value < values[count - 1] ||
						  (value == values[count - 1] && candidate > list[count - 1])))
		return count;
	if (count == most)
		at = count - 1;
	else
		count++;
	for (; at > 0 && (values[at - 1] < value || (values[at - 1] == value && list[at - 1] > candidate)); at--)
	{
		list[at] = list[at - 1];
		values[at] = values[at - 1];
	}
	list[at] = candidate;
	values[at] = value;
	return count;
}

static bool
is_zero(const float *vector, size_t dim)
{
	for (size_t i = 0; i < dim; i++)
		if (vector[i] != 0)
			return false;
	return true;
}

/* ---- users with items ---- */

/* The user's own vector, or that of the segment; NULL where there is neither. */
static const float *
text_of(const UcShop *shop, int32_t user)
{
	size_t		dim = shop->text_dim;
	int32_t		segment = shop->segments == NULL ? -1 : shop->segments[user];
	const float *vector = shop->user_texts == NULL ? NULL : shop->user_texts + (size_t) user * dim;

	if (vector != NULL && !is_zero(vector, dim))
		return vector;
	if (segment < 0 || shop->segment_texts == NULL || is_zero(shop->segment_texts + (size_t) segment * dim, dim))
		return NULL;
	return shop->segment_texts + (size_t) segment * dim;
}

static void
compare_with_items(UcScores *scores, const UcShop *shop, const int32_t *users, size_t count, UcSection *section, int worker)
{
	size_t		items = shop->past->items,
				dim = shop->text_dim;
	const float *vectors[UC_SCORES_BLOCK];

	for (size_t i = 0; i < count; i++)
	{
		vectors[i] = shop->item_texts == NULL ? NULL : text_of(shop, users[i]);
		scores->has_text[i] = vectors[i] != NULL;
	}
	for (size_t first = 0; first < items && !uc_section_stopped(section, worker); first += ITEMS_AT_ONCE)
		for (size_t i = 0; i < count; i++)
			for (size_t item = first; item < first + ITEMS_AT_ONCE && item < items && vectors[i] != NULL; item++)
				scores->text_cosines[i * items + item] = (float) uc_dot(vectors[i], shop->item_texts + item * dim, dim);
}

/* ---- users with users ---- */

/*
 * Puts those of users [first, first + part) into each list who are nearer than its last, of equal ones the first: products
 * that are off by `slack` at most leave few to look at.
 */
static void
keep_nearest(UcScores *scores, const UcScoring *scoring, const int32_t *users, size_t count, size_t first, size_t part)
{
	const UcShop *shop = scoring->shop;
	const size_t *start = shop->past->user_start;
	int			most = scoring->options->neighbours;
	float		slack = 1e-6f + 6e-8f * (float) shop->dim;

	for (size_t i = 0; i < count; i++)
	{
		const float *row = scores->tile + i * UC_PRODUCT_ROWS;
		int32_t    *list = scores->all_users + i * (size_t) most;
		float	   *cosines = scores->user_cosines + i * (size_t) most;
		int			length = scores->user_counts[i];
		float		least = length == most ? cosines[most - 1] : 0;

		for (size_t j = 0; j < part && scores->has_vector[i]; j++)
		{
			size_t		other = first + j;
			float		cosine;

			if (!(row[j] > least - slack) || (int32_t) other == users[i] || start[other] == start[other + 1])
				continue;
			cosine = (float) uc_dot(scores->gathered + i * shop->dim, shop->user_vectors + other * shop->dim, shop->dim);
			if (!(cosine > least))
				continue;
			length = uc_near_insert(list, cosines, length, most, (int32_t) other, cosine);
			if (length == most)
				least = cosines[most - 1];
		}
		scores->user_counts[i] = length;
	}
}

static void
compare_with_users(UcScores *scores, const UcScoring *scoring, const int32_t *users, size_t count, UcSection *section,
				   int worker)
{
	const UcShop *shop = scoring->shop;
	size_t		dim = shop->dim;
	const float *rows = shop->user_vectors;

	memset(scores->user_counts, 0, sizeof scores->user_counts);
	if (rows == NULL)
		return;
	for (size_t i = 0; i < count; i++)
	{
		memcpy(scores->gathered + i * dim, rows + (size_t) users[i] * dim, dim * sizeof(float));
		scores->has_vector[i] = !is_zero(scores->gathered + i * dim, dim);
	}
	for (size_t first = 0; first < shop->past->users && !uc_section_stopped(section, worker); first += UC_PRODUCT_ROWS)
	{
		size_t		part = shop->past->users - first < UC_PRODUCT_ROWS ? shop->past->users - first : UC_PRODUCT_ROWS;

		if (count == 1)
			uc_sgemv(part, dim, rows + first * dim, dim, scores->gathered, scores->tile);
		else
			uc_sgemm_nt(count, part, dim, 1, scores->gathered, dim, rows + first * dim, dim, 0, scores->tile, UC_PRODUCT_ROWS);
		keep_nearest(scores, scoring, users, count, first, part);
	}
}

void
uc_scores_compare(UcScores *scores, const UcScoring *scoring, const int32_t *users, size_t count, UcSection *section,
				  int worker)
{
	if (scoring->options->weights[UC_BY_TEXT] > 0)
		compare_with_items(scores, scoring->shop, users, count, section, worker);
	if (scoring->options->weights[UC_BY_USERS] > 0)
		compare_with_users(scores, scoring, users, count, section, worker);
}
