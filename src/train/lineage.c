/*
 * lineage.c
 *	  Metadata of a fine-tuned model.
 */
#include "train/lineage.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "model/derived.h"
#include "model/writer.h"

static const char *const objectives[] = {[UC_OBJECTIVE_PAIRS] = "pairs", [UC_OBJECTIVE_LABELS] = "labels",
[UC_OBJECTIVE_UNSUPERVISED] = "unsupervised", [UC_OBJECTIVE_MASKED] = "masked"};

typedef struct Metadata
{
	char	   *pairs;
	size_t		bytes;
	UcStatus	status;
	UcError    *err;
} Metadata;

static void add(Metadata *metadata, const char *key, const char *format,...) __attribute__((format(printf, 3, 4)));

static void
add(Metadata *metadata, const char *key, const char *format,...)
{
	char		value[512];
	va_list		values;

	if (metadata->status != UC_OK)
		return;
	va_start(values, format);
	vsnprintf(value, sizeof value, format, values);
	va_end(values);
	metadata->status = uc_metadata_add(&metadata->pairs, &metadata->bytes, key, value, metadata->err);
}

const char *
uc_objective_name(UcObjective objective)
{
	return (size_t) objective < sizeof objectives / sizeof *objectives ? objectives[objective] : NULL;
}

/* Those that count for the objective. */
static void
describe_options(const UcFineTuneOptions *o, const UcModelConfig *base, char *text, size_t size)
{
	int			used = snprintf(text, size, "epochs %zu, batch %zu, rate %g, decay %g", o->epochs, o->batch, o->rate, o->decay);

	if (o->objective == UC_OBJECTIVE_MASKED)
		used += snprintf(text + used, size - (size_t) used, ", masked %g", o->masked);
	else
		used += snprintf(text + used, size - (size_t) used, ", scale %g", o->scale);
	used += snprintf(text + used, size - (size_t) used, ", dropout %g, last layers %zu", o->dropout,
					 o->layers < base->layers ? o->layers : base->layers);
	if (o->adapter_rank > 0)
		used += snprintf(text + used, size - (size_t) used, ", adapter rank %zu", o->adapter_rank);
	snprintf(text + used, size - (size_t) used, ", tokens %zu", o->max_tokens < base->max_tokens ? o->max_tokens : base->max_tokens);
}

UcStatus
uc_fine_tuned_write(const UcWeights *weights, const UcModel *base, const UcLineage *lineage, const char *output,
					const UcRun *run, UcError *err)
{
	const UcFineTuneOptions *o = lineage->options;
	const UcFineTuneResult *r = lineage->result;
	Metadata	metadata = {.err = err};
	char		options[256];

	metadata.status = uc_metadata_add(&metadata.pairs, &metadata.bytes, "prompt", o->prompt == NULL ? "" : o->prompt, err);
	add(&metadata, "tuned.base", "%s", lineage->base);
	add(&metadata, "tuned.fingerprint", "%s", base->fingerprint);
	add(&metadata, "tuned.objective", "%s", uc_objective_name(o->objective));
	add(&metadata, "tuned.texts", "%zu", lineage->count);
	add(&metadata, "tuned.steps", "%zu", r->kept_step);
	add(&metadata, "tuned.seed", "%lld", (long long) o->seed);
	add(&metadata, "tuned.loss_before", "%.6g", r->held_before);
	add(&metadata, "tuned.loss_after", "%.6g", r->held_after);
	add(&metadata, "tuned.check", "%s", o->objective == UC_OBJECTIVE_LABELS ? "loss" : "groups");
	if (o->objective != UC_OBJECTIVE_LABELS)
	{
		add(&metadata, "tuned.groups_before", "%.4f", r->structure_before.agreement);
		add(&metadata, "tuned.groups_after", "%.4f", r->structure_after.agreement);
		add(&metadata, "tuned.silhouette_before", "%.4f", r->structure_before.silhouette);
		add(&metadata, "tuned.silhouette_after", "%.4f", r->structure_after.silhouette);
	}
	describe_options(o, &base->config, options, sizeof options);
	add(&metadata, "tuned.options", "%s", options);
	if (metadata.status == UC_OK)
		metadata.status = uc_derived_write(base, weights->values, metadata.pairs, metadata.bytes, output, run, err);
	free(metadata.pairs);
	return metadata.status;
}
