/*
 * kmeans_start.h
 *	  init => 'sample': the centroids of a fit over a sample of the rows, from which a fit over all rows goes on.
 */
#ifndef USERCLUSTER_KMEANS_START_H
#define USERCLUSTER_KMEANS_START_H

#include "pg/kmeans.h"
#include "pg/preparation.h"
#include "pg/sample.h"

/* Rows of the sample: as many whatever the memory, so that it does not decide about the clusters. */
extern size_t kmeans_sample_size(int k);

/*
 * Room for k centroids of prepared->dim numbers in the current memory context, filled with those of the finished sample;
 * `found` of them, fewer than k where the sample has fewer distinct rows. The caller holds `memory` bytes.
 */
extern float *kmeans_start(const Sample *sample, const Prepared *prepared, const UcKmeansOptions *options, size_t memory,
						   int *found);

#endif
