/*
 * Preparation of vectors against plain double computation, and the properties it promises.
 */
#include "check.h"

#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "cluster/eigen.h"
#include "cluster/prepare.h"

#define ROWS 700
#define DIM 24

static const UcRun run = {.threads = 1,.max_memory = (size_t) 1 << 30};

static float rows[ROWS * DIM];
static int32_t groups[ROWS];
static uint64_t state;

/* Anything even enough will do here. */
static double
uniform(void)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (double) (state >> 11) / 9007199254740992.0;
}

/* Columns of falling spread around a common direction, and one further direction per group. */
static void
make_rows(void)
{
	state = 7;
	for (int i = 0; i < ROWS; i++)
	{
		groups[i] = i % 3;
		for (int j = 0; j < DIM; j++)
			rows[i * DIM + j] = (float) (1 + (uniform() - .5) * 4 / (1 + j) + (j == groups[i] ? 1 : 0));
	}
}

static UcPrepareInput
all_rows(bool directions)
{
	return (UcPrepareInput) {.rows = rows,.count = ROWS,.dim = DIM,.directions = directions};
}

static bool
all_finite(const float *x, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!isfinite(x[i]))
			return false;
	return true;
}

static double
length(const float *x, size_t n)
{
	double		squares = 0;

	for (size_t i = 0; i < n; i++)
		squares += (double) x[i] * x[i];
	return sqrt(squares);
}

static double
largest_difference(const float *a, const float *b, size_t n)
{
	double		largest = 0;

	for (size_t i = 0; i < n; i++)
		largest = fmax(largest, fabs((double) a[i] - b[i]));
	return largest;
}

static void
refusals(void)
{
	UcPrepareInput input = all_rows(true);
	UcPreparation preparation;
	UcError		err = {0};
	UcRun		poor = {.threads = 1,.max_memory = 1000};
	static float broken[ROWS * DIM];
	static double weights[ROWS];
	static int32_t far[ROWS];
	const double endless = INFINITY;

	memcpy(broken, rows, sizeof rows);
	input.rows = broken;
	broken[5 * DIM + 3] = NAN;
	CHECK_REFUSED(uc_prepare_fit(&input, UC_PREPARE_CENTRED, 0, &run, &preparation, &err), UC_INVALID_DATA, &err,
				  "NaN or infinity", "a NaN is refused");
	CHECK(strstr(err.detail, "row 6") != NULL, "the detail names the row");
	memset(broken + 5 * DIM, 0, DIM * sizeof(float));
	CHECK_REFUSED(uc_prepare_fit(&input, UC_PREPARE_NONE, 0, &run, &preparation, &err), UC_INVALID_DATA, &err,
				  "zero length", "a row without direction is refused");
	input = all_rows(true);
	CHECK_REFUSED(uc_prepare_fit(&input, UC_PREPARE_WHITENED, DIM + 1, &run, &preparation, &err), UC_INVALID_ARGUMENT, &err,
				  "more components", "more components than dimensions are refused");
	CHECK_REFUSED(uc_prepare_fit(&input, (UcPreparationMethod) 9, 0, &run, &preparation, &err), UC_INVALID_ARGUMENT, &err,
				  "not known", "an unknown method is refused");
	CHECK_REFUSED(uc_prepare_fit(&input, UC_PREPARE_WHITENED, 0, &poor, &preparation, &err), UC_MEMORY_LIMIT, &err,
				  "preparing 700 rows", "a fit beyond the budget is refused");
	memcpy(broken, rows, sizeof rows);
	broken[9] = 1e30f;
	input.rows = broken;
	input.directions = false;
	CHECK_REFUSED(uc_prepare_fit(&input, UC_PREPARE_WHITENED, 0, &run, &preparation, &err), UC_INVALID_DATA, &err,
				  "exceed the range", "values without a finite covariance are refused");
	input = all_rows(true);
	input.weights = weights;
	CHECK_REFUSED(uc_prepare_fit(&input, UC_PREPARE_CENTRED, 0, &run, &preparation, &err), UC_INVALID_DATA, &err,
				  "above zero", "weights that are all zero are refused");
	weights[2] = -1;
	CHECK_REFUSED(uc_prepare_fit(&input, UC_PREPARE_CENTRED, 0, &run, &preparation, &err), UC_INVALID_DATA, &err,
				  "negative", "a negative weight is refused");
	input.weights = NULL;
	far[1] = 3;
	input.groups = far;
	input.group_count = 3;
	CHECK_REFUSED(uc_prepare_fit(&input, UC_PREPARE_CENTRED, 0, &run, &preparation, &err), UC_INVALID_DATA, &err,
				  "outside its range", "a group beyond the count is refused");
	input = all_rows(true);
	input.count = 1;
	input.features = &endless;
	input.feature_count = 1;
	CHECK_REFUSED(uc_prepare_fit(&input, UC_PREPARE_NONE, 0, &run, &preparation, &err), UC_INVALID_DATA, &err,
				  "infinite feature", "an infinite feature is refused");
	input.feature_weight = -1;
	CHECK_REFUSED(uc_prepare_fit(&input, UC_PREPARE_NONE, 0, &run, &preparation, &err), UC_INVALID_ARGUMENT, &err,
				  "weight of features", "a negative weight of features is refused");
}

