/*
 * transport.c
 *	  Successive shortest paths over the clusters (Ahuja, Magnanti, Orlin, Network Flows, 9.7).
 *
 * Each row starts in the cluster whose cost less its price is lowest, which is the optimum for the numbers of rows that
 * this gives. Then rows go one at a time, the cheapest way, to where there are too few: from clusters that have rows to
 * spare, or whose price has drawn too many, directly or over others that pass on a row for the one they receive. From one
 * cluster to another only the row counts that costs least to move, so that ways run over k clusters instead of all rows;
 * potentials keep all steps from being negative (Edmonds and Karp, https://doi.org/10.1145/321694.321699). Every way leaves
 * the labels the cheapest for the numbers reached so far, so that the last one ends at the optimum. Where the prices of the
 * call before leave fewer rows to move than no prices do, it starts from those.
 *
 * Rows to spare form a pool, a station of its own: a way from a cluster to the pool lets the cluster keep a row beyond the
 * least, one from the pool takes such a row from it. Without prices no way leads to a cluster that has rows to spare: the
 * way that begins there costs no more.
 */
#include "cluster/transport.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"

#define NO_ROW SIZE_MAX

#define SHORTLIST 8

/* The cheapest rows to move; looking for them among all rows of a cluster takes long, so that a few are kept. */
typedef struct UcShift
{
	double		cost[SHORTLIST];	/* what moving the row adds, rising; the first is infinity where there is no row */
	size_t		row[SHORTLIST];
	int			count;
	bool		all;			/* the cluster has no other rows */
} Shift;

size_t
uc_transport_memory(size_t rows, int k)
{
	size_t		clusters = (size_t) k + 2,
				per_row = sizeof(int32_t) + 2 * sizeof(size_t) + sizeof(float) + sizeof(double),
				per_cluster = 5 * sizeof(size_t) + 2 * sizeof(bool) + 3 * sizeof(int) + 3 * sizeof(double);

	return uc_size_add(uc_size_add(uc_size_mul(rows, per_row), uc_size_mul(clusters, per_cluster)),
					   uc_size_mul(clusters, uc_size_mul(clusters, sizeof(Shift))));
}

UcStatus
uc_transport_create(UcTransport *transport, size_t rows, int k, UcError *err)
{
	size_t		clusters = (size_t) k;

	*transport = (UcTransport) {.rows = rows,.k = k};
	transport->labels = uc_alloc(uc_size_mul(rows, sizeof(int32_t)));
	transport->next = uc_alloc(uc_size_mul(rows, sizeof(size_t)));
	transport->before = uc_alloc(uc_size_mul(rows, sizeof(size_t)));
	transport->own = uc_alloc(uc_size_mul(rows, sizeof(float)));
	transport->reduced = uc_alloc(uc_size_mul(rows, sizeof(double)));
	transport->prices = uc_alloc_zeroed(clusters * sizeof(double));
	transport->counts = uc_alloc(clusters * sizeof(size_t));
	transport->spare = uc_alloc(clusters * sizeof(size_t));
	transport->first = uc_alloc(clusters * sizeof(size_t));
	transport->cheapest = uc_alloc(clusters * sizeof(size_t));
	transport->potential = uc_alloc((clusters + 1) * sizeof(double));
	transport->settled = uc_alloc((clusters + 1) * sizeof(bool));
	transport->takes = uc_alloc(clusters * sizeof(bool));
	transport->takers = uc_alloc(clusters * sizeof(int));
	transport->shifts = uc_alloc(uc_size_mul(clusters, clusters * sizeof(Shift)));
	transport->distance = uc_alloc((clusters + 1) * sizeof(double));
	transport->via = uc_alloc((clusters + 1) * sizeof(int));
	transport->path_rows = uc_alloc((clusters + 2) * sizeof(size_t));
	transport->path = uc_alloc((clusters + 2) * sizeof(int));
	if (transport->labels == NULL || transport->next == NULL || transport->before == NULL || transport->own == NULL ||
		transport->reduced == NULL || transport->prices == NULL || transport->counts == NULL ||
		transport->spare == NULL || transport->first == NULL || transport->takes == NULL ||
		transport->cheapest == NULL || transport->potential == NULL || transport->settled == NULL ||
		transport->takers == NULL || transport->shifts == NULL || transport->distance == NULL ||
		transport->via == NULL || transport->path_rows == NULL || transport->path == NULL)
	{
		uc_transport_free(transport);
		return uc_out_of_memory(err, uc_transport_memory(rows, k));
	}
	return UC_OK;
}

