# usercluster: language-model embeddings and user segments inside PostgreSQL
#
#   make                the extension and the tool usercluster-model
#   make install        both, into the server that pg_config names
#   make unit           unit tests of the core, without a server
#   make unit-sanitize  the same under AddressSanitizer and UBSan
#   make fuzz           the fuzzers of test/fuzz under clang, FUZZ_SECONDS (60) each; `make unit` replays their corpus
#   make installcheck   regression, isolation and TAP tests against a running server

# The second joins the first with pgvector, which it needs only where it is created.
EXTENSION = usercluster usercluster_pgvector
EXTVERSION = 0.1.0
MODULE_big = usercluster

CORE_ROOMS = base text model token embed cluster train segment
CORE_SOURCES = $(sort $(foreach room,$(CORE_ROOMS),$(wildcard src/$(room)/*.c)))
# Reading JSON and safetensors is for the tool alone: the server maps what the tool has compiled.
IMPORT_SOURCES = $(filter src/model/import%,$(CORE_SOURCES))
SERVER_SOURCES = $(filter-out $(IMPORT_SOURCES),$(CORE_SOURCES)) $(sort $(wildcard src/pg/*.c))
OBJS = $(SERVER_SOURCES:.c=.o)

INSTALL_SQL = sql/usercluster--$(EXTVERSION).sql
DATA_built = $(INSTALL_SQL)
DATA = $(wildcard sql/usercluster--*--*.sql sql/pgvector/usercluster_pgvector--*.sql)

REGRESS = $(sort $(patsubst sql/%.sql,%,$(filter-out sql/usercluster--%,$(wildcard sql/*.sql))))
REGRESS_OPTS = --load-extension=usercluster
ISOLATION_OPTS = --load-extension=usercluster
ISOLATION = $(sort $(patsubst specs/%.spec,%,$(wildcard specs/*.spec)))
TAP_TESTS = $(if $(wildcard t/*.pl),1)

# The serial OpenBLAS, linked in, starts no thread and clashes with no other module; the shared one is the fallback.
OPENBLAS_SERIAL := $(firstword $(wildcard /usr/lib/*/openblas-serial/libopenblas.a))
# It hands out buffers without a lock: blas.c puts one around the two calls.
BLAS_WRAP = -Wl$(comma)--wrap=blas_memory_alloc$(comma)--wrap=blas_memory_free
BLAS_LIBS = $(if $(OPENBLAS_SERIAL),$(BLAS_WRAP) $(OPENBLAS_SERIAL) -Wl$(comma)--exclude-libs$(comma)ALL,-lopenblas)
BLAS_CPPFLAGS := -I$(dir $(firstword $(wildcard /usr/include/*/openblas-serial/cblas.h /usr/include/*/cblas.h /usr/include/cblas.h)))
comma := ,

# No call's errno is asked after arithmetic, and without it loops of square roots run several at a time; the bits are the same.
CORE_CFLAGS = -std=gnu11 -D_GNU_SOURCE -O3 -ffp-contract=off -fno-math-errno -Wno-psabi -Wall -Wextra -Wno-unused-parameter
CORE_LIBS = $(BLAS_LIBS) -lutf8proc -licui18n -licuuc -lstemmer -lm -lpthread
TOOL_LIBS = $(CORE_LIBS) -ljansson -lmd

PG_CPPFLAGS = -Isrc $(BLAS_CPPFLAGS)
PG_CFLAGS = -std=gnu11 -O3 -ffp-contract=off -fno-math-errno -Wno-psabi -MMD -MP
SHLIB_LINK = $(CORE_LIBS) -Wl,-Bsymbolic -Wl,--version-script=src/pg/exports.map
EXTRA_CLEAN = build $(INSTALL_SQL) src/pg/definitions.inc usercluster-model $(OBJS:.o=.d)

# Bitcode would let the server inline our entry points into queries, which gains nothing here and doubles the build.
override with_llvm = no

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

all: usercluster-model

$(INSTALL_SQL): $(sort $(wildcard sql/install/*.sql))
	cat $^ > $@

# What the library's functions look like in SQL, for it to compare; of several definitions of one, it names the last as expected.
src/pg/definition.o: src/pg/definitions.inc
src/pg/definitions.inc: src/pg/definitions.awk $(sort $(wildcard sql/pgvector/*.sql)) $(sort $(wildcard sql/install/*.sql))
	awk -f $^ > $@

# Kernels are built once per instruction set; which one runs is decided at run time.
AVX2_CFLAGS := $(if $(filter x86_64,$(shell uname -m)),-mavx2 -mfma)
AVX512_CFLAGS := $(if $(AVX2_CFLAGS),$(AVX2_CFLAGS) -mavx512f -mavx512bw -mavx512dq -mavx512vl -mprefer-vector-width=512)
src/base/kernels_avx2.o: override CFLAGS += $(AVX2_CFLAGS)
src/base/kernels_avx512.o: override CFLAGS += $(AVX512_CFLAGS)
build/%/base/kernels_avx2.o: EXTRA_CFLAGS = $(AVX2_CFLAGS)
build/%/base/kernels_avx512.o: EXTRA_CFLAGS = $(AVX512_CFLAGS)

# ---- the tool, and the unit tests: the core without a server, built beside the extension's objects ----

TOOL_SOURCES = $(CORE_SOURCES) $(sort $(wildcard src/tool/*.c))
UNIT_TESTS = $(sort $(patsubst test/unit/%.c,%,$(wildcard test/unit/*_test.c)))
SANITIZE_CFLAGS = -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer

build/%/tool/main.o: EXTRA_CFLAGS = -DUC_DEFAULT_MODEL_DIR=\"$(datadir)/usercluster\"

build/plain/%.o: src/%.c
	@mkdir -p $(@D)
	$(CC) $(CORE_CFLAGS) $(EXTRA_CFLAGS) $(PG_CPPFLAGS) -MMD -MP -c -o $@ $<

build/sanitize/%.o: src/%.c
	@mkdir -p $(@D)
	$(CC) $(CORE_CFLAGS) $(SANITIZE_CFLAGS) $(EXTRA_CFLAGS) $(PG_CPPFLAGS) -MMD -MP -c -o $@ $<

usercluster-model: $(TOOL_SOURCES:src/%.c=build/plain/%.o)
	$(CC) $(CORE_CFLAGS) -o $@ $^ $(TOOL_LIBS)

build/plain/unit/%: test/unit/%.c $(wildcard test/unit/*.h) $(CORE_SOURCES:src/%.c=build/plain/%.o)
	@mkdir -p $(@D)
	$(CC) $(CORE_CFLAGS) $(PG_CPPFLAGS) -Itest/unit -o $@ $(filter %.c %.o,$^) $(TOOL_LIBS)

build/sanitize/unit/%: test/unit/%.c $(wildcard test/unit/*.h) $(CORE_SOURCES:src/%.c=build/sanitize/%.o)
	@mkdir -p $(@D)
	$(CC) $(CORE_CFLAGS) $(SANITIZE_CFLAGS) $(PG_CPPFLAGS) -Itest/unit -o $@ $(filter %.c %.o,$^) $(TOOL_LIBS)

# ---- fuzzers: with a main that replays the kept corpus for `make unit`, with libFuzzer for `make fuzz` ----

FUZZERS = $(sort $(patsubst test/fuzz/%.c,%,$(wildcard test/fuzz/*_fuzz.c)))
FUZZ_SECONDS = 60
FUZZ_CC = clang-14
FUZZ_CFLAGS = -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer

build/plain/fuzz/%: test/fuzz/%.c test/fuzz/replay.c $(wildcard test/fuzz/*.h) $(CORE_SOURCES:src/%.c=build/plain/%.o)
	@mkdir -p $(@D)
	$(CC) $(CORE_CFLAGS) $(PG_CPPFLAGS) -Itest/fuzz -o $@ $(filter %.c %.o,$^) $(TOOL_LIBS)

build/sanitize/fuzz/%: test/fuzz/%.c test/fuzz/replay.c $(wildcard test/fuzz/*.h) $(CORE_SOURCES:src/%.c=build/sanitize/%.o)
	@mkdir -p $(@D)
	$(CC) $(CORE_CFLAGS) $(SANITIZE_CFLAGS) $(PG_CPPFLAGS) -Itest/fuzz -o $@ $(filter %.c %.o,$^) $(TOOL_LIBS)

build/fuzz/%.o: src/%.c
	@mkdir -p $(@D)
	$(FUZZ_CC) $(CORE_CFLAGS) $(FUZZ_CFLAGS) -fsanitize=fuzzer-no-link $(EXTRA_CFLAGS) $(PG_CPPFLAGS) -MMD -MP -c -o $@ $<

build/fuzz/run/%: test/fuzz/%.c $(wildcard test/fuzz/*.h) $(CORE_SOURCES:src/%.c=build/fuzz/%.o)
	@mkdir -p $(@D)
	$(FUZZ_CC) $(CORE_CFLAGS) $(FUZZ_CFLAGS) -fsanitize=fuzzer $(PG_CPPFLAGS) -Itest/fuzz -o $@ $(filter %.c %.o,$^) $(TOOL_LIBS)

# What is found goes to build/fuzz/corpus; a crash stops the run and leaves its input in build/fuzz.
fuzz: $(FUZZERS:%=build/fuzz/run/%)
	@for name in $(FUZZERS); do \
		mkdir -p build/fuzz/corpus/$$name; \
		build/fuzz/run/$$name -max_total_time=$(FUZZ_SECONDS) -timeout=10 -max_len=60000 -print_final_stats=1 -verbosity=0 \
			-artifact_prefix=build/fuzz/$$name- build/fuzz/corpus/$$name test/fuzz/corpus/$$name || exit 1; \
	done

.PHONY: unit unit-sanitize fuzz
.PRECIOUS: build/plain/%.o build/sanitize/%.o build/fuzz/%.o
unit: $(UNIT_TESTS:%=build/plain/unit/%) $(FUZZERS:%=build/plain/fuzz/%)
	test/unit/run $^

unit-sanitize: $(UNIT_TESTS:%=build/sanitize/unit/%) $(FUZZERS:%=build/sanitize/fuzz/%)
	test/unit/run $^

-include $(wildcard build/*/*/*.d) $(OBJS:.o=.d)

install: install-tool
install-tool: usercluster-model
	$(MKDIR_P) '$(DESTDIR)$(bindir)'
	$(INSTALL_PROGRAM) usercluster-model '$(DESTDIR)$(bindir)/usercluster-model'

uninstall: uninstall-tool
uninstall-tool:
	rm -f '$(DESTDIR)$(bindir)/usercluster-model'
.PHONY: install-tool uninstall-tool
