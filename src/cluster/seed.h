/*
 * seed.h
 *	  Starting centroids by k-means++ (https://dl.acm.org/doi/10.5555/1283383.1283494): each next one is a row drawn
 *	  by its weight times its squared distance to those before, or, greedy, the best of a few rows so drawn. Private to the room.
 *
 * Many rows are represented by a sample, drawn without replacement, unless it has fewer distinct rows than centroids
 * are wanted.
 */
#ifndef UC_CLUSTER_SEED_H
#define UC_CLUSTER_SEED_H

#include "base/random.h"
#include "cluster/points.h"

extern size_t uc_seed_memory(size_t rows, size_t dim, int k, int threads);

/*
 * Fills centroids [k, dim] in the space of the points and `found` with how many there are: fewer than k where there
 * are fewer distinct rows. Errors: UC_OUT_OF_MEMORY, UC_INTERRUPTED.
 */
extern UcStatus uc_seed_centroids(const UcPoints *points, int k, bool greedy, UcRandom *random, float *centroids,
								  int *found, const UcRun *run, UcError *err);

#endif
