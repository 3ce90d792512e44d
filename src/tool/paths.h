/*
 * paths.h
 *	  From the name of a model to its file, and back.
 */
#ifndef UC_TOOL_PATHS_H
#define UC_TOOL_PATHS_H

#include <stddef.h>

#define MODEL_PATH_MAX 4352

/* A name in the model directory, or a path that holds a '/'. */
extern void model_path(const char *model_dir, const char *model, char *path, size_t size);

/* The name of the model at the path, which is changed. */
extern const char *bare_name(char *path);

#endif
