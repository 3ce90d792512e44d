/*
 * rows.c
 *	  Embeddings gathered from SQL into one matrix, ordered by key.
 *
 * The matrix may exceed 1 GB, so it lives in huge allocations; those grow by remapping, and pages that no row has
 * reached yet take no memory.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_collation_d.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "port.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/typcache.h"

#include "base/memory.h"
#include "pg/errors.h"
#include "pg/rows.h"
#include "pg/settings.h"

#define FIRST_CAPACITY 1024
#define SHOWN_KEY_BYTES 64
#define ROWS_MAX_FEATURES 1000

static bool
has(const Rows *rows, RowsColumn column)
{
	return (rows->columns & ROWS_KNOWS(column)) != 0;
}

static bool
is_label(RowsColumn column)
{
	return column >= ROWS_LANGUAGE;
}

void
rows_begin(Rows *rows, Oid key_type, const RowsOptions *options)
{
	memset(rows, 0, sizeof *rows);
	rows->options = *options;
	rows->max_memory = settings_max_memory();
	rows->threads = settings_threads();
	rows->context = CurrentMemoryContext;
	for (int i = 0; i < ROWS_COLUMNS; i++)
		if (is_label(i))
			labels_begin(&rows->labels[i]);
	rows->key_type = key_type;
	rows->key_by_value = true;
	if (OidIsValid(key_type))
	{
		TypeCacheEntry *type = lookup_type_cache(key_type, TYPECACHE_LT_OPR);

		if (!OidIsValid(type->lt_opr))
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_FUNCTION),
					 errmsg("keys of type %s have no order", format_type_be(key_type)),
					 errhint("Cast the key to a type that can be sorted, such as text.")));
		rows->key_length = type->typlen;
		rows->key_by_value = type->typbyval;
		rows->key_order.ssup_cxt = rows->context;
		rows->key_order.ssup_collation = OidIsValid(type->typcollation) ? C_COLLATION_OID : InvalidOid;
		PrepareSortSupportFromOrderingOp(type->lt_opr, &rows->key_order);
	}
}

typedef struct Column
{
	void	  **data;			/* where the pointer to its array is kept */
	size_t		width;			/* bytes per row */
} Column;

/* Every array of the rows but the matrix; returns how many. */
static int
list_columns(Rows *rows, Column *columns)
{
	int			count = 0;

	columns[count++] = (Column) {(void **) &rows->keys, sizeof(Datum)};
	if (has(rows, ROWS_WEIGHT))
		columns[count++] = (Column) {(void **) &rows->weights, sizeof(double)};
	if (rows->feature_count > 0)
		columns[count++] = (Column) {(void **) &rows->features, sizeof(double) * rows->feature_count};
	for (int i = 0; i < ROWS_COLUMNS; i++)
		if (is_label(i) && has(rows, i))
			columns[count++] = (Column) {(void **) &rows->labels[i].codes, sizeof(int32)};
	return count;
}

static size_t
memory_of(const Rows *rows, size_t count)
{
	Column		columns[ROWS_COLUMNS + 1];
	int			listed = list_columns((Rows *) rows, columns);
	size_t		row = uc_size_mul(rows->dim, sizeof(float)) + sizeof(size_t);	/* a vector, and a place in the order */
	size_t		keys = rows->count == 0 ? 0 : (size_t) ((double) rows->key_bytes / rows->count * count);

	for (int i = 0; i < listed; i++)
		row += columns[i].width;
	for (int i = 0; i < ROWS_COLUMNS; i++)
		keys = uc_size_add(keys, rows->labels[i].bytes);
	return uc_size_add(uc_size_mul(count, row), keys);
}

/* The rows and the work on them, which bounds what can be gathered. */
static size_t
memory_needed(const Rows *rows, size_t count)
{
	const RowsOptions *options = &rows->options;

	return uc_size_add(memory_of(rows, count), options->work(count, rows->dim, rows->threads, options->work_arg));
}

size_t
rows_memory(const Rows *rows)
{
	return memory_of(rows, rows->count);
}

size_t
rows_memory_wanted(const Rows *rows)
{
	return memory_needed(rows, rows->count + rows->refused);
}

static void
grow(const Rows *rows, void **data, size_t width, size_t count)
{
	size_t		bytes = uc_size_mul(count, width);

	*data = *data == NULL ? MemoryContextAllocHuge(rows->context, bytes) : repalloc_huge(*data, bytes);
}

/* Makes room for more rows, at most doubling it; false where the memory allowed has none for even one. */
static bool
reserve(Rows *rows)
{
	size_t		more = Max(rows->capacity, FIRST_CAPACITY);
	Column		columns[ROWS_COLUMNS + 1];
	int			listed = list_columns(rows, columns);

	while (more > 0 && memory_needed(rows, rows->count + more) > rows->max_memory)
		more /= 2;
	if (more == 0)
		return false;
	grow(rows, (void **) &rows->values, sizeof(float) * rows->dim, rows->count + more);
	for (int i = 0; i < listed; i++)
		grow(rows, columns[i].data, columns[i].width, rows->count + more);
	rows->capacity = rows->count + more;
	return true;
}

