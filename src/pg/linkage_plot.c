/*
 * linkage_plot.c
 *	  A picture of the tree that hierarchical clustering makes of a query's rows.
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "port.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "base/memory.h"
#include "cluster/tree_fold.h"
#include "pg/definition.h"
#include "pg/errors.h"
#include "pg/kmeans.h"
#include "pg/linkage.h"
#include "pg/plot.h"
#include "pg/progress.h"
#include "pg/query.h"
#include "segment/plot.h"

/* Arguments in SQL */
enum
{
	ARG_QUERY, ARG_K, ARG_CUT_HEIGHT, ARG_METHOD, ARG_METRIC, ARG_PREPARATION, ARG_FEATURE_WEIGHT, ARG_LEAVES, ARG_TITLE,
	ARG_WIDTH, ARG_HEIGHT
};

/* A leaf of the picture and the name of one of its rows. */
typedef struct Naming
{
	int32		leaf;
	int32		name;
	int32		row;
} Naming;

typedef struct Plot
{
	LinkageOptions options;
	Rows		rows;
	bool		by_k;
	bool		by_height;
	int			k;
	double		height;
	const UcLinkage *tree;
	size_t		joins;			/* merges of the whole tree below the cut */
	int32_t    *clusters;		/* [rows], or NULL: not cut */
	int64	   *sizes;			/* [cluster_count] */
	UcFold		fold;
	UcDendrogramLeaf *leaves;	/* [fold.leaves] */
	UcDendrogram picture;
} Plot;

/* ---- arguments ---- */

static size_t
leaves_argument(FunctionCallInfo fcinfo, size_t room)
{
	int			leaves;

	if (PG_ARGISNULL(ARG_LEAVES))
		return room;
	leaves = PG_GETARG_INT32(ARG_LEAVES);
	if (leaves < 1 || (size_t) leaves > room)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("leaves must be from 1 to %zu, not %d", room, leaves),
				 errdetail("A picture of this size has room for the labels of %zu leaves.", room),
				 errhint("Pass a larger height for more of them.")));
	return leaves;
}

/* Returns how many leaves the picture may have. */
static size_t
read_arguments(FunctionCallInfo fcinfo, Plot *plot)
{
	UcDendrogram *picture = &plot->picture;
	size_t		leaves;

	linkage_options(fcinfo, ARG_METHOD, &plot->options);
	plot->by_k = !PG_ARGISNULL(ARG_K);
	plot->by_height = !PG_ARGISNULL(ARG_CUT_HEIGHT);
	plot->k = plot->by_k ? PG_GETARG_INT32(ARG_K) : 0;
	plot->height = plot->by_height ? PG_GETARG_FLOAT8(ARG_CUT_HEIGHT) : 0;
	linkage_check_cut(plot->by_k, plot->k, plot->by_height, plot->height, "cut_height");
	picture->title = plot_title(fcinfo, ARG_TITLE);
	picture->width = plot_side(fcinfo, ARG_WIDTH, "width");
	picture->height = plot_side(fcinfo, ARG_HEIGHT, "height");
	leaves = leaves_argument(fcinfo, uc_dendrogram_room(picture->width, picture->height, picture->title != NULL));
	plot->options.columns = ROWS_KNOWS(ROWS_TEXT);
	plot->options.row_bytes = sizeof(int32_t) + sizeof(Naming) + uc_tree_fold_memory(1, 0);
	plot->options.fixed_bytes = uc_size_add(uc_dendrogram_memory(leaves, leaves), uc_tree_fold_memory(0, leaves));
	return leaves;
}

/* ---- the cut ---- */

