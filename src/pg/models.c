/*
 * models.c
 *	  The backend's cache of mapped models, and the list of what lies in the model directory.
 *
 * Mapping shares the weights with every other backend, so what an entry costs is address space; the limit is there for
 * whoever tries a hundred models in one session.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type_d.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "pg/definition.h"
#include "pg/errors.h"
#include "pg/models.h"
#include "pg/settings.h"
#include "pg/texts.h"

#define MAX_OPEN 8
#define COLUMNS 22				/* of list_models */
#define FIRST_OF_ORIGIN 9

static OpenModel open_models[MAX_OPEN];
static uint64 use_counter;

static void
close_model(OpenModel *entry)
{
	uc_tokenizer_close(entry->tokenizer);
	uc_model_close(entry->model);
	memset(entry, 0, sizeof *entry);
}

/* Both parts or neither; the caller's pointers are untouched on failure. */
static UcStatus
open_model(const char *directory, const char *name, UcModel **model, UcTokenizer **tokenizer, UcError *err)
{
	UcModel    *opened;
	UcStatus	status = uc_model_open(directory, name, &opened, err);

	if (status != UC_OK)
		return status;
	status = uc_tokenizer_open(opened->tokenizer, opened->tokenizer_bytes, opened->config.vocabulary, tokenizer, err);
	if (status != UC_OK)
	{
		uc_model_close(opened);
		return status;
	}
	*model = opened;
	return UC_OK;
}

static OpenModel *
find_entry(const char *name)
{
	OpenModel  *oldest = &open_models[0];

	for (int i = 0; i < MAX_OPEN; i++)
	{
		if (open_models[i].model != NULL && strcmp(open_models[i].name, name) == 0)
			return &open_models[i];
		if (open_models[i].last_use < oldest->last_use)
			oldest = &open_models[i];
	}
	return oldest;
}

const OpenModel *
models_get(const char *name)
{
	char	   *directory = settings_model_dir();
	OpenModel  *entry;

	if (name == NULL || name[0] == '\0')
		name = settings_default_model();
	if (name[0] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("no model is named, and usercluster.default_model is not set"),
				 errhint("Name one of SELECT name FROM usercluster.models, or SET usercluster.default_model.")));

	entry = find_entry(name);
	if (entry->model == NULL || strcmp(entry->name, name) != 0 || uc_model_changed(entry->model, directory, name))
	{
		UcModel    *model = NULL;
		UcTokenizer *tokenizer = NULL;
		UcError		err = {0};
		UcStatus	status = open_model(directory, name, &model, &tokenizer, &err);

		if (status == UC_NOT_FOUND)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_OBJECT),
					 errmsg("model \"%s\" does not exist", name),
					 errdetail("There is no file \"%s" UC_MODEL_SUFFIX "\" in the model directory of this server.", name),
					 errhint("Install it there with scripts/fetch-model or usercluster-model import; a standby needs the file too.")));
		usercluster_check(status, &err);
		close_model(entry);
		strlcpy(entry->name, name, sizeof entry->name);
		entry->model = model;
		entry->tokenizer = tokenizer;
	}
	entry->last_use = ++use_counter;
	pfree(directory);
	return entry;
}

/* What the file of a model that was made from another says of that: the column, its keys, and of what type it is. */
static const struct
{
	int			column;
	const char *tuned;
	const char *distilled;
	Oid			type;
}			origin[] = {
	{9, "tuned.base", "distilled.base", TEXTOID},
	{10, NULL, "distilled.fidelity", FLOAT8OID},
	{11, "tuned.fingerprint", "distilled.fingerprint", TEXTOID},
	{12, "tuned.objective", NULL, TEXTOID},
	{13, "tuned.texts", "distilled.texts", INT8OID},
	{14, "tuned.steps", NULL, INT8OID},
	{15, "tuned.seed", NULL, INT8OID},
	{16, "tuned.loss_before", NULL, FLOAT8OID},
	{17, "tuned.loss_after", NULL, FLOAT8OID},
	{18, "tuned.check", NULL, TEXTOID},
	{19, "tuned.groups_before", NULL, FLOAT8OID},
	{20, "tuned.groups_after", NULL, FLOAT8OID},
	{21, "tuned.options", NULL, TEXTOID}
};

