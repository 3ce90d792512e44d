/*
 * preparation_stream.c
 *	  Between a query that is run without keeping its rows and the core's sums over them.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "base/memory.h"
#include "cluster/prepare_stream.h"
#include "pg/errors.h"
#include "pg/preparation_stream.h"

struct PreparationStream
{
	MemoryContextCallback callback;
	UcPrepareStream sums;
	UcPreparation fitted;
	bool		directions;
	bool		begun;
};

static void
end_stream(void *arg)
{
	PreparationStream *stream = arg;

	uc_prepare_stream_free(&stream->sums);
	uc_prepare_free(&stream->fitted);
}

PreparationStream *
preparation_stream_begin(bool directions)
{
	PreparationStream *stream = palloc0(sizeof *stream);

	stream->directions = directions;
	stream->callback.func = end_stream;
	stream->callback.arg = stream;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &stream->callback);
	return stream;
}

int32
preparation_stream_add(PreparationStream *stream, Rows *rows, const Embedding *embedding, const RowExtra *extra)
{
	bool		weighted = rows->columns & ROWS_KNOWS(ROWS_WEIGHT);
	const char *name = extra == NULL ? NULL : extra->labels[ROWS_LANGUAGE];
	int32		language = name == NULL ? -1 : labels_code(&rows->labels[ROWS_LANGUAGE], name);
	UcStatus	status = UC_OK;
	UcError		err;

	if (!stream->begun)
		status = uc_prepare_stream_begin(&stream->sums, embedding->dim, stream->directions, &err);
	stream->begun = true;
	if (status == UC_OK)
		status = uc_prepare_stream_add(&stream->sums, embedding->x, weighted ? extra->weight : 1, language,
									   extra == NULL ? NULL : extra->features, rows->feature_count, &err);
	usercluster_check(status, &err);
	return language;
}

double
preparation_stream_weight(const PreparationStream *stream)
{
	return stream->sums.total;
}

size_t
preparation_stream_memory(const PreparationStream *stream, const Rows *rows, int threads)
{
	return uc_size_add(rows->labels[ROWS_LANGUAGE].bytes,
					   uc_prepare_stream_memory(rows->dim, rows->labels[ROWS_LANGUAGE].count, true, rows->count, threads));
}

/* ---- the second run ---- */

typedef struct SecondRun
{
	PreparationStream *stream;
	Labels	   *languages;		/* of the first run */
	int			known;			/* languages there */
	float	   *block;			/* [UC_STREAM_BLOCK, dim] */
	double	   *weights;		/* [UC_STREAM_BLOCK], or NULL */
	int32	   *groups;			/* [UC_STREAM_BLOCK], or NULL */
	size_t		count;			/* rows in the block */
} SecondRun;

static void
flush_block(SecondRun *second)
{
	UcRun		run;
	UcError		err;

	if (second->count == 0)
		return;
	usercluster_run(&run);
	usercluster_check(uc_prepare_stream_block(&second->stream->sums, &second->stream->fitted, second->block, second->weights,
											  second->groups, second->count, &run, &err), &err);
	second->count = 0;
}

static void
take_again(void *arg, Rows *rows, Datum key, const Embedding *embedding, const RowExtra *extra)
{
	SecondRun  *second = arg;
	size_t		dim = second->stream->sums.dim;

	if ((size_t) embedding->dim != dim)
		query_refuse_change();
	memcpy(second->block + second->count * dim, embedding->x, sizeof(float) * dim);
	if (second->weights != NULL)
		second->weights[second->count] = extra->weight;
	if (second->groups != NULL)
	{
		const char *name = extra->labels[ROWS_LANGUAGE];
		int32		language = name == NULL ? -1 : labels_code(second->languages, name);

		if (language >= second->known)
			query_refuse_change();
		second->groups[second->count] = language;
	}
	if (++second->count == UC_STREAM_BLOCK)
		flush_block(second);
}

static void
whiten(PreparationStream *stream, const QueryForm *form, Oid key_type, Rows *rows)
{
	SecondRun	second = {.stream = stream,.languages = &rows->labels[ROWS_LANGUAGE],.known = rows->labels[ROWS_LANGUAGE].count};
	RowsOptions options = {
		.name = rows->options.name,.directions = rows->options.directions,.columns = rows->options.columns,
		.active_snapshot = true,.take = take_again,.take_arg = &second
	};
	Rows		again;
	UcRun		run;
	UcError		err;

	second.block = palloc_extended(UC_STREAM_BLOCK * sizeof(float) * stream->sums.dim, MCXT_ALLOC_HUGE);
	if (rows->columns & ROWS_KNOWS(ROWS_WEIGHT))
		second.weights = palloc(UC_STREAM_BLOCK * sizeof(double));
	if (stream->fitted.groups > 0)
		second.groups = palloc(UC_STREAM_BLOCK * sizeof(int32));
	query_read(psprintf("SELECT q.* FROM %s ORDER BY %s", form->from, form->order), key_type, &options, &again);
	if (again.count != rows->count)
		query_refuse_change();
	flush_block(&second);
	usercluster_run(&run);
	usercluster_check(uc_prepare_stream_whiten(&stream->sums, &run, &stream->fitted, &err), &err);
	pfree(second.block);
}

/* ---- what was learnt ---- */

static int32 *
renumber_languages(Labels *languages)
{
	int			count = languages->count;
	int32	   *renumbered = palloc_extended(sizeof(int32) * Max(count, 1), MCXT_ALLOC_HUGE);
	char	  **names = palloc_extended(sizeof(char *) * Max(count, 1), MCXT_ALLOC_HUGE);

	if (count > 0)
		memcpy(names, languages->names, sizeof(char *) * count);
	labels_finish(languages, 0);
	for (int i = 0; i < count; i++)
		renumbered[i] = labels_code(languages, names[i]);
	pfree(names);
	return renumbered;
}

void
preparation_stream_end(PreparationStream *stream, const PreparationOptions *options, const QueryForm *form, Oid key_type,
					   Rows *rows, Prepared *prepared, int32 **renumbered)
{
	UcPreparationMethod method;
	size_t		components;
	int			languages;
	UcError		err;

	preparation_require_columns(options, rows->columns);
	*renumbered = renumber_languages(&rows->labels[ROWS_LANGUAGE]);
	prepared->changed = preparation_method(options, rows, rows->count, rows->dim, &method, &components, &languages);
	usercluster_check(uc_prepare_stream_means(&stream->sums, method, languages > 0 ? *renumbered : NULL,
											  options->feature_weight, &stream->fitted, &err), &err);
	if (method == UC_PREPARE_WHITENED)
		whiten(stream, form, key_type, rows);
	prepared->fitted = stream->fitted;
	prepared->values = NULL;
	prepared->dim = (int) (stream->fitted.out_dim + stream->fitted.features);
}
