/*
 * recommend.c
 *	  recommend and recommend_all: items for one user, or for all of them, with a reason for each.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type_d.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "base/memory.h"
#include "pg/definition.h"
#include "pg/errors.h"
#include "pg/kmeans.h"
#include "pg/progress.h"
#include "pg/recommend_data.h"
#include "pg/recommend_request.h"
#include "pg/texts.h"

#define USERS_AT_ONCE 1024		/* of recommend_all, between two looks at whether to stop */

/* Arguments in SQL, from n on the same for all forms; what comes before depends on the form. */
enum
{
	ARG_N, ARG_INTERACTIONS, ARG_ITEMS, ARG_USERS, ARG_STRATEGY, ARG_WEIGHTS, ARG_NEIGHBOURS, ARG_DIVERSITY, ARG_HALF_LIFE,
	ARG_REPEAT, ARG_LANGUAGE
};

typedef struct Call
{
	RecommendRequest request;
	UcRecommendOptions options;
	int			n;
	bool		repeat;
	bool		chinese;		/* reasons */
	RecommendData data;
	UcInteractions past;
	UcShop		shop;
	UcRecommender *recommender;
	FmgrInfo	user_input;		/* of the result's types */
	FmgrInfo	item_input;
	Oid			user_parameter;
	Oid			item_parameter;
	MemoryContextCallback callback; /* frees what the core holds */
} Call;

static void
free_core(void *arg)
{
	Call	   *call = arg;

	uc_recommender_free(call->recommender);
	uc_interactions_free(&call->past);
}

/* ---- arguments ---- */

static void
read_arguments(FunctionCallInfo fcinfo, int shift, Call *call)
{
	static const char *const names[] = {
		"n", "interactions", NULL, NULL, "strategy", NULL, "neighbours", "diversity", NULL, "repeat", "language"
	};
	int			strategy;
	char	   *language;

	usercluster_refuse_null(fcinfo, 0, "segmentation");
	for (int i = 0; i < (int) lengthof(names); i++)
		if (names[i] != NULL)
			usercluster_refuse_null(fcinfo, i + shift, names[i]);
	call->request.segmentation = texts_argument(fcinfo, 0);
	call->n = usercluster_count_argument(fcinfo, ARG_N + shift, "n", RECOMMEND_MOST);
	call->request.interactions = texts_argument(fcinfo, ARG_INTERACTIONS + shift);
	call->request.items = texts_argument(fcinfo, ARG_ITEMS + shift);
	call->request.users = texts_argument(fcinfo, ARG_USERS + shift);
	uc_recommend_defaults(&call->options);
	strategy = recommend_strategy(texts_argument(fcinfo, ARG_STRATEGY + shift));
	if (!PG_ARGISNULL(ARG_WEIGHTS + shift))
	{
		if (strategy != RECOMMEND_BLEND)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("weights are for strategy => 'blend'")));
		recommend_weights(PG_GETARG_JSONB_P(ARG_WEIGHTS + shift), call->options.weights);
	}
	else if (strategy != RECOMMEND_BLEND)
	{
		memset(call->options.weights, 0, sizeof call->options.weights);
		call->options.weights[strategy] = 1;
	}
	call->options.neighbours = usercluster_count_argument(fcinfo, ARG_NEIGHBOURS + shift, "neighbours", RECOMMEND_MOST_NEIGHBOURS);
	call->options.diversity = PG_GETARG_FLOAT8(ARG_DIVERSITY + shift);
	call->request.half_life = recommend_half_life_argument(fcinfo, ARG_HALF_LIFE + shift);
	call->repeat = PG_GETARG_BOOL(ARG_REPEAT + shift);
	language = texts_argument(fcinfo, ARG_LANGUAGE + shift);
	call->chinese = strcmp(language, "zh") == 0;
	if (!call->chinese && strcmp(language, "en") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unrecognized language \"%s\" of reasons", language), errhint("Use 'en' or 'zh'.")));
	call->request.want_vectors = call->options.weights[UC_BY_USERS] > 0;
	call->request.want_texts = call->options.weights[UC_BY_TEXT] > 0 || call->options.diversity > 0;
}

/* How to read a key back into the result's type, which the query's must be, small integers aside. */
static void
result_type(FmgrInfo *input, Oid *parameter, Oid found, Oid wanted, const char *what)
{
	Oid			function;
	bool		fits = !OidIsValid(found) || found == wanted ||
		(wanted == INT8OID && (found == INT2OID || found == INT4OID)) ||
		(wanted == TEXTOID && (found == VARCHAROID || found == BPCHAROID));

	if (!fits)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("the query's %s is of type %s, not %s", what, format_type_be(found), format_type_be(wanted)),
				 errhint("Pass a key of that type: usercluster.recommend(segmentation, user_id, item_key => NULL::%s, ...).",
						 format_type_be(found))));
	getTypeInputInfo(wanted, &function, parameter);
	fmgr_info(function, input);
}

/* ---- the work ---- */

