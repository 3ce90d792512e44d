/*
 * import_source.h
 *	  What the readers of weight files hand to the importer: named tensors that lie in a mapped file.
 */
#ifndef UC_MODEL_IMPORT_SOURCE_H
#define UC_MODEL_IMPORT_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/status.h"
#include "model/format.h"

#define UC_SOURCE_NAME 160

typedef struct UcSourceTensor
{
	char		name[UC_SOURCE_NAME];	/* as in Hugging Face's BertModel, without a leading "bert." */
	uint32_t	type;			/* UcTensorType */
	uint32_t	rank;			/* 1 or 2 */
	uint64_t	rows;			/* 1 where rank is 1 */
	uint64_t	columns;
	const uint8_t *data;		/* in the mapping */
	bool		used;			/* the importer has taken it */
} UcSourceTensor;

typedef struct UcMapping
{
	const uint8_t *data;
	size_t		bytes;
	char		sha256[65];
} UcMapping;

typedef struct UcSource
{
	UcMapping	file;
	UcSourceTensor *tensors;	/* [count] */
	size_t		count;
} UcSource;

/* Maps a file and hashes it; `what` it is shows in the error. */
extern UcStatus uc_map_file(const char *path, UcMapping *mapping, UcError *err);
extern void uc_unmap_file(UcMapping *mapping);

/* Parses directory/name. *json is NULL with UC_OK where the file does not exist. Ended by json_decref. */
extern UcStatus uc_read_json(const char *directory, const char *name, json_t **json, UcError *err);

/* model.safetensors: every float tensor of rank 1 or 2. */
extern UcStatus uc_read_safetensors(const char *path, UcSource *source, UcError *err);

/* An E5S1 file; `config` receives the sizes that its header states. */
extern UcStatus uc_read_e5s1(const char *path, UcSource *source, UcModelConfig *config, UcError *err);

extern void uc_source_free(UcSource *source);
extern UcSourceTensor *uc_source_find(UcSource *source, const char *name);

#endif
