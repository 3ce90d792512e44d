/*
 * segment_recommend_test.c
 *	  Recommendations against the definitions of their strategies, computed over full matrices.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "base/simd.h"
#include "check.h"
#include "segment/ranking.h"
#include "segment/recommend.h"

#define USERS 90
#define ITEMS 70
#define SEGMENTS 4
#define DIM 8
#define N 10

static const UcRun run = {.threads = 1,.max_memory = SIZE_MAX};

typedef struct Sample
{
	int32_t		user[4000];
	int32_t		item[4000];
	float		weight[4000];
	size_t		count;
	float		matrix[USERS][ITEMS];
	int32_t		segments[USERS];
	float		vectors[USERS][DIM];
	float		item_texts[ITEMS][DIM];
} Sample;

static Sample sample;

static void
direction(UcRandom *random, float *vector)
{
	double		square = 0;

	for (int j = 0; j < DIM; j++)
	{
		vector[j] = (float) (uc_random_unit(random) - 0.5);
		square += vector[j] * vector[j];
	}
	for (int j = 0; j < DIM; j++)
		vector[j] /= (float) sqrt(square);
}

/* User 0 has nothing; user 1 everything; users 2 and 3 no segment and no vector. Some pairs come twice. */
static void
make_sample(void)
{
	UcRandom	random;

	uc_random_seed(&random, 3, 0);
	for (int u = 0; u < USERS; u++)
	{
		sample.segments[u] = u == 2 || u == 3 ? -1 : u % SEGMENTS;
		if (u != 3 && u != 2)
			direction(&random, sample.vectors[u]);
		for (int i = 0; i < ITEMS && u > 0; i++)
		{
			bool		likes = u == 1 || uc_random_unit(&random) < (i % SEGMENTS == sample.segments[u] ? 0.3 : 0.1);

			for (int times = 0; likes && times <= (u + i) % 3 / 2; times++)
			{
				sample.user[sample.count] = u;
				sample.item[sample.count] = i;
				sample.weight[sample.count] = (float) (1 + uc_random_below(&random, 8)) / 4;
				sample.matrix[u][i] = fmaxf(sample.matrix[u][i], sample.weight[sample.count++]);
			}
		}
	}
	for (int i = 0; i < ITEMS; i++)
		direction(&random, sample.item_texts[i]);
	memset(sample.item_texts[5], 0, sizeof sample.item_texts[5]);
	/* in another order */
	for (size_t p = sample.count; p > 1; p--)
	{
		size_t		q = uc_random_below(&random, p);
		int32_t		user = sample.user[q],
					item = sample.item[q];
		float		weight = sample.weight[q];

		sample.user[q] = sample.user[p - 1];
		sample.item[q] = sample.item[p - 1];
		sample.weight[q] = sample.weight[p - 1];
		sample.user[p - 1] = user;
		sample.item[p - 1] = item;
		sample.weight[p - 1] = weight;
	}
}

/* ---- the strategies by their definitions ---- */

static double
popularity(int item)
{
	double		sum = 0;

	for (int u = 0; u < USERS; u++)
		sum += sample.matrix[u][item];
	return sum;
}

static double
by_segment(int user, int item, double shrinkage)
{
	double		sum = 0,
				users = 0;

	if (sample.segments[user] < 0)
		return 0;
	for (int u = 1; u < USERS; u++)
		if (sample.segments[u] == sample.segments[user])
		{
			sum += sample.matrix[u][item];
			users++;
		}
	return (sum + shrinkage * popularity(item) / (USERS - 1)) / (users + shrinkage);
}

static double
cosine(int a, int b, double shrinkage)
{
	double		sum = 0,
				x = 0,
				y = 0;

	for (int u = 0; u < USERS; u++)
	{
		sum += (double) sample.matrix[u][a] * sample.matrix[u][b];
		x += (double) sample.matrix[u][a] * sample.matrix[u][a];
		y += (double) sample.matrix[u][b] * sample.matrix[u][b];
	}
	return sum / (sqrt(x * y) + shrinkage);
}

