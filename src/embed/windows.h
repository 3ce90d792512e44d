/*
 * windows.h
 *	  A text beyond the model's tokens as windows that fit, for vectors that are to speak of all of it.
 *
 * A window ends at the last end of a sentence in its second half, or where it is full. The next one begins with the last
 * whole sentences of the one before that take at most an eighth of a window, so that what belongs together is seen
 * together somewhere.
 */
#ifndef UC_EMBED_WINDOWS_H
#define UC_EMBED_WINDOWS_H

#include <stddef.h>

#include "base/run.h"
#include "base/status.h"
#include "embed/embed.h"
#include "token/tokenizer.h"

typedef struct UcWindow
{
	size_t		start;			/* bytes of the text: [start, stop) */
	size_t		stop;
	size_t		tokens;			/* of the text, without those of the prompt and the model's own */
} UcWindow;

typedef struct UcWindower UcWindower;

/*
 * `limit` is the model's number of tokens; the tokenizer and the prompt (NULL or "": none) must live as long as the windower.
 * Errors: UC_LIMIT_EXCEEDED (the prompt leaves no room for a text), UC_OUT_OF_MEMORY, and those of uc_tokenize.
 */
extern UcStatus uc_windower_open(const UcTokenizer *tokenizer, size_t limit, const char *prompt, const UcRun *run,
								 UcWindower **windower, UcError *err);
extern void uc_windower_close(UcWindower *windower);	/* takes NULL */

/*
 * The windows of a text, which belong to the windower until the next call; a text that fits, or has no tokens, is one window
 * from its first byte to its last. Errors: those of uc_tokenize and of text/sentences.h.
 */
extern UcStatus uc_windower_part(UcWindower *windower, UcText text, const UcRun *run, const UcWindow **windows,
								 size_t *count, UcError *err);

#endif
