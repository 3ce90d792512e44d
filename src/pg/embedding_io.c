/*
 * embedding_io.c
 *	  The type embedding: text and binary form, modifier, checks.
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_type_d.h"
#include "common/shortest_dec.h"
#include "lib/stringinfo.h"
#include "libpq/pqformat.h"
#include "parser/scansup.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "pg/definition.h"
#include "pg/embedding.h"

static void
check_dim(int dim)
{
	if (dim < 1)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION), errmsg("embedding must have at least 1 dimension")));
	if (dim > EMBEDDING_MAX_DIM)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("embedding cannot have more than %d dimensions", EMBEDDING_MAX_DIM),
				 errdetail("It has %d.", dim)));
}

/* typmod -1 takes any dimension */
static void
check_modifier(int dim, int32 typmod)
{
	if (typmod >= 0 && dim != typmod)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("expected %d dimensions, not %d", typmod, dim)));
}

Embedding *
embedding_new(int dim)
{
	Embedding  *embedding;

	check_dim(dim);
	embedding = palloc0(EMBEDDING_SIZE(dim));
	SET_VARSIZE(embedding, EMBEDDING_SIZE(dim));
	embedding->dim = (int16) dim;
	return embedding;
}

void
embedding_check_same_dim(const Embedding *a, const Embedding *b)
{
	if (a->dim != b->dim)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("different embedding dimensions %d and %d", a->dim, b->dim)));
}

void
embedding_check_finite(const Embedding *embedding)
{
	for (int i = 0; i < embedding->dim; i++)
		if (!isfinite(embedding->x[i]))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("%s not allowed in embedding", isnan(embedding->x[i]) ? "NaN" : "infinity"),
					 errdetail("Component %d of %d is not finite.", i + 1, embedding->dim)));
}

void
embedding_refuse_overflow(int component, int dim, double value)
{
	ereport(ERROR,
			(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
			 errmsg("value out of range for a component of embedding"),
			 errdetail("Component %d of %d would be %g; the limit is %g.", component + 1, dim, value, FLT_MAX)));
}

/* The schema the extension was created in. The server's own look-up is not exported before PostgreSQL 17. */
static Oid
extension_schema(void)
{
	Relation	catalog = table_open(ExtensionRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	row;
	Oid			schema = InvalidOid;

	ScanKeyInit(&key, Anum_pg_extension_extname, BTEqualStrategyNumber, F_NAMEEQ, CStringGetDatum("usercluster"));
	scan = systable_beginscan(catalog, ExtensionNameIndexId, true, NULL, 1, &key);
	row = systable_getnext(scan);
	if (HeapTupleIsValid(row))
		schema = ((Form_pg_extension) GETSTRUCT(row))->extnamespace;
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
	return schema;
}

Oid
embedding_type_oid(void)
{
	Oid			schema = extension_schema();
	Oid			type = GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid, CStringGetDatum("embedding"), ObjectIdGetDatum(schema));

	if (!OidIsValid(type))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("type embedding of extension usercluster does not exist")));
	return type;
}

/* ---- text form: [x, y, …] ---- */

static void
malformed(const char *literal, const char *problem)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
			 errmsg("invalid input syntax for type embedding: \"%.60s%s\"", literal, strlen(literal) > 60 ? "..." : ""),
			 errdetail("%s", problem)));
}

static const char *
skip_spaces(const char *p)
{
	while (scanner_isspace(*p))
		p++;
	return p;
}

/* One component. What float4 cannot hold is refused rather than rounded to infinity. */
static const char *
parse_component(const char *literal, const char *p, float *x)
{
	char	   *end;

	errno = 0;
	*x = strtof(p, &end);
	if (end == p)
		malformed(literal, *p == '\0' ? "Unexpected end of input." : "A number was expected.");
	if (errno == ERANGE && isinf(*x))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("\"%s\" is out of range for type embedding", pnstrdup(p, Min(end - p, 40)))));
	return end;
}

