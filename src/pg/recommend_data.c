/*
 * recommend_data.c
 *	  Reads members, interactions, items and users, and brings them under numbers.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type_d.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "base/memory.h"
#include "base/simd.h"
#include "pg/embedding.h"
#include "pg/errors.h"
#include "pg/progress.h"
#include "pg/query.h"
#include "pg/recommend_columns.h"
#include "pg/recommend_data.h"
#include "pg/restricted.h"
#include "pg/segmentation_fit.h"
#include "pg/segmentation_members.h"

/* What is read about an item before its number is final. */
typedef struct ItemNote
{
	int32		code;
	char	   *title;
	bool		available;
	Embedding  *embedding;
} ItemNote;

typedef struct Reading
{
	RecommendData *data;
	const RecommendRequest *request;
	size_t		max_memory;
	TimestampTz now;			/* the latest interaction's time, for the half-life */
	size_t		capacity;		/* of the interactions */
	size_t		members_capacity;
	size_t		member_count;
	int32	   *member_users;	/* [member_count] code */
	int32	   *member_segments;	/* [member_count] */
	ItemNote   *notes;			/* [note_count] */
	size_t		note_count;
	size_t		note_capacity;
	MemoryContext context;		/* of all that stays */

	RecommendColumns columns;	/* of the query that is being read */
	int64		incomplete;		/* interactions without a user or an item */
} Reading;

/* Refuses more than is allowed before it is there. */
static void
account(Reading *reading, size_t bytes)
{
	UcError		err;
	RecommendData *data = reading->data;

	data->bytes = uc_size_add(data->bytes, bytes);
	usercluster_check(uc_check_budget("recommending", uc_size_add(data->bytes, uc_size_add(data->users.bytes, data->items.bytes)),
									  reading->max_memory, &err), &err);
}

static void *
grow(Reading *reading, void *array, size_t count, size_t wanted, size_t size)
{
	MemoryContext old = MemoryContextSwitchTo(reading->context);
	void	   *larger;

	account(reading, uc_size_mul(wanted - count, size));
	larger = array == NULL ? palloc_extended(uc_size_mul(wanted, size), MCXT_ALLOC_HUGE) :
		repalloc_huge(array, uc_size_mul(wanted, size));
	MemoryContextSwitchTo(old);
	return larger;
}

static int32
code_of(Labels *labels, FmgrInfo *output, Datum key)
{
	return labels_code(labels, OutputFunctionCall(output, key));
}

/* ---- members ---- */

static void
take_member(void *arg, TupleTableSlot *slot)
{
	Reading    *reading = arg;
	bool		no_key,
				no_segment;
	Datum		key = slot_getattr(slot, 1, &no_key);
	Datum		segment = slot_getattr(slot, 2, &no_segment);
	const Segmentation *s = reading->data->segmentation;

	if (no_key)
		return;
	if (reading->member_count == reading->members_capacity)
	{
		size_t		wanted = Max(1024, reading->members_capacity * 2);

		reading->member_users = grow(reading, reading->member_users, reading->members_capacity, wanted, sizeof(int32));
		reading->member_segments = grow(reading, reading->member_segments, reading->members_capacity, wanted, sizeof(int32));
		reading->members_capacity = wanted;
	}
	reading->member_users[reading->member_count] = code_of(&reading->data->users, &reading->columns.output[RECOMMEND_USER], key);
	reading->member_segments[reading->member_count] = -1;
	for (int i = 0; !no_segment && i < s->count; i++)
		if (s->segments[i].number == DatumGetInt32(segment))
			reading->member_segments[reading->member_count] = i;
	reading->member_count++;
}

static void
check_member(void *arg, TupleDesc columns)
{
	Reading    *reading = arg;

	recommend_columns_key(&reading->columns, columns, RECOMMEND_USER, 1);
}

