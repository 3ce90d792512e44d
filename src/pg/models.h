/*
 * models.h
 *	  The models that this backend has open.
 */
#ifndef USERCLUSTER_MODELS_H
#define USERCLUSTER_MODELS_H

#include "postgres.h"

#include "model/model.h"
#include "token/tokenizer.h"

typedef struct OpenModel
{
	char		name[UC_MODEL_NAME_MAX + 1];
	UcModel    *model;
	UcTokenizer *tokenizer;
	uint64		last_use;		/* counter, for choosing which one to close */
} OpenModel;

/*
 * The model of this name, opened or as it was left by an earlier call; NULL or "": usercluster.default_model. A file that
 * took the place of the mapped one is noticed and opened. Valid until the next call of models_get: no SQL may run between.
 */
extern const OpenModel *models_get(const char *name);

#endif