static void
rule(void)
{
	UcPreparationMethod method;
	size_t		components;

	uc_prepare_auto(100000, 384, false, false, &method, &components);
	CHECK(method == UC_PREPARE_NONE, "numbers with the euclidean metric stay as they are");
	uc_prepare_auto(100000, 8, true, true, &method, &components);
	CHECK(method == UC_PREPARE_CENTRED && components == 0, "groups are centred even in few dimensions");
	uc_prepare_auto(5, 384, true, false, &method, &components);
	CHECK(method == UC_PREPARE_NONE, "five rows stay as they are");
	uc_prepare_auto(16, 384, true, false, &method, &components);
	CHECK(method == UC_PREPARE_CENTRED && components == 0, "16 embeddings are centred");
	uc_prepare_auto(255, 384, true, false, &method, &components);
	CHECK(method == UC_PREPARE_CENTRED, "255 too");
	uc_prepare_auto(256, 384, true, true, &method, &components);
	CHECK(method == UC_PREPARE_WHITENED && components == 100, "256 are whitened");
	uc_prepare_auto(2000, 384, true, false, &method, &components);
	CHECK(method == UC_PREPARE_WHITENED && components == uc_prepare_components(2000, 384), "2,000 embeddings are whitened");
	CHECK(uc_prepare_components(1, 384) == 1 && uc_prepare_components(3, 384) == 2 && uc_prepare_components(100000, 2) == 2, "components stay in range");
}

/* Means in double; the shrunk ones by the formula of the header. */
static void
centring(void)
{
	UcPrepareInput input = all_rows(true);
	UcPreparation preparation;
	UcError		err = {0};
	static float out[ROWS * DIM];
	double		mean[DIM] = {0},
				own[3][DIM] = {{0}},
				count[3] = {0},
				worst = 0;

	groups[0] = -1;				/* and group 3 has a single row */
	groups[1] = 3;
	input.groups = groups;
	input.group_count = 5;
	for (int i = 0; i < ROWS; i++)
	{
		double		norm = length(rows + i * DIM, DIM);

		if (groups[i] >= 0 && groups[i] < 3)
			count[groups[i]]++;
		for (int j = 0; j < DIM; j++)
		{
			mean[j] += rows[i * DIM + j] / norm / ROWS;
			if (groups[i] >= 0 && groups[i] < 3)
				own[groups[i]][j] += rows[i * DIM + j] / norm;
		}
	}
	CHECK(uc_prepare_fit(&input, UC_PREPARE_CENTRED, 0, &run, &preparation, &err) == UC_OK, "groups are fitted");
	for (int j = 0; j < DIM; j++)
	{
		worst = fmax(worst, fabs(preparation.mean[j] - mean[j]));
		for (int g = 0; g < 3; g++)
			worst = fmax(worst, fabs(preparation.group_means[g * DIM + j] -
									 (mean[j] + count[g] / (count[g] + UC_GROUP_SHRINKAGE) * (own[g][j] / count[g] - mean[j]))));
		worst = fmax(worst, fabs(preparation.group_means[4 * DIM + j] - mean[j]));
	}
	CHECK(worst < 1e-7, "means and shrunk means are those of double arithmetic; an empty group has the overall mean");
	CHECK(uc_prepare_apply(&preparation, rows, ROWS, groups, NULL, &run, out, &err) == UC_OK, "rows are centred");
	worst = 0;
	for (int i = 0; i < ROWS; i++)
	{
		double		expected[DIM],
					squares = 0,
					norm = length(rows + i * DIM, DIM);

		for (int j = 0; j < DIM; j++)
		{
			const float *own_mean = groups[i] < 0 ? preparation.mean : preparation.group_means + groups[i] * DIM;

			expected[j] = rows[i * DIM + j] / norm - own_mean[j];
			squares += expected[j] * expected[j];
		}
		for (int j = 0; j < DIM; j++)
			worst = fmax(worst, fabs(out[i * DIM + j] - expected[j] / sqrt(squares)));
	}
	CHECK(worst < 1e-6, "a centred row is what double arithmetic gives");
	CHECK(fabs(length(out + DIM, DIM) - 1) < 1e-6, "the only row of its group keeps a direction");
	uc_prepare_free(&preparation);
	make_rows();
}