/* As whoever asks: who may see a segmentation may read its members table, and sees of it what row-level security shows. */
static void
read_members(Reading *reading)
{
	const Segmentation *s = reading->data->segmentation;
	MembersTable table;

	if (!OidIsValid(s->members) || s->count == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("segmentation \"%s\" has no members", s->name),
				 errhint("Call usercluster.refresh_segmentation.")));
	members_open(s->members, InvalidOid, &table);
	query_read_other(psprintf("SELECT %s, segment FROM %s", table.key, table.name),
					 &(OtherQuery) {check_member, take_member, reading});
}

/* ---- interactions ---- */

static void
check_interactions(void *arg, TupleDesc columns)
{
	Reading    *reading = arg;
	RecommendData *data = reading->data;

	recommend_columns_interactions(&reading->columns, columns);
	data->user_type = reading->columns.type[RECOMMEND_USER];
	data->item_type = reading->columns.type[RECOMMEND_ITEM];
	data->rated = reading->columns.rated;
	if (reading->request->half_life != NULL && reading->columns.attribute[RECOMMEND_AT] == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("half_life needs a column \"at\" in the query of interactions")));
}

static void
grow_interactions(Reading *reading)
{
	RecommendData *data = reading->data;
	size_t		wanted = Max(4096, reading->capacity * 2);

	data->user = grow(reading, data->user, reading->capacity, wanted, sizeof(int32));
	data->item = grow(reading, data->item, reading->capacity, wanted, sizeof(int32));
	data->weight = grow(reading, data->weight, reading->capacity, wanted, sizeof(float));
	if (reading->columns.attribute[RECOMMEND_AT] != 0)
		data->at = grow(reading, data->at, reading->capacity, wanted, sizeof(TimestampTz));
	reading->capacity = wanted;
}

static void
take_interaction(void *arg, TupleTableSlot *slot)
{
	Reading    *reading = arg;
	RecommendData *data = reading->data;
	RecommendColumns *columns = &reading->columns;
	bool		no_user,
				no_item,
				no_weight = false;
	Datum		user = slot_getattr(slot, columns->attribute[RECOMMEND_USER], &no_user);
	Datum		item = slot_getattr(slot, columns->attribute[RECOMMEND_ITEM], &no_item);
	double		weight = recommend_columns_weight(columns, slot, &no_weight);

	if (no_user || no_item || no_weight)
	{
		reading->incomplete++;
		return;
	}
	if (data->count == reading->capacity)
		grow_interactions(reading);
	data->user[data->count] = code_of(&data->users, &columns->output[RECOMMEND_USER], user);
	data->item[data->count] = code_of(&data->items, &columns->output[RECOMMEND_ITEM], item);
	data->weight[data->count] = (float) weight;
	if (data->at != NULL)
	{
		data->at[data->count] = recommend_columns_time(columns, slot);
		reading->now = Max(reading->now, data->at[data->count]);
	}
	data->count++;
	if (data->count % 65536 == 0)
		account(reading, 0);
}

/* Half as much for every half-life that an interaction is older than the latest one. */
static void
let_fade(Reading *reading)
{
	RecommendData *data = reading->data;
	const Interval *half_life = reading->request->half_life;
	double		length;

	if (half_life == NULL)
		return;
	length = (double) half_life->time +
		USECS_PER_DAY * ((double) half_life->day + (double) DAYS_PER_MONTH * half_life->month);
	for (size_t i = 0; i < data->count; i++)
		data->weight[i] *= (float) (TIMESTAMP_IS_NOBEGIN(data->at[i]) ? 0 :
									exp2(-((double) reading->now - (double) data->at[i]) / length));
}

/* ---- items ---- */

static void
check_items(void *arg, TupleDesc columns)
{
	Reading    *reading = arg;

	recommend_columns_items(&reading->columns, columns);
	if (reading->data->count == 0 && !OidIsValid(reading->data->item_type))
		reading->data->item_type = reading->columns.type[RECOMMEND_ITEM];
}

