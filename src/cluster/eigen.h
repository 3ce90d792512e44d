/*
 * eigen.h
 *	  The largest eigenvalues of a covariance and their eigenvectors. Private to the room.
 */
#ifndef UC_CLUSTER_EIGEN_H
#define UC_CLUSTER_EIGEN_H

#include "base/run.h"
#include "base/status.h"

extern size_t uc_eigen_memory(size_t n, size_t count);

/*
 * Of the symmetric, positive semi-definite matrix a [n, n], which is lost: the `count` largest eigenvalues, falling, and
 * their eigenvectors [count, n], one a row, of unit length, each with its largest component positive.
 */
extern UcStatus uc_eigen_largest(double *a, size_t n, size_t count, const UcRun *run, double *values, double *vectors,
								 UcError *err);

#endif
