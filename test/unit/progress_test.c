/*
 * What long calls of the core say about how far they have come.
 *
 * Whoever watches relies on this: a phase begins with nothing done, what is done only grows and ends at the total, the
 * parts are counted from 1, and all of it comes from the calling thread.
 */
#include <dirent.h>
#include <pthread.h>
#include <unistd.h>

#include "check.h"
#include "golden.h"
#include "kmeans_data.h"
#include "cluster/choose.h"
#include "cluster/hdbscan.h"
#include "cluster/kmeans_groups.h"
#include "cluster/linkage.h"
#include "cluster/plane.h"
#include "cluster/prepare.h"
#include "cluster/silhouette.h"
#include "cluster/validity.h"

#define ROWS ((size_t) 3000)
#define DIM ((size_t) 24)
#define CLUSTERS 6

typedef struct Watcher
{
	UcProgress	progress;		/* first, so that the report finds the rest */
	UcProgress	before;
	pthread_t	thread;
	int			threads;
	char		phases[512];	/* each once, in the order of their beginnings */
	size_t		reports;
	size_t		steps;			/* reports of something done */
	size_t		parts;			/* as announced */
	size_t		last_part;
	size_t		pauses;
	const char *broken;			/* the first rule that was broken */
	bool		unfinished;		/* a phase with a total ended before it */
} Watcher;

static void
must(Watcher *watcher, bool holds, const char *rule)
{
	if (!holds && watcher->broken == NULL)
		watcher->broken = rule;
}

static void
end_phase(Watcher *watcher)
{
	const UcProgress *before = &watcher->before;

	if (before->phase != NULL && before->total != UC_UNKNOWN_TOTAL && before->done < before->total)
		watcher->unfinished = true;
}

static bool
watch(UcProgress *now)
{
	Watcher    *watcher = (Watcher *) now;
	const UcProgress *before = &watcher->before;

	watcher->reports++;
	must(watcher, pthread_equal(pthread_self(), watcher->thread), "reports come from the calling thread");
	must(watcher, now->done <= now->total, "no more is done than there is");
	must(watcher, now->part <= now->parts, "no part is beyond the last");
	if (now->phase != before->phase || now->done < before->done)
	{
		must(watcher, now->done == 0, "a phase begins with nothing done");
		end_phase(watcher);
	}
	if (now->phase != NULL && strstr(watcher->phases, now->phase) == NULL)
	{
		strcat(watcher->phases, watcher->phases[0] == '\0' ? "" : ", ");
		strcat(watcher->phases, now->phase);
	}
	if (now->parts > 0)
	{
		must(watcher, watcher->parts == 0 || now->parts == watcher->parts, "the number of parts does not change");
		must(watcher, now->part == watcher->last_part || now->part == watcher->last_part + 1, "parts come in order");
		watcher->parts = now->parts;
		watcher->last_part = now->part;
	}
	watcher->steps += now->done > before->done;
	watcher->before = *now;
	return now->pause != NULL;
}

static size_t
threads_alive(void)
{
	size_t		count = 0;
	DIR		   *tasks = opendir("/proc/self/task");

	for (struct dirent *entry; tasks != NULL && (entry = readdir(tasks)) != NULL;)
		count += entry->d_name[0] != '.';
	if (tasks != NULL)
		closedir(tasks);
	return count;
}

static void
rest(UcProgress *now)
{
	Watcher    *watcher = (Watcher *) now;

	watcher->pauses++;
	must(watcher, pthread_equal(pthread_self(), watcher->thread), "pauses are the calling thread's");
	/* a thread that has been joined may be listed for a moment */
	for (int i = 0; i < 1000 && threads_alive() > 1; i++)
		usleep(1000);
	must(watcher, threads_alive() == 1, "no thread lives in a pause");
}

