/*
 * cluster_plot.c
 *	  A picture of a query's rows and their clusters.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "base/memory.h"
#include "cluster/plane.h"
#include "pg/cluster_quality.h"
#include "pg/definition.h"
#include "pg/errors.h"
#include "pg/kmeans.h"
#include "pg/plot.h"
#include "pg/preparation.h"
#include "pg/progress.h"
#include "pg/query.h"
#include "segment/plot.h"

/* Arguments of cluster_plot in SQL. */
enum
{
	PLOT_QUERY, PLOT_TITLE, PLOT_WIDTH, PLOT_HEIGHT, PLOT_SEED, PLOT_METRIC, PLOT_PREPARATION, PLOT_FEATURE_WEIGHT
};

typedef struct Plot
{
	UcMetric	metric;
	PreparationOptions preparation;
	Rows		rows;
	Prepared	prepared;		/* the vectors that are drawn */
	double	   *points;			/* [rows.count, 2] */
	double		explained[2];
} Plot;

/* What the projection and the drawing take, one after the other, and the points. */
static size_t
plot_memory(size_t rows, size_t dim, int threads, const void *arg)
{
	const Plot *plot = arg;
	size_t		prepared_dim;
	size_t		preparation = preparation_memory(&plot->preparation, &plot->rows, rows, dim, threads, &prepared_dim);
	size_t		projecting = uc_plane_memory(rows, prepared_dim, threads);
	size_t		drawing = uc_scatter_memory(rows, plot->rows.labels[ROWS_CLUSTER].count);

	return uc_size_add(uc_size_add(preparation, Max(projecting, drawing)), uc_size_mul(rows, 2 * sizeof(double)));
}

static void
read_rows(Plot *plot, const char *query)
{
	RowsOptions options = {
		.name = "plotting",.directions = plot->metric == UC_METRIC_COSINE,
		.columns = ROWS_KNOWS(ROWS_CLUSTER) | PREPARATION_COLUMNS,.work = plot_memory,.work_arg = plot
	};

	query_read(query, InvalidOid, &options, &plot->rows);
	quality_require_cluster(&plot->rows);
	quality_tell_skipped(plot->rows.skipped);
	if (plot->rows.count == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("there are no rows to plot"),
				 errdetail("The query returned no row with an embedding.")));
}

static void
plot_run(const Plot *plot, UcRun *run)
{
	size_t		held = rows_memory(&plot->rows);

	if (plot->prepared.changed)
		held = uc_size_add(held, uc_size_mul(plot->rows.count, sizeof(float) * plot->prepared.dim));
	usercluster_run(run);
	progress_watch(run);
	run->max_memory -= Min(held, run->max_memory);
}

static void
project(Plot *plot)
{
	UcRun		run;
	UcError		err;
	UcStatus	status;

	plot->points = MemoryContextAllocHuge(CurrentMemoryContext, uc_size_mul(plot->rows.count, 2 * sizeof(double)));
	preparation_fit(&plot->preparation, &plot->rows, &plot->prepared);
	plot_run(plot, &run);
	status = uc_plane(plot->prepared.values, plot->rows.count, plot->prepared.dim, plot->metric == UC_METRIC_COSINE, &run,
					  plot->points, plot->explained, &err);
	usercluster_check(status, &err);
}

static UcStatus
draw(const Plot *plot, UcScatter *scatter, char **drawn, size_t *length, UcError *err)
{
	const Labels *clusters = &plot->rows.labels[ROWS_CLUSTER];
	const char **names = palloc(sizeof(char *) * Max(clusters->count, 1));
	UcRun		run;

	for (int i = 0; i < clusters->count; i++)
		names[i] = plot_utf8(clusters->names[i]);
	scatter->points = plot->points;
	scatter->groups = clusters->codes;
	scatter->count = plot->rows.count;
	scatter->names = names;
	scatter->group_count = clusters->count;
	scatter->explained = plot->explained;
	plot_run(plot, &run);
	return uc_scatter(scatter, &run, drawn, length, err);
}

USERCLUSTER_FUNCTION(usercluster_cluster_plot)
{
	MemoryContext old = CurrentMemoryContext;
	MemoryContext context = AllocSetContextCreate(old, "usercluster cluster_plot", ALLOCSET_DEFAULT_SIZES);
	Plot		plot = {.points = NULL};
	UcScatter	scatter = {.title = NULL};
	char	   *drawn = NULL;
	size_t		length = 0;
	UcError		err;
	UcStatus	status;
	text	   *svg;

	usercluster_refuse_null(fcinfo, PLOT_QUERY, "query");
	scatter.width = plot_side(fcinfo, PLOT_WIDTH, "width");
	scatter.height = plot_side(fcinfo, PLOT_HEIGHT, "height");
	usercluster_refuse_null(fcinfo, PLOT_SEED, "seed");
	usercluster_refuse_null(fcinfo, PLOT_METRIC, "metric");
	usercluster_refuse_null(fcinfo, PLOT_PREPARATION, "preparation");
	usercluster_refuse_null(fcinfo, PLOT_FEATURE_WEIGHT, "feature_weight");
	MemoryContextSwitchTo(context);
	progress_begin("cluster_plot");
	scatter.seed = (uint64_t) PG_GETARG_INT64(PLOT_SEED);
	scatter.title = plot_title(fcinfo, PLOT_TITLE);
	plot.metric = kmeans_metric(text_to_cstring(PG_GETARG_TEXT_PP(PLOT_METRIC)));
	preparation_options(&plot.preparation, text_to_cstring(PG_GETARG_TEXT_PP(PLOT_PREPARATION)),
						PG_GETARG_FLOAT8(PLOT_FEATURE_WEIGHT), plot.metric);
	read_rows(&plot, text_to_cstring(PG_GETARG_TEXT_PP(PLOT_QUERY)));
	project(&plot);
	status = draw(&plot, &scatter, &drawn, &length, &err);
	MemoryContextSwitchTo(old);
	svg = plot_text(status, drawn, length, &err);
	MemoryContextDelete(context);
	PG_RETURN_TEXT_P(svg);
}