char *
rows_shown_key(const Rows *rows, Datum key)
{
	Oid			output;
	bool		is_varlena;
	char	   *text;
	int			length;

	getTypeOutputInfo(rows->key_type, &output, &is_varlena);
	text = OidOutputFunctionCall(output, key);
	length = strlen(text);
	if (length <= SHOWN_KEY_BYTES)
		return text;
	return psprintf("%.*s...", pg_mbcliplen(text, length, SHOWN_KEY_BYTES), text);
}

static int
row_detail(const Rows *rows, Datum key)
{
	if (!OidIsValid(rows->key_type))
		return 0;
	return errdetail("The row's key is %s.", rows_shown_key(rows, key));
}

static void
check_embedding(const Rows *rows, Datum key, const Embedding *embedding)
{
	bool		zero = true;

	if (rows->count > 0 && embedding->dim != rows->dim)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("different embedding dimensions %d and %d", rows->dim, embedding->dim),
				 OidIsValid(rows->key_type) ?
				 errdetail("The row with key %s has %d dimensions, and a row before it has %d.",
						   rows_shown_key(rows, key), embedding->dim, rows->dim) : 0));
	for (int i = 0; i < embedding->dim; i++)
	{
		if (!isfinite(embedding->x[i]))
			ereport(ERROR,
					(errcode(ERRCODE_DATA_EXCEPTION),
					 errmsg("embedding holds NaN or infinity"), row_detail(rows, key)));
		zero = zero && embedding->x[i] == 0;
	}
	if (zero && rows->options.directions)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("embedding of zero norm has no direction, which the cosine metric needs"),
				 row_detail(rows, key),
				 errhint("Leave such rows out, or use metric => 'euclidean'.")));
}

static Datum
copy_key(Rows *rows, Datum key)
{
	MemoryContext old;
	Size		length = rows->key_length;
	void	   *copy;

	if (rows->key_by_value)
		return key;
	old = MemoryContextSwitchTo(rows->context);
	if (rows->key_length == -1)
		copy = PG_DETOAST_DATUM_COPY(key);
	else
	{
		if (rows->key_length == -2)
			length = strlen(DatumGetCString(key)) + 1;
		copy = palloc(length);
		memcpy(copy, DatumGetPointer(key), length);
	}
	MemoryContextSwitchTo(old);
	rows->key_bytes += GetMemoryChunkSpace(copy);
	return PointerGetDatum(copy);
}

static void
check_extra(const Rows *rows, Datum key, const RowExtra *extra)
{
	if (has(rows, ROWS_WEIGHT) && !(isfinite(extra->weight) && extra->weight >= 0))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("weight must be a finite number of at least 0, not %g", extra->weight), row_detail(rows, key)));
	if (extra->features == NULL)
		return;
	if (extra->feature_count < 1 || extra->feature_count > ROWS_MAX_FEATURES)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("features must hold 1 to %d numbers, not %d", ROWS_MAX_FEATURES, extra->feature_count),
				 row_detail(rows, key)));
	if (rows->feature_count > 0 && extra->feature_count != rows->feature_count)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("different numbers of features %d and %d", rows->feature_count, extra->feature_count),
				 row_detail(rows, key)));
	for (int i = 0; i < extra->feature_count; i++)
		if (isinf(extra->features[i]))
			ereport(ERROR,
					(errcode(ERRCODE_DATA_EXCEPTION), errmsg("feature %d is infinite", i + 1), row_detail(rows, key)));
}

/* Rows before the first with features have none. */
static void
begin_features(Rows *rows, int feature_count)
{
	rows->feature_count = feature_count;
	grow(rows, (void **) &rows->features, sizeof(double) * feature_count, rows->capacity);
	for (size_t i = 0; i < rows->count * feature_count; i++)
		rows->features[i] = NAN;
}

static void
copy_extra(Rows *rows, size_t row, const RowExtra *extra)
{
	if (has(rows, ROWS_WEIGHT))
		rows->weights[row] = extra->weight;
	if (rows->feature_count == 0 && extra->features != NULL)
		begin_features(rows, extra->feature_count);
	for (int i = 0; i < rows->feature_count; i++)
		rows->features[row * rows->feature_count + i] = extra->features == NULL ? NAN : extra->features[i];
	for (int i = 0; i < ROWS_COLUMNS; i++)
		if (is_label(i) && has(rows, i))
			rows->labels[i].codes[row] = extra->labels[i] == NULL ? -1 : labels_code(&rows->labels[i], extra->labels[i]);
}

