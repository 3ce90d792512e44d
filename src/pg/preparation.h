/*
 * preparation.h
 *	  The preparation of rows before they are clustered, and the SQL type that keeps it for rows that come later.
 */
#ifndef USERCLUSTER_PREPARATION_H
#define USERCLUSTER_PREPARATION_H

#include "postgres.h"
#include "access/htup.h"

#include "cluster/kmeans.h"
#include "cluster/prepare.h"
#include "pg/rows.h"

/* The columns of a query that a preparation takes. */
#define PREPARATION_COLUMNS (ROWS_KNOWS(ROWS_LANGUAGE) | ROWS_KNOWS(ROWS_FEATURES))

typedef enum PreparationChoice
{
	PREPARATION_AUTO,			/* the rule of uc_prepare_auto */
	PREPARATION_NONE,
	PREPARATION_CENTRED,		/* on the mean of all rows */
	PREPARATION_GROUP_CENTRED,	/* on the mean of each language */
	PREPARATION_WHITENED		/* after centring: on the mean of each language where the query has one */
} PreparationChoice;

typedef struct PreparationOptions
{
	PreparationChoice choice;
	double		feature_weight;
	bool		directions;		/* the metric is cosine */
} PreparationOptions;

typedef struct Prepared
{
	UcPreparation fitted;		/* ends with the memory context it was fitted in */
	float	   *values;			/* [rows, dim] */
	int			dim;
	bool		changed;		/* false: values are the rows' own */
} Prepared;

/* A preparation that was kept as a value of the composite type. */
typedef struct KeptPreparation
{
	UcPreparation preparation;
	int			languages;
	char	  **language_names; /* [languages] */
} KeptPreparation;

/* Reads the arguments, refusing an unknown name and a negative weight (22023). */
extern void preparation_options(PreparationOptions *options, const char *preparation, double feature_weight,
								UcMetric metric);

/* Bytes that preparing `count` rows like these takes beside them, and in `out_dim` how long a prepared row is. */
extern size_t preparation_memory(const PreparationOptions *options, const Rows *rows, size_t count, size_t dim,
								 int threads, size_t *out_dim);

/* Prepares the rows, of which there must be one, in the current memory context. */
extern void preparation_fit(const PreparationOptions *options, const Rows *rows, Prepared *prepared);

/*
 * Prepares vectors that are like the rows, in the current memory context; languages [count], numbered as those of the rows,
 * and features are NULL for vectors that have none, such as given centroids.
 */
extern float *preparation_apply(const Prepared *prepared, const float *vectors, size_t count, const int32 *languages,
								const double *features);

/*
 * What is to be done with `count` rows like these: the method, its components (0: by the rule) and of how many languages the
 * means count. False: nothing changes.
 */
extern bool preparation_method(const PreparationOptions *options, const Rows *rows, size_t count, size_t dim,
							   UcPreparationMethod *method, size_t *components, int *languages);

/* Refuses rows without a column that the choice needs (22023). */
extern void preparation_require_columns(const PreparationOptions *options, int columns);

/* What was fitted, as a value of the composite type usercluster.preparation, whose oid is given. */
extern Datum preparation_datum(const Prepared *prepared, const Rows *rows, Oid type);

/* Back from the composite value, for vectors of `dim` dimensions, in the current memory context; refuses others (22023). */
extern KeptPreparation *preparation_read(HeapTupleHeader row, int dim);

/* The number of a language, -1 where the preparation has not seen it. */
extern int32 preparation_language(const KeptPreparation *kept, const char *name);

/*
 * Prepares later vectors: [count, preparation.out_dim + preparation.features]. NULL languages or features: all unknown;
 * there must be as many features as the preparation has.
 */
extern float *preparation_apply_kept(const KeptPreparation *kept, const float *vectors, size_t count,
									 const int32 *languages, const double *features);

#endif
