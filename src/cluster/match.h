/*
 * match.h
 *	  Optimal matching of two sets, such as the clusters of yesterday and those of today.
 *
 * The assignment problem, solved exactly by shortest augmenting paths with potentials (Jonker and Volgenant,
 * https://doi.org/10.1007/BF02278710), in O(n² m) for n the smaller and m the larger set.
 */
#ifndef UC_CLUSTER_MATCH_H
#define UC_CLUSTER_MATCH_H

#include <stddef.h>
#include <stdint.h>

#include "base/run.h"
#include "base/status.h"

/* Bytes that uc_match allocates. */
extern size_t uc_match_memory(size_t rows, size_t columns);

/*
 * Pairs rows and columns of benefit [rows, columns], each at most once, so that the benefits add up to the most possible;
 * the smaller set is paired completely. match [rows] becomes the column of each row, or -1. Equal optima: always the same
 * one. Either set may be empty. Errors: UC_INVALID_DATA (a benefit that is not finite), UC_MEMORY_LIMIT,
 * UC_OUT_OF_MEMORY, UC_INTERRUPTED.
 */
extern UcStatus uc_match(const double *benefit, size_t rows, size_t columns, const UcRun *run, int32_t *match,
						 UcError *err);

#endif
