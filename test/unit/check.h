/*
 * check.h
 *	  The unit tests' only tool: each check prints one TAP line, and check_done() the plan.
 */
#ifndef UC_TEST_CHECK_H
#define UC_TEST_CHECK_H

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static int	check_count;
static int	check_failures;

/* Use through CHECK: a condition and a printf-style name of what is checked. */
#define CHECK(condition, ...) \
	do { \
		bool		check_passed = (condition); \
		printf("%s %d - ", check_passed ? "ok" : "not ok", ++check_count); \
		printf(__VA_ARGS__); \
		putchar('\n'); \
		if (!check_passed) \
		{ \
			check_failures++; \
			printf("# %s:%d: %s\n", __FILE__, __LINE__, #condition); \
		} \
	} while (0)

/* The call must fail with this status, and its message must contain this text. */
#define CHECK_REFUSED(call, wanted_status, err, text, ...) \
	do { \
		UcStatus	check_status = (call); \
		CHECK(check_status == (wanted_status) && strstr((err)->message, (text)) != NULL, __VA_ARGS__); \
		if (check_status != (wanted_status) || strstr((err)->message, (text)) == NULL) \
			printf("# status %d, message \"%s\"\n", check_status, check_status == UC_OK ? "" : (err)->message); \
	} while (0)

static inline int
check_done(void)
{
	printf("1..%d\n", check_count);
	return check_failures == 0 ? 0 : 1;
}

#endif
