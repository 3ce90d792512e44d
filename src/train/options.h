/*
 * options.h
 *	  What a fine-tuning is told, and what it tells.
 */
#ifndef UC_TRAIN_OPTIONS_H
#define UC_TRAIN_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "train/structure.h"

typedef enum UcObjective
{
	UC_OBJECTIVE_PAIRS = 1,		/* texts [2 * count]: text i and text count + i belong together; labels NULL */
	UC_OBJECTIVE_LABELS,		/* texts [count]: each and another one of its label [count], drawn anew every epoch */
	UC_OBJECTIVE_UNSUPERVISED,	/* texts [count]: each and itself under other dropout; labels NULL (SimCSE,
								 * https://arxiv.org/abs/2104.08821) */
	UC_OBJECTIVE_MASKED			/* texts [count]: masked words are to be guessed (masking.h, head.h); labels NULL */
} UcObjective;

/* How far it has come, and at the end what came of it. */
typedef struct UcFineTuneResult
{
	size_t		steps;			/* made */
	size_t		planned;		/* steps, where it does not end early */
	size_t		kept_step;		/* after which the weights kept were; 0: none was better than the base model */
	double		held_before;	/* loss of what is held back */
	double		held_after;		/* the lowest met, that of the weights kept */
	UcStructure structure_before;	/* of the base model; NAN with labels, where the loss decides alone */
	UcStructure structure_after;	/* of the weights of the lowest loss; below the base's in both: kept_step is 0 */
	double		last_loss;		/* of the last step */
	double		last_rate;		/* of the last step */
	bool		not_finite;		/* training ended there; the weights kept are good */
} UcFineTuneResult;

typedef struct UcFineTuneOptions
{
	UcObjective objective;
	size_t		epochs;
	size_t		batch;			/* examples in a step, 2 at least */
	double		rate;
	double		decay;
	double		scale;			/* of the cosine */
	double		dropout;		/* 0: none. Held-back texts lose nothing, but with UC_OBJECTIVE_UNSUPERVISED always the same */
	double		masked;			/* share of the words that UC_OBJECTIVE_MASKED masks; 0.15 is usual */
	size_t		layers;			/* the last so many are trained; the model's number or more: the embeddings too */
	size_t		adapter_rank;	/* of low-rank adapters (adapters.h), all that is trained then; 0: the weights themselves */
	size_t		max_tokens;		/* of a text in training; longer ones are cut */
	uint64_t	seed;
	const char *prompt;			/* put before every text; NULL: none */

	/* Told after each step and check, on the calling thread, before uc_progress_done; it only looks. NULL: nobody. */
	void		(*watch) (void *arg, const UcFineTuneResult *so_far);
	void	   *watch_arg;
} UcFineTuneOptions;

/* What SQL and the tool take where nothing else is said. */
#define UC_FINE_TUNE_DEFAULTS \
	.objective = UC_OBJECTIVE_PAIRS, .epochs = 2, .batch = 32, .rate = 1e-4, .decay = 0.01, .scale = 20, .layers = SIZE_MAX, \
	.max_tokens = 128, .masked = 0.15, .seed = 1
#define UC_UNSUPERVISED_DROPOUT 0.1	/* the same for that objective; others have none */

#endif