static double
by_items(int user, int item, double shrinkage)
{
	double		sum = 0;

	for (int i = 0; i < ITEMS; i++)
		if (i != item)
			sum += sample.matrix[user][i] * cosine(i, item, shrinkage);
	return sum;
}

static double
by_users(int user, int item)
{
	double		sum = 0;

	for (int u = 1; u < USERS; u++)
	{
		double		alike = uc_dot(sample.vectors[u], sample.vectors[user], DIM);

		if (u != user && alike > 0)
			sum += alike * sample.matrix[u][item];
	}
	return sum;
}

static double
by_text(int user, int item)
{
	double		mean = 0;

	for (int i = 0; i < ITEMS; i++)
		mean += uc_dot(sample.vectors[user], sample.item_texts[i], DIM) / (ITEMS - 1);
	return item == 5 || sample.segments[user] < 0 ? 0 : uc_dot(sample.vectors[user], sample.item_texts[item], DIM) - mean;
}

static double
expected(UcStrategy strategy, int user, int item, const UcRecommendOptions *options)
{
	switch (strategy)
	{
		case UC_BY_SEGMENT:
			return by_segment(user, item, options->segment_shrinkage);
		case UC_BY_ITEMS:
			return by_items(user, item, options->item_shrinkage);
		case UC_BY_USERS:
			return by_users(user, item);
		case UC_BY_TEXT:
			return by_text(user, item);
		default:
			return popularity(item);
	}
}

/* The list must fall by the expected score, miss nothing better, and hold nothing that the user has. */
static bool
right_list(UcStrategy strategy, int user, const UcRecommendation *list, int found, const UcRecommendOptions *options)
{
	double		last = INFINITY;
	double		most = 0;
	bool		knows = false;

	for (int i = 0; i < ITEMS; i++)
		if (sample.matrix[user][i] == 0)
			most = fmax(most, expected(strategy, user, i, options));
	knows = most > 0;
	for (int n = 0; n < found; n++)
	{
		double		value = expected(knows ? strategy : UC_BY_POPULARITY, user, list[n].item, options);

		if (sample.matrix[user][list[n].item] > 0 || value > last + 1e-5 ||
			list[n].source != (knows ? strategy : UC_BY_POPULARITY) || (knows && fabs(list[n].score - value / most) > 1e-4))
			return false;
		last = value;
	}
	for (int i = 0; i < ITEMS; i++)
	{
		bool		listed = sample.matrix[user][i] > 0;

		for (int n = 0; n < found; n++)
			listed = listed || list[n].item == i;
		if (!listed && expected(knows ? strategy : UC_BY_POPULARITY, user, i, options) > (found == N ? last : 0) + 1e-5)
			return false;
	}
	return true;
}

static void
check_strategies(const UcShop *shop)
{
	static const char *const names[] = {"popularity", "segment", "text", "items", "users"};

	for (int s = 0; s < UC_STRATEGIES; s++)
	{
		static UcRecommendation together[USERS * N],
					alone[N];
		int32_t		users[USERS];
		int			found[USERS],
					one,
					right = 0,
					same = 0;
		UcRecommendOptions options;
		UcRecommender *recommender,
				   *fresh;
		UcError		err = {0};

		uc_recommend_defaults(&options);
		memset(options.weights, 0, sizeof options.weights);
		options.weights[s] = 3;
		options.neighbours = 100;
		for (int u = 0; u < USERS; u++)
			users[u] = u;
		CHECK(uc_recommender_create(shop, &options, &run, &recommender, &err) == UC_OK &&
			  uc_recommend(recommender, users, USERS, N, &(UcRun) {.threads = 3,.max_memory = SIZE_MAX}, together, found, &err) ==
			  UC_OK, "%s: %s", names[s], err.message);
		uc_recommender_create(shop, &options, &run, &fresh, &err);
		for (int u = 0; u < USERS; u++)
		{
			right += right_list((UcStrategy) s, u, together + u * N, found[u], &options);
			uc_recommend(fresh, users + u, 1, N, &run, alone, &one, &err);
			same += one == found[u] && memcmp(alone, together + u * N, (size_t) one * sizeof *alone) == 0;
		}
		CHECK(right == USERS, "%s: the lists of %d of %d users", names[s], right, USERS);
		CHECK(same == USERS, "%s: %d of %d users get the same alone and together, with one thread and three", names[s], same, USERS);
		CHECK(found[1] == 0, "%s: who has everything gets nothing", names[s]);
		uc_recommender_free(recommender);
		uc_recommender_free(fresh);
	}
}