/* Before scaling to unit length the covariance of whitened rows is diagonal, with the roots of the eigenvalues. */
static void
whitening(void)
{
	UcPrepareInput input = all_rows(false);
	UcPreparation preparation;
	UcError		err = {0};
	static float out[ROWS * 10];
	double		worst = 0,
				diagonal[10];

	CHECK(uc_prepare_fit(&input, UC_PREPARE_WHITENED, 10, &run, &preparation, &err) == UC_OK, "a whitening is fitted");
	CHECK(preparation.components == 10 && preparation.out_dim == 10, "it has the components asked for");
	CHECK(uc_prepare_apply(&preparation, rows, ROWS, NULL, NULL, &run, out, &err) == UC_OK, "rows are whitened");
	for (int a = 0; a < 10; a++)
		for (int b = 0; b < 10; b++)
		{
			double		sum = 0,
						value = 1 / pow(length(preparation.projection + a * DIM, DIM), 4);	/* the eigenvalue */

			for (int i = 0; i < ROWS; i++)
				sum += (double) out[i * 10 + a] * out[i * 10 + b];
			sum /= ROWS;
			worst = fmax(worst, fabs(sum - (a == b ? sqrt(value) : 0)));
			if (a == b)
				diagonal[a] = sum;
		}
	CHECK(worst < 1e-5, "the covariance of whitened rows is diagonal, the roots of the eigenvalues (worst %g)", worst);
	for (int a = 1; a < 10; a++)
		CHECK(diagonal[a] <= diagonal[a - 1] + 1e-9, "component %d does not vary more than the one before", a);
	for (int a = 0; a < 10; a++)
	{
		const float *vector = preparation.projection + a * DIM;
		int			largest = 0;

		for (int j = 0; j < DIM; j++)
			if (fabsf(vector[j]) > fabsf(vector[largest]))
				largest = j;
		if (vector[largest] < 0)
			worst = 1;
	}
	CHECK(worst < 1, "the largest coordinate of each component is positive");
	uc_prepare_free(&preparation);
}

