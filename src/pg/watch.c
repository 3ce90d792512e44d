/*
 * watch.c
 *	  Reading watched columns from a table's triggers, and what everything that works on them shares.
 */
#include "postgres.h"

#include <math.h>

#include "access/relation.h"
#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_trigger.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "parser/parse_func.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "pg/embedding.h"
#include "pg/texts.h"
#include "pg/watch.h"
#include "pg/watch_queue.h"
#include "text/blank.h"

#define ROW_ARGUMENTS 6			/* number, mode, model, fingerprint, truncation, search_path */
#define NUMBER_DIGITS 9

Oid
watch_function(const char *name)
{
	return LookupFuncName(list_make2(makeString("usercluster"), makeString(pstrdup(name))), 0, NULL, true);
}

/* Whoever owns a table can make any trigger on it; the view watched_columns tells them apart too. */
static bool
is_watch(Relation relation, const Trigger *trigger)
{
	TupleDesc	desc = RelationGetDescr(relation);
	int			texts = trigger->tgnattr - 1;
	const char *number;

	if (!TRIGGER_FOR_BEFORE(trigger->tgtype) || !TRIGGER_FOR_ROW(trigger->tgtype) || trigger->tgnargs != ROW_ARGUMENTS ||
		texts < 1 || texts > WATCH_MAX_TEXTS)
		return false;
	number = trigger->tgargs[0];
	if (number[0] == '\0' || strlen(number) > NUMBER_DIGITS || strspn(number, "0123456789") != strlen(number))
		return false;
	for (int i = 0; i < texts; i++)
	{
		Oid			type = getBaseType(TupleDescAttr(desc, trigger->tgattr[i] - 1)->atttypid);

		if (type != TEXTOID && type != VARCHAROID && type != BPCHAROID)
			return false;
	}
	return TupleDescAttr(desc, trigger->tgattr[texts] - 1)->atttypid == embedding_type_oid();
}

void
watch_of_trigger(Relation relation, const Trigger *trigger, Watch *watch)
{
	int			texts = trigger->tgnattr - 1;

	if (!is_watch(relation, trigger))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("trigger \"%s\" of relation \"%s\" is not one that enable_embedding made", trigger->tgname,
						RelationGetRelationName(relation)),
				 errhint("Drop it, and call usercluster.enable_embedding.")));
	memset(watch, 0, sizeof *watch);
	watch->number = pg_strtoint32(trigger->tgargs[0]);
	watch->queue = strcmp(trigger->tgargs[1], "queue") == 0;
	watch->model = pstrdup(trigger->tgargs[2]);
	watch->fingerprint = pstrdup(trigger->tgargs[3]);
	watch->truncation = pstrdup(trigger->tgargs[4]);
	watch->search_path = pstrdup(trigger->tgargs[5]);
	watch->text_count = texts;
	for (int i = 0; i < texts; i++)
		watch->texts[i] = trigger->tgattr[i];
	watch->embedding = trigger->tgattr[texts];
	watch->inherited = trigger->tgisclone;
}

int
watch_list(Relation relation, Watch **watches)
{
	Oid			function = watch_function("watch_row");
	TriggerDesc *triggers = relation->trigdesc;
	int			count = 0;

	*watches = palloc(sizeof(Watch) * Max(triggers == NULL ? 0 : triggers->numtriggers, 1));
	for (int i = 0; triggers != NULL && i < triggers->numtriggers; i++)
	{
		Watch		watch;
		int			place = count;

		if (triggers->triggers[i].tgfoid != function || !is_watch(relation, &triggers->triggers[i]))
			continue;
		watch_of_trigger(relation, &triggers->triggers[i], &watch);
		for (; place > 0 && (*watches)[place - 1].number > watch.number; place--)
			(*watches)[place] = (*watches)[place - 1];
		(*watches)[place] = watch;
		count++;
	}
	return count;
}

bool
watch_find(Relation relation, int number, Watch *watch)
{
	Watch	   *watches;
	int			count = watch_list(relation, &watches);

	for (int i = 0; i < count; i++)
		if (watches[i].number == number)
		{
			*watch = watches[i];
			return true;
		}
	return false;
}

/* Whether the watch fills the column that is to take another's place (watch_reembed.c). */
static bool
is_next(Relation relation, const Watch *watches, int count, const Watch *watch)
{
	const char *name = NameStr(TupleDescAttr(RelationGetDescr(relation), watch->embedding - 1)->attname);

	for (int i = 0; i < count; i++)
		if (strcmp(name, watch_next_name(relation, &watches[i])) == 0)
			return true;
	return false;
}

char *
watch_next_name(Relation relation, const Watch *watch)
{
	return makeObjectName(NameStr(TupleDescAttr(RelationGetDescr(relation), watch->embedding - 1)->attname), NULL, "next");
}

