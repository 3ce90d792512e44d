/*
 * fine_tune.c
 *	  CALL fine_tune(): texts of a query move a copy of a model, which becomes a file where that is better.
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "base/memory.h"
#include "pg/definition.h"
#include "pg/errors.h"
#include "pg/models.h"
#include "pg/progress.h"
#include "pg/settings.h"
#include "pg/texts.h"
#include "pg/training.h"
#include "train/lineage.h"

enum
{
	ARG_BASE, ARG_NAME, ARG_QUERY, ARG_OBJECTIVE, ARG_EPOCHS, ARG_BATCH, ARG_RATE, ARG_LAYERS, ARG_ADAPTER_RANK,
	ARG_DROPOUT, ARG_MASKED, ARG_MAX_TOKENS, ARG_PROMPT, ARG_SEED
};

/* What the query brings for each objective, by its number. */
static const TrainingSecond seconds[] = {[UC_OBJECTIVE_PAIRS] = TRAINING_PAIR, [UC_OBJECTIVE_LABELS] = TRAINING_LABEL,
[UC_OBJECTIVE_UNSUPERVISED] = TRAINING_TEXT, [UC_OBJECTIVE_MASKED] = TRAINING_TEXT};

/* What must not outlive the call. The base is opened for it alone: what the query does cannot close it. */
typedef struct Work
{
	MemoryContextCallback callback;
	char		name[UC_MODEL_NAME_MAX + 1];	/* of the base */
	UcModel    *base;
	UcTokenizer *tokenizer;
	UcWeights  *weights;
} Work;

static void
end_work(void *arg)
{
	Work	   *work = arg;

	uc_weights_free(work->weights);
	uc_tokenizer_close(work->tokenizer);
	uc_model_close(work->base);
}

/* The working copy of the base, in a memory context of its own that ends both. */
static Work *
begin_work(const char *base, MemoryContext *context)
{
	const OpenModel *open = models_get(base);
	Work	   *work;
	UcRun		run;
	UcError		err = {0};

	if (open->model->config.architecture == UC_ARCHITECTURE_STATIC)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("model \"%s\" is a static one, which cannot be fine-tuned", open->name),
				 errhint("Fine-tune the model that it was distilled from, and distil again.")));
	*context = AllocSetContextCreate(CurrentMemoryContext, "usercluster fine_tune", ALLOCSET_DEFAULT_SIZES);
	work = MemoryContextAllocZero(*context, sizeof *work);
	work->callback.func = end_work;
	work->callback.arg = work;
	MemoryContextRegisterResetCallback(*context, &work->callback);
	strlcpy(work->name, open->name, sizeof work->name);
	usercluster_check(uc_model_open(settings_model_dir(), work->name, &work->base, &err), &err);
	usercluster_check(uc_tokenizer_open(work->base->tokenizer, work->base->tokenizer_bytes, work->base->config.vocabulary,
										&work->tokenizer, &err), &err);
	usercluster_check(uc_check_budget("a copy of this model's weights", uc_weights_memory(work->base), settings_max_memory(),
									  &err), &err);
	usercluster_run(&run);
	usercluster_check(uc_weights_create(work->base, &run, &work->weights, &err), &err);
	return work;
}

static UcObjective
get_objective(const char *name)
{
	StringInfoData known;

	initStringInfo(&known);
	for (UcObjective i = UC_OBJECTIVE_PAIRS; uc_objective_name(i) != NULL; i++)
	{
		if (strcmp(uc_objective_name(i), name) == 0)
			return i;
		appendStringInfo(&known, "%s\"%s\"", known.len > 0 ? ", " : "", uc_objective_name(i));
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown objective \"%s\"", name),
			 errhint("Known are %s.", known.data)));
}

/* A whole number of 1 at least; what else is refused of it is the core's to say. */
static size_t
count_argument(FunctionCallInfo fcinfo, int number, const char *name)
{
	usercluster_refuse_null(fcinfo, number, name);
	if (PG_GETARG_INT32(number) < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"%s\" must be at least 1, not %d", name, PG_GETARG_INT32(number))));
	return (size_t) PG_GETARG_INT32(number);
}

static void
watch(void *arg, const UcFineTuneResult *so_far)
{
	progress_learning(so_far->last_loss, so_far->last_rate);
}

static UcFineTuneOptions
get_options(FunctionCallInfo fcinfo)
{
	UcFineTuneOptions options = {UC_FINE_TUNE_DEFAULTS,.watch = watch};

	options.objective = get_objective(training_argument(fcinfo, ARG_OBJECTIVE, "objective"));
	options.epochs = count_argument(fcinfo, ARG_EPOCHS, "epochs");
	options.batch = count_argument(fcinfo, ARG_BATCH, "batch");
	options.max_tokens = count_argument(fcinfo, ARG_MAX_TOKENS, "max_tokens");
	usercluster_refuse_null(fcinfo, ARG_RATE, "rate");
	options.rate = PG_GETARG_FLOAT8(ARG_RATE);
	if (!PG_ARGISNULL(ARG_LAYERS))
		options.layers = count_argument(fcinfo, ARG_LAYERS, "layers");
	if (!PG_ARGISNULL(ARG_ADAPTER_RANK))
		options.adapter_rank = count_argument(fcinfo, ARG_ADAPTER_RANK, "adapter_rank");
	if (!PG_ARGISNULL(ARG_DROPOUT))
		options.dropout = PG_GETARG_FLOAT8(ARG_DROPOUT);
	else if (options.objective == UC_OBJECTIVE_UNSUPERVISED)
		options.dropout = UC_UNSUPERVISED_DROPOUT;
	usercluster_refuse_null(fcinfo, ARG_MASKED, "masked");
	options.masked = PG_GETARG_FLOAT8(ARG_MASKED);
	usercluster_refuse_null(fcinfo, ARG_SEED, "seed");
	options.seed = (uint64) PG_GETARG_INT64(ARG_SEED);
	return options;
}