static void
check_blend(UcShop shop)
{
	bool		available[ITEMS];
	UcRecommendation list[N],
				diverse[N];
	int			found,
				wide;
	int32_t		user = 7,
				newcomer = 0;
	double		alike[2] = {0};
	UcRecommendOptions options;
	UcRecommender *recommender;
	UcError		err = {0};
	bool		allowed = true;

	for (int i = 0; i < ITEMS; i++)
		available[i] = i % 2 == 0;
	shop.available = available;
	uc_recommend_defaults(&options);
	uc_recommender_create(&shop, &options, &run, &recommender, &err);
	CHECK(uc_recommend(recommender, &user, 1, N, &run, list, &found, &err) == UC_OK && found == N, "a blend gives n items");
	for (int n = 0; n < N; n++)
		allowed = allowed && list[n].item % 2 == 0 && list[n].score > 0 && list[n].score <= 1 && list[n].share > 0 &&
			list[n].share <= 1 && (n == 0 || list[n].score <= list[n - 1].score) && list[n].lift > 0 &&
			(list[n].source != UC_BY_ITEMS || list[n].because >= 0) && (list[n].source != UC_BY_USERS || list[n].users > 0);
	CHECK(allowed, "of what is available, with falling scores and a reason each");
	CHECK(uc_recommend(recommender, &newcomer, 1, N, &run, list, &found, &err) == UC_OK && found == N,
		  "who has nothing yet gets n items as well");
	uc_recommender_free(recommender);

	options.diversity = 0.9;
	uc_recommender_create(&shop, &options, &run, &recommender, &err);
	uc_recommend(recommender, &newcomer, 1, N, &run, diverse, &wide, &err);
	for (int a = 0; a < N; a++)
		for (int b = 0; b < a; b++)
		{
			alike[0] += fmax(0, uc_dot(sample.item_texts[list[a].item], sample.item_texts[list[b].item], DIM));
			alike[1] += fmax(0, uc_dot(sample.item_texts[diverse[a].item], sample.item_texts[diverse[b].item], DIM));
		}
	CHECK(wide == N && diverse[0].item == list[0].item && alike[1] < 0.75 * alike[0],
		  "with diversity the best item stays and the others are less alike (%g, %g)", alike[0], alike[1]);
	uc_recommender_free(recommender);
}

static void
check_measures(void)
{
	int32_t		list[] = {9, 4, 7, 1};
	int32_t		kept[] = {1, 4, 5};
	double		measures[UC_RANKING_MEASURES];
	double		values[40],
				base[40];
	UcEstimate	estimate,
				again;
	UcError		err;

	uc_ranking_measure(list, 4, 5, kept, 3, measures);
	CHECK(measures[UC_HIT] == 1 && fabs(measures[UC_PRECISION] - 0.4) < 1e-12 && fabs(measures[UC_RECALL] - 2 / 3.0) < 1e-12 &&
		  fabs(measures[UC_RECIPROCAL_RANK] - 0.5) < 1e-12, "hit, precision, recall and reciprocal rank");
	CHECK(fabs(measures[UC_NDCG] - (1 / log2(3) + 1 / log2(5)) / (1 + 1 / log2(3) + 0.5)) < 1e-12, "NDCG");
	uc_ranking_measure(list, 0, 5, kept, 3, measures);
	CHECK(measures[UC_HIT] + measures[UC_PRECISION] + measures[UC_RECALL] + measures[UC_NDCG] + measures[UC_RECIPROCAL_RANK] == 0,
		  "an empty list is worth nothing");
	for (int i = 0; i < 40; i++)
	{
		values[i] = i % 4 == 0;
		base[i] = values[i] / 2;
	}
	uc_bootstrap(values, NULL, 40, 1, &run, &estimate, &err);
	uc_bootstrap(values, NULL, 40, 1, &run, &again, &err);
	CHECK(estimate.value == 0.25 && estimate.low > 0.08 && estimate.low < 0.2 && estimate.high > 0.3 && estimate.high < 0.45 &&
		  again.low == estimate.low && again.high == estimate.high, "the interval of a mean: %g to %g", estimate.low, estimate.high);
	uc_bootstrap(values, base, 40, 1, &run, &estimate, &err);
	CHECK(fabs(estimate.value - 2) < 1e-12 && fabs(estimate.low - 2) < 1e-12 && fabs(estimate.high - 2) < 1e-12,
		  "a ratio that is the same everywhere has no width");
	uc_bootstrap(values, base, 1, 1, &run, &estimate, &err);
	CHECK(estimate.value == 2 && isnan(estimate.low), "one value has no interval");
	uc_bootstrap(values + 1, base + 1, 2, 1, &run, &estimate, &err);
	CHECK(isnan(estimate.value) && isnan(estimate.low), "nothing over nothing is not defined");
}

