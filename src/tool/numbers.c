/*
 * numbers.c
 *	  Values of embeddings are below 1 and seldom tiny: nine digits of such a one fit an integer.
 */
#include "tool/numbers.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>

size_t
uc_tool_float(float value, char out[UC_TOOL_NUMBER_ROOM])
{
	double		size = fabs((double) value),
				scaled = size * 1e9;
	size_t		used = 0;
	int			zeros = 0;
	uint32_t	digits;
	char		text[9];
	int			count = 9;

	if (!(size >= 1e-4 && size < 1))
		return (size_t) snprintf(out, UC_TOOL_NUMBER_ROOM, "%.9g", value);
	while (scaled < 1e8)
	{
		scaled *= 10;
		zeros++;
	}
	digits = (uint32_t) (scaled + 0.5);
	/* The product is not exact: where that could tell which way it is rounded, and at a further digit, printf decides. */
	if (digits >= 1000000000 || fabs(scaled - floor(scaled) - 0.5) < 1e-5)
		return (size_t) snprintf(out, UC_TOOL_NUMBER_ROOM, "%.9g", value);
	for (int i = 8; i >= 0; i--)
	{
		text[i] = (char) ('0' + digits % 10);
		digits /= 10;
	}
	while (text[count - 1] == '0')
		count--;
	if (value < 0)
		out[used++] = '-';
	out[used++] = '0';
	out[used++] = '.';
	while (zeros-- > 0)
		out[used++] = '0';
	for (int i = 0; i < count; i++)
		out[used++] = text[i];
	out[used] = '\0';
	return used;
}
