/*
 * embed_column.c
 *	  The trigger function embed_column(text column, embedding column [, model]): keeps an embedding beside its text.
 *
 * BEFORE INSERT OR UPDATE ... FOR EACH ROW. The model runs only when the text is new: a row that arrives with an embedding
 * keeps it (as in a restore), and so does an update that sets both or touches neither.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type_d.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "pg/definition.h"
#include "pg/embed.h"

static void
check_call(FunctionCallInfo fcinfo)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("embed_column can only be called as a trigger")));
	if (!TRIGGER_FIRED_BEFORE(trigger->tg_event) || !TRIGGER_FIRED_FOR_ROW(trigger->tg_event) ||
		(!TRIGGER_FIRED_BY_INSERT(trigger->tg_event) && !TRIGGER_FIRED_BY_UPDATE(trigger->tg_event)))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("trigger \"%s\" is not one that embed_column serves", trigger->tg_trigger->tgname),
				 errhint("Create it with BEFORE INSERT OR UPDATE ... FOR EACH ROW.")));
	if (trigger->tg_trigger->tgnargs < 2 || trigger->tg_trigger->tgnargs > 3)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("embed_column takes 2 or 3 arguments, not %d", trigger->tg_trigger->tgnargs),
				 errhint("Write EXECUTE FUNCTION usercluster.embed_column('text column', 'embedding column', 'model').")));
}

static Form_pg_attribute
find_column(Relation relation, const char *name)
{
	int			number = SPI_fnumber(RelationGetDescr(relation), name);

	if (number <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column \"%s\" of relation \"%s\" does not exist", name, RelationGetRelationName(relation)),
				 errhint("The arguments of the trigger name the text column and the embedding column.")));
	return TupleDescAttr(RelationGetDescr(relation), number - 1);
}

static void
check_types(Relation relation, Form_pg_attribute source, Form_pg_attribute target)
{
	Oid			type = getBaseType(source->atttypid);

	if (type != TEXTOID && type != VARCHAROID && type != BPCHAROID)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of relation \"%s\" has type %s, not text", NameStr(source->attname),
						RelationGetRelationName(relation), format_type_be(source->atttypid))));
	if (target->atttypid != embedding_type_oid())
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of relation \"%s\" has type %s, not embedding", NameStr(target->attname),
						RelationGetRelationName(relation), format_type_be(target->atttypid))));
}

static bool
column_changed(TriggerData *trigger, Form_pg_attribute column)
{
	TupleDesc	desc = RelationGetDescr(trigger->tg_relation);
	bool		old_null,
				new_null;
	Datum		old_value = heap_getattr(trigger->tg_trigtuple, column->attnum, desc, &old_null);
	Datum		new_value = heap_getattr(trigger->tg_newtuple, column->attnum, desc, &new_null);

	if (old_null || new_null)
		return old_null != new_null;
	return !datum_image_eq(old_value, new_value, column->attbyval, column->attlen);
}

/* Whether the model must run for this row. */
static bool
text_is_new(TriggerData *trigger, Form_pg_attribute source, Form_pg_attribute target)
{
	if (TRIGGER_FIRED_BY_INSERT(trigger->tg_event))
	{
		bool		null;

		heap_getattr(trigger->tg_trigtuple, target->attnum, RelationGetDescr(trigger->tg_relation), &null);
		return null;
	}
	return column_changed(trigger, source) && !column_changed(trigger, target);
}

USERCLUSTER_FUNCTION(usercluster_embed_column)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	EmbedRequest request = {0};
	Form_pg_attribute source,
				target;
	HeapTuple	row;
	Embedding  *embedding = NULL;
	Datum		value;
	bool		null;

	check_call(fcinfo);
	source = find_column(trigger->tg_relation, trigger->tg_trigger->tgargs[0]);
	target = find_column(trigger->tg_relation, trigger->tg_trigger->tgargs[1]);
	check_types(trigger->tg_relation, source, target);
	if (trigger->tg_trigger->tgnargs == 3)
		request.model = trigger->tg_trigger->tgargs[2];
	row = TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ? trigger->tg_newtuple : trigger->tg_trigtuple;
	if (!text_is_new(trigger, source, target))
		return PointerGetDatum(row);

	value = heap_getattr(row, source->attnum, RelationGetDescr(trigger->tg_relation), &null);
	if (!null)
	{
		text	   *words = DatumGetTextPP(value);

		embed_texts(&request, &words, 1, &embedding);
	}
	/* Building a row does not apply the column's modifier, so its dimension is compared here. */
	if (embedding != NULL && target->atttypmod >= 0 && embedding->dim != target->atttypmod)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("the model's embeddings do not fit column \"%s\" of relation \"%s\"", NameStr(target->attname),
						RelationGetRelationName(trigger->tg_relation)),
				 errdetail("The model gives %d dimensions, and the column takes %d.", embedding->dim, target->atttypmod),
				 errhint("Name another model in the trigger, or change the column's type to embedding(%d).", embedding->dim)));
	value = PointerGetDatum(embedding);
	null = embedding == NULL;
	{
		int			number = target->attnum;

		row = heap_modify_tuple_by_cols(row, RelationGetDescr(trigger->tg_relation), 1, &number, &value, &null);
	}
	return PointerGetDatum(row);
}