static UcRun
begin(Watcher *watcher, int threads)
{
	memset(watcher, 0, sizeof *watcher);
	watcher->progress.report = watch;
	watcher->progress.total = UC_UNKNOWN_TOTAL;
	watcher->thread = pthread_self();
	watcher->threads = threads;
	return (UcRun) {.threads = threads,.max_memory = (size_t) 1 << 30,.progress = &watcher->progress};
}

static void
check(Watcher *watcher, UcStatus status, const char *call, const char *phases, size_t parts, size_t steps)
{
	end_phase(watcher);
	CHECK(status == UC_OK && watcher->broken == NULL, "%s keeps to the rules", call);
	if (watcher->broken != NULL)
		printf("# broken: %s\n", watcher->broken);
	CHECK(strcmp(watcher->phases, phases) == 0, "%s has the phases %s", call, phases);
	if (strcmp(watcher->phases, phases) != 0)
		printf("# %s\n", watcher->phases);
	CHECK(!watcher->unfinished, "%s ends each phase at its total", call);
	CHECK(watcher->parts == parts && watcher->last_part == parts, "%s has %zu parts", call, parts);
	/* how often the calling thread gets to say so is up to the others */
	if (watcher->threads > 1 && steps > 1)
		steps = 1;
	CHECK(watcher->steps >= steps, "%s shows at least %zu steps (%zu)", call, steps, watcher->steps);
	CHECK(watcher->progress.depth == 0 && watcher->progress.parts == 0, "%s leaves no parts behind", call);
}

static void
check_kmeans(const float *x, int threads)
{
	UcKmeansOptions options = options_for(CLUSTERS, UC_METRIC_EUCLIDEAN);
	Watcher		watcher;
	UcRun		run = begin(&watcher, threads);
	UcKmeans	result;
	size_t		members[ROWS],
				starts[4] = {0, 2900, 2960, ROWS};
	UcGroupedRows grouped = {.rows = x,.dim = DIM,.groups = 3,.members = members,.starts = starts};
	UcGroupOptions group_options = {.kmeans = options,.method = UC_PREPARE_NONE};
	UcGroupFit	fits[3];
	UcError		err;

	options.restarts = 3;
	check(&watcher, uc_kmeans(x, ROWS, DIM, &options, &run, &result, &err), "k-means", "seeding, iterating", 3, 20);
	uc_kmeans_free(&result);

	for (size_t i = 0; i < ROWS; i++)
		members[i] = i;
	run = begin(&watcher, threads);
	check(&watcher, uc_kmeans_groups(&grouped, &group_options, &run, fits, &err), "k-means by group",
		  "fitting large groups, fitting small groups", 0, 4);
	uc_kmeans_groups_free(fits, 3);

	run = begin(&watcher, threads);
	options.k = (int) ROWS + 1;
	CHECK(uc_kmeans(x, ROWS, DIM, &options, &run, &result, &err) != UC_OK && watcher.reports == 0,
		  "a call that is refused shows nothing");
}

static void
check_choice(const float *x, int threads)
{
	UcChooseOptions options = {.kmeans = options_for(0, UC_METRIC_EUCLIDEAN),.k_min = 2,.k_max = 4,.fits = 3,.sample = 200};
	Watcher		watcher;
	UcRun		run = begin(&watcher, threads);
	UcChoice	choices[3];
	int			count;
	double		stability;
	UcError		err;

	options.kmeans.restarts = 1;
	check(&watcher, uc_choose_k(x, ROWS, DIM, &options, &run, choices, &count, &err), "choosing k",
		  "seeding, iterating, comparing fits, measuring silhouettes, measuring clusters", 3, 50);
	run = begin(&watcher, threads);
	options.kmeans.k = 3;
	check(&watcher, uc_cluster_stability(x, ROWS, DIM, &options.kmeans, 4, &run, &stability, &err), "stability",
		  "seeding, iterating, comparing fits", 4, 20);
}