static void
take_item(void *arg, TupleTableSlot *slot)
{
	Reading    *reading = arg;
	RecommendData *data = reading->data;
	RecommendColumns *columns = &reading->columns;
	ItemNote   *note;
	bool		is_null;
	Datum		item = slot_getattr(slot, columns->attribute[RECOMMEND_ITEM], &is_null);
	MemoryContext old;

	if (is_null)
		return;
	if (reading->note_count == reading->note_capacity)
	{
		size_t		wanted = Max(1024, reading->note_capacity * 2);

		reading->notes = grow(reading, reading->notes, reading->note_capacity, wanted, sizeof(ItemNote));
		reading->note_capacity = wanted;
	}
	note = &reading->notes[reading->note_count++];
	memset(note, 0, sizeof *note);
	note->code = code_of(&data->items, &columns->output[RECOMMEND_ITEM], item);
	note->available = recommend_columns_available(columns, slot);
	old = MemoryContextSwitchTo(reading->context);
	note->title = recommend_columns_title(columns, slot);
	if (reading->request->want_texts)
		note->embedding = recommend_columns_embedding(columns, slot);
	MemoryContextSwitchTo(old);
	if (note->embedding != NULL)
		account(reading, EMBEDDING_SIZE(note->embedding->dim));
}

static void
place_items(Reading *reading, const int32 *numbers)
{
	RecommendData *data = reading->data;
	int			count = data->items.count;

	data->titles = grow(reading, NULL, 0, count, sizeof(char *));
	memset(data->titles, 0, sizeof(char *) * count);
	if (reading->columns.attribute[RECOMMEND_AVAILABLE] != 0)
	{
		/* what the list of items does not hold is not for sale */
		data->available = grow(reading, NULL, 0, count, sizeof(bool));
		memset(data->available, false, sizeof(bool) * count);
	}
	for (size_t i = 0; i < reading->note_count; i++)
		if (reading->notes[i].embedding != NULL)
		{
			int			dim = reading->notes[i].embedding->dim;

			if (data->text_dim != 0 && dim != data->text_dim)
				ereport(ERROR,
						(errcode(ERRCODE_DATA_EXCEPTION),
						 errmsg("different embedding dimensions %d and %d", data->text_dim, dim),
						 errdetail("Item %s has an embedding of %d dimensions, and items before it have %d.",
								   data->items.names[numbers[reading->notes[i].code]], dim, data->text_dim)));
			data->text_dim = dim;
		}
	if (data->text_dim > 0)
	{
		data->item_texts = grow(reading, NULL, 0, count, sizeof(float) * data->text_dim);
		memset(data->item_texts, 0, sizeof(float) * data->text_dim * count);
	}
	for (size_t i = 0; i < reading->note_count; i++)
	{
		ItemNote   *note = &reading->notes[i];
		int32		number = numbers[note->code];

		data->titles[number] = note->title;
		if (data->available != NULL)
			data->available[number] = note->available;
		if (note->embedding != NULL)
			memcpy(data->item_texts + (size_t) number * data->text_dim, note->embedding->x, sizeof(float) * data->text_dim);
	}
}

/* ---- vectors ---- */

static bool
to_unit_length(float *vector, int dim)
{
	double		square = uc_dot(vector, vector, dim);

	if (!(square > 0))
		return false;
	for (int j = 0; j < dim; j++)
		vector[j] = (float) (vector[j] / sqrt(square));
	return true;
}

/* Directions from the mean of all: what texts of one model have in common says nothing about any of them. */
static void
centre(float *vectors, size_t count, int dim)
{
	double	   *mean = palloc0(sizeof(double) * dim);
	bool	   *there = palloc_extended(Max(count, 1), MCXT_ALLOC_HUGE);
	size_t		found = 0;

	for (size_t i = 0; i < count; i++)
	{
		there[i] = to_unit_length(vectors + i * dim, dim);
		if (there[i])
			uc_kernels()->accumulate(mean, vectors + i * dim, 1, dim);
		found += there[i];
	}
	for (size_t i = 0; i < count && found > 1; i++)
	{
		if (!there[i])
			continue;
		for (int j = 0; j < dim; j++)
			vectors[i * dim + j] -= (float) (mean[j] / (double) found);
		to_unit_length(vectors + i * dim, dim);
	}
	pfree(mean);
	pfree(there);
}

