/*
 * embedding.h
 *	  The SQL type embedding as C sees it, and the checks that every function on it shares.
 */
#ifndef USERCLUSTER_EMBEDDING_H
#define USERCLUSTER_EMBEDDING_H

#include "postgres.h"
#include "fmgr.h"

#define EMBEDDING_MAX_DIM 16000

/* A varlena of float4, byte for byte pgvector's `vector`; its address is 4-byte aligned after detoasting. */
typedef struct Embedding
{
	int32		vl_len_;		/* varlena header; read and set with VARSIZE and SET_VARSIZE only */
	int16		dim;			/* 1 … EMBEDDING_MAX_DIM */
	int16		unused;			/* zero: part of the binary layout */
	float		x[FLEXIBLE_ARRAY_MEMBER];	/* [dim], all finite */
} Embedding;

#define EMBEDDING_SIZE(dim) (offsetof(Embedding, x) + sizeof(float) * (dim))
#define DatumGetEmbedding(datum) ((Embedding *) PG_DETOAST_DATUM(datum))
#define PG_GETARG_EMBEDDING(n) DatumGetEmbedding(PG_GETARG_DATUM(n))
#define PG_RETURN_EMBEDDING(x) PG_RETURN_POINTER(x)

/* A zeroed embedding in the current memory context; refuses a dimension outside 1 … EMBEDDING_MAX_DIM. */
extern Embedding *embedding_new(int dim);

/* Refuses two embeddings of different dimensions (22000), with both numbers. */
extern void embedding_check_same_dim(const Embedding *a, const Embedding *b);

/* Refuses NaN and infinity (22023), with the component's position. */
extern void embedding_check_finite(const Embedding *embedding);

/* Refuses a component that float4 cannot hold (22003); the first component is 0. */
extern _Noreturn void embedding_refuse_overflow(int component, int dim, double value);

/* The type's oid, looked up in the extension's own schema. */
extern Oid	embedding_type_oid(void);

#endif