static void
prepare(Call *call, const char *user, Oid user_type, Oid item_type)
{
	UcRun		run;
	UcError		err;
	RecommendData *data = &call->data;

	call->callback.func = free_core;
	call->callback.arg = call;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &call->callback);
	recommend_read(&call->request, user, data);
	result_type(&call->user_input, &call->user_parameter, data->user_type, user_type, "user");
	result_type(&call->item_input, &call->item_parameter, data->item_type, item_type, "item");
	usercluster_run(&run);
	progress_watch(&run);
	run.max_memory -= Min(data->bytes, run.max_memory);
	usercluster_check(uc_interactions_create(data->users.count, data->items.count, data->count, data->user, data->item,
											 data->weight, &run, &call->past, &err), &err);
	recommend_shop(data, &call->past, &call->shop);
	call->shop.repeat = call->repeat;
	usercluster_check(uc_recommender_create(&call->shop, &call->options, &run, &call->recommender, &err), &err);
}

static const char *
title_of(const Call *call, int32 item)
{
	return call->data.titles[item] != NULL ? call->data.titles[item] : call->data.items.names[item];
}

static char *
in_server_encoding(const char *utf8)
{
	return pg_any_to_server(utf8, strlen(utf8), PG_UTF8);
}

/* What the user's own item counts, where the interactions are ratings; 0: not known. */
static double
own_rating(const Call *call, int32 user, int32 item)
{
	if (call->data.rated && call->request.half_life == NULL)
		for (size_t i = call->past.user_start[user]; i < call->past.user_start[user + 1]; i++)
			if (call->past.user_items[i] == item)
				return call->past.user_weights[i];
	return 0;
}

typedef enum Reason
{
	REASON_POPULAR, REASON_SEGMENT, REASON_TEXT, REASON_RATED, REASON_CHOSEN, REASON_USERS
} Reason;

/* In English and in Chinese. */
static const char *const reasons[][2] = {
	/* 受大家欢迎：%zu 位用户选择了它 */
	[REASON_POPULAR] = {"popular: chosen by %zu users",
		"\u53d7\u5927\u5bb6\u6b22\u8fce\uff1a%zu \u4f4d\u7528\u6237\u9009\u62e9\u4e86\u5b83"},
	/* 在你所在的分群里，选择率是总体的 %.1f 倍 */
	[REASON_SEGMENT] = {"in your segment %.1f times as often as overall",
		"\u5728\u4f60\u6240\u5728\u7684\u5206\u7fa4\u91cc\uff0c\u9009\u62e9\u7387\u662f\u603b\u4f53\u7684 %.1f \u500d"},
	/* 内容与你写的文字相近 */
	[REASON_TEXT] = {"close to what you write",
		"\u5185\u5bb9\u4e0e\u4f60\u5199\u7684\u6587\u5b57\u76f8\u8fd1"},
	/* 与你打过 %g 分的《%s》相似 */
	[REASON_RATED] = {"like \"%2$s\" that you rated %1$g",
		"\u4e0e\u4f60\u6253\u8fc7 %1$g \u5206\u7684\u300a%2$s\u300b\u76f8\u4f3c"},
	/* 与你选过的《%s》相似 */
	[REASON_CHOSEN] = {"like \"%s\" that you chose",
		"\u4e0e\u4f60\u9009\u8fc7\u7684\u300a%s\u300b\u76f8\u4f3c"},
	/* 与你相似的用户中有 %d 位选择了它 */
	[REASON_USERS] = {"chosen by %d of the users who write most like you",
		"\u4e0e\u4f60\u76f8\u4f3c\u7684\u7528\u6237\u4e2d\u6709 %d \u4f4d\u9009\u62e9\u4e86\u5b83"}
};

static const char *
wording(const Call *call, Reason reason)
{
	return call->chinese ? in_server_encoding(reasons[reason][1]) : reasons[reason][0];
}

static char *
reason(const Call *call, int32 user, const UcRecommendation *found)
{
	size_t		chosen = call->past.item_start[found->item + 1] - call->past.item_start[found->item];
	double		rating;

	switch (found->source)
	{
		case UC_BY_SEGMENT:
			return psprintf(wording(call, REASON_SEGMENT), found->lift);
		case UC_BY_TEXT:
			return pstrdup(wording(call, REASON_TEXT));
		case UC_BY_ITEMS:
			if (found->because < 0)
				break;
			rating = own_rating(call, user, found->because);
			if (rating > 0)
				return psprintf(wording(call, REASON_RATED), rating, title_of(call, found->because));
			return psprintf(wording(call, REASON_CHOSEN), title_of(call, found->because));
		case UC_BY_USERS:
			return psprintf(wording(call, REASON_USERS), found->users);
		default:
			break;
	}
	return psprintf(wording(call, REASON_POPULAR), chosen);
}