static void
check_refusals(const UcShop *shop)
{
	UcRecommendOptions options;
	UcRecommender *recommender;
	UcInteractions interactions;
	UcError		err = {0};
	int32_t		user[] = {0, 1},
				item[] = {0, 9};
	float		weight[] = {1, NAN};

	CHECK_REFUSED(uc_interactions_create(2, 9, 2, user, item, NULL, &run, &interactions, &err), UC_INVALID_DATA, &err,
				  "outside its range", "an item beyond the last");
	CHECK_REFUSED(uc_interactions_create(2, 10, 2, user, item, weight, &run, &interactions, &err), UC_INVALID_DATA, &err,
				  "finite number", "a weight that is no number");
	CHECK_REFUSED(uc_interactions_create(2, 10, 2, user, item, NULL, &(UcRun) {.threads = 1,.max_memory = 10}, &interactions, &err),
				  UC_MEMORY_LIMIT, &err, "interactions", "too little memory");
	uc_recommend_defaults(&options);
	memset(options.weights, 0, sizeof options.weights);
	CHECK_REFUSED(uc_recommender_create(shop, &options, &run, &recommender, &err), UC_INVALID_ARGUMENT, &err, "at least one",
				  "no strategy");
	options.weights[0] = -1;
	CHECK_REFUSED(uc_recommender_create(shop, &options, &run, &recommender, &err), UC_INVALID_ARGUMENT, &err, "not -1",
				  "a negative weight");
	uc_recommend_defaults(&options);
	options.diversity = 1;
	CHECK_REFUSED(uc_recommender_create(shop, &options, &run, &recommender, &err), UC_INVALID_ARGUMENT, &err, "diversity",
				  "diversity alone");
	options.diversity = 0;
	options.neighbours = 0;
	CHECK_REFUSED(uc_recommender_create(shop, &options, &run, &recommender, &err), UC_INVALID_ARGUMENT, &err, "neighbours",
				  "no neighbours");
	uc_recommend_defaults(&options);
	CHECK_REFUSED(uc_recommender_create(shop, &options, &(UcRun) {.threads = 1,.max_memory = 100}, &recommender, &err),
				  UC_MEMORY_LIMIT, &err, "recommending", "too little memory for scores");
}

int
main(void)
{
	UcInteractions past;
	UcError		err = {0};
	UcShop		shop = {
		.past = &past,.dim = DIM,.user_vectors = sample.vectors[0],.segments = sample.segments,.segment_count = SEGMENTS,
		.text_dim = DIM,.user_texts = sample.vectors[0],.item_texts = sample.item_texts[0]
	};

	make_sample();
	CHECK(uc_interactions_create(USERS, ITEMS, sample.count, sample.user, sample.item, sample.weight, &run, &past, &err) == UC_OK &&
		  past.active == USERS - 1, "interactions: %s", err.message);
	check_refusals(&shop);
	check_strategies(&shop);
	check_blend(shop);
	check_measures();
	uc_interactions_free(&past);
	return check_done();
}