typedef struct Second
{
	Oid			type;
} Second;

static void
look_at_second(void *arg, TupleDesc columns)
{
	((Second *) arg)->type = columns->natts < 2 ? InvalidOid : getBaseType(TupleDescAttr(columns, 1)->atttypid);
}

static void
take_nothing(void *arg, TupleTableSlot *slot)
{
}

/*
 * Rows of users and their embeddings: by the query that was given, else by the segmentation's own, as its owner. False
 * where that returns texts: embedding all of them to answer one question takes too long.
 */
static bool
read_vectors(const Reading *reading, SegmentationRows *rows)
{
	Segmentation *s = reading->data->segmentation;
	Restricted	restricted;
	Second		second;

	if (reading->request->users != NULL)
	{
		Segmentation given = *s;

		given.query = (char *) reading->request->users;
		segmentation_read(&given, rows);
		return true;
	}
	restricted_begin(&restricted, s->owner, s->search_path);
	query_read_other(psprintf("SELECT * FROM (%s\n) AS q LIMIT 0", s->query), &(OtherQuery) {look_at_second, take_nothing, &second});
	if (second.type == embedding_type_oid())
		segmentation_read(s, rows);
	restricted_end(&restricted);
	return second.type == embedding_type_oid();
}

static void
place_vectors(Reading *reading)
{
	RecommendData *data = reading->data;
	SegmentationRows rows;
	FmgrInfo	output;
	Oid			function;
	bool		is_varlena;
	float	   *prepared;
	size_t		users = data->users.count;

	if (!read_vectors(reading, &rows))
	{
		ereport(NOTICE,
				(errmsg("users are not compared by their texts"),
				 errdetail("Segmentation \"%s\" is made of texts, whose embeddings are not kept.", data->segmentation->name),
				 errhint("Pass users => a query of each user and an embedding.")));
		return;
	}
	segmentation_require_fit(data->segmentation, &rows);
	prepared = segmentation_prepare_rows(data->segmentation, &rows.rows, &data->dim);
	getTypeOutputInfo(rows.rows.key_type, &function, &is_varlena);
	fmgr_info(function, &output);
	data->vectors = grow(reading, NULL, 0, users, sizeof(float) * data->dim);
	memset(data->vectors, 0, sizeof(float) * data->dim * users);
	if (data->item_texts != NULL && rows.rows.dim != data->text_dim)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("different embedding dimensions %d and %d", rows.rows.dim, data->text_dim),
				 errdetail("Users have embeddings of %d dimensions, and items of %d.", rows.rows.dim, data->text_dim),
				 errhint("Embed both with one model.")));
	if (data->item_texts != NULL)
	{
		data->user_texts = grow(reading, NULL, 0, users, sizeof(float) * data->text_dim);
		memset(data->user_texts, 0, sizeof(float) * data->text_dim * users);
	}
	for (size_t i = 0; i < rows.rows.count; i++)
	{
		int32		number = recommend_number(&data->users, OutputFunctionCall(&output, rows.rows.keys[i]));

		CHECK_FOR_INTERRUPTS();
		if (number < 0)
			continue;
		memcpy(data->vectors + (size_t) number * data->dim, prepared + i * data->dim, sizeof(float) * data->dim);
		to_unit_length(data->vectors + (size_t) number * data->dim, data->dim);
		if (data->user_texts != NULL)
			memcpy(data->user_texts + (size_t) number * data->text_dim, rows.rows.values + i * rows.rows.dim,
				   sizeof(float) * data->text_dim);
	}
}

/* For users without a text: the mean direction of their segment's. */
static void
place_segment_texts(Reading *reading)
{
	RecommendData *data = reading->data;
	int			dim = data->text_dim,
				count = data->segmentation->count;
	double	   *sums = palloc0(sizeof(double) * dim * count);

	data->segment_texts = grow(reading, NULL, 0, count, sizeof(float) * dim);
	for (int i = 0; i < data->users.count; i++)
		if (data->segments[i] >= 0)
			uc_kernels()->accumulate(sums + (size_t) data->segments[i] * dim, data->user_texts + (size_t) i * dim, 1, dim);
	for (size_t j = 0; j < (size_t) count * dim; j++)
		data->segment_texts[j] = (float) sums[j];
	for (int i = 0; i < count; i++)
		to_unit_length(data->segment_texts + (size_t) i * dim, dim);
	pfree(sums);
}