static void
check_trees(const float *x, int threads)
{
	UcHdbscanOptions density = {.metric = UC_METRIC_EUCLIDEAN,.min_cluster_size = 10,.min_samples = 5};
	Watcher		watcher;
	UcRun		run = begin(&watcher, threads);
	UcLinkage	tree;
	UcHdbscan	clusters;
	UcError		err;

	check(&watcher, uc_linkage(x, ROWS, DIM, UC_LINKAGE_WARD, UC_METRIC_EUCLIDEAN, NULL, &run, &tree, &err), "Ward's tree",
		  "measuring distances, joining clusters", 0, 5);
	uc_linkage_free(&tree);
	run = begin(&watcher, threads);
	check(&watcher, uc_linkage(x, ROWS, DIM, UC_LINKAGE_SINGLE, UC_METRIC_EUCLIDEAN, NULL, &run, &tree, &err),
		  "single linkage", "measuring distances, growing the tree", 0, 2);
	uc_linkage_free(&tree);
	run = begin(&watcher, threads);
	check(&watcher, uc_hdbscan(x, ROWS, DIM, &density, &run, &clusters, &err), "HDBSCAN",
		  "finding neighbours, measuring distances, growing the tree", 0, 3);
	uc_hdbscan_free(&clusters);
}

static void
check_measures(const float *x, int threads)
{
	UcKmeansOptions options = options_for(CLUSTERS, UC_METRIC_EUCLIDEAN);
	UcKmeans	fitted = fit(x, ROWS, DIM, &options, 1);
	UcSilhouetteOptions exact = {.metric = UC_METRIC_EUCLIDEAN};
	Watcher		watcher;
	UcRun		run = begin(&watcher, threads);
	UcSilhouette silhouette;
	UcValidity	validity;
	UcError		err;

	check(&watcher, uc_silhouette(x, fitted.labels, ROWS, DIM, fitted.k, &exact, &run, NULL, &silhouette, &err), "silhouette",
		  "measuring silhouettes", 0, 2);
	run = begin(&watcher, threads);
	check(&watcher, uc_validity(x, fitted.labels, NULL, ROWS, DIM, fitted.k, UC_METRIC_EUCLIDEAN, &run, &validity, &err),
		  "validity", "measuring clusters", 0, 1);
	uc_kmeans_free(&fitted);
}

static void
check_preparation(const float *x, int threads)
{
	UcPrepareInput input = {.rows = x,.count = ROWS,.dim = DIM};
	UcPreparation preparation;
	float	   *out = uc_alloc(ROWS * DIM * sizeof(float));
	double	   *points = uc_alloc(ROWS * 2 * sizeof(double));
	double		explained[2];
	Watcher		watcher;
	UcRun		run = begin(&watcher, threads);
	UcError		err;

	check(&watcher, uc_prepare_fit(&input, UC_PREPARE_WHITENED, 0, &run, &preparation, &err), "fitting a preparation",
		  "measuring the covariance, finding components", 0, 1);
	run = begin(&watcher, threads);
	check(&watcher, uc_prepare_apply(&preparation, x, ROWS, NULL, NULL, &run, out, &err), "preparing", "preparing rows", 0, 2);
	uc_prepare_free(&preparation);
	run = begin(&watcher, threads);
	check(&watcher, uc_plane(x, ROWS, DIM, false, &run, points, explained, &err), "projecting",
		  "measuring the covariance, projecting rows", 0, 2);
	uc_free(out);
	uc_free(points);
}

static void
check_embedding(int threads)
{
	LoadedModel loaded = {0};
	UcText		texts[100];
	float		vectors[100 * 64];
	UcEmbedOptions options = {.prompt = ""};
	Watcher		watcher;
	UcRun		run = begin(&watcher, threads);
	UcError		err = {0};

	CHECK(load_model("test/golden/tiny/gelu_mean", &loaded), "a model opens");
	if (loaded.tokenizer == NULL)
		return;
	for (int i = 0; i < 100; i++)
		texts[i] = (UcText) {"a short text", 12};
	check(&watcher, uc_embed(loaded.model, loaded.tokenizer, texts, 100, &options, &run, vectors, &err), "embedding",
		  "embedding texts", 0, 2);
	unload_model(&loaded);
}

