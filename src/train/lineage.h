/*
 * lineage.h
 *	  What a fine-tuned model's file says of where it comes from, and writing it.
 */
#ifndef UC_TRAIN_LINEAGE_H
#define UC_TRAIN_LINEAGE_H

#include "base/run.h"
#include "train/fine_tune.h"

typedef struct UcLineage
{
	const char *base;			/* name of the base model */
	size_t		count;			/* pairs or texts, those held back included */
	const UcFineTuneOptions *options;
	const UcFineTuneResult *result;
} UcLineage;

/* "pairs", "labels", …; NULL for another number. */
extern const char *uc_objective_name(UcObjective objective);

/*
 * Writes the weights as `output`: metadata "tuned.base", "tuned.fingerprint" (of the file that was trained on), "tuned.objective",
 * "tuned.texts", "tuned.steps", "tuned.seed", "tuned.loss_before", "tuned.loss_after", "tuned.check" (what decided: "loss", or
 * "groups" with "tuned.groups_before", "tuned.groups_after" and the same of "tuned.silhouette"), "tuned.options", and the prompt that it was trained with. Of a
 * model that was tuned before, the earlier values follow. Errors: those of uc_derived_write.
 */
extern UcStatus uc_fine_tuned_write(const UcWeights *weights, const UcModel *base, const UcLineage *lineage, const char *output,
									const UcRun *run, UcError *err);

#endif
