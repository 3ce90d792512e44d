/*
 * distil.c
 *	  CALL distil(): texts of a query to a static model in the model directory.
 */
#include "postgres.h"

#include <unistd.h>

#include "catalog/pg_type_d.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "base/memory.h"
#include "embed/distil.h"
#include "pg/definition.h"
#include "pg/errors.h"
#include "pg/models.h"
#include "pg/progress.h"
#include "pg/query.h"
#include "pg/settings.h"
#include "pg/texts.h"

typedef struct Gathered
{
	MemoryContext context;
	UcText	   *texts;			/* [count] UTF-8 */
	size_t		count;
	size_t		room;
	size_t		bytes;			/* of texts and places */
	size_t		most;			/* bytes allowed */
} Gathered;

static void
check_columns(void *arg, TupleDesc columns)
{
	Oid			type;

	if (columns->natts != 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the query must return one column, the text"),
				 errdetail("It returns %d columns.", columns->natts)));
	type = TupleDescAttr(columns, 0)->atttypid;
	if (type != TEXTOID && type != VARCHAROID && type != BPCHAROID)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("the query's column must be a text"),
				 errdetail("It is of type %s.", format_type_be(type)),
				 errhint("Cast it to text.")));
}

static void
take_text(void *arg, TupleTableSlot *slot)
{
	Gathered   *gathered = arg;
	bool		null;
	Datum		value = slot_getattr(slot, 1, &null);
	UcText		given;
	char	   *copy;
	UcError		err = {0};

	if (null)
		return;
	given.text = texts_utf8(DatumGetTextPP(value), &given.bytes);
	gathered->bytes = uc_size_add(gathered->bytes, uc_size_add(given.bytes, 3 * sizeof(UcText)));
	usercluster_check(uc_check_budget("keeping these texts", gathered->bytes, gathered->most, &err), &err);
	if (gathered->count == gathered->room)
	{
		gathered->room *= 2;
		gathered->texts = repalloc_huge(gathered->texts, gathered->room * sizeof *gathered->texts);
	}
	copy = MemoryContextAlloc(gathered->context, Max(given.bytes, 1));
	memcpy(copy, given.text, given.bytes);
	gathered->texts[gathered->count++] = (UcText) {copy, given.bytes};
}

static char *
required(FunctionCallInfo fcinfo, int number, const char *name)
{
	char	   *value = texts_argument(fcinfo, number);

	if (value == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("argument \"%s\" must not be null", name)));
	return value;
}

/* Where the model will be: refused before any work is done where it cannot be. */
static char *
output_path(const char *name)
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
				 errhint("Let the server's user write there, set usercluster.model_dir to a directory where it may, or use usercluster-model distil.")));
	return path;
}

USERCLUSTER_FUNCTION(usercluster_distil)
{
	char	   *base = required(fcinfo, 0, "base"),
			   *name = required(fcinfo, 1, "name"),
			   *query = required(fcinfo, 2, "query"),
			   *path;
	Gathered	gathered = {.context = CurrentMemoryContext,.room = 1024};
	OtherQuery	other = {check_columns, take_text, &gathered};
	const OpenModel *open;
	UcRun		run;
	UcDistilled found;
	UcError		err = {0};

	if (PG_ARGISNULL(3))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("argument \"%s\" must not be null", "seed")));
	path = output_path(name);
	models_get(base);
	progress_begin("distil");
	gathered.most = settings_max_memory();
	gathered.texts = palloc(gathered.room * sizeof *gathered.texts);
	query_read_other(query, &other);

	open = models_get(base);
	usercluster_run(&run);
	progress_watch(&run);
	run.max_memory -= gathered.bytes;
	usercluster_check(uc_distil(open->model, open->tokenizer, open->name, gathered.texts, gathered.count,
								(uint64) PG_GETARG_INT64(3), path, &run, &found, &err), &err);
	progress_end();
	ereport(NOTICE,
			(errmsg("model \"%s\" has %zu words, learnt from %zu texts", name, found.words, found.texts),
			 errdetail("On %zu texts held back its mean cosine to the base model is %.4f, and %.4f once the mean is taken away.",
					   found.held_out, found.fidelity, found.centred)));
	PG_RETURN_VOID();
}