USERCLUSTER_FUNCTION(usercluster_embedding_in)
{
	char	   *literal = PG_GETARG_CSTRING(0);
	int32		typmod = PG_GETARG_INT32(2);
	const char *p = skip_spaces(literal);
	Embedding  *embedding;
	int			commas = 0,
				dim = 0;

	if (*p != '[')
		malformed(literal, "An embedding begins with \"[\".");
	for (const char *c = p; *c != '\0'; c++)
		commas += *c == ',';
	p = skip_spaces(p + 1);
	if (*p == ']')
		check_dim(0);
	check_dim(commas + 1);
	embedding = embedding_new(commas + 1);
	for (;;)
	{
		/* Commas were counted, so there is room for one component more than commas were passed. */
		p = skip_spaces(parse_component(literal, p, &embedding->x[dim++]));
		if (*p != ',')
			break;
		p = skip_spaces(p + 1);
	}
	if (*p != ']')
		malformed(literal, *p == '\0' ? "Unexpected end of input." : "A \",\" or \"]\" was expected.");
	if (*skip_spaces(p + 1) != '\0')
		malformed(literal, "There is more behind the closing \"]\".");
	check_modifier(dim, typmod);
	embedding_check_finite(embedding);
	PG_RETURN_EMBEDDING(embedding);
}

/* The shortest digits that read back as the same float4. */
USERCLUSTER_FUNCTION(usercluster_embedding_out)
{
	Embedding  *embedding = PG_GETARG_EMBEDDING(0);
	char	   *text = palloc((size_t) embedding->dim * (FLOAT_SHORTEST_DECIMAL_LEN + 1) + 3);
	char	   *p = text;

	*p++ = '[';
	for (int i = 0; i < embedding->dim; i++)
	{
		if (i > 0)
			*p++ = ',';
		p += float_to_shortest_decimal_bufn(embedding->x[i], p);
	}
	*p++ = ']';
	*p = '\0';
	PG_RETURN_CSTRING(text);
}

/* ---- binary form: int16 dim, int16 zero, float4 … ---- */

USERCLUSTER_FUNCTION(usercluster_embedding_recv)
{
	StringInfo	buffer = (StringInfo) PG_GETARG_POINTER(0);
	int32		typmod = PG_GETARG_INT32(2);
	int16		dim = (int16) pq_getmsgint(buffer, 2);
	int16		unused = (int16) pq_getmsgint(buffer, 2);
	Embedding  *embedding;

	check_dim(dim);
	check_modifier(dim, typmod);
	if (unused != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("expected the unused field of an embedding to be 0, not %d", unused)));
	embedding = embedding_new(dim);
	for (int i = 0; i < dim; i++)
		embedding->x[i] = pq_getmsgfloat4(buffer);
	embedding_check_finite(embedding);
	PG_RETURN_EMBEDDING(embedding);
}

USERCLUSTER_FUNCTION(usercluster_embedding_send)
{
	Embedding  *embedding = PG_GETARG_EMBEDDING(0);
	StringInfoData buffer;

	pq_begintypsend(&buffer);
	pq_sendint16(&buffer, embedding->dim);
	pq_sendint16(&buffer, 0);
	for (int i = 0; i < embedding->dim; i++)
		pq_sendfloat4(&buffer, embedding->x[i]);
	PG_RETURN_BYTEA_P(pq_endtypsend(&buffer));
}

/* ---- modifier: embedding(n) ---- */

USERCLUSTER_FUNCTION(usercluster_embedding_typmod_in)
{
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(0);
	int			count;
	int32	   *modifiers = ArrayGetIntegerTypmods(array, &count);

	if (count != 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("type embedding takes one modifier, its dimensions")));
	if (modifiers[0] < 1 || modifiers[0] > EMBEDDING_MAX_DIM)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("dimensions of type embedding must be between 1 and %d", EMBEDDING_MAX_DIM),
				 errdetail("%d were asked for.", modifiers[0])));
	PG_RETURN_INT32(modifiers[0]);
}

USERCLUSTER_FUNCTION(usercluster_embedding_coerce)
{
	Embedding  *embedding = PG_GETARG_EMBEDDING(0);

	check_modifier(embedding->dim, PG_GETARG_INT32(1));
	PG_RETURN_EMBEDDING(embedding);
}