void
uc_transport_free(UcTransport *transport)
{
	uc_free(transport->labels);
	uc_free(transport->next);
	uc_free(transport->before);
	uc_free(transport->own);
	uc_free(transport->reduced);
	uc_free(transport->prices);
	uc_free(transport->counts);
	uc_free(transport->spare);
	uc_free(transport->first);
	uc_free(transport->cheapest);
	uc_free(transport->potential);
	uc_free(transport->settled);
	uc_free(transport->takes);
	uc_free(transport->takers);
	uc_free(transport->shifts);
	uc_free(transport->distance);
	uc_free(transport->via);
	uc_free(transport->path_rows);
	uc_free(transport->path);
	*transport = (UcTransport) {0};
}

/* ---- who is where ---- */

static void
join(UcTransport *transport, size_t row, int cluster)
{
	size_t		next = transport->first[cluster];

	transport->labels[row] = cluster;
	transport->own[row] = transport->costs[(size_t) cluster * transport->rows + row];
	transport->before[row] = NO_ROW;
	transport->next[row] = next;
	if (next != NO_ROW)
		transport->before[next] = row;
	transport->first[cluster] = row;
	transport->counts[cluster]++;
}

static void
leave(UcTransport *transport, size_t row)
{
	int			cluster = transport->labels[row];
	size_t		before = transport->before[row],
				next = transport->next[row];

	if (before != NO_ROW)
		transport->next[before] = next;
	else
		transport->first[cluster] = next;
	if (next != NO_ROW)
		transport->before[next] = before;
	transport->counts[cluster]--;
}

/* Labels by costs less prices; counts [k] becomes the numbers of rows. */
static UcStatus
label_by_price(UcTransport *transport, size_t *counts, const UcRun *run, UcError *err)
{
	size_t		rows = transport->rows;

	for (int j = 0; j < transport->k; j++)
	{
		const float *costs = transport->costs + (size_t) j * rows;
		double		price = transport->prices[j];

		if (uc_interrupted(run))
			return uc_interrupt_error(err);
		counts[j] = 0;
		for (size_t row = 0; row < rows; row++)
			if (j == 0 || costs[row] - price < transport->reduced[row])
			{
				transport->reduced[row] = costs[row] - price;
				transport->labels[row] = j;
			}
	}
	for (size_t row = 0; row < rows; row++)
		counts[transport->labels[row]]++;
	return UC_OK;
}

/* How many rows have to move at least when clusters have so many; with a price a cluster may have no more than the least. */
static size_t
rows_to_move(const UcTransport *transport, const size_t *counts)
{
	size_t		missing = 0,
				over = 0;

	for (int j = 0; j < transport->k; j++)
		if (counts[j] < transport->least)
			missing += transport->least - counts[j];
		else if (transport->prices[j] > 0)
			over += counts[j] - transport->least;
	return missing > over ? missing : over;
}

static bool
some_price(const UcTransport *transport)
{
	for (int j = 0; j < transport->k; j++)
		if (transport->prices[j] > 0)
			return true;
	return false;
}

/* Puts each row where it starts; forgets the prices where they do not help. */
static UcStatus
join_cheapest(UcTransport *transport, const UcRun *run, UcError *err)
{
	const size_t dearer = 4;	/* times as long takes a row to move when there are prices, since it may go anywhere */
	bool		priced = some_price(transport);
	UcStatus	status = label_by_price(transport, transport->counts, run, err);

	if (status == UC_OK && priced)
	{
		size_t		moving = rows_to_move(transport, transport->counts);
		double	   *prices = transport->prices;

		/* potentials serve as zeros for a moment */
		memset(transport->potential, 0, (size_t) transport->k * sizeof(double));
		transport->prices = transport->potential;
		status = label_by_price(transport, transport->cheapest, run, err);
		if (status == UC_OK && rows_to_move(transport, transport->cheapest) <= dearer * moving)
			memset(prices, 0, (size_t) transport->k * sizeof(double));
		transport->prices = prices;
		if (status == UC_OK && some_price(transport))
			status = label_by_price(transport, transport->counts, run, err);
	}
	if (status != UC_OK)
		return status;
	for (int j = 0; j < transport->k; j++)
	{
		transport->counts[j] = 0;
		transport->first[j] = NO_ROW;
	}
	for (size_t row = transport->rows; row-- > 0;)
		join(transport, row, transport->labels[row]);
	return UC_OK;
}

