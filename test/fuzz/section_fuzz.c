/*
 * A damaged tokenizer section: the first byte says which of the small tokenizers, every four that follow put one byte at
 * one place, in the header (its fields, where the first bit is set) or anywhere. It is refused, or tokenizes inside its bounds.
 */
#include "tokenizers.h"

#include "model/tokenizer_format.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	static const char *const texts[] = {"The caf\xC3\xA9 e\xCC\x81\xCC\xA3 [SEP]<x>  new<b> ", "\xEF\xB7\xBA\xE4\xB8\xAD\xE1\x84\x80\xE1\x85\xA1 ab ''.",
	"abcabcabcabcabcabc"};
	const UcImportedTokenizer *base;
	UcTokenizer *tokenizer;
	UcError		err = {0};
	char	   *section;

	if (fuzz_count == 0)
		fuzz_import_all();
	if (bytes == 0)
		return 0;
	base = &fuzz_sections[data[0] % fuzz_count];
	section = malloc(base->bytes);
	MUST(section != NULL);
	memcpy(section, base->section, base->bytes);
	for (size_t i = 1; i + 4 <= bytes; i += 4)
	{
		size_t		place = ((size_t) (data[i] & 0x7F) << 16 | (size_t) data[i + 1] << 8 | data[i + 2]);

		place %= data[i] & 0x80 ? sizeof(UcTokenizerHeader) : base->bytes;
		section[place] = (char) data[i + 3];
	}
	if (uc_tokenizer_open(section, base->bytes, base->ids, &tokenizer, &err) == UC_OK)
	{
		for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
			fuzz_tokenize(tokenizer, base->ids, texts[i], strlen(texts[i]));
		uc_tokenizer_close(tokenizer);
	}
	free(section);
	return 0;
}
