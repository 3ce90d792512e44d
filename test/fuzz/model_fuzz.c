/*
 * A compiled model of any content: it is refused, or everything that the server does with it stays inside it.
 */
#include "fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	char		path[100];

	snprintf(path, sizeof path, "/tmp/usercluster-fuzz-%d.ucm", (int) getpid());
	fuzz_write(path, data, bytes);
	fuzz_open_model(path);
	unlink(path);
	return 0;
}