/* NULL where the file has nothing under the key, or what no such value can be. */
static Datum
origin_datum(const char *text, Oid type, bool *is_null)
{
	char	   *end = NULL;
	double		number = 0;
	int64		whole = 0;

	*is_null = true;
	if (text == NULL || text[0] == '\0')
		return (Datum) 0;
	if (type == TEXTOID)
	{
		Datum		value = 0;

		if (pg_verify_mbstr(PG_UTF8, text, (int) strlen(text), true))
			value = texts_datum(text, strlen(text));
		*is_null = value == 0;
		return value;
	}
	errno = 0;
	if (type == INT8OID)
		whole = strtoll(text, &end, 10);
	else
		number = strtod(text, &end);
	*is_null = errno != 0 || *end != '\0' || !isfinite(number);
	return type == INT8OID ? Int64GetDatum(whole) : Float8GetDatum(number);
}

static void
put_origin(const UcModel *model, Datum *values, bool *nulls)
{
	bool		tuned = uc_model_metadata(model, "tuned.base") != NULL;

	for (int i = 0; i < lengthof(origin); i++)
	{
		const char *key = tuned ? origin[i].tuned : origin[i].distilled;
		const char *text = key == NULL ? NULL : uc_model_metadata(model, key);

		values[origin[i].column] = origin_datum(text, origin[i].type, &nulls[origin[i].column]);
	}
}

static void
put_model(ReturnSetInfo *rsinfo, const char *name, const UcModel *model, const UcError *err)
{
	Datum		values[COLUMNS] = {CStringGetTextDatum(name)};
	bool		nulls[COLUMNS] = {false};

	memset(nulls + FIRST_OF_ORIGIN, true, COLUMNS - FIRST_OF_ORIGIN);
	if (model == NULL)
	{
		memset(nulls + 1, true, 7);
		values[8] = CStringGetTextDatum(err->message);
	}
	else
	{
		values[1] = CStringGetTextDatum(uc_model_architecture(model));
		values[2] = Int32GetDatum((int32) model->config.dimensions);
		values[3] = Int32GetDatum((int32) model->config.max_tokens);
		values[4] = Int64GetDatum((int64) model->parameters);
		values[5] = Int64GetDatum((int64) model->map_bytes);
		values[6] = CStringGetTextDatum(uc_model_metadata(model, "prompt") != NULL ? uc_model_metadata(model, "prompt") : "");
		values[7] = CStringGetTextDatum(model->fingerprint);
		nulls[8] = true;
		put_origin(model, values, nulls);
	}
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

/* One row for every NAME.ucm in the model directory; where a file is refused, its problem in place of its properties. */
USERCLUSTER_FUNCTION(usercluster_list_models)
{
	char	   *directory = settings_model_dir();
	DIR		   *listing;
	struct dirent *file;

	InitMaterializedSRF(fcinfo, 0);
	listing = AllocateDir(directory);
	if (listing == NULL && errno == ENOENT)
		return (Datum) 0;
	while ((file = ReadDir(listing, directory)) != NULL)
	{
		const size_t suffix = strlen(UC_MODEL_SUFFIX);
		size_t		length = strlen(file->d_name);
		char	   *name;
		UcModel    *model = NULL;
		UcTokenizer *tokenizer;
		UcError		err = {0};

		CHECK_FOR_INTERRUPTS();
		if (length <= suffix || strcmp(file->d_name + length - suffix, UC_MODEL_SUFFIX) != 0)
			continue;
		name = pnstrdup(file->d_name, length - suffix);
		if (open_model(directory, name, &model, &tokenizer, &err) == UC_OK)
			uc_tokenizer_close(tokenizer);
		put_model((ReturnSetInfo *) fcinfo->resultinfo, name, model, &err);
		uc_model_close(model);
	}
	FreeDir(listing);
	return (Datum) 0;
}
