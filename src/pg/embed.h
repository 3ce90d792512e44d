/*
 * embed.h
 *	  Embedding texts of SQL, shared by the functions and the trigger.
 */
#ifndef USERCLUSTER_EMBED_H
#define USERCLUSTER_EMBED_H

#include "postgres.h"

#include "embed/embed.h"
#include "pg/embedding.h"

typedef struct EmbedRequest
{
	const char *model;			/* NULL: the default model */
	const char *prompt;			/* NULL: the model's own; in the database's encoding */
	UcLongText	long_text;
	bool		shown;			/* how far it is becomes the progress of the call */
	const char *fingerprint;	/* NULL, or what the model's must be */
} EmbedRequest;

/*
 * out[i] becomes the embedding of texts[i], or NULL where that is NULL or blank, in the current memory context. Texts are
 * in the database's encoding.
 */
extern void embed_texts(const EmbedRequest *request, text *const *texts, int count, Embedding **out);

/* Refuses a model that is not there, or not the one of the request's fingerprint. */
extern void embed_check_model(const EmbedRequest *request);

/* What a value of an argument "truncation" means; refuses others (22023). */
extern UcLongText embed_long_text(const char *truncation);

#endif