static const char *
rows_skipped(const TrainingTexts *texts)
{
	return texts->skipped == 0 ? "" :
		psprintf(" %zu rows were skipped: a text or label was NULL, or a text blank.", texts->skipped);
}

/* A job that goes on with a model that is not there had better know, so this is an error. */
static _Noreturn void
refuse_result(const Work *work, const TrainingTexts *texts, const UcFineTuneResult *result)
{
	if (result->held_after < result->held_before)
		ereport(ERROR,
				(errcode(ERRCODE_NO_DATA_FOUND),
				 errmsg("model \"%s\" would not become better, so no model was written", work->name),
				 errdetail("Its texts' groups would be less firm: two halves of the texts agreed on them by %.3f, before by %.3f, and the silhouette was %.3f, before %.3f. The loss on what was held back was %.4f, before %.4f; without labels that does not decide.%s",
						   result->structure_after.agreement, result->structure_before.agreement, result->structure_after.silhouette,
						   result->structure_before.silhouette, result->held_after, result->held_before,
						   rows_skipped(texts)),
				 errhint("Try pairs that say more of what belongs together, another objective, a lower rate, or fewer layers.")));
	ereport(ERROR,
			(errcode(ERRCODE_NO_DATA_FOUND),
			 errmsg("no step made model \"%s\" better on what was held back, so no model was written", work->name),
			 errdetail("The loss there was %.4f before, and after none of %zu steps lower.%s%s", result->held_before, result->steps,
					   result->not_finite ? " Training ended where the loss or its gradient was no longer finite." : "",
					   rows_skipped(texts)),
			 result->not_finite ? errhint("Try a lower rate.") :
			 errhint("Try more texts, another objective, another rate, or fewer layers.")));
}

/* What was looked at to say that it is better. */
static const char *
tell_check(const UcFineTuneResult *result)
{
	return isnan(result->structure_after.agreement) ? "" :
		psprintf(" What decided are the groups of texts without labels: two halves of them agreed on these by %.3f, before by %.3f; silhouette %.3f, before %.3f.",
				 result->structure_after.agreement, result->structure_before.agreement, result->structure_after.silhouette,
				 result->structure_before.silhouette);
}

static void
tell_result(const Work *work, const char *name, const TrainingTexts *texts, const UcFineTuneResult *result)
{
	ereport(NOTICE,
			(errmsg("model \"%s\" is better than \"%s\" on what was held back: loss %.4f, before %.4f", name, work->name,
					result->held_after, result->held_before),
			 errdetail("Its weights are those after step %zu of %zu, learnt from %zu %s.%s%s%s", result->kept_step, result->steps,
					   texts->count, texts->second == TRAINING_PAIR ? "pairs" : "texts", tell_check(result),
					   result->not_finite ? " Training ended there because the loss was no longer finite." : "",
					   rows_skipped(texts))));
	if (uc_model_changed(work->base, settings_model_dir(), work->name))
		ereport(WARNING,
				(errmsg("model \"%s\" was replaced or removed meanwhile", work->name),
				 errdetail("\"%s\" was made from the earlier file, of fingerprint %s.", name, work->base->fingerprint)));
}

USERCLUSTER_FUNCTION(usercluster_fine_tune)
{
	char	   *base = training_argument(fcinfo, ARG_BASE, "base"),
			   *name = training_argument(fcinfo, ARG_NAME, "name"),
			   *query = training_argument(fcinfo, ARG_QUERY, "query"),
			   *prompt = texts_argument(fcinfo, ARG_PROMPT),
			   *path;
	UcFineTuneOptions options = get_options(fcinfo);
	TrainingTexts texts;
	MemoryContext context;
	Work	   *work;
	UcFineTuneResult result;
	UcLineage	lineage = {.options = &options,.result = &result};
	UcRun		run;
	UcError		err = {0};

	path = training_output(name, "fine-tune");
	work = begin_work(base, &context);
	options.prompt = prompt == NULL ? uc_model_prompt(work->base) : texts_utf8_string(prompt);
	usercluster_run(&run);
	usercluster_check(uc_fine_tune_check(work->weights, &options, &run, &err), &err);
	progress_begin("fine_tune");
	training_read(query, seconds[options.objective], &texts);

	usercluster_run(&run);
	progress_watch(&run);
	run.max_memory -= Min(run.max_memory, texts.bytes);
	usercluster_check(uc_fine_tune(work->weights, work->tokenizer, texts.texts, texts.count, texts.labels, &options, &run, &result,
								   &err), &err);
	if (result.kept_step == 0)
		refuse_result(work, &texts, &result);
	lineage.base = work->name;
	lineage.count = texts.count;
	training_check(uc_fine_tuned_write(work->weights, work->base, &lineage, path, &run, &err), &err, name, "fine-tune");
	progress_end();
	tell_result(work, name, &texts, &result);
	MemoryContextDelete(context);
	PG_RETURN_VOID();
}
