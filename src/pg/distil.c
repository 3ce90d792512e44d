/*
 * distil.c
 *	  CALL distil(): texts of a query to a static model in the model directory.
 */
#include "postgres.h"

#include "fmgr.h"

#include "embed/distil.h"
#include "pg/definition.h"
#include "pg/errors.h"
#include "pg/models.h"
#include "pg/progress.h"
#include "pg/training.h"

USERCLUSTER_FUNCTION(usercluster_distil)
{
	char	   *base = training_argument(fcinfo, 0, "base"),
			   *name = training_argument(fcinfo, 1, "name"),
			   *query = training_argument(fcinfo, 2, "query"),
			   *path;
	TrainingTexts texts;
	const OpenModel *open;
	UcRun		run;
	UcDistilled found;
	UcError		err = {0};

	usercluster_refuse_null(fcinfo, 3, "seed");
	path = training_output(name, "distil");
	models_get(base);
	progress_begin("distil");
	training_read(query, TRAINING_TEXT, &texts);

	open = models_get(base);
	usercluster_run(&run);
	progress_watch(&run);
	training_check(uc_distil(open->model, open->tokenizer, open->name, texts.texts, texts.count, (uint64) PG_GETARG_INT64(3), path,
							 &run, &found, &err), &err, name, "distil");
	progress_end();
	ereport(NOTICE,
			(errmsg("model \"%s\" has %zu words, learnt from %zu texts", name, found.words, found.texts),
			 errdetail("On %zu texts held back its mean cosine to the base model is %.4f, and %.4f once the mean is taken away.",
					   found.held_out, found.fidelity, found.centred)));
	PG_RETURN_VOID();
}
