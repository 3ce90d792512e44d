/*
 * query_source.c
 *	  From an output column of a query to the watched columns it is made of.
 */
#include "postgres.h"

#include "access/relation.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "parser/parsetree.h"
#include "utils/rel.h"

#include "pg/embedding.h"
#include "pg/query_source.h"
#include "pg/watch.h"

typedef struct Walk
{
	const Query *query;			/* whose Vars are met */
	Oid			type;			/* embedding */
	VectorSource *source;
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

		if (var->varlevelsup > 0 || var->vartype != walking->type || var->varattno <= 0)
			return false;
		entry = rt_fetch(var->varno, walking->query->rtable);
		switch (entry->rtekind)
		{
			case RTE_RELATION:
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
	Walk		walking = {query, outer->type, outer->source};
	ListCell   *cell;

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
	Walk		walking = {query, embedding_type_oid(), source};

	memset(source, 0, sizeof *source);
	follow_column(query, column, &walking);
}