void
watch_of_column(Relation relation, const char *embedding_column, Watch *watch)
{
	Watch	   *watches;
	int			count = watch_list(relation, &watches);
	AttrNumber	wanted = embedding_column == NULL ? 0 : watch_column(relation, embedding_column)->attnum;
	int			choices = 0;

	for (int i = 0; wanted == 0 && i < count; i++)
		if (!is_next(relation, watches, count, &watches[i]))
			watches[choices++] = watches[i];
	if (choices > 1)
		ereport(ERROR,
				(errcode(ERRCODE_AMBIGUOUS_PARAMETER),
				 errmsg("relation \"%s\" has %d watched columns", RelationGetRelationName(relation), choices),
				 errhint("Name one of them as embedding_column.")));
	for (int i = 0; i < count; i++)
		if (wanted == 0 || watches[i].embedding == wanted)
		{
			if (watches[i].inherited)
				ereport(ERROR,
						(errcode(ERRCODE_WRONG_OBJECT_TYPE),
						 errmsg("relation \"%s\" is watched as a partition", RelationGetRelationName(relation)),
						 errhint("Name the partitioned table.")));
			*watch = watches[i];
			return;
		}
	if (wanted == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("relation \"%s\" has no watched column", RelationGetRelationName(relation)),
				 errhint("Begin with SELECT usercluster.enable_embedding(table, text column, embedding column).")));
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("column \"%s\" of relation \"%s\" is not watched", embedding_column, RelationGetRelationName(relation)),
			 errhint("The view usercluster.watched_columns shows which are.")));
}

Relation
watch_open_table(Oid oid, LOCKMODE lock)
{
	HeapTuple	row = SearchSysCache1(RELOID, ObjectIdGetDatum(oid));
	Relation	relation = NULL;

	/* Nobody waits for a lock on a table that is not theirs. */
	if (HeapTupleIsValid(row))
	{
		Form_pg_class class = (Form_pg_class) GETSTRUCT(row);

		if (!has_privs_of_role(GetUserId(), class->relowner))
			aclcheck_error(ACLCHECK_NOT_OWNER, get_relkind_objtype(class->relkind), NameStr(class->relname));
		ReleaseSysCache(row);
		relation = try_relation_open(oid, lock);
	}
	if (relation == NULL)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE), errmsg("relation with OID %u does not exist", oid)));
	if (relation->rd_rel->relkind != RELKIND_RELATION && relation->rd_rel->relkind != RELKIND_PARTITIONED_TABLE)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a table", RelationGetRelationName(relation)),
				 errdetail("Embeddings are kept in ordinary and partitioned tables only.")));
	return relation;
}

Form_pg_attribute
watch_column(Relation relation, const char *name)
{
	AttrNumber	number = get_attnum(RelationGetRelid(relation), name);

	if (number <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column \"%s\" of relation \"%s\" does not exist", name, RelationGetRelationName(relation))));
	return TupleDescAttr(RelationGetDescr(relation), number - 1);
}

/* ---- texts of a row ---- */

ArrayType *
watch_texts(const Watch *watch, TupleDesc desc, TupleTableSlot *slot)
{
	Datum		values[WATCH_MAX_TEXTS];
	bool		nulls[WATCH_MAX_TEXTS];
	int			dims[1] = {watch->text_count},
				lower[1] = {1};

	for (int i = 0; i < watch->text_count; i++)
	{
		values[i] = slot_getattr(slot, watch->texts[i], &nulls[i]);
		/* What the cast to text takes off, so that both ways of reading a row agree. */
		if (!nulls[i] && getBaseType(TupleDescAttr(desc, watch->texts[i] - 1)->atttypid) == BPCHAROID)
			values[i] = OidFunctionCall1(F_TEXT_BPCHAR, values[i]);
	}
	return construct_md_array(values, nulls, 1, dims, lower, TEXTOID, -1, false, TYPALIGN_INT);
}

char *
watch_texts_sql(Relation relation, const Watch *watch)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "ARRAY[");
	for (int i = 0; i < watch->text_count; i++)
		appendStringInfo(&sql, "%s%s::pg_catalog.text COLLATE pg_catalog.\"C\"", i == 0 ? "" : ", ",
						 watch_column_name(relation, watch->texts[i]));
	appendStringInfoChar(&sql, ']');
	return sql.data;
}

static bool
is_blank(const text *part)
{
	size_t		bytes;
	const char *utf8 = texts_utf8(part, &bytes);

	return uc_text_blank(utf8, bytes);
}

