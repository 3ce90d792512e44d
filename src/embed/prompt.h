/*
 * prompt.h
 *	  A prompt put before one text after the other, in one buffer.
 */
#ifndef UC_EMBED_PROMPT_H
#define UC_EMBED_PROMPT_H

#include "base/status.h"
#include "embed/embed.h"

typedef struct UcPrompted
{
	const char *prompt;			/* the caller's */
	size_t		prompt_bytes;	/* 0: none */
	char	   *buffer;
	size_t		capacity;		/* bytes */
} UcPrompted;

extern void uc_prompted_begin(UcPrompted *prompted, const char *prompt);	/* NULL: none */
extern void uc_prompted_end(UcPrompted *prompted);

/* Leaves the text as it is where there is no prompt; else it becomes both together, until the next call. */
extern UcStatus uc_prompted_text(UcPrompted *prompted, UcText *text, UcError *err);

#endif
