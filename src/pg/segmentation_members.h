/*
 * segmentation_members.h
 *	  The members table of a segmentation: an ordinary table of its owner, of which a run writes what has changed.
 *
 * Its first column is the key, of the type of the query's key and the primary key of the table; others are known by name:
 * segment, distance, margin, assigned_at. Further columns, constraints, triggers and rights are the owner's business, so
 * all reading and writing happens as the owner in a restricted operation, which the caller opens.
 */
#ifndef USERCLUSTER_SEGMENTATION_MEMBERS_H
#define USERCLUSTER_SEGMENTATION_MEMBERS_H

#include "postgres.h"

#include "pg/rows.h"
#include "pg/segmentation.h"

typedef struct MembersTable
{
	Oid			relation;
	char	   *name;			/* qualified and quoted */
	Oid			key_type;
	char	   *key;			/* its column, quoted */
} MembersTable;

/* What the table holds, ordered by key. */
typedef struct Members
{
	size_t		count;
	size_t		capacity;
	Datum	   *keys;
	int32	   *segments;		/* -1: NULL */
	double	   *distances;		/* NaN: NULL */
	double	   *margins;
} Members;

#define NO_MEMBER SIZE_MAX

/* What a run found, beside what was there. */
typedef struct MembersChange
{
	const Rows *rows;
	const Members *members;
	const size_t *member_of;	/* [rows] place in members, or NO_MEMBER */
	const int32 *segments;		/* [rows] numbers */
	const double *distances;	/* [rows] */
	const double *margins;		/* [rows] NaN: none */
	double		tolerance;		/* distances and margins that differ by no more are left as they are */
	bool		only_new;		/* insert, nothing else */
} MembersChange;

/*
 * The table of this name, as whoever calls: made where there is none, unless `key_name` is NULL; InvalidOid then. NULL stands
 * for the segmentation's name with "_members".
 */
extern Oid	members_find(const char *name, const char *segmentation, Oid key_type, const char *key_name);

/* Looks at the table; refuses another shape (42P16), such as another key type than this one (InvalidOid: any). */
extern void members_open(Oid relation, Oid key_type, MembersTable *table);

/* Reads all of it in the current memory context, in the order of the rows' keys. */
extern void members_read(const MembersTable *table, const Rows *rows, Members *members);

/* The place in members of each row, in the current memory context. */
extern size_t *members_join(const Members *members, const Rows *rows);

/* OPERATOR(…) that says whether two keys of this type are equal, whatever the search_path. */
extern char *members_equality(Oid key_type);

/*
 * Writes what differs and counts it in `run`. Returns the moves, as many as run->moved, in the current memory context.
 */
extern SegmentMove *members_write(const MembersTable *table, const MembersChange *change, SegmentationRun *run);

#endif