void
rows_append(Rows *rows, Datum key, const Embedding *embedding, const RowExtra *extra)
{
	check_embedding(rows, key, embedding);
	if (rows->columns != 0)
		check_extra(rows, key, extra);
	if (rows->count == 0)
		rows->dim = embedding->dim;
	if (rows->options.take != NULL)
	{
		if (rows->columns != 0 && extra->features != NULL)
			rows->feature_count = extra->feature_count;
		rows->options.take(rows->options.take_arg, rows, key, embedding, rows->columns != 0 ? extra : NULL);
		rows->count++;
		return;
	}
	/* Keys passed by reference can grow under us, so room in the arrays is not enough. */
	if (rows->refused > 0 ||
		(rows->count == rows->capacity && !reserve(rows)) ||
		(!rows->key_by_value && memory_needed(rows, rows->count + 1) > rows->max_memory))
	{
		rows->refused++;
		return;
	}
	rows->keys[rows->count] = copy_key(rows, key);
	memcpy(rows->values + rows->count * rows->dim, embedding->x, sizeof(float) * rows->dim);
	if (rows->columns != 0)
		copy_extra(rows, rows->count, extra);
	rows->count++;
}

int
rows_compare_keys(const Rows *rows, Datum a, Datum b)
{
	return ApplySortComparator(a, false, b, false, (SortSupport) &rows->key_order);
}

/* Any fixed order of the rows of one key will do. */
static int
compare_rows(const Rows *rows, size_t a, size_t b)
{
	Column		columns[ROWS_COLUMNS + 1];
	int			listed;
	const float *x = rows->values + a * rows->dim;
	const float *y = rows->values + b * rows->dim;

	if (OidIsValid(rows->key_type))
	{
		int			order = rows_compare_keys(rows, rows->keys[a], rows->keys[b]);

		if (order != 0)
			return order;
	}
	for (int i = 0; i < rows->dim; i++)
		if (x[i] != y[i])
			return x[i] < y[i] ? -1 : 1;
	listed = list_columns((Rows *) rows, columns);
	for (int i = 1; i < listed; i++)
	{
		int			order = memcmp((char *) *columns[i].data + a * columns[i].width,
								   (char *) *columns[i].data + b * columns[i].width, columns[i].width);

		if (order != 0)
			return order;
	}
	return 0;
}

static int
compare_indexes(const void *a, const void *b, void *arg)
{
	CHECK_FOR_INTERRUPTS();
	return compare_rows(arg, *(const size_t *) a, *(const size_t *) b);
}

/* Moves row order[i] of a column to place i. */
static void
permute_column(const Rows *rows, const Column *column, const size_t *order)
{
	char	   *from = *column->data;
	char	   *to = MemoryContextAllocHuge(rows->context, rows->capacity * column->width);

	for (size_t i = 0; i < rows->count; i++)
		memcpy(to + i * column->width, from + order[i] * column->width, column->width);
	pfree(from);
	*column->data = to;
}

/* Moves row order[i] to place i; in the matrix along the cycles of the permutation, so that no second one is needed. */
static void
permute(Rows *rows, size_t *order)
{
	size_t		bytes = sizeof(float) * rows->dim;
	float	   *held = palloc(bytes);
	Column		columns[ROWS_COLUMNS + 1];
	int			listed = list_columns(rows, columns);

	for (int i = 0; i < listed; i++)
		permute_column(rows, &columns[i], order);

	for (size_t start = 0; start < rows->count; start++)
	{
		size_t		place = start;

		CHECK_FOR_INTERRUPTS();
		if (order[start] == start)
			continue;
		memcpy(held, rows->values + start * rows->dim, bytes);
		while (order[place] != start)
		{
			size_t		from = order[place];

			memcpy(rows->values + place * rows->dim, rows->values + from * rows->dim, bytes);
			order[place] = place;
			place = from;
		}
		memcpy(rows->values + place * rows->dim, held, bytes);
		order[place] = place;
	}
	pfree(held);
}

void
rows_finish(Rows *rows)
{
	size_t		sorted = 1;
	size_t	   *order;

	if (rows->options.take != NULL || (rows->refused > 0 && rows->options.may_exceed))
		return;
	if (rows->refused > 0)
	{
		size_t		wanted = rows->count + rows->refused;
		char	   *what = psprintf("%s over %zu rows of %d dimensions", rows->options.name, wanted, rows->dim);
		UcError		err;

		usercluster_check(uc_check_budget(what, rows_memory_wanted(rows), rows->max_memory, &err), &err);
	}
	for (int i = 0; i < ROWS_COLUMNS; i++)
		if (is_label(i) && has(rows, i))
			labels_finish(&rows->labels[i], rows->count);
	while (sorted < rows->count && compare_rows(rows, sorted - 1, sorted) <= 0)
		sorted++;
	if (sorted >= rows->count)
		return;
	order = MemoryContextAllocHuge(rows->context, rows->count * sizeof *order);
	for (size_t i = 0; i < rows->count; i++)
		order[i] = i;
	qsort_arg(order, rows->count, sizeof *order, compare_indexes, rows);
	permute(rows, order);
	pfree(order);
}

void
rows_refuse_duplicates(const Rows *rows)
{
	for (size_t i = 1; i < rows->count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (rows_compare_keys(rows, rows->keys[i - 1], rows->keys[i]) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_CARDINALITY_VIOLATION),
					 errmsg("the query returned more than one row for a key"),
					 errdetail("The key is %s.", rows_shown_key(rows, rows->keys[i])),
					 errhint("Take the mean of each key's embeddings: SELECT key, avg(embedding) ... GROUP BY key.")));
	}
}
