/*
 * kmeans_survey.h
 *	  What route => 'query' must know of the rows before it can begin.
 */
#ifndef USERCLUSTER_KMEANS_SURVEY_H
#define USERCLUSTER_KMEANS_SURVEY_H

#include "pg/kmeans.h"
#include "pg/kmeans_start.h"
#include "pg/query.h"

/*
 * Runs the query on the active snapshot and checks its rows as query_read and kmeans_check_rows do, keeping none: `rows`
 * counts them. Fits the preparation, for whitening by a second run of the query in `form`, and finishes the sample, which
 * stays empty where options give centroids. In the current memory context.
 */
extern void kmeans_survey(const char *query, const QueryForm *form, Oid key_type, const UcKmeansOptions *options,
						  const PreparationOptions *preparation, int centroid_dim, Rows *rows, Prepared *prepared,
						  Sample *sample);

/* Bytes that this and the fit over the sample need at least for so many rows of so many dimensions. */
extern size_t kmeans_survey_memory(size_t rows, size_t dim, int threads, const UcKmeansOptions *options);

#endif