/* The caller may speak at every step, and nothing else changes. */
static void
check_pauses(const float *x, int threads)
{
	UcKmeansOptions options = options_for(CLUSTERS, UC_METRIC_EUCLIDEAN);
	UcKmeans	expected = fit(x, ROWS, DIM, &options, threads);
	UcKmeans	result;
	UcSilhouetteOptions exact = {.metric = UC_METRIC_EUCLIDEAN};
	UcSilhouette once,
				paused;
	UcRun		plain = {.threads = threads,.max_memory = (size_t) 1 << 30};
	Watcher		watcher;
	UcRun		run = begin(&watcher, threads);
	UcError		err;

	watcher.progress.pause = rest;
	CHECK(uc_kmeans(x, ROWS, DIM, &options, &run, &result, &err) == UC_OK && watcher.broken == NULL && watcher.pauses > 10,
		  "k-means pauses, with %d threads", threads);
	CHECK(result.inertia == expected.inertia && memcmp(result.labels, expected.labels, ROWS * sizeof(int32_t)) == 0,
		  "and finds what it finds without");
	uc_kmeans_free(&result);

	run = begin(&watcher, threads);
	watcher.progress.pause = rest;
	CHECK(uc_silhouette(x, expected.labels, ROWS, DIM, expected.k, &exact, &run, NULL, &paused, &err) == UC_OK &&
		  watcher.broken == NULL && watcher.pauses > 1 && watcher.progress.done == ROWS,
		  "silhouette pauses in the middle of its rows (%zu times)", watcher.pauses);
	if (watcher.broken != NULL)
		printf("# broken: %s\n", watcher.broken);
	CHECK(uc_silhouette(x, expected.labels, ROWS, DIM, expected.k, &exact, &plain, NULL, &once, &err) == UC_OK &&
		  once.mean == paused.mean, "and measures what it measures without");
	uc_kmeans_free(&expected);
}

/* Totals that a share of all tasks cannot be multiplied with, or divided by. */
static UcStatus
nothing(void *arg, size_t task, int worker, UcSection *section, UcError *err)
{
	return UC_OK;
}

static void
check_extremes(void)
{
	Watcher		watcher;
	UcRun		run = begin(&watcher, 2);
	UcError		err;

	check(&watcher, uc_parallel_phase(&run, "counting", SIZE_MAX - 1, 1000, nothing, NULL, &err), "a huge total", "counting", 0, 2);
	run = begin(&watcher, 2);
	check(&watcher, uc_parallel_phase(&run, "counting", 5, 0, nothing, NULL, &err), "no task", "counting", 0, 0);
	run = begin(&watcher, 2);
	check(&watcher, uc_parallel_phase(&run, "counting", 0, 10, nothing, NULL, &err), "nothing in all", "counting", 0, 0);
	run.progress = NULL;
	uc_progress_enter(&run, 2);
	uc_progress_part(&run, 1);
	uc_progress_done(&run, 1);
	uc_progress_leave(&run);
	CHECK(uc_parallel_phase(&run, "unseen", 10, 10, nothing, NULL, &err) == UC_OK, "nobody needs to watch");
}

int
main(void)
{
	float	   *x = make_rows(ROWS, DIM, CLUSTERS, 3, 1, 5);

	for (int threads = 1; threads <= 3; threads += 2)
	{
		check_kmeans(x, threads);
		check_choice(x, threads);
		check_trees(x, threads);
		check_measures(x, threads);
		check_preparation(x, threads);
		check_embedding(threads);
		check_pauses(x, threads);
	}
	check_extremes();
	uc_free(x);
	return check_done();
}
