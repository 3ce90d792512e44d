/*
 * recommend_request.c
 *	  Names of strategies, weights of a blend, and other arguments.
 */
#include "postgres.h"

#include <math.h>

#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"

#include "pg/kmeans.h"
#include "pg/recommend_request.h"

const char *const recommend_strategy_names[UC_STRATEGIES + 1] = {
	[UC_BY_POPULARITY] = "popular",[UC_BY_SEGMENT] = "segment",[UC_BY_TEXT] = "text",[UC_BY_ITEMS] = "items",
	[UC_BY_USERS] = "users",[RECOMMEND_BLEND] = "blend"
};

int
recommend_strategy(const char *name)
{
	for (int i = 0; i <= RECOMMEND_BLEND; i++)
		if (strcmp(name, recommend_strategy_names[i]) == 0)
			return i;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unrecognized strategy \"%s\"", name),
			 errhint("Use 'popular', 'segment', 'text', 'items', 'users' or 'blend'.")));
}

static _Noreturn void
refuse_weights(const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("weights must name strategies and a number of at least 0 for each"),
			 errdetail_internal("%s", detail),
			 errhint("Write weights => '{\"segment\": 0.5, \"items\": 1, \"users\": 1}'.")));
}

static double
weight_of(const JsonbValue *value, const char *name)
{
	double		weight;

	if (value->type != jbvNumeric)
		refuse_weights(psprintf("The weight of \"%s\" is not a number.", name));
	weight = DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow, NumericGetDatum(value->val.numeric)));
	if (!(weight >= 0 && isfinite(weight)))
		refuse_weights(psprintf("The weight of \"%s\" is %g.", name, weight));
	return weight;
}

void
recommend_weights(Jsonb *weights, double out[UC_STRATEGIES])
{
	JsonbIterator *iterator = JsonbIteratorInit(&weights->root);
	JsonbIteratorToken token;
	JsonbValue	value;
	double		total = 0;
	int			strategy = -1;

	memset(out, 0, sizeof(double) * UC_STRATEGIES);
	if (!JB_ROOT_IS_OBJECT(weights))
		refuse_weights("They are not an object.");
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
		{
			char	   *name = pnstrdup(value.val.string.val, value.val.string.len);

			strategy = recommend_strategy(name);
			if (strategy == RECOMMEND_BLEND)
				refuse_weights("A blend has no part in itself.");
		}
		else if (token == WJB_VALUE)
		{
			out[strategy] = weight_of(&value, recommend_strategy_names[strategy]);
			total += out[strategy];
		}
	}
	if (total == 0)
		refuse_weights("None of them is above 0.");
}

Jsonb *
recommend_weights_datum(const double weights[UC_STRATEGIES])
{
	JsonbParseState *state = NULL;
	JsonbValue *object;

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	for (int i = 0; i < UC_STRATEGIES; i++)
	{
		JsonbValue	key = {.type = jbvString},
					value = {.type = jbvNumeric};

		if (weights[i] == 0)
			continue;
		key.val.string.val = (char *) recommend_strategy_names[i];
		key.val.string.len = (int) strlen(recommend_strategy_names[i]);
		value.val.numeric = DatumGetNumeric(DirectFunctionCall1(float8_numeric, Float8GetDatum(weights[i])));
		pushJsonbValue(&state, WJB_KEY, &key);
		pushJsonbValue(&state, WJB_VALUE, &value);
	}
	object = pushJsonbValue(&state, WJB_END_OBJECT, NULL);
	return JsonbValueToJsonb(object);
}

const Interval *
recommend_half_life_argument(FunctionCallInfo fcinfo, int argument)
{
	Interval   *half_life;

	if (PG_ARGISNULL(argument))
		return NULL;
	half_life = PG_GETARG_INTERVAL_P(argument);
	if (!(half_life->time / (double) USECS_PER_DAY + half_life->day + (double) DAYS_PER_MONTH * half_life->month > 0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("half_life must be more than 0")));
	return half_life;
}
