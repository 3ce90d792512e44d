/*
 * A model file that is damaged, replaced or not one is refused, and what opens can be used without reading beyond it.
 */
#include <fcntl.h>
#include <sys/stat.h>

#include "base/random.h"
#include "check.h"
#include "golden.h"

static char *content;			/* of a whole compiled model */
static size_t content_bytes;
static char path[256];

static void
write_model(const char *data, size_t bytes)
{
	FILE	   *file;

	unlink(path);
	file = fopen(path, "wb");
	fwrite(data, 1, bytes, file);
	fclose(file);
	chmod(path, 0644);
}

static UcStatus
open_written(UcError *err)
{
	UcModel    *model = NULL;
	UcStatus	status = uc_model_open_path(path, &model, err);

	uc_model_close(model);
	return status;
}

static void
check_places(void)
{
	UcError		err = {0};
	UcModel    *model;
	char		link[300];

	CHECK_REFUSED(uc_model_open("/tmp", "../etc/passwd", &model, &err), UC_INVALID_ARGUMENT, &err, "invalid model name", "a path is no name");
	CHECK_REFUSED(uc_model_open("/tmp", "", &model, &err), UC_INVALID_ARGUMENT, &err, "invalid model name", "an empty name");
	CHECK_REFUSED(uc_model_open("/tmp", ".hidden", &model, &err), UC_INVALID_ARGUMENT, &err, "invalid model name", "a hidden name");
	CHECK_REFUSED(uc_model_open("/tmp", "no-such-model", &model, &err), UC_NOT_FOUND, &err, "does not exist", "a missing file");
	CHECK_REFUSED(uc_model_open_path("/tmp", &model, &err), UC_NOT_ALLOWED, &err, "not a regular file", "a directory");

	write_model(content, content_bytes);
	snprintf(link, sizeof link, "%s.link", path);
	unlink(link);
	CHECK(symlink(path, link) == 0, "a link is made");
	CHECK_REFUSED(uc_model_open_path(link, &model, &err), UC_NOT_ALLOWED, &err, "symbolic link", "a link is not followed");
	unlink(link);
	chmod(path, 0646);
	CHECK_REFUSED(open_written(&err), UC_NOT_ALLOWED, &err, "writable by everyone", "a file that everyone may change");
	chmod(path, 0644);
	CHECK(open_written(&err) == UC_OK, "the same file opens otherwise");
}

static void
check_damage(void)
{
	UcError		err = {0};
	UcRandom	random;
	char	   *damaged = malloc(content_bytes);
	bool		clean = true;

	write_model(content, 10);
	CHECK_REFUSED(open_written(&err), UC_CORRUPT, &err, "shorter than its header", "a file of ten bytes");
	write_model(content, content_bytes - 1);
	CHECK_REFUSED(open_written(&err), UC_CORRUPT, &err, "size is not", "a file cut by one byte");
	memcpy(damaged, content, content_bytes);
	damaged[0] = 'X';
	write_model(damaged, content_bytes);
	CHECK_REFUSED(open_written(&err), UC_CORRUPT, &err, "does not begin", "another kind of file");
	memcpy(damaged, content, content_bytes);
	damaged[8] = 99;
	write_model(damaged, content_bytes);
	CHECK_REFUSED(open_written(&err), UC_UNSUPPORTED, &err, "format version 99", "a version of the future");

	memcpy(damaged, content, content_bytes);
	damaged[content_bytes - 5] ^= 1;
	write_model(damaged, content_bytes);
	CHECK(open_written(&err) == UC_OK, "a changed weight is not seen at open");
	CHECK_REFUSED(uc_verify(path, &err), UC_CORRUPT, &err, "fingerprint", "but by verify");

	/* Whatever the bytes before the weights become: refused, or open and usable. The sanitizers watch. */
	uc_random_seed(&random, 3, 0);
	for (int round = 0; round < 1500; round++)
	{
		UcModel    *model = NULL;
		UcTokenizer *tokenizer = NULL;
		UcText		text = {"the cat 电影 zz", 15};
		UcEmbedOptions options = {0};
		UcRun		run = {.threads = 1,.max_memory = 64 << 20};
		float		vector[64];

		memcpy(damaged, content, content_bytes);
		for (int i = 0; i < 3; i++)
			damaged[uc_random_below(&random, round % 2 ? 600 : content_bytes)] = (char) uc_random_next(&random);
		write_model(damaged, content_bytes);
		if (uc_model_open_path(path, &model, &err) == UC_OK &&
			uc_tokenizer_open(model->tokenizer, model->tokenizer_bytes, model->config.vocabulary, &tokenizer, &err) == UC_OK &&
			model->config.dimensions <= 64 && uc_embed(model, tokenizer, &text, 1, &options, &run, vector, &err) == UC_OK)
			for (uint32_t i = 0; i < model->config.dimensions; i++)
				clean = clean && isfinite(vector[i]);
		uc_tokenizer_close(tokenizer);
		uc_model_close(model);
	}
	CHECK(clean, "1,500 damaged files are refused or give finite vectors");
	free(damaged);
}

static void
check_replacement(void)
{
	UcModel    *model = NULL;
	UcError		err = {0};
	char		other[300];

	snprintf(path, sizeof path, "/tmp/usercluster-test-replace-%d.ucm", (int) getpid());
	write_model(content, content_bytes);
	snprintf(other, sizeof other, "usercluster-test-replace-%d", (int) getpid());
	CHECK(uc_model_open("/tmp", other, &model, &err) == UC_OK && !uc_model_changed(model, "/tmp", other), "a model is open");
	write_model(content, content_bytes);
	CHECK(uc_model_changed(model, "/tmp", other), "its replacement is noticed");
	CHECK(strcmp(uc_model_metadata(model, "prompt"), "") == 0, "the old one can still be read");
	CHECK(uc_model_metadata(model, "no such key") == NULL, "metadata that are not there");
	uc_model_close(model);
	unlink(path);
}

static void
check_imports(void)
{
	UcImportOptions options = {0};
	UcError		err = {0};

	CHECK_REFUSED(uc_import("/no/such/directory", path, &options, &err), UC_NOT_FOUND, &err, "there is no directory", "no directory");
	CHECK_REFUSED(uc_import("test/unit", path, &options, &err), UC_NOT_FOUND, &err, "config.json", "a directory without a model");
	CHECK_REFUSED(uc_import("test/golden/tiny/gelu_mean", "/no/such/place.ucm", &options, &err), UC_IO_ERROR, &err, "could not create", "no place to write");
}

int
main(void)
{
	LoadedModel loaded = {0};

	snprintf(path, sizeof path, "/tmp/usercluster-test-damage-%d.ucm", (int) getpid());
	CHECK(load_model("test/golden/tiny/gelu_mean", &loaded), "a tiny model is imported");
	if (loaded.tokenizer == NULL)
		return check_done();
	content_bytes = loaded.model->map_bytes;
	content = malloc(content_bytes);
	memcpy(content, loaded.model->map, content_bytes);
	unload_model(&loaded);

	check_imports();
	check_places();
	check_damage();
	unlink(path);
	check_replacement();
	free(content);
	return check_done();
}
