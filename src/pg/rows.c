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

void
rows_begin(Rows *rows, Oid key_type, const RowsOptions *options)
{
	memset(rows, 0, sizeof *rows);
	rows->options = *options;
	rows->max_memory = settings_max_memory();
	rows->threads = settings_threads();
	rows->context = CurrentMemoryContext;
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

static size_t
memory_of(const Rows *rows, size_t count)
{
	/* a vector, a key, and a place in the order */
	size_t		row = uc_size_mul(rows->dim, sizeof(float)) + sizeof(Datum) + sizeof(size_t);
	size_t		keys = rows->count == 0 ? 0 : (size_t) ((double) rows->key_bytes / rows->count * count);

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

/* Makes room for more rows, at most doubling it; false where the memory allowed has none for even one. */
static bool
reserve(Rows *rows)
{
	size_t		more = Max(rows->capacity, FIRST_CAPACITY);
	size_t		values,
				keys;

	while (more > 0 && memory_needed(rows, rows->count + more) > rows->max_memory)
		more /= 2;
	if (more == 0)
		return false;
	values = uc_size_mul(rows->count + more, uc_size_mul(rows->dim, sizeof(float)));
	keys = uc_size_mul(rows->count + more, sizeof(Datum));
	if (rows->values == NULL)
	{
		rows->values = MemoryContextAllocHuge(rows->context, values);
		rows->keys = MemoryContextAllocHuge(rows->context, keys);
	}
	else
	{
		rows->values = repalloc_huge(rows->values, values);
		rows->keys = repalloc_huge(rows->keys, keys);
	}
	rows->capacity = rows->count + more;
	return true;
}

/* The key as text, cut to a length that suits a message; for an error that is about to be raised. */
static char *
shown_key(const Rows *rows, Datum key)
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
	return errdetail("The row's key is %s.", shown_key(rows, key));
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
						   shown_key(rows, key), embedding->dim, rows->dim) : 0));
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

void
rows_append(Rows *rows, Datum key, const Embedding *embedding)
{
	check_embedding(rows, key, embedding);
	if (rows->count == 0)
		rows->dim = embedding->dim;
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
	rows->count++;
}

/* Any fixed order of the rows of one key will do; by value it does not depend on the platform. */
static int
compare_rows(const Rows *rows, size_t a, size_t b)
{
	const float *x = rows->values + a * rows->dim;
	const float *y = rows->values + b * rows->dim;

	if (OidIsValid(rows->key_type))
	{
		int			order = ApplySortComparator(rows->keys[a], false, rows->keys[b], false,
												(SortSupport) &rows->key_order);

		if (order != 0)
			return order;
	}
	for (int i = 0; i < rows->dim; i++)
		if (x[i] != y[i])
			return x[i] < y[i] ? -1 : 1;
	return 0;
}

static int
compare_indexes(const void *a, const void *b, void *arg)
{
	CHECK_FOR_INTERRUPTS();
	return compare_rows(arg, *(const size_t *) a, *(const size_t *) b);
}

/* Moves row order[i] to place i, along the cycles of the permutation, so that no second matrix is needed. */
static void
permute(Rows *rows, size_t *order)
{
	size_t		bytes = sizeof(float) * rows->dim;
	float	   *held = palloc(bytes);

	for (size_t start = 0; start < rows->count; start++)
	{
		Datum		held_key = rows->keys[start];
		size_t		place = start;

		CHECK_FOR_INTERRUPTS();
		if (order[start] == start)
			continue;
		memcpy(held, rows->values + start * rows->dim, bytes);
		while (order[place] != start)
		{
			size_t		from = order[place];

			memcpy(rows->values + place * rows->dim, rows->values + from * rows->dim, bytes);
			rows->keys[place] = rows->keys[from];
			order[place] = place;
			place = from;
		}
		memcpy(rows->values + place * rows->dim, held, bytes);
		rows->keys[place] = held_key;
		order[place] = place;
	}
	pfree(held);
}

void
rows_finish(Rows *rows)
{
	size_t		sorted = 1;
	size_t	   *order;

	if (rows->refused > 0)
	{
		size_t		wanted = rows->count + rows->refused;
		char	   *what = psprintf("%s over %zu rows of %d dimensions", rows->options.name, wanted, rows->dim);
		UcError		err;

		usercluster_check(uc_check_budget(what, memory_needed(rows, wanted), rows->max_memory, &err), &err);
	}
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
