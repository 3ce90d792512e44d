/*
 * query_source.c
 *	  From an output column of a query to the watched columns it is made of, or whose texts it returns.
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/pg_type_d.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "parser/parsetree.h"
#include "utils/acl.h"
#include "utils/rel.h"

#include "pg/embedding.h"
#include "pg/query_source.h"
#include "pg/watch.h"

typedef struct Walk
{
	const Query *query;			/* whose Vars are met */
	bool		texts;			/* Vars of texts, not of embeddings */
	Oid			embedding;		/* the type */
	VectorSource *source;
	TextSource *text_source;
	const char *model;			/* of the text source; NULL: any */
} Walk;

static void follow_column(const Query *query, AttrNumber column, const Walk *outer);

static void
take_watched(Oid relation, AttrNumber column, VectorSource *source)
{
	Relation	opened = relation_open(relation, AccessShareLock);
	Watch	   *watches;
	int			count = watch_list(opened, &watches);

	for (int i = 0; i < count; i++)
	{
		if (watches[i].embedding != column)
			continue;
		if (source->fingerprint != NULL && strcmp(source->fingerprint, watches[i].fingerprint) != 0)
			ereport(ERROR,
					(errcode(ERRCODE_DATA_EXCEPTION),
					 errmsg("the query mixes embeddings of different models"),
					 errdetail("They are \"%s\" and \"%s\", the latter in table \"%s\".", source->model, watches[i].model,
							   RelationGetRelationName(opened)),
					 errhint("Vectors of two models have nothing to do with each other: embed all texts with one.")));
		source->model = watches[i].model;
		source->fingerprint = watches[i].fingerprint;
	}
	relation_close(opened, NoLock);
}

/* A watch of this text alone. */
static void
take_texts(Oid relation, AttrNumber column, const Walk *walking)
{
	TextSource *source = walking->text_source;
	Relation	opened = relation_open(relation, AccessShareLock);
	Watch	   *watches;
	int			count = watch_list(opened, &watches);

	for (int i = 0; i < count && source->request.model == NULL; i++)
	{
		if (watches[i].text_count != 1 || watches[i].texts[0] != column ||
			(walking->model != NULL && strcmp(walking->model, watches[i].model) != 0) ||
			pg_class_aclcheck(relation, GetUserId(), ACL_SELECT) != ACLCHECK_OK)
			continue;
		source->request = watch_request(&watches[i]);
		source->table = watch_relation_name(opened);
		source->text = pstrdup(watch_column_name(opened, column));
		source->embedding = pstrdup(watch_column_name(opened, watches[i].embedding));
	}
	relation_close(opened, NoLock);
}

static bool
wanted_type(const Walk *walking, Oid type)
{
	return walking->texts ? type == TEXTOID || type == VARCHAROID : type == walking->embedding;
}

static void
follow_cte(const Walk *walking, const RangeTblEntry *entry, AttrNumber column)
{
	ListCell   *cell;

	if (entry->ctelevelsup > 0 || entry->self_reference)
		return;
	foreach(cell, walking->query->cteList)
	{
		const CommonTableExpr *cte = lfirst(cell);

		if (strcmp(cte->ctename, entry->ctename) == 0 && IsA(cte->ctequery, Query))
			follow_column((const Query *) cte->ctequery, column, walking);
	}
}

static bool
walk(Node *node, void *context)
{
	const Walk *walking = context;

	if (node == NULL)
		return false;
	if (IsA(node, Var))
	{
		Var		   *var = (Var *) node;
		RangeTblEntry *entry;

		if (var->varlevelsup > 0 || !wanted_type(walking, var->vartype) || var->varattno <= 0)
			return false;
		entry = rt_fetch(var->varno, walking->query->rtable);
		switch (entry->rtekind)
		{
			case RTE_RELATION:
				if (walking->texts)
					take_texts(entry->relid, var->varattno, walking);
				else
					take_watched(entry->relid, var->varattno, walking->source);
				break;
			case RTE_SUBQUERY:
				follow_column(entry->subquery, var->varattno, walking);
				break;
			case RTE_JOIN:
				return walk(list_nth(entry->joinaliasvars, var->varattno - 1), context);
			case RTE_CTE:
				follow_cte(walking, entry, var->varattno);
				break;
#if PG_VERSION_NUM >= 180000
			case RTE_GROUP:
				return walk(list_nth(entry->groupexprs, var->varattno - 1), context);
#endif
			default:
				break;
		}
		return false;
	}
	return expression_tree_walker(node, walk, context);
}

static void
follow_column(const Query *query, AttrNumber column, const Walk *outer)
{
	Walk		walking = *outer;
	ListCell   *cell;

	walking.query = query;
	check_stack_depth();
	if (query->setOperations != NULL)
	{
		/* each arm of a UNION is a subquery; the query's own columns name the first only */
		foreach(cell, query->rtable)
		{
			const RangeTblEntry *entry = lfirst(cell);

			if (entry->rtekind == RTE_SUBQUERY)
				follow_column(entry->subquery, column, &walking);
		}
		return;
	}
	if (column <= list_length(query->targetList))
		walk((Node *) list_nth_node(TargetEntry, query->targetList, column - 1)->expr, &walking);
}

void
query_source_model(const Query *query, AttrNumber column, VectorSource *source)
{
	Walk		walking = {.query = query,.embedding = embedding_type_oid(),.source = source};

	memset(source, 0, sizeof *source);
	follow_column(query, column, &walking);
}

void
query_source_texts(const Query *query, AttrNumber column, const char *model, TextSource *source)
{
	Walk		walking = {.query = query,.texts = true,.text_source = source,.model = model};

	memset(source, 0, sizeof *source);
	follow_column(query, column, &walking);
}

char *
query_source_join(const TextSource *source, const char *table)
{
	return psprintf("SELECT q.*, w.embedding FROM %s LEFT JOIN "
					"(SELECT DISTINCT ON (1) t.%s::pg_catalog.text COLLATE pg_catalog.\"C\" AS text, t.%s AS embedding "
					"FROM %s AS t WHERE t.%s IS NOT NULL) AS w "
					"ON w.text OPERATOR(pg_catalog.=) q.text::pg_catalog.text COLLATE pg_catalog.\"C\"",
					table, source->text, source->embedding, source->table, source->embedding);
}
