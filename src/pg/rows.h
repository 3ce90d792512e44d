/*
 * rows.h
 *	  Embeddings gathered from SQL into one matrix, each with its key, in an order that does not depend on how they
 *	  came.
 *
 * Gathering keeps to usercluster.max_memory: it counts the matrix, the keys and the work that is to follow. Rows
 * beyond that are counted, not kept, so that rows_finish can refuse them with the number that would do.
 */
#ifndef USERCLUSTER_ROWS_H
#define USERCLUSTER_ROWS_H

#include "postgres.h"
#include "utils/sortsupport.h"

#include "pg/embedding.h"
#include "pg/labels.h"

/* What a row may carry beside its key and embedding; the query's columns of these names. */
typedef enum RowsColumn
{
	ROWS_WEIGHT,				/* how much the row counts: finite, at least 0 */
	ROWS_FEATURES,				/* an array of numbers, as many for every row; NULL: unknown */
	ROWS_LANGUAGE,
	ROWS_CLUSTER,				/* the cluster that somebody has put the row into */
	ROWS_GROUP_KEY,				/* the group within which the row is clustered */
	ROWS_TEXT,					/* what a picture calls the row */
	ROWS_COLUMNS
} RowsColumn;

#define ROWS_KNOWS(column) (1 << (column))

/* Bytes that the work on the rows will allocate beside them; SIZE_MAX where they cannot be represented. */
typedef size_t (*RowsWork) (size_t rows, size_t dim, int threads, const void *arg);

/* The further columns of one row; what the query has not is not looked at. */
typedef struct RowExtra
{
	double		weight;
	const double *features;		/* [feature_count], NaN where unknown; NULL: all unknown */
	int			feature_count;
	const char *labels[ROWS_COLUMNS];	/* of the columns that are names; NULL: none */
} RowExtra;

/* Takes a row that has been checked; `extra` is NULL where rows->columns is 0. Nothing of it lives longer than the call. */
struct Rows;					/* below */
typedef void (*RowsTake) (void *arg, struct Rows *rows, Datum key, const Embedding *embedding, const RowExtra *extra);

typedef struct RowsOptions
{
	const char *name;			/* of the work, for messages: "k-means" */
	bool		directions;		/* refuse embeddings of zero norm */
	int			columns;		/* ROWS_KNOWS() of those that the work takes */
	RowsWork	work;
	const void *work_arg;
	bool		may_exceed;		/* rows beyond the memory allowed are no error: the caller looks at rows->refused */
	bool		active_snapshot;	/* the query sees what the active snapshot does; otherwise it has one of its own */
	RowsTake	take;			/* rows are checked, counted and given to it; none is kept, and there is no work */
	void	   *take_arg;
} RowsOptions;

typedef struct Rows
{
	float	   *values;			/* [count, dim] */
	Datum	   *keys;			/* [count], not NULL */
	size_t		count;
	int			dim;			/* of the first row; 0 before it */
	int64		skipped;		/* rows without an embedding; kept by the caller */

	int			columns;		/* ROWS_KNOWS() of those that the rows have; set by the caller after rows_begin */
	double	   *weights;		/* [count], or NULL */
	double	   *features;		/* [count, feature_count], NaN where unknown; or NULL */
	int			feature_count;
	Labels		labels[ROWS_COLUMNS];	/* of the columns that are names; codes NULL where the query has none */

	RowsOptions options;
	size_t		capacity;		/* rows that values and keys have room for */
	size_t		refused;		/* rows beyond the memory allowed */
	size_t		max_memory;		/* bytes */
	int			threads;		/* that the work will have */
	Oid			key_type;		/* InvalidOid: keys are integers that mean nothing to the user, and do not order rows */
	int16		key_length;		/* pg_type.typlen */
	bool		key_by_value;
	size_t		key_bytes;		/* of keys passed by reference */
	SortSupportData key_order;
	MemoryContext context;		/* of the matrix and the keys: the one that was current at rows_begin */
} Rows;

/*
 * Starts gathering, in the current memory context. Refuses a key type without an order (42883). Text keys are
 * ordered by their bytes, so that results do not depend on a locale.
 */
extern void rows_begin(Rows *rows, Oid key_type, const RowsOptions *options);

/*
 * Copies a row; `extra` may be NULL where rows->columns is 0. Refuses (22000) another dimension or number of features
 * than the first row's, NaN, infinity, a negative weight and, where asked to, zero norm.
 */
extern void rows_append(Rows *rows, Datum key, const Embedding *embedding, const RowExtra *extra);

/*
 * Ends gathering: refuses what exceeds the memory allowed (53400), unless it may, then orders the rows by key and, within
 * one, by value. Rows that were not kept, or not all, are left alone.
 */
extern void rows_finish(Rows *rows);

/* Refuses (21000) two rows of one key, after rows_finish. */
extern void rows_refuse_duplicates(const Rows *rows);

/*
 * Rows of one key become one row, their mean by weight; it takes the language of most weight among them and the means of
 * their features, and has no weight. A mean that has no direction where one is needed counts as skipped.
 */
extern void rows_average(Rows *rows);

/* Whether row `a` comes before (negative), beside or after row `b` by key. */
extern int	rows_compare_keys(const Rows *rows, Datum a, Datum b);

/* The key as text, cut to a length that suits a message. */
extern char *rows_shown_key(const Rows *rows, Datum key);

/* Bytes that the rows take themselves. */
extern size_t rows_memory(const Rows *rows);

/* Bytes that the rows would take with those that were refused, and the work on all of them. */
extern size_t rows_memory_wanted(const Rows *rows);

#endif
