/*
 * training.c
 *	  Texts to learn from, and the place of what is learnt.
 */
#include "postgres.h"

#include <unistd.h>

#include "catalog/pg_type_d.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "base/memory.h"
#include "model/model.h"
#include "pg/errors.h"
#include "pg/progress.h"
#include "pg/query.h"
#include "pg/settings.h"
#include "pg/texts.h"
#include "pg/training.h"
#include "text/blank.h"

/* The rows as they come. */
typedef struct Gathered
{
	TrainingTexts *out;
	MemoryContext context;
	UcText	   *seconds;		/* [count] of pairs */
	Labels		labels;
	Oid			label_output;	/* function */
	size_t		room;
	size_t		most;			/* bytes allowed */
} Gathered;

static const char *const wanted[] = {
	[TRAINING_TEXT] = "one column, the text",
	[TRAINING_PAIR] = "two columns, two texts that belong together",
	[TRAINING_LABEL] = "two columns, a text and its label"
};

static void
check_text(TupleDesc columns, int number)
{
	Form_pg_attribute column = TupleDescAttr(columns, number - 1);
	Oid			type = getBaseType(column->atttypid);

	if (type != TEXTOID && type != VARCHAROID && type != BPCHAROID)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of the query must be a text", NameStr(column->attname)),
				 errdetail("It is of type %s.", format_type_be(column->atttypid)),
				 errhint("Cast it to text.")));
}

static void
check_columns(void *arg, TupleDesc columns)
{
	Gathered   *g = arg;
	int			count = g->out->second == TRAINING_TEXT ? 1 : 2;
	bool		varlena;

	if (columns->natts != count)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the query must return %s", wanted[g->out->second]),
				 errdetail("The number of its columns is %d.", columns->natts)));
	check_text(columns, 1);
	if (g->out->second == TRAINING_PAIR)
		check_text(columns, 2);
	if (g->out->second == TRAINING_LABEL)
		getTypeOutputInfo(TupleDescAttr(columns, 1)->atttypid, &g->label_output, &varlena);
}

/* The column's text in UTF-8, in the row's memory; false where it says nothing. */
static bool
get_text(TupleTableSlot *slot, int number, UcText *found)
{
	bool		null;
	Datum		value = slot_getattr(slot, number, &null);

	if (null)
		return false;
	found->text = texts_utf8(DatumGetTextPP(value), &found->bytes);
	return !uc_text_blank(found->text, found->bytes);
}

static UcText
keep(const Gathered *g, UcText given)
{
	char	   *copy = MemoryContextAllocHuge(g->context, Max(given.bytes, 1));

	memcpy(copy, given.text, given.bytes);
	return (UcText) {copy, given.bytes};
}

static void
make_room(Gathered *g)
{
	TrainingTexts *out = g->out;

	if (out->count < g->room)
		return;
	g->room *= 2;
	out->texts = repalloc_huge(out->texts, g->room * sizeof *out->texts);
	if (g->seconds != NULL)
		g->seconds = repalloc_huge(g->seconds, g->room * sizeof *g->seconds);
	if (out->labels != NULL)
		out->labels = repalloc_huge(out->labels, g->room * sizeof *out->labels);
}

static void
take_row(void *arg, TupleTableSlot *slot)
{
	Gathered   *g = arg;
	TrainingTexts *out = g->out;
	UcText		first,
				second = {NULL, 0};
	Datum		label = 0;
	bool		null = false;
	UcError		err = {0};

	if (out->second == TRAINING_LABEL)
		label = slot_getattr(slot, 2, &null);
	if (null || !get_text(slot, 1, &first) || (out->second == TRAINING_PAIR && !get_text(slot, 2, &second)))
	{
		out->skipped++;
		return;
	}
	/* texts, and three times their places: an array that doubles, and the one in which pairs end up */
	out->bytes = uc_size_add(out->bytes, uc_size_add(uc_size_add(first.bytes, second.bytes), 6 * sizeof(UcText)));
	usercluster_check(uc_check_budget("keeping these texts", uc_size_add(out->bytes, g->labels.bytes), g->most, &err), &err);
	make_room(g);
	out->texts[out->count] = keep(g, first);
	if (g->seconds != NULL)
		g->seconds[out->count] = keep(g, second);
	if (out->labels != NULL)
		out->labels[out->count] = labels_code(&g->labels, OidOutputFunctionCall(g->label_output, label));
	progress_done(++out->count);
}

void
training_read(const char *query, TrainingSecond second, TrainingTexts *out)
{
	Gathered	g = {.out = out,.context = CurrentMemoryContext,.room = 1024,.most = settings_max_memory()};
	OtherQuery	other = {check_columns, take_row, &g};

	*out = (TrainingTexts) {.second = second};
	out->texts = palloc(g.room * sizeof *out->texts);
	if (second == TRAINING_PAIR)
		g.seconds = palloc(g.room * sizeof *g.seconds);
	if (second == TRAINING_LABEL)
	{
		labels_begin(&g.labels);
		out->labels = palloc(g.room * sizeof *out->labels);
	}
	progress_phase("reading rows", UC_UNKNOWN_TOTAL);
	query_read_other(query, &other);
	out->bytes = uc_size_add(out->bytes, g.labels.bytes);
	if (second == TRAINING_PAIR && out->count > 0)
	{
		out->texts = repalloc_huge(out->texts, 2 * out->count * sizeof *out->texts);
		memcpy(out->texts + out->count, g.seconds, out->count * sizeof *out->texts);
		pfree(g.seconds);
	}
}

char *
training_argument(FunctionCallInfo fcinfo, int number, const char *name)
{
	usercluster_refuse_null(fcinfo, number, name);
	return texts_argument(fcinfo, number);
}

char *
training_output(const char *name, const char *command)
{
	char	   *directory = settings_model_dir(),
			   *path = psprintf("%s/%s" UC_MODEL_SUFFIX, directory, name);

	if (!uc_model_name_valid(name))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid model name \"%s\"", name),
				 errhint("A model is named by 1 to %d letters, digits, '.', '_' and '-', without its directory.",
						 UC_MODEL_NAME_MAX)));
	if (access(path, F_OK) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("model \"%s\" already exists", name),
				 errhint("Choose another name, or have the administrator remove the file.")));
	if (access(directory, W_OK | X_OK) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the server cannot write into the model directory"),
				 errdetail("Directory \"%s\": %m.", directory),
				 errhint("Let the server's user write there, set usercluster.model_dir to a directory where it may, or use usercluster-model %s.", command)));
	return path;
}

void
training_check(UcStatus status, const UcError *err, const char *name, const char *command)
{
	if (status == UC_INVALID_ARGUMENT)
		training_output(name, command);
	usercluster_check(status, err);
}
