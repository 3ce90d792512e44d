/*
 * paths.c
 *	  Files of models.
 */
#include "tool/paths.h"

#include <stdio.h>
#include <string.h>

#include "model/model.h"

void
model_path(const char *model_dir, const char *model, char *path, size_t size)
{
	if (strchr(model, '/') != NULL)
		snprintf(path, size, "%s", model);
	else
		snprintf(path, size, "%s/%s" UC_MODEL_SUFFIX, model_dir, model);
}

const char *
bare_name(char *path)
{
	char	   *name = strrchr(path, '/') == NULL ? path : strrchr(path, '/') + 1;
	size_t		bytes = strlen(name),
				suffix = strlen(UC_MODEL_SUFFIX);

	if (bytes > suffix && strcmp(name + bytes - suffix, UC_MODEL_SUFFIX) == 0)
		name[bytes - suffix] = '\0';
	return name;
}
