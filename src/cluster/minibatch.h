/*
 * minibatch.h
 *	  Centroids from batches of rows (https://doi.org/10.1145/1772690.1772862): each is the mean of all rows that batches have
 *	  brought it so far. Private to the room.
 *
 * Batches go through the rows in a random order, and through them again in another. A centroid that has got less than a
 * hundredth of its share is put onto a row of the batch, drawn by its weight times its squared distance.
 *
 * It ends when the batches' inertia, smoothed over a pass through the rows, has not fallen by more than the tolerance, as a
 * share of it, in ten batches.
 */
#ifndef UC_CLUSTER_MINIBATCH_H
#define UC_CLUSTER_MINIBATCH_H

#include "base/random.h"
#include "cluster/points.h"

extern size_t uc_minibatch_memory(size_t rows, size_t dim, int k, size_t batch_rows, int threads);

/*
 * Moves centroids [k, dim] in the space of the points. `batches` becomes how many there were, `converged` whether they
 * ended before max_batches. batch_rows is at most the number of rows. Errors: UC_OUT_OF_MEMORY, UC_INTERRUPTED.
 */
extern UcStatus uc_minibatch(const UcPoints *points, float *centroids, int k, size_t batch_rows, int max_batches,
							 double tolerance, UcRandom *random, const UcRun *run, int *batches, bool *converged,
							 UcError *err);

#endif