static void
threads(void)
{
	UcPrepareInput input = all_rows(true);
	UcPreparation one,
				more;
	UcError		err = {0};
	size_t		count = 5000,
				dim = 200;
	float	   *many = uc_alloc(count * dim * sizeof(float)),
			   *a = uc_alloc(count * 32 * sizeof(float)),
			   *b = uc_alloc(count * 32 * sizeof(float));
	int32_t    *of = uc_alloc(count * sizeof(int32_t));

	for (size_t i = 0; i < count * dim; i++)
		many[i] = (float) (uniform() - .4 + (i % dim < 20 ? uniform() : 0));
	for (size_t i = 0; i < count; i++)
		of[i] = (int32_t) (i % 7) - 1;
	input.rows = many;
	input.count = count;
	input.dim = dim;
	input.groups = of;
	input.group_count = 6;
	CHECK(uc_prepare_fit(&input, UC_PREPARE_WHITENED, 32, &run, &one, &err) == UC_OK, "one thread fits");
	uc_prepare_apply(&one, many, count, of, NULL, &run, a, &err);
	for (int n = 2; n <= 3; n++)
	{
		UcRun		parallel = {.threads = n,.max_memory = run.max_memory};

		CHECK(uc_prepare_fit(&input, UC_PREPARE_WHITENED, 32, &parallel, &more, &err) == UC_OK, "%d threads fit", n);
		uc_prepare_apply(&more, many, count, of, NULL, &parallel, b, &err);
		CHECK(memcmp(one.projection, more.projection, 32 * dim * sizeof(float)) == 0 &&
			  memcmp(one.group_means, more.group_means, 6 * dim * sizeof(float)) == 0 &&
			  memcmp(a, b, count * 32 * sizeof(float)) == 0, "%d threads give the bits of one", n);
		uc_prepare_free(&more);
	}
	uc_prepare_free(&one);
	uc_free(many);
	uc_free(a);
	uc_free(b);
	uc_free(of);
}

/* A row of weight 2 counts like the row twice, in means, groups, covariance and features. */
static void
weights(void)
{
	UcPrepareInput input = all_rows(true);
	UcPreparation weighted,
				repeated;
	UcError		err = {0};
	static float twice[2 * ROWS * DIM];
	static int32_t twice_groups[2 * ROWS];
	static double weight[ROWS],
				feature[ROWS],
				twice_feature[2 * ROWS];
	size_t		count = 0;

	for (int i = 0; i < ROWS; i++)
	{
		weight[i] = i % 3;
		feature[i] = i % 10 == 0 ? NAN : uniform();
		for (int copy = 0; copy < i % 3; copy++)
		{
			memcpy(twice + count * DIM, rows + i * DIM, DIM * sizeof(float));
			twice_feature[count] = feature[i];
			twice_groups[count++] = i % 2;
		}
		groups[i] = i % 2;
	}
	input.weights = weight;
	input.groups = groups;
	input.group_count = 2;
	input.features = feature;
	input.feature_count = 1;
	input.feature_weight = 1;
	CHECK(uc_prepare_fit(&input, UC_PREPARE_WHITENED, 8, &run, &weighted, &err) == UC_OK, "weighted rows are fitted");
	input.rows = twice;
	input.count = count;
	input.weights = NULL;
	input.groups = twice_groups;
	input.features = twice_feature;
	CHECK(uc_prepare_fit(&input, UC_PREPARE_WHITENED, 8, &run, &repeated, &err) == UC_OK, "repeated rows are fitted");
	CHECK(largest_difference(weighted.group_means, repeated.group_means, 2 * DIM) < 1e-6, "weights repeat rows in the means");
	CHECK(largest_difference(weighted.projection, repeated.projection, 8 * DIM) < 1e-3, "weights repeat rows in the projection");
	CHECK(fabs(weighted.feature_mean[0] - repeated.feature_mean[0]) < 1e-12 &&
		  fabs(weighted.feature_scale[0] - repeated.feature_scale[0]) < 1e-9, "weights repeat rows in the features");
	uc_prepare_free(&weighted);
	uc_prepare_free(&repeated);
	make_rows();
}

