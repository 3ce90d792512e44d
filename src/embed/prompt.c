/*
 * prompt.c
 *	  A prompt and a text together.
 */
#include "embed/prompt.h"

#include <string.h>

#include "base/memory.h"

void
uc_prompted_begin(UcPrompted *prompted, const char *prompt)
{
	*prompted = (UcPrompted) {.prompt = prompt,.prompt_bytes = prompt == NULL ? 0 : strlen(prompt)};
}

void
uc_prompted_end(UcPrompted *prompted)
{
	uc_free(prompted->buffer);
}

UcStatus
uc_prompted_text(UcPrompted *prompted, UcText *text, UcError *err)
{
	size_t		bytes = uc_size_add(prompted->prompt_bytes, text->bytes);

	if (prompted->prompt_bytes == 0)
		return UC_OK;
	if (bytes > prompted->capacity)
	{
		uc_free(prompted->buffer);
		prompted->buffer = uc_alloc(bytes);
		prompted->capacity = prompted->buffer == NULL ? 0 : bytes;
		if (prompted->buffer == NULL)
			return uc_out_of_memory(err, bytes);
	}
	memcpy(prompted->buffer, prompted->prompt, prompted->prompt_bytes);
	memcpy(prompted->buffer + prompted->prompt_bytes, text->text, text->bytes);
	*text = (UcText) {prompted->buffer, bytes};
	return UC_OK;
}