text *
watch_joined(ArrayType *texts)
{
	Datum	   *values;
	bool	   *nulls;
	int			count,
				kept = 0;
	StringInfoData joined;

	deconstruct_array(texts, TEXTOID, -1, false, TYPALIGN_INT, &values, &nulls, &count);
	for (int i = 0; i < count; i++)
	{
		text	   *part = nulls[i] ? NULL : DatumGetTextPP(values[i]);

		if (part != NULL && !is_blank(part))
			values[kept++] = PointerGetDatum(part);
	}
	if (kept < 2)
		return kept == 0 ? NULL : DatumGetTextPP(values[0]);
	initStringInfo(&joined);
	for (int i = 0; i < kept; i++)
	{
		text	   *part = DatumGetTextPP(values[i]);

		if (i > 0)
			appendStringInfoChar(&joined, '\n');
		appendBinaryStringInfo(&joined, VARDATA_ANY(part), VARSIZE_ANY_EXHDR(part));
	}
	return cstring_to_text_with_len(joined.data, joined.len);
}

EmbedRequest
watch_request(const Watch *watch)
{
	return (EmbedRequest)
	{
		.model = watch->model,.fingerprint = watch->fingerprint,.long_text = embed_long_text(watch->truncation)
	};
}

/* Storing a row does not apply a column's modifier, so its dimension is compared here. */
void
watch_check_dimensions(Relation relation, AttrNumber number, int dimensions)
{
	Form_pg_attribute column = TupleDescAttr(RelationGetDescr(relation), number - 1);

	if (column->atttypmod >= 0 && column->atttypmod != dimensions)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("the model's embeddings do not fit column \"%s\" of relation \"%s\"", NameStr(column->attname),
						RelationGetRelationName(relation)),
				 errdetail("The model gives %d dimensions, and the column takes %d.", dimensions, column->atttypmod),
				 errhint("Name another model, or make the column's type embedding(%d).", dimensions)));
}

/* ---- names ---- */

char *
watch_relation_name(Relation relation)
{
	return quote_qualified_identifier(get_namespace_name(RelationGetNamespace(relation)), RelationGetRelationName(relation));
}

const char *
watch_column_name(Relation relation, AttrNumber column)
{
	return quote_identifier(NameStr(TupleDescAttr(RelationGetDescr(relation), column - 1)->attname));
}

char *
watch_equals(Oid type)
{
	Oid			oid = lookup_type_cache(getBaseType(type), TYPECACHE_EQ_OPR)->eq_opr;
	HeapTuple	row = SearchSysCache1(OPEROID, ObjectIdGetDatum(oid));
	Form_pg_operator operator;
	char	   *name;

	if (!HeapTupleIsValid(row))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("could not identify an equality operator for type %s", format_type_be(type))));
	operator = (Form_pg_operator) GETSTRUCT(row);
	name = psprintf("OPERATOR(%s.%s)", quote_identifier(get_namespace_name(operator->oprnamespace)), NameStr(operator->oprname));
	ReleaseSysCache(row);
	return name;
}

/* ---- acting as another role ---- */

static void
act_as(Oid user, int flags, ActingUser *before)
{
	GetUserIdAndSecContext(&before->user, &before->context);
	before->nest_level = NewGUCNestLevel();
	SetUserIdAndSecContext(user, before->context | SECURITY_LOCAL_USERID_CHANGE | flags);
}

void
act_as_keeper(ActingUser *before)
{
	act_as(queue_owner(), SECURITY_RESTRICTED_OPERATION, before);
}

/*
 * Within a statement as a foreign key does: its role may lack the right to update, and the owner's row security does not hide the row
 * from its own embedding. In bulk work restricted. Either way the table's triggers run with the owner's rights, so what they call
 * must not be looked for where the calling role says, and not among its temporary objects first.
 */
void
act_as_owner(Relation relation, const Watch *watch, bool restricted, ActingUser *before)
{
	act_as(relation->rd_rel->relowner, SECURITY_NOFORCE_RLS | (restricted ? SECURITY_RESTRICTED_OPERATION : 0), before);
	SetConfigOption("search_path", watch->search_path, PGC_USERSET, PGC_S_SESSION);
}

void
act_again(const ActingUser *before)
{
	AtEOXact_GUC(false, before->nest_level);
	SetUserIdAndSecContext(before->user, before->context);
}

/* ---- procedures ---- */

void
watch_check_procedure(FunctionCallInfo fcinfo, const char *name)
{
	PreventCommandDuringRecovery(psprintf("CALL usercluster.%s", name));
	PreventCommandIfReadOnly(psprintf("CALL usercluster.%s", name));
	if (fcinfo->context == NULL || !IsA(fcinfo->context, CallContext) || ((CallContext *) fcinfo->context)->atomic)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TRANSACTION_TERMINATION),
				 errmsg("%s commits as it goes and cannot run inside a transaction block", name),
				 errhint("Let CALL usercluster.%s be a statement of its own.", name)));
}

double
watch_seconds(FunctionCallInfo fcinfo, int number)
{
	double		seconds;

	if (PG_ARGISNULL(number))
		return 0;
	seconds = PG_GETARG_FLOAT8(number);
	if (!isfinite(seconds) || seconds <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("max_seconds must be a positive number, not %g", seconds)));
	return seconds;
}