static void
cut_tree(Plot *plot)
{
	const UcLinkage *tree = plot->tree;
	UcDendrogram *picture = &plot->picture;
	size_t		clusters = plot->k;
	UcError		err;

	picture->cut = NAN;
	if (!plot->by_k && !plot->by_height)
		return;
	plot->clusters = palloc_extended(uc_size_mul(plot->rows.count, sizeof(int32_t)), MCXT_ALLOC_HUGE);
	usercluster_check(plot->by_k ? uc_tree_cut(tree, plot->k, plot->clusters, &err) :
					  uc_tree_cut_height(tree, plot->height, plot->clusters, &clusters, &err), &err);
	plot->joins = tree->leaves - clusters;
	plot->sizes = palloc_extended(uc_size_mul(clusters, sizeof(int64)), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	for (size_t i = 0; i < plot->rows.count; i++)
		plot->sizes[plot->clusters[i]]++;
	picture->group_sizes = plot->sizes;
	picture->group_count = clusters;
	if (plot->by_height)
		picture->cut = plot->height;
	else if (tree->leaves > 1)
	{
		double		below = plot->joins == 0 ? 0 : tree->merges[plot->joins - 1].height;

		/* one cluster is cut above the last merge */
		picture->cut = clusters == 1 ? below * 1.02 : below + (tree->merges[plot->joins].height - below) / 2;
	}
}

/* ---- names ---- */

static int
compare_namings(const void *a, const void *b, void *arg)
{
	const Naming *x = a;
	const Naming *y = b;

	CHECK_FOR_INTERRUPTS();
	if (x->leaf != y->leaf)
		return x->leaf < y->leaf ? -1 : 1;
	if (x->name != y->name)
		return x->name < y->name ? -1 : 1;
	return (x->row > y->row) - (x->row < y->row);
}

/*
 * Every leaf of the picture takes the commonest text of its rows, among equals that of the first row; rows without a text do
 * not count.
 */
static void
name_by_text(Plot *plot)
{
	const Labels *texts = &plot->rows.labels[ROWS_TEXT];
	Naming	   *namings = palloc_extended(uc_size_mul(plot->rows.count, sizeof(Naming)), MCXT_ALLOC_HUGE);
	int32	   *first = palloc(sizeof(int32) * plot->fold.leaves);
	size_t		count = 0;

	for (size_t i = 0; i < plot->rows.count; i++)
		if (texts->codes[i] >= 0)
			namings[count++] = (Naming) {plot->fold.leaf_of[i], texts->codes[i], (int32) i};
	qsort_arg(namings, count, sizeof *namings, compare_namings, NULL);
	for (size_t i = 0, next; i < count; i = next)
	{
		UcDendrogramLeaf *leaf = &plot->leaves[namings[i].leaf];
		int64		named;

		for (next = i + 1; next < count && namings[next].leaf == namings[i].leaf && namings[next].name == namings[i].name;)
			next++;
		named = next - i;
		if (named > leaf->named || (named == leaf->named && namings[i].row < first[namings[i].leaf]))
		{
			leaf->named = named;
			leaf->name = texts->names[namings[i].name];
			first[namings[i].leaf] = namings[i].row;
		}
	}
	for (size_t i = 0; i < plot->fold.leaves; i++)
		if (plot->leaves[i].name != NULL)
			plot->leaves[i].name = plot_utf8(plot->leaves[i].name);
	pfree(namings);
}

/* By the key, or where there are several rows by their number. */
static void
name_by_key(Plot *plot)
{
	Oid			output;
	bool		is_varlena;

	getTypeOutputInfo(plot->rows.key_type, &output, &is_varlena);
	for (size_t i = 0; i < plot->rows.count; i++)
	{
		UcDendrogramLeaf *leaf = &plot->leaves[plot->fold.leaf_of[i]];

		if (leaf->name != NULL)
			continue;
		if (leaf->size == 1)
			leaf->name = plot_utf8(OidOutputFunctionCall(output, plot->rows.keys[i]));
		else
			leaf->name = psprintf(INT64_FORMAT " rows", leaf->size);
	}
}

static void
describe_leaves(Plot *plot)
{
	const UcLinkage *tree = plot->tree;
	const UcFold *fold = &plot->fold;

	plot->leaves = palloc0(sizeof(UcDendrogramLeaf) * fold->leaves);
	for (size_t i = 0; i < fold->leaves; i++)
	{
		size_t		node = fold->node[i];

		plot->leaves[i].size = fold->sizes[i];
		plot->leaves[i].height = node < tree->leaves ? 0 : tree->merges[node - tree->leaves].height;
		plot->leaves[i].group = -1;
	}
	for (size_t i = 0; plot->clusters != NULL && i < plot->rows.count; i++)
		if ((size_t) fold->node[fold->leaf_of[i]] < tree->leaves + plot->joins)
			plot->leaves[fold->leaf_of[i]].group = plot->clusters[i];
	if (plot->rows.labels[ROWS_TEXT].codes != NULL)
		name_by_text(plot);
	name_by_key(plot);
}

/* ---- the picture ---- */

static const char *
caption(const Plot *plot)
{
	bool		cosine = plot->options.metric == UC_METRIC_COSINE;
	bool		ward = plot->options.method == UC_LINKAGE_WARD;
	char	   *heights = psprintf("height: %s linkage, %s", plot->options.method_name,
								   !cosine ? "euclidean distance" : ward ? "euclidean distance of directions" : "1 - cosine");

	if (plot->fold.leaves == plot->rows.count)
		return heights;
	return psprintf("%s; %zu leaves for %zu rows", heights, plot->fold.leaves, plot->rows.count);
}

static void
tell_hidden(const Plot *plot)
{
	if (plot->clusters != NULL && plot->picture.group_count > plot->fold.leaves)
		ereport(NOTICE,
				(errmsg("the picture shows fewer leaves than there are clusters: %zu and %zu", plot->fold.leaves,
						plot->picture.group_count),
				 errdetail("Leaves that hold rows of several clusters are drawn without a colour."),
				 errhint("Pass a larger height, or cut the tree into fewer clusters.")));
}

static UcStatus
draw(Plot *plot, size_t leaves, char **drawn, size_t *length, UcError *err)
{
	UcDendrogram *picture = &plot->picture;
	size_t		folded;
	UcRun		run;
	UcStatus	status = uc_tree_fold(plot->tree, leaves, &plot->fold, err);
	UcFold	   *fold = &plot->fold;

	if (status != UC_OK)
		return status;
	folded = plot->tree->leaves - fold->leaves;
	PG_TRY();
	{
		describe_leaves(plot);
		tell_hidden(plot);
		picture->caption = caption(plot);
		picture->merges = fold->merges;
		picture->leaves = plot->leaves;
		picture->leaf_count = fold->leaves;
		picture->joined = plot->joins > folded ? plot->joins - folded : 0;
		usercluster_run(&run);
		status = uc_dendrogram(picture, &run, drawn, length, err);
	}
	PG_FINALLY();
	{
		uc_tree_fold_free(fold);
	}
	PG_END_TRY();
	return status;
}

USERCLUSTER_FUNCTION(usercluster_linkage_plot)
{
	MemoryContext old = CurrentMemoryContext;
	MemoryContext context = AllocSetContextCreate(old, "usercluster linkage_plot", ALLOCSET_DEFAULT_SIZES);
	Plot	   *plot;
	size_t		leaves;
	char	   *drawn = NULL;
	size_t		length = 0;
	UcError		err;
	UcStatus	status;
	text	   *svg;

	MemoryContextSwitchTo(context);
	progress_begin("linkage_plot");
	plot = palloc0(sizeof *plot);
	leaves = read_arguments(fcinfo, plot);
	plot->tree = linkage_run(text_to_cstring(PG_GETARG_TEXT_PP(ARG_QUERY)), InvalidOid, &plot->options, &plot->rows);
	if (plot->tree == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("there are no rows to plot"),
				 errdetail("The query returned no row with an embedding.")));
	cut_tree(plot);
	status = draw(plot, leaves, &drawn, &length, &err);
	MemoryContextSwitchTo(old);
	svg = plot_text(status, drawn, length, &err);
	MemoryContextDelete(context);
	PG_RETURN_TEXT_P(svg);
}
