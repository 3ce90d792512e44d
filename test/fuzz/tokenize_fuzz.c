/*
 * Any bytes as text for each of the small tokenizers; the first byte says which.
 */
#include "tokenizers.h"

static UcTokenizer *tokenizers[FUZZ_MOST];

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	UcError		err = {0};
	int			which;

	if (fuzz_count == 0)
	{
		fuzz_import_all();
		for (int i = 0; i < fuzz_count; i++)
			MUST(uc_tokenizer_open(fuzz_sections[i].section, fuzz_sections[i].bytes, fuzz_sections[i].ids, &tokenizers[i], &err) == UC_OK);
	}
	if (bytes == 0)
		return 0;
	which = data[0] % fuzz_count;
	fuzz_tokenize(tokenizers[which], fuzz_sections[which].ids, (const char *) data + 1, bytes - 1);
	return 0;
}