/* Rows that the cluster has beyond the least and may not keep for nothing; below 0 those that it lacks. */
static double
excess(const UcTransport *transport, int cluster)
{
	return (double) transport->counts[cluster] - (double) transport->least - (double) transport->spare[cluster];
}

/* ---- what a move from one cluster to another costs ---- */

static Shift *
shift_of(const UcTransport *transport, int from, int to)
{
	return &transport->shifts[(size_t) from * (size_t) transport->k + (size_t) to];
}

static void
clear_shift(Shift *shift)
{
	shift->count = 0;
	shift->all = true;
	shift->cost[0] = INFINITY;
}

/* Takes the row into the list where it belongs; the list stays a beginning of the order of all rows of its cluster. */
static void
offer_row(const UcTransport *transport, size_t row, const float *costs, Shift *shift)
{
	double		cost = (double) costs[row] - (double) transport->own[row];
	int			at = shift->count;

	while (at > 0 && (cost < shift->cost[at - 1] || (cost == shift->cost[at - 1] && row < shift->row[at - 1])))
		at--;
	if (at == shift->count && (!shift->all || at == SHORTLIST))
	{
		shift->all = false;
		return;
	}
	if (shift->count == SHORTLIST)
		shift->all = false;
	else
		shift->count++;
	for (int i = shift->count - 1; i > at; i--)
	{
		shift->cost[i] = shift->cost[i - 1];
		shift->row[i] = shift->row[i - 1];
	}
	shift->cost[at] = cost;
	shift->row[at] = row;
}

/* Looks at all rows of a cluster for the cheapest to move. */
static void
search_shift(UcTransport *transport, int from, int to)
{
	const float *costs = transport->costs + (size_t) to * transport->rows;
	Shift	   *shift = shift_of(transport, from, to);

	clear_shift(shift);
	for (size_t row = transport->first[from]; row != NO_ROW; row = transport->next[row])
		offer_row(transport, row, costs, shift);
}

/* The row has left the cluster. */
static void
withdraw_row(UcTransport *transport, size_t row, int from, int to)
{
	Shift	   *shift = shift_of(transport, from, to);
	int			at = 0;

	while (at < shift->count && shift->row[at] != row)
		at++;
	if (at == shift->count)
		return;
	shift->count--;
	for (int i = at; i < shift->count; i++)
	{
		shift->cost[i] = shift->cost[i + 1];
		shift->row[i] = shift->row[i + 1];
	}
	if (shift->count > 0)
		return;
	if (shift->all)
		clear_shift(shift);
	else
		search_shift(transport, from, to);
}

/* From now on ways may lead to the cluster. */
static void
become_taker(UcTransport *transport, int cluster)
{
	const float *costs = transport->costs + (size_t) cluster * transport->rows;

	if (transport->takes[cluster])
		return;
	transport->takes[cluster] = true;
	transport->takers[transport->taker_count++] = cluster;
	for (int from = 0; from < transport->k; from++)
		clear_shift(shift_of(transport, from, cluster));
	for (size_t row = 0; row < transport->rows; row++)
		if (transport->labels[row] != cluster)
			offer_row(transport, row, costs, shift_of(transport, transport->labels[row], cluster));
}

static void
move_row(UcTransport *transport, size_t row, int to)
{
	int			from = transport->labels[row];

	leave(transport, row);
	join(transport, row, to);
	for (int i = 0; i < transport->taker_count; i++)
	{
		int			cluster = transport->takers[i];

		if (cluster != from)
			withdraw_row(transport, row, from, cluster);
		if (cluster != to)
			offer_row(transport, row, transport->costs + (size_t) cluster * transport->rows,
					  shift_of(transport, to, cluster));
	}
}

/* ---- the cheapest ways ---- */

static void
relax(UcTransport *transport, int from, int to, double cost)
{
	/* potentials make steps of at least 0, up to rounding */
	double		step = fmax(0, cost + transport->potential[from] - transport->potential[to]);

	if (!transport->settled[to] && transport->distance[from] + step < transport->distance[to])
	{
		transport->distance[to] = transport->distance[from] + step;
		transport->via[to] = from;
	}
}

