/*
 * quality.h
 *	  How far two labellings of the same rows agree: clusters found against known classes, or one run against another.
 */
#ifndef UC_CLUSTER_QUALITY_H
#define UC_CLUSTER_QUALITY_H

#include <stddef.h>
#include <stdint.h>

#include "base/run.h"
#include "base/status.h"

typedef struct UcAgreement
{
	double		adjusted_rand;	/* 1: the same partition; 0 on average by chance. Hubert and Arabie,
								 * https://doi.org/10.1007/BF01908075 */
	double		normalized_mutual_info; /* 0 … 1, over the arithmetic mean of both entropies */
	double		homogeneity;	/* 0 … 1: clusters hold one class each; 1 where there is one class. Rosenberg and Hirschberg,
								 * https://aclanthology.org/D07-1043 */
	double		completeness;	/* 0 … 1: classes lie in one cluster each; 1 where there is one cluster */
	double		v_measure;		/* harmonic mean of these two */
	double		purity;			/* share of the rows that belong to the commonest class of their cluster */
} UcAgreement;

/*
 * Compares clusters [rows], each 0 … cluster_count-1, with classes [rows], each 0 … class_count-1. Numbers may be
 * unused. Two partitions of one part each agree fully. Time grows with rows plus cluster_count times class_count,
 * memory with the latter. Errors: UC_INVALID_ARGUMENT (no rows, counts below 1), UC_INVALID_DATA (a label outside its
 * range), UC_MEMORY_LIMIT, UC_OUT_OF_MEMORY, UC_INTERRUPTED.
 */
extern UcStatus uc_cluster_agreement(const int32_t *clusters, int cluster_count, const int32_t *classes,
									 int class_count, size_t rows, const UcRun *run, UcAgreement *agreement,
									 UcError *err);

#endif
