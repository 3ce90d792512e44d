/*
 * structure.h
 *	  How firmly texts fall into groups by themselves: what tells help from harm where nobody says which belong together.
 *
 * The texts are parted into two halves by chance, k-means clusters each half by itself, all texts are given to the nearest
 * centroids of the one and of the other, and both labellings are compared (adjusted Rand index). Mean over several partings and
 * several k. Groups that the texts have are found in both halves; directions that training made up or washed out are not.
 *
 * The silhouette of the clusters of all texts stands beside it: how far apart the groups lie. It is the steadier of the two where groups
 * are many, the agreement where they are few; of trainings that did harm, both fell in all that were measured.
 *
 * A contrastive loss on texts held back cannot do this: it falls as well where training only makes cosines smaller, even with
 * pairs drawn by chance (bench/README.md).
 */
#ifndef UC_TRAIN_STRUCTURE_H
#define UC_TRAIN_STRUCTURE_H

#include <stddef.h>
#include <stdint.h>

#include "base/run.h"
#include "base/status.h"

#define UC_STRUCTURE_TEXTS 256	/* more are not needed */

typedef struct UcStructure
{
	double		agreement;		/* of both halves: little without groups, 1 where both always find the same */
	double		silhouette;		/* mean over the same k, of all texts (cluster/silhouette.h) */
} UcStructure;

/*
 * Of vectors [count, dim], 10 at least, of any length but zero. One seed
 * parts the same number of texts alike, so that two models are compared on the same halves. Errors: UC_INVALID_DATA (a vector
 * that is not finite), UC_MEMORY_LIMIT, UC_OUT_OF_MEMORY, UC_INTERRUPTED.
 */
extern UcStatus uc_structure(const float *vectors, size_t count, size_t dim, uint64_t seed, const UcRun *run,
							 UcStructure *structure, UcError *err);

#endif