/* Rows that a station has and may not keep; below 0 those that it lacks. */
static double
station_excess(const UcTransport *transport, int station)
{
	return station == transport->k ? transport->pool_excess : excess(transport, station);
}

static int
nearest_unsettled(const UcTransport *transport)
{
	int			nearest = -1;

	for (int j = 0; j <= transport->k; j++)
		if (!transport->settled[j] && transport->distance[j] < INFINITY &&
			(nearest < 0 || transport->distance[j] < transport->distance[nearest]))
			nearest = j;
	return nearest;
}

/*
 * Dijkstra's search from all stations with an excess to the nearest one that lacks rows, which it returns; -1 where none
 * can be reached, because none lacks any. Potentials follow.
 */
static int
find_way(UcTransport *transport)
{
	int			pool = transport->k,
				at;

	for (int j = 0; j <= pool; j++)
	{
		transport->distance[j] = station_excess(transport, j) > 0 ? 0 : INFINITY;
		transport->settled[j] = false;
		transport->via[j] = -1;
	}
	while ((at = nearest_unsettled(transport)) >= 0 && station_excess(transport, at) >= 0)
	{
		transport->settled[at] = true;
		for (int j = 0; at == pool && j < pool; j++)
			if (transport->spare[j] > 0)
				relax(transport, pool, j, 0);
		for (int i = 0; at != pool && i < transport->taker_count; i++)
			if (transport->takers[i] != at)
				relax(transport, at, transport->takers[i], shift_of(transport, at, transport->takers[i])->cost[0]);
		if (at != pool)
			relax(transport, at, pool, 0);
	}
	for (int j = 0; at >= 0 && j <= pool; j++)
		transport->potential[j] += fmin(transport->distance[j], transport->distance[at]);
	return at;
}

/* Moves one unit along the way to `target`. */
static void
go_way(UcTransport *transport, int target)
{
	int			pool = transport->k,
				stations = 0;

	for (int at = target; at >= 0; at = transport->via[at])
		transport->path[stations++] = at;
	for (int i = 0; i + 1 < stations; i++)
		if (transport->path[i] != pool && transport->path[i + 1] != pool)
			transport->path_rows[i] = shift_of(transport, transport->path[i + 1], transport->path[i])->row[0];
	transport->pool_excess += target == pool;
	transport->pool_excess -= transport->path[stations - 1] == pool;
	for (int i = 0; i + 1 < stations; i++)
	{
		int			to = transport->path[i],
					from = transport->path[i + 1];

		if (to == pool)
			transport->spare[from]++;
		else if (from == pool)
			transport->spare[to]--;
		else
			move_row(transport, transport->path_rows[i], to);
		if (from == pool && transport->spare[to] == 0)
			become_taker(transport, to);
	}
}

static void
set_prices(UcTransport *transport)
{
	double		pool = transport->potential[transport->k];

	for (int j = 0; j < transport->k; j++)
		transport->prices[j] = transport->spare[j] == 0 ? fmax(0, transport->potential[j] - pool) : 0;
}

UcStatus
uc_transport_solve(UcTransport *transport, const float *costs, size_t least, const UcRun *run, UcError *err)
{
	bool		over = false;
	int			target;
	UcStatus	status;

	transport->costs = costs;
	transport->least = least;
	transport->taker_count = 0;
	transport->pool_excess = 0;
	status = join_cheapest(transport, run, err);
	if (status != UC_OK)
		return status;
	memset(transport->takes, 0, (size_t) transport->k * sizeof(bool));
	memcpy(transport->potential, transport->prices, (size_t) transport->k * sizeof(double));
	transport->potential[transport->k] = 0;
	for (int j = 0; j < transport->k; j++)
	{
		size_t		count = transport->counts[j];

		transport->spare[j] = transport->prices[j] > 0 || count < least ? 0 : count - least;
		over |= excess(transport, j) > 0;
		transport->pool_excess -= excess(transport, j);
	}
	if (rows_to_move(transport, transport->counts) == 0)
		return UC_OK;
	for (int j = 0; j < transport->k; j++)
	{
		if (uc_interrupted(run))
			return uc_interrupt_error(err);
		if (over || transport->spare[j] == 0)
			become_taker(transport, j);
	}
	while ((target = find_way(transport)) >= 0)
	{
		if (uc_interrupted(run))
			return uc_interrupt_error(err);
		go_way(transport, target);
	}
	set_prices(transport);
	return UC_OK;
}