/* `users`: whether the user's key is the first column. */
static void
put_user(ReturnSetInfo *set, Call *call, int32 user, const UcRecommendation *list, int found, bool users)
{
	for (int i = 0; i < found; i++)
	{
		Datum		values[6];
		bool		nulls[6] = {false};
		int			at = 0;

		if (users)
		{
			values[at++] = InputFunctionCall(&call->user_input, call->data.users.names[user], call->user_parameter, -1);
			values[at++] = Int32GetDatum(i + 1);
		}
		values[at++] = InputFunctionCall(&call->item_input, call->data.items.names[list[i].item], call->item_parameter, -1);
		values[at++] = Float8GetDatum(list[i].score);
		values[at++] = CStringGetTextDatum(reason(call, user, &list[i]));
		values[at++] = CStringGetTextDatum(recommend_strategy_names[list[i].source]);
		tuplestore_putvalues(set->setResult, set->setDesc, values, nulls);
	}
}

static void
recommend_users(ReturnSetInfo *set, Call *call, const int32 *users, size_t count, bool with_user)
{
	size_t		at_once = Min(count, USERS_AT_ONCE);
	UcRecommendation *lists = palloc_extended(uc_size_mul(at_once, sizeof *lists * call->n), MCXT_ALLOC_HUGE);
	int		   *found = palloc(sizeof(int) * at_once);
	MemoryContext rows = AllocSetContextCreate(CurrentMemoryContext, "usercluster recommendations", ALLOCSET_DEFAULT_SIZES);

	progress_phase("recommending", count);
	for (size_t first = 0; first < count; first += at_once)
	{
		size_t		part = Min(at_once, count - first);
		MemoryContext old;
		UcRun		run;
		UcError		err;

		CHECK_FOR_INTERRUPTS();
		usercluster_run(&run);
		run.max_memory -= Min(call->data.bytes, run.max_memory);
		usercluster_check(uc_recommend(call->recommender, users + first, part, call->n, &run, lists, found, &err), &err);
		old = MemoryContextSwitchTo(rows);
		for (size_t i = 0; i < part; i++)
			put_user(set, call, users[first + i], lists + i * call->n, found[i], with_user);
		MemoryContextSwitchTo(old);
		MemoryContextReset(rows);
		progress_done(first + part);
	}
}

/* The user whose key is argument 1. */
static void
recommend_one(FunctionCallInfo fcinfo, int shift, Oid user_type, Oid item_type)
{
	MemoryContext old = CurrentMemoryContext;
	MemoryContext context;
	Call	   *call;
	char	   *user;
	Oid			output;
	bool		is_varlena;
	int32		number;

	InitMaterializedSRF(fcinfo, 0);
	context = AllocSetContextCreate(old, "usercluster recommend", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(context);
	progress_begin("recommend");
	call = palloc0(sizeof *call);
	usercluster_refuse_null(fcinfo, 1, "user_id");
	read_arguments(fcinfo, shift, call);
	getTypeOutputInfo(user_type, &output, &is_varlena);
	user = OidOutputFunctionCall(output, PG_GETARG_DATUM(1));
	prepare(call, user, user_type, item_type);
	number = recommend_number(&call->data.users, user);
	recommend_users((ReturnSetInfo *) fcinfo->resultinfo, call, &number, 1, false);
	progress_end();
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

USERCLUSTER_FUNCTION(usercluster_recommend)
{
	recommend_one(fcinfo, 2, INT8OID, INT8OID);
	return (Datum) 0;
}

USERCLUSTER_FUNCTION(usercluster_recommend_keyed)
{
	recommend_one(fcinfo, 3, get_fn_expr_argtype(fcinfo->flinfo, 1), get_fn_expr_argtype(fcinfo->flinfo, 2));
	return (Datum) 0;
}

static void
recommend_everybody(FunctionCallInfo fcinfo, int shift, Oid user_type, Oid item_type)
{
	MemoryContext old = CurrentMemoryContext;
	MemoryContext context;
	Call	   *call;
	int32	   *users;

	InitMaterializedSRF(fcinfo, 0);
	context = AllocSetContextCreate(old, "usercluster recommend_all", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(context);
	progress_begin("recommend_all");
	call = palloc0(sizeof *call);
	read_arguments(fcinfo, shift, call);
	prepare(call, NULL, user_type, item_type);
	users = palloc_extended(sizeof(int32) * Max(call->data.users.count, 1), MCXT_ALLOC_HUGE);
	for (int i = 0; i < call->data.users.count; i++)
		users[i] = i;
	if (call->data.users.count > 0)
		recommend_users((ReturnSetInfo *) fcinfo->resultinfo, call, users, call->data.users.count, true);
	progress_end();
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

USERCLUSTER_FUNCTION(usercluster_recommend_all)
{
	recommend_everybody(fcinfo, 1, INT8OID, INT8OID);
	return (Datum) 0;
}

USERCLUSTER_FUNCTION(usercluster_recommend_all_keyed)
{
	recommend_everybody(fcinfo, 3, get_fn_expr_argtype(fcinfo->flinfo, 1), get_fn_expr_argtype(fcinfo->flinfo, 2));
	return (Datum) 0;
}
