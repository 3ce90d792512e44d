/*
 * watch.h
 *	  Watched columns: embeddings that triggers keep current.
 *
 * The triggers of a table are the catalogue. A row trigger BEFORE INSERT OR UPDATE OF text columns, embedding column carries the
 * settings as its arguments and the columns as its column list, which the server itself keeps right through RENAME, SET SCHEMA,
 * DROP, dump and restore. Watches of one table are told apart by a number.
 */
#ifndef USERCLUSTER_WATCH_H
#define USERCLUSTER_WATCH_H

#include "postgres.h"

#include "commands/trigger.h"
#include "executor/tuptable.h"
#include "utils/array.h"
#include "utils/rel.h"
#include "utils/relcache.h"

#include "pg/embed.h"

#define WATCH_MAX_TEXTS 16

typedef struct Watch
{
	int			number;			/* from 1, unique in its table */
	bool		queue;			/* mode: work is queued, not done by the statement */
	char	   *truncation;		/* as embed_long_text knows it */
	char	   *search_path;	/* of whoever enabled it: what the table's own triggers run under when we write */
	char	   *model;
	char	   *fingerprint;	/* of the model that the column is filled with */
	int			text_count;
	AttrNumber	texts[WATCH_MAX_TEXTS]; /* attributes of the relation it was read from */
	AttrNumber	embedding;
	bool		inherited;		/* read from a partition; the watch belongs to a table above it */
} Watch;

/* Reads the watch that this row trigger stands for; refuses a trigger that enable_embedding did not make. */
extern void watch_of_trigger(Relation relation, const Trigger *trigger, Watch *watch);

/* The watch of this number, or false. Strings live in the current memory context, as everywhere here. */
extern bool watch_find(Relation relation, int number, Watch *watch);

/* All watches of a relation, in the order of their numbers; returns how many. */
extern int	watch_list(Relation relation, Watch **watches);

/*
 * The watch that fills this column; NULL: the only one there is, beside that which re_embed fills for it. Refuses where there is
 * none or the choice is open.
 */
extern void watch_of_column(Relation relation, const char *embedding_column, Watch *watch);

/* Name of the column that re_embed fills to take this one's place. */
extern char *watch_next_name(Relation relation, const Watch *watch);

/* Opens a table that is or can be watched; refuses views, foreign tables and callers who do not own it. */
extern Relation watch_open_table(Oid oid, LOCKMODE lock);

/* The column's attribute; refuses one that does not exist (42703). */
extern Form_pg_attribute watch_column(Relation relation, const char *name);

/* The texts of a row as text[], NULL where a column is; and the same as an SQL expression over the table's columns. */
extern ArrayType *watch_texts(const Watch *watch, TupleDesc desc, TupleTableSlot *slot);
extern char *watch_texts_sql(Relation relation, const Watch *watch);

/* What the model reads: the texts that are not blank, a line each; NULL where there is none. */
extern text *watch_joined(ArrayType *texts);

/* Settings of this watch for embed_texts. */
extern EmbedRequest watch_request(const Watch *watch);

/* Refuses an embedding that the column cannot hold. */
extern void watch_check_dimensions(Relation relation, AttrNumber column, int dimensions);

/* Quoted names: schema.table, a column, and OPERATOR(schema.=) of a type: the caller's search_path decides nothing. */
extern char *watch_relation_name(Relation relation);
extern const char *watch_column_name(Relation relation, AttrNumber column);
extern char *watch_equals(Oid type);

/* Oid of a trigger function of this extension. */
extern Oid	watch_function(const char *name);

/* Acting as somebody else between two calls. An error undoes it by itself. */
typedef struct ActingUser
{
	Oid			user;
	int			context;
	int			nest_level;
} ActingUser;

/* As the owner of the hidden tables, for statements that qualify every name. */
extern void act_as_keeper(ActingUser *before);

/* As the table's owner under the watch's search_path; `restricted` as REFRESH MATERIALIZED VIEW does. */
extern void act_as_owner(Relation relation, const Watch *watch, bool restricted, ActingUser *before);
extern void act_again(const ActingUser *before);

/* Refuses a call of a procedure where it cannot write, or not commit. */
extern void watch_check_procedure(FunctionCallInfo fcinfo, const char *name);

/* A positive number of seconds, or 0 where the argument is NULL. */
extern double watch_seconds(FunctionCallInfo fcinfo, int number);

/* ---- watch_enable.c; these need SPI and a lock on the relation ---- */

/* The watch that fills this column, or false and the smallest number that is free. */
extern bool watch_find_or_number(Relation relation, AttrNumber embedding, Watch *watch);

/* Row triggers; then the statement triggers of every table of the tree that lacks its own. */
extern void watch_create(Relation relation, const Watch *watch);
extern void watch_complete(Relation root, const Watch *watch);

/* Takes all triggers of the watch away. */
extern void watch_drop(Relation root, const Watch *watch);

/* ---- watch_triggers.c ---- */

/* Whether embeddings that a statement of this session brought about are being stored in the relation, one update for each row. */
extern bool watch_is_storing(Oid relation);

/* ---- watch_queue.c ---- */

/* How rows of a relation are queued: the table that is watched, and its primary key as it lies in this relation's rows. */
typedef struct QueueTarget QueueTarget;
extern QueueTarget *queue_target(Relation relation, const Watch *watch);

/* Appends the row to the queue, with the rights of the queue's owner. */
extern void queue_append(QueueTarget *target, TupleTableSlot *slot);

/* Forgets what is queued for a watch, or recorded as skipped. */
extern void queue_forget(Relation relation, int number);

/* The index of its primary key, which must not be deferrable; InvalidOid where it has none. */
static inline Oid
watch_primary_key(Relation relation)
{
#if PG_VERSION_NUM >= 180000
	return RelationGetPrimaryKeyIndex(relation, false);
#else
	return RelationGetPrimaryKeyIndex(relation);
#endif
}

#endif
