/*
 * segmentation_save.c
 *	  The catalogue tables of segmentations: writing them.
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_type_d.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "pg/segmentation.h"

#define MOVES_AT_A_TIME 10000

static Datum
text_or_null(const char *string, bool *is_null)
{
	*is_null = string == NULL;
	return string == NULL ? (Datum) 0 : CStringGetTextDatum(string);
}

static Datum
number_or_null(double number, bool *is_null)
{
	*is_null = isnan(number);
	return Float8GetDatum(number);
}

void
segmentation_insert(const Segmentation *s)
{
	const Oid	types[] = {
		TEXTOID, TEXTOID, TEXTOID, INT4OID, BOOLOID, TEXTOID, TEXTOID, TEXTOID, FLOAT8OID, INT8OID, INT4OID, INT4OID, FLOAT8OID,
		BOOLOID
	};
	const Datum values[] = {
		CStringGetTextDatum(s->name), CStringGetTextDatum(s->query), CStringGetTextDatum(s->search_path),
		Int32GetDatum(s->kmeans.k), BoolGetDatum(s->automatic_k), CStringGetTextDatum(s->algorithm),
		CStringGetTextDatum(s->metric), CStringGetTextDatum(s->preparation), Float8GetDatum(s->feature_weight),
		Int64GetDatum((int64) s->kmeans.seed), Int32GetDatum(s->kmeans.restarts), Int32GetDatum(s->kmeans.max_iterations),
		Float8GetDatum(s->kmeans.tolerance), BoolGetDatum(s->model_named)
	};

	if (segmentation_execute("INSERT INTO usercluster.segmentation_store (name, query, search_path, k, automatic_k, algorithm, metric, "
							 "preparation, feature_weight, seed, restarts, max_iterations, tolerance, model_named) "
							 "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) ON CONFLICT (name) DO NOTHING",
							 lengthof(types), types, values, NULL) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("segmentation \"%s\" already exists", s->name),
				 errhint("Bring it up to date with usercluster.refresh_segmentation, or drop it with usercluster.drop_segmentation.")));
}

void
segmentation_set_members(const Segmentation *s)
{
	const Datum values[] = {CStringGetTextDatum(s->name), ObjectIdGetDatum(s->members)};

	if (segmentation_execute("UPDATE usercluster.segmentation_store SET members = $2 WHERE name = $1 "
							 "AND NOT EXISTS (SELECT FROM usercluster.segmentation_store WHERE members = $2)",
							 2, (Oid[]) {TEXTOID, REGCLASSOID}, values, NULL) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("table \"%s\" holds the members of another segmentation", get_rel_name(s->members)),
				 errhint("Name another table: members => '...'.")));
}

static Datum
typical_datum(const Segment *segment)
{
	Datum		elements[SEGMENTATION_TYPICAL];
	int			count = 0;

	while (count < SEGMENTATION_TYPICAL && segment->typical[count] != NULL)
	{
		elements[count] = CStringGetTextDatum(segment->typical[count]);
		count++;
	}
	if (count == 0)
		return PointerGetDatum(construct_empty_array(TEXTOID));
	return PointerGetDatum(construct_array(elements, count, TEXTOID, -1, false, TYPALIGN_INT));
}

static void
save_segment(const Segmentation *s, const Segment *segment)
{
	Oid			embedding = embedding_type_oid();
	const Oid	types[] = {TEXTOID, INT4OID, INT8OID, FLOAT8OID, FLOAT8OID, TEXTARRAYOID, embedding, embedding};
	bool		nulls[lengthof(types)] = {false};
	const Datum values[] = {
		CStringGetTextDatum(s->name), Int32GetDatum(segment->number), Int64GetDatum(segment->size),
		number_or_null(segment->mean_distance, &nulls[3]), number_or_null(segment->cohesion, &nulls[4]),
		typical_datum(segment), PointerGetDatum(segment->centroid), PointerGetDatum(segment->prepared)
	};

	segmentation_execute("INSERT INTO usercluster.segment_store (segmentation, segment, size, mean_distance, cohesion, typical, "
						 "centroid, prepared_centroid) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) "
						 "ON CONFLICT (segmentation, segment) DO UPDATE SET size = excluded.size, "
						 "mean_distance = excluded.mean_distance, cohesion = excluded.cohesion, typical = excluded.typical, "
						 "centroid = excluded.centroid, prepared_centroid = excluded.prepared_centroid",
						 lengthof(types), types, values, nulls);
}

static Datum
numbers_datum(const Segmentation *s)
{
	Datum	   *numbers = palloc(sizeof(Datum) * Max(s->count, 1));

	for (int i = 0; i < s->count; i++)
		numbers[i] = Int32GetDatum(s->segments[i].number);
	return PointerGetDatum(construct_array(numbers, s->count, INT4OID, sizeof(int32), true, TYPALIGN_INT));
}

void
segmentation_save(const Segmentation *s, bool refitted)
{
	const Oid	types[] = {
		TEXTOID, INT4OID, TEXTOID, TEXTOID, INT4OID, INT4OID, INT8OID, INT4OID, FLOAT8OID, TIMESTAMPTZOID,
		HeapTupleHeaderGetTypeId(s->fitted), BOOLOID
	};
	bool		nulls[lengthof(types)] = {false};
	const Datum values[] = {
		CStringGetTextDatum(s->name), Int32GetDatum(s->kmeans.k), text_or_null(s->model, &nulls[2]),
		text_or_null(s->fingerprint, &nulls[3]), Int32GetDatum(s->dimensions), Int32GetDatum(s->run),
		Int64GetDatum((int64) s->content), Int32GetDatum(s->last_segment), Float8GetDatum(s->mean_distance),
		TimestampTzGetDatum(s->fitted_at), PointerGetDatum(s->fitted), BoolGetDatum(s->automatic_k)
	};

	segmentation_execute("UPDATE usercluster.segmentation_store SET k = $2, model = $3, fingerprint = $4, dimensions = $5, run = $6, "
						 "content = $7, last_segment = $8, mean_distance = $9, fitted_at = $10, fitted = $11, automatic_k = $12 WHERE name = $1",
						 lengthof(types), types, values, nulls);
	if (refitted)
	{
		const Datum gone[] = {CStringGetTextDatum(s->name), numbers_datum(s)};

		segmentation_execute("DELETE FROM usercluster.segment_store WHERE segmentation = $1 AND segment <> ALL ($2)",
							 2, (Oid[]) {TEXTOID, INT4ARRAYOID}, gone, NULL);
	}
	for (int i = 0; i < s->count; i++)
		save_segment(s, &s->segments[i]);
}

void
segmentation_grow(Segmentation *s, const int32 *places, size_t count)
{
	const Oid	types[] = {TEXTOID, INT4OID, INT8OID};
	int64	   *added = palloc0(sizeof(int64) * s->count);
	Datum		values[3] = {CStringGetTextDatum(s->name), Int32GetDatum(++s->run)};

	segmentation_execute("UPDATE usercluster.segmentation_store SET run = $2 WHERE name = $1", 2, types, values, NULL);
	for (size_t i = 0; i < count; i++)
		added[places[i]]++;
	for (int i = 0; i < s->count; i++)
	{
		values[1] = Int32GetDatum(s->segments[i].number);
		values[2] = Int64GetDatum(added[i]);
		if (added[i] > 0)
			segmentation_execute("UPDATE usercluster.segment_store SET size = size + $3 WHERE segmentation = $1 AND segment = $2",
								 3, types, values, NULL);
	}
	pfree(added);
}

static void
save_moves(const Segmentation *s, const SegmentMove *moves, int count)
{
	Datum	   *keys = palloc(sizeof(Datum) * count);
	Datum	   *from = palloc(sizeof(Datum) * count);
	Datum	   *to = palloc(sizeof(Datum) * count);
	Datum		values[5] = {CStringGetTextDatum(s->name), Int32GetDatum(s->run)};

	for (int i = 0; i < count; i++)
	{
		keys[i] = CStringGetTextDatum(moves[i].key);
		from[i] = Int32GetDatum(moves[i].from);
		to[i] = Int32GetDatum(moves[i].to);
	}
	values[2] = PointerGetDatum(construct_array(keys, count, TEXTOID, -1, false, TYPALIGN_INT));
	values[3] = PointerGetDatum(construct_array(from, count, INT4OID, sizeof(int32), true, TYPALIGN_INT));
	values[4] = PointerGetDatum(construct_array(to, count, INT4OID, sizeof(int32), true, TYPALIGN_INT));
	segmentation_execute("INSERT INTO usercluster.segment_move_store (segmentation, run, key, from_segment, to_segment) "
						 "SELECT $1, $2, * FROM unnest($3, $4, $5)",
						 5, (Oid[]) {TEXTOID, INT4OID, TEXTARRAYOID, INT4ARRAYOID, INT4ARRAYOID}, values, NULL);
	pfree(keys);
	pfree(from);
	pfree(to);
}

void
segmentation_save_run(const Segmentation *s, const SegmentationRun *run, const SegmentMove *moves, int move_count)
{
	const Oid	types[] = {
		TEXTOID, INT4OID, TEXTOID, TIMESTAMPTZOID, FLOAT8OID, INT8OID, INT8OID, INT4OID, FLOAT8OID, FLOAT8OID, FLOAT8OID,
		INT4OID, BOOLOID, BOOLOID, FLOAT8OID, INT8OID, INT8OID, INT8OID, INT8OID, TEXTOID
	};
	bool		nulls[lengthof(types)] = {false};
	bool		fitted = !isnan(run->inertia);
	const Datum values[] = {
		CStringGetTextDatum(s->name), Int32GetDatum(s->run), CStringGetTextDatum(run->kind),
		TimestampTzGetDatum(run->started_at), Float8GetDatum((GetCurrentTimestamp() - run->started_at) / 1e6),
		Int64GetDatum(run->rows), Int64GetDatum(run->skipped), Int32GetDatum(s->count),
		number_or_null(run->inertia, &nulls[8]), number_or_null(run->mean_distance, &nulls[9]),
		number_or_null(run->silhouette, &nulls[10]), Int32GetDatum(run->iterations), BoolGetDatum(run->converged),
		BoolGetDatum(run->warm), number_or_null(run->drift, &nulls[14]), Int64GetDatum(run->moved),
		Int64GetDatum(run->joined), Int64GetDatum(run->departed), Int64GetDatum(run->written),
		text_or_null(s->fingerprint, &nulls[19])
	};
	const Datum old[] = {CStringGetTextDatum(s->name), Int32GetDatum(s->run - SEGMENTATION_KEPT_RUNS)};

	nulls[11] = nulls[12] = nulls[13] = !fitted;
	segmentation_execute("INSERT INTO usercluster.segmentation_run_store (segmentation, run, kind, started_at, seconds, rows, "
						 "skipped, segments, inertia, mean_distance, silhouette, iterations, converged, warm, drift, moved, joined, "
						 "departed, written, fingerprint) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, "
						 "$16, $17, $18, $19, $20)", lengthof(types), types, values, nulls);
	for (int i = 0; i < move_count; i += MOVES_AT_A_TIME)
		save_moves(s, moves + i, Min(MOVES_AT_A_TIME, move_count - i));
	segmentation_execute("DELETE FROM usercluster.segment_move_store WHERE segmentation = $1 AND run <= $2", 2,
						 (Oid[]) {TEXTOID, INT4OID}, old, NULL);
}