static void
features(void)
{
	UcPrepareInput input = all_rows(true);
	UcPreparation preparation;
	UcError		err = {0};
	static double feature[ROWS * 3];
	static float out[ROWS * (DIM + 3)];
	double		mean = 0,
				squares = 0;

	for (int i = 0; i < ROWS; i++)
	{
		feature[i * 3] = 1e6 + 1000 * uniform();
		feature[i * 3 + 1] = 1e300;
		feature[i * 3 + 2] = i == 4 ? NAN : 1e300 * uniform();
	}
	input.features = feature;
	input.feature_count = 3;
	input.feature_weight = .5;
	CHECK(uc_prepare_fit(&input, UC_PREPARE_NONE, 0, &run, &preparation, &err) == UC_OK, "features are fitted");
	CHECK(uc_prepare_apply(&preparation, rows, ROWS, NULL, feature, &run, out, &err) == UC_OK, "features are applied");
	for (int i = 0; i < ROWS; i++)
	{
		mean += out[i * (DIM + 3) + DIM] / ROWS;
		squares += (double) out[i * (DIM + 3) + DIM] * out[i * (DIM + 3) + DIM] / ROWS;
	}
	CHECK(fabs(mean) < 1e-6 && fabs(squares - .25 / 3) < 1e-6, "a feature has mean 0 and the share of its weight");
	CHECK(out[DIM + 1] == 0 && preparation.feature_scale[1] == 0, "a constant feature is 0");
	CHECK(out[4 * (DIM + 3) + DIM + 2] == 0, "a missing feature is 0");
	CHECK(all_finite(out, ROWS * (DIM + 3)), "large features stay finite");
	feature[0] = INFINITY;
	feature[1] = -INFINITY;
	uc_prepare_apply(&preparation, rows, 1, NULL, feature, &run, out, &err);
	CHECK(out[DIM] == (float) (UC_FEATURE_LIMIT * .5) && out[DIM + 1] == 0, "a feature far outside is cut off");
	uc_prepare_apply(&preparation, rows, 1, NULL, NULL, &run, out, &err);
	CHECK(out[DIM] == 0 && fabs(length(out, DIM) - 1) < 1e-6, "without features they are missing");
	uc_prepare_free(&preparation);
}

/* Rows of few directions or none: everything stays finite and acceptable to the cosine metric. */
static void
degenerate(void)
{
	static const size_t counts[] = {1, 2, 3, 200};
	UcError		err = {0};
	static float few[200 * DIM],
				out[200 * DIM];

	for (int kind = 0; kind < 3; kind++)	/* identical rows; two distinct ones; rows of one plane */
		for (int c = 0; c < 4; c++)
		{
			UcPrepareInput input = {.rows = few,.count = counts[c],.dim = DIM,.directions = true};
			UcPreparation preparation;
			bool		good = true;

			for (size_t i = 0; i < counts[c]; i++)
				for (int j = 0; j < DIM; j++)
					few[i * DIM + j] = (float) (.3 + .01 * j + (kind == 1 && i % 2 == 1 ? j % 5 : 0)
												+ (kind == 2 ? (double) (i % 13) * (j % 3) + (double) (i % 7) * (j % 2) : 0));
			for (int method = UC_PREPARE_CENTRED; method <= UC_PREPARE_WHITENED; method++)
			{
				if (uc_prepare_fit(&input, (UcPreparationMethod) method, 0, &run, &preparation, &err) != UC_OK ||
					uc_prepare_apply(&preparation, few, counts[c], NULL, NULL, &run, out, &err) != UC_OK)
				{
					CHECK(false, "kind %d, %zu rows: %s", kind, counts[c], err.message);
					continue;
				}
				for (size_t i = 0; i < counts[c]; i++)
					good = good && fabs(length(out + i * preparation.out_dim, preparation.out_dim) - 1) < 1e-6;
				if (kind == 0 || counts[c] == 1)
					good = good && preparation.method == UC_PREPARE_CENTRED && preparation.out_dim == DIM;
				if (kind == 1 && method == UC_PREPARE_WHITENED && counts[c] > 1)
					good = good && preparation.components == 1 && out[0] * out[1] < 0;
				uc_prepare_free(&preparation);
			}
			CHECK(good, "kind %d, %zu rows: unit length, and no more components than there are directions", kind, counts[c]);
		}
}

