/*
 * segmentation.h
 *	  Segmentations that live in the database: what one is, as read from its catalogue tables.
 *
 * segmentation_store.c reads and writes those tables, as their owner; segmentation_fit.c goes from a stored query to
 * segments; segmentation_members.c keeps the members table; segmentation.c has the procedures that put these together;
 * segmentation_assign.c puts single embeddings into segments.
 */
#ifndef USERCLUSTER_SEGMENTATION_H
#define USERCLUSTER_SEGMENTATION_H

#include "postgres.h"
#include "access/htup.h"
#include "utils/timestamp.h"

#include "cluster/kmeans.h"
#include "pg/embedding.h"
#include "pg/preparation.h"

/* Moves of as many runs are kept. */
#define SEGMENTATION_KEPT_RUNS 30

/* Refreshing with if_drifted fits anew from here on. */
#define SEGMENTATION_DRIFTED 0.05

/* Keys of members nearest to the centroid that are kept for each segment. */
#define SEGMENTATION_TYPICAL 5

typedef struct Segment
{
	int			number;			/* its meaning lasts over runs */
	int64		size;
	double		mean_distance;
	double		cohesion;		/* mean simplified silhouette of the members; NaN with one segment */
	char	   *typical[SEGMENTATION_TYPICAL];	/* NULL: none */
	Embedding  *centroid;
	Embedding  *prepared;
} Segment;

typedef struct Segmentation
{
	/* chosen by whoever made it */
	char	   *name;
	Oid			members;		/* the table; InvalidOid where it is gone */
	char	   *query;
	char	   *search_path;
	bool		automatic_k;
	char	   *algorithm;
	bool		by_tree;		/* hierarchical */
	char	   *metric;
	char	   *preparation;
	double		feature_weight;
	UcKmeansOptions kmeans;		/* k, seed, restarts, max_iterations, tolerance, metric */
	char	   *model;			/* NULL: not known */
	bool		model_named;	/* by whoever made it; else found */

	/* found out */
	Oid			owner;			/* of the members table */
	char	   *fingerprint;	/* of the model; NULL: not known */
	int			dimensions;		/* of the embeddings; 0 before the first fit */
	int			run;			/* number of the last */
	uint64		content;		/* of the rows of the last fit */
	bool		has_content;
	int			last_segment;	/* highest number ever given */
	double		mean_distance;	/* of the last fit */
	TimestampTz fitted_at;		/* 0: never */
	HeapTupleHeader fitted;		/* the preparation, a composite value; NULL before the first fit */
	int			count;
	Segment    *segments;		/* [count] by rising number */
} Segmentation;

/* What one run did. */
typedef struct SegmentationRun
{
	const char *kind;
	TimestampTz started_at;
	int64		rows;
	int64		skipped;
	double		inertia;		/* NaN where there was no fit, like the rest down to warm */
	double		silhouette;
	int			iterations;
	bool		converged;
	bool		warm;
	double		drift;			/* NaN where it was not measured */
	double		mean_distance;
	int64		moved;
	int64		joined;
	int64		departed;
	int64		written;
} SegmentationRun;

typedef struct SegmentMove
{
	char	   *key;
	int			from;
	int			to;
} SegmentMove;

typedef enum SegmentationAccess
{
	SEGMENTATION_READ,			/* whoever may SELECT from the members table */
	SEGMENTATION_OWN,			/* whoever can act as its owner; for what does not look at the fit */
	SEGMENTATION_MEASURE,		/* the same, for what does */
	SEGMENTATION_LOCK			/* the same, and nobody else changes it until the transaction ends */
} SegmentationAccess;

/* Whether the algorithm is hierarchical; refuses what is neither that nor k-means (22023). */
extern bool segmentation_by_tree(const char *algorithm);

/* ---- segmentation_store.c ---- */

/*
 * Reads a segmentation in the current memory context. Errors: 42704 (there is none, or none that the caller may see), 42501
 * (the caller may only see it), 55P03 (another session has it locked), 42P01 (for SEGMENTATION_LOCK: its table is
 * gone), XX001 (what is known of its fit contradicts itself).
 */
extern Segmentation *segmentation_load(const char *name, SegmentationAccess access);

/* Reserves the name for a new one, whose table is to come; refuses a name that is taken (42710). */
extern void segmentation_insert(const Segmentation *segmentation);

/* Names the members table; refuses one that another segmentation has (55006). */
extern void segmentation_set_members(const Segmentation *segmentation);

/* Writes everything found out; with `refitted` the segments replace those that were there. */
extern void segmentation_save(const Segmentation *segmentation, bool refitted);

/* Begins another run, in which rows joined the segments at these places [count]. */
extern void segmentation_grow(Segmentation *segmentation, const int32 *places, size_t count);

/* Records a run, numbered segmentation->run, with its moves. */
extern void segmentation_save_run(const Segmentation *segmentation, const SegmentationRun *run, const SegmentMove *moves,
								  int move_count);

/* Runs one statement on the catalogue as its owner; returns how many rows it touched. `nulls` NULL: no parameter is. */
extern uint64 segmentation_execute(const char *sql, int count, const Oid *types, const Datum *values, const bool *nulls);

/* Changes whenever a segmentation does; what was read before is then old. */
extern uint64 segmentation_generation(void);

/* The owner of a members table; InvalidOid where that is gone. */
extern Oid	segmentation_owner(Oid members);

/* Whether the caller may see the segmentation with this members table. */
extern bool segmentation_readable(Oid members);

#endif