/* ---- all of it ---- */

/* Orders the names of a set; numbers[old] is what each is from now on. */
static int32 *
renumber(Labels *labels)
{
	int32	   *numbers = palloc_extended(sizeof(int32) * Max(labels->count, 1), MCXT_ALLOC_HUGE);

	for (int i = 0; i < labels->count; i++)
		numbers[i] = i;
	labels->codes = numbers;
	labels_finish(labels, labels->count);
	labels->codes = NULL;
	return numbers;
}

int32
recommend_number(const Labels *labels, const char *key)
{
	int			low = 0,
				high = labels->count;

	while (low < high)
	{
		int			middle = low + (high - low) / 2;
		int			order = strcmp(labels->names[middle], key);

		if (order == 0)
			return middle;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return -1;
}

void
recommend_read(const RecommendRequest *request, const char *user, RecommendData *data)
{
	Reading		reading = {.data = data,.request = request,.context = CurrentMemoryContext,.now = DT_NOBEGIN};
	UcRun		run;
	int32	   *users,
			   *items;

	memset(data, 0, sizeof *data);
	usercluster_run(&run);
	reading.max_memory = run.max_memory;
	data->segmentation = segmentation_load(request->segmentation, SEGMENTATION_READ);
	labels_begin(&data->users);
	labels_begin(&data->items);
	progress_phase("reading members", UC_UNKNOWN_TOTAL);
	read_members(&reading);
	progress_phase("reading interactions", UC_UNKNOWN_TOTAL);
	query_read_other(request->interactions, &(OtherQuery) {check_interactions, take_interaction, &reading});
	let_fade(&reading);
	memset(&reading.columns, 0, sizeof reading.columns);
	if (request->items != NULL)
	{
		progress_phase("reading items", UC_UNKNOWN_TOTAL);
		query_read_other(request->items, &(OtherQuery) {check_items, take_item, &reading});
	}
	if (user != NULL)
		labels_code(&data->users, user);
	account(&reading, 0);

	users = renumber(&data->users);
	items = renumber(&data->items);
	for (size_t i = 0; i < data->count; i++)
	{
		data->user[i] = users[data->user[i]];
		data->item[i] = items[data->item[i]];
	}
	data->segments = grow(&reading, NULL, 0, Max(data->users.count, 1), sizeof(int32));
	memset(data->segments, -1, sizeof(int32) * data->users.count);
	for (size_t i = 0; i < reading.member_count; i++)
		data->segments[users[reading.member_users[i]]] = reading.member_segments[i];
	place_items(&reading, items);
	if (request->want_vectors || (request->want_texts && data->item_texts != NULL))
		place_vectors(&reading);
	if (data->item_texts != NULL)
		centre(data->item_texts, data->items.count, data->text_dim);
	if (data->user_texts != NULL)
	{
		centre(data->user_texts, data->users.count, data->text_dim);
		place_segment_texts(&reading);
	}
	if (reading.incomplete > 0)
		ereport(NOTICE,
				(errmsg_plural("skipped " INT64_FORMAT " interaction without a user, an item or a weight",
							   "skipped " INT64_FORMAT " interactions without a user, an item or a weight",
							   (unsigned long) reading.incomplete, reading.incomplete)));
}

void
recommend_shop(const RecommendData *data, const UcInteractions *past, UcShop *shop)
{
	*shop = (UcShop) {
		.past = past,.dim = data->dim,.user_vectors = data->vectors,.segments = data->segments,
		.segment_count = data->segmentation->count,.text_dim = data->text_dim,.user_texts = data->user_texts,
		.segment_texts = data->segment_texts,.item_texts = data->item_texts,.available = data->available
	};
}