/* Symmetric matrices with known eigenvalues: a reflection turns a diagonal. */
static void
eigenvectors(void)
{
	static const size_t sizes[] = {1, 2, 65, 400, 900};

	for (int s = 0; s < 5; s++)
	{
		size_t		n = sizes[s],
					count = n < 20 ? n : 20;
		double	   *a = uc_alloc(n * n * sizeof(double)),
				   *kept = uc_alloc(n * n * sizeof(double)),
				   *u = uc_alloc(n * sizeof(double)),
				   *vectors = uc_alloc(count * n * sizeof(double)),
				   *values = uc_alloc(count * sizeof(double)),
					squares = 0,
					middle = 0,		/* uᵀ D u for the diagonal D of 1, 1/2, 1/3 … */
					worst_value = 0,
					worst_residual = 0;
		UcError		err = {0};

		for (size_t i = 0; i < n; i++)
		{
			u[i] = uniform() - .5;
			squares += u[i] * u[i];
			middle += u[i] * u[i] / (double) (1 + i);
		}
		for (size_t i = 0; i < n; i++)
			for (size_t j = 0; j < n; j++)
			{
				double		sum = (i == j ? 1 / (double) (1 + i) : 0) + 4 * middle * u[i] * u[j] / (squares * squares)
					- 2 * u[i] * u[j] / squares * (1 / (double) (1 + i) + 1 / (double) (1 + j));

				kept[i * n + j] = a[i * n + j] = sum;
			}
		CHECK(uc_eigen_largest(a, n, count, &run, values, vectors, &err) == UC_OK, "eigenvectors of %zu × %zu", n, n);
		for (size_t c = 0; c < count; c++)
		{
			worst_value = fmax(worst_value, fabs(values[c] - 1 / (double) (1 + c)));
			for (size_t i = 0; i < n; i++)
			{
				double		sum = -values[c] * vectors[c * n + i];

				for (size_t j = 0; j < n; j++)
					sum += kept[i * n + j] * vectors[c * n + j];
				worst_residual = fmax(worst_residual, fabs(sum));
			}
		}
		CHECK(worst_value < 1e-10 && worst_residual < 1e-6, "n = %zu: values within 1e-10, residual below 1e-6 (%g, %g)", n,
			  worst_value, worst_residual);
		uc_free(a);
		uc_free(kept);
		uc_free(u);
		uc_free(vectors);
		uc_free(values);
	}
}

/* The route for large matrices: no variance, two directions of it, and the same bits from two threads. */
static void
wide_matrices(void)
{
	const size_t n = 850,
				count = 30;
	UcRun		two = {.threads = 2,.max_memory = run.max_memory};
	UcError		err = {0};
	double	   *a = uc_alloc(n * n * sizeof(double)),
			   *vectors = uc_alloc(count * n * sizeof(double)),
			   *again = uc_alloc(count * n * sizeof(double)),
				values[30];

	memset(a, 0, n * n * sizeof(double));
	CHECK(uc_eigen_largest(a, n, count, &run, values, vectors, &err) == UC_OK && values[0] == 0, "a matrix of zeros");
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < n; j++)
			a[i * n + j] = 2.0 / (double) n + (i % 2 == j % 2 ? 1.0 : -1.0) / (double) n;
	CHECK(uc_eigen_largest(a, n, count, &run, values, vectors, &err) == UC_OK, "a matrix of rank two");
	CHECK(fabs(values[0] - 2) < 1e-9 && fabs(values[1] - 1) < 1e-9 && fabs(values[2]) < 1e-9, "has two eigenvalues");
	CHECK(fabs(vectors[0] - vectors[1]) < 1e-9 && fabs(vectors[n] + vectors[n + 1]) < 1e-9, "and their eigenvectors");
	for (size_t i = 0; i < n; i++)
		a[i * n + i] += 1 / (double) (i + 3);
	uc_eigen_largest(a, n, count, &run, values, vectors, &err);
	CHECK(uc_eigen_largest(a, n, count, &two, values, again, &err) == UC_OK &&
		  memcmp(vectors, again, count * n * sizeof(double)) == 0, "two threads give the bits of one");
	uc_free(a);
	uc_free(vectors);
	uc_free(again);
}

static bool
always(void *arg)
{
	return true;
}

static void
interrupts(void)
{
	UcPrepareInput input = all_rows(true);
	UcPreparation preparation;
	UcError		err = {0};
	UcRun		stopped = {.threads = 1,.max_memory = run.max_memory,.interrupted = always};

	CHECK(uc_prepare_fit(&input, UC_PREPARE_WHITENED, 0, &stopped, &preparation, &err) == UC_INTERRUPTED, "a fit can be stopped");
	CHECK(preparation.mean == NULL && preparation.projection == NULL, "and leaves nothing behind");
}

int
main(void)
{
	make_rows();
	refusals();
	rule();
	centring();
	whitening();
	threads();
	weights();
	features();
	degenerate();
	eigenvectors();
	wide_matrices();
	interrupts();
	return check_done();
}
