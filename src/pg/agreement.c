/*
 * agreement.c
 *	  Aggregates over (label, label): how far two labellings of the same rows agree.
 *
 * Labels are of any type that can be hashed, and each column has its own. They are numbered as they come; the numbers
 * of each row are kept, and the core counts them at the end. Rows with a NULL on either side do not count.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/memutils.h"
#include "utils/typcache.h"

#include "base/memory.h"
#include "cluster/quality.h"
#include "pg/definition.h"
#include "pg/errors.h"
#include "pg/settings.h"

#define SIDES 2
#define FIRST_CAPACITY 256

typedef struct LabelEntry
{
	Datum		label;
	int32		number;
	uint32		hash;
	char		status;			/* used by the hash table */
} LabelEntry;

typedef struct LabelType
{
	TypeCacheEntry *type;
	Oid			collation;
} LabelType;

#define SH_PREFIX label
#define SH_ELEMENT_TYPE LabelEntry
#define SH_KEY_TYPE Datum
#define SH_KEY label
#define SH_HASH_KEY(table, key) hash_label((table)->private_data, key)
#define SH_EQUAL(table, a, b) same_label((table)->private_data, a, b)
#define SH_STORE_HASH
#define SH_GET_HASH(table, entry) (entry)->hash
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE

static uint32
hash_label(const LabelType *labels, Datum label)
{
	/* The table takes the low bits as they are; integer hashes of extensions may leave them poor. */
	return murmurhash32(DatumGetUInt32(FunctionCall1Coll(&labels->type->hash_proc_finfo, labels->collation, label)));
}

static bool
same_label(const LabelType *labels, Datum a, Datum b)
{
	return DatumGetBool(FunctionCall2Coll(&labels->type->eq_opr_finfo, labels->collation, a, b));
}

#include "lib/simplehash.h"

typedef struct Agreement
{
	LabelType	types[SIDES];
	label_hash *tables[SIDES];
	int32	   *numbers[SIDES]; /* [count] each */
	size_t		count;
	size_t		capacity;
	size_t		bytes;			/* of numbers and labels */
} Agreement;

static void
take_memory(Agreement *agreement, size_t bytes)
{
	UcError		err;

	agreement->bytes = uc_size_add(agreement->bytes, bytes);
	usercluster_check(uc_check_budget("comparing labels", agreement->bytes, settings_max_memory(), &err), &err);
}

static Agreement *
new_agreement(FunctionCallInfo fcinfo, MemoryContext context)
{
	MemoryContext old = MemoryContextSwitchTo(context);
	Agreement  *agreement = palloc0(sizeof *agreement);

	for (int side = 0; side < SIDES; side++)
	{
		LabelType  *labels = &agreement->types[side];
		Oid			type = get_fn_expr_argtype(fcinfo->flinfo, 1 + side);

		labels->type = lookup_type_cache(type, TYPECACHE_HASH_PROC_FINFO | TYPECACHE_EQ_OPR_FINFO);
		labels->collation = PG_GET_COLLATION();
		if (!OidIsValid(labels->type->hash_proc_finfo.fn_oid) || !OidIsValid(labels->type->eq_opr_finfo.fn_oid))
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_FUNCTION),
					 errmsg("labels of type %s cannot be hashed", format_type_be(type)),
					 errhint("Cast the label to a type that can, such as text.")));
		agreement->tables[side] = label_create(context, FIRST_CAPACITY, labels);
	}
	MemoryContextSwitchTo(old);
	return agreement;
}

static void
reserve(Agreement *agreement, MemoryContext context)
{
	size_t		capacity = Max(FIRST_CAPACITY, 2 * agreement->capacity);
	size_t		bytes = uc_size_mul(capacity, sizeof(int32));

	take_memory(agreement, uc_size_mul(capacity - agreement->capacity, SIDES * sizeof(int32)));
	for (int side = 0; side < SIDES; side++)
		agreement->numbers[side] = agreement->numbers[side] == NULL ?
			MemoryContextAllocHuge(context, bytes) : repalloc_huge(agreement->numbers[side], bytes);
	agreement->capacity = capacity;
}

static int32
number_of(Agreement *agreement, int side, Datum label, MemoryContext context)
{
	TypeCacheEntry *type = agreement->types[side].type;
	label_hash *table = agreement->tables[side];
	bool		found;
	LabelEntry *entry = label_insert(table, label, &found);

	if (!found)
	{
		MemoryContext old = MemoryContextSwitchTo(context);

		entry->number = (int32) table->members - 1;
		entry->label = type->typlen == -1 ? PointerGetDatum(PG_DETOAST_DATUM_COPY(label)) :
			datumCopy(label, type->typbyval, type->typlen);
		MemoryContextSwitchTo(old);
		take_memory(agreement, sizeof *entry +
					(type->typbyval ? 0 : GetMemoryChunkSpace(DatumGetPointer(entry->label))));
	}
	return entry->number;
}

USERCLUSTER_FUNCTION(usercluster_agreement_step)
{
	MemoryContext context;
	Agreement  *agreement;

	if (!AggCheckCallContext(fcinfo, &context))
		elog(ERROR, "usercluster_agreement_step called outside an aggregate");
	agreement = PG_ARGISNULL(0) ? new_agreement(fcinfo, context) : (Agreement *) PG_GETARG_POINTER(0);
	if (!PG_ARGISNULL(1) && !PG_ARGISNULL(2))
	{
		if (agreement->count == agreement->capacity)
			reserve(agreement, context);
		for (int side = 0; side < SIDES; side++)
			agreement->numbers[side][agreement->count] = number_of(agreement, side, PG_GETARG_DATUM(1 + side), context);
		agreement->count++;
	}
	PG_RETURN_POINTER(agreement);
}

/* False where no row counted. */
static bool
compare(FunctionCallInfo fcinfo, UcAgreement *result)
{
	Agreement  *agreement = PG_ARGISNULL(0) ? NULL : (Agreement *) PG_GETARG_POINTER(0);
	UcRun		run;
	UcError		err;
	UcStatus	status;

	if (agreement == NULL || agreement->count == 0)
		return false;
	usercluster_run(&run);
	status = uc_cluster_agreement(agreement->numbers[0], (int) agreement->tables[0]->members,
								  agreement->numbers[1], (int) agreement->tables[1]->members,
								  agreement->count, &run, result, &err);
	usercluster_check(status, &err);
	return true;
}

USERCLUSTER_FUNCTION(usercluster_adjusted_rand_index)
{
	UcAgreement result;

	if (!compare(fcinfo, &result))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(result.adjusted_rand);
}

USERCLUSTER_FUNCTION(usercluster_normalized_mutual_info)
{
	UcAgreement result;

	if (!compare(fcinfo, &result))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(result.normalized_mutual_info);
}

USERCLUSTER_FUNCTION(usercluster_homogeneity)
{
	UcAgreement result;

	if (!compare(fcinfo, &result))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(result.homogeneity);
}

USERCLUSTER_FUNCTION(usercluster_completeness)
{
	UcAgreement result;

	if (!compare(fcinfo, &result))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(result.completeness);
}

USERCLUSTER_FUNCTION(usercluster_v_measure)
{
	UcAgreement result;

	if (!compare(fcinfo, &result))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(result.v_measure);
}

USERCLUSTER_FUNCTION(usercluster_purity)
{
	UcAgreement result;

	if (!compare(fcinfo, &result))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(result.purity);
}
