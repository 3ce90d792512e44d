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

/*
 * The same by k-means|| (https://doi.org/10.14778/2180912.2180915), which reads all rows a few times instead of once for
 * each centroid. The centroids are means of rows. Its memory comes beside that of uc_seed_memory.
 */
extern UcStatus uc_seed_scalable(const UcPoints *points, int k, bool greedy, UcRandom *random, float *centroids,
								 int *found, const UcRun *run, UcError *err);
extern size_t uc_seed_scalable_memory(size_t rows, size_t dim, int k, int threads);

#endif
