/*
 * sha256.c
 *	  The compression function and its padding. The constants are the fractional bits of roots of the first primes.
 */
#include "base/sha256.h"

#include <string.h>

static const uint32_t constants[64] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
	0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
	0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
	0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
	0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
	0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2
};

static inline uint32_t
turn(uint32_t x, int by)
{
	return x >> by | x << (32 - by);
}

static void
compress(uint32_t state[8], const uint8_t *block)
{
	uint32_t	w[64],
				v[8];

	for (int i = 0; i < 16; i++)
		w[i] = (uint32_t) block[4 * i] << 24 | (uint32_t) block[4 * i + 1] << 16 | (uint32_t) block[4 * i + 2] << 8 | block[4 * i + 3];
	for (int i = 16; i < 64; i++)
		w[i] = w[i - 16] + w[i - 7] + (turn(w[i - 15], 7) ^ turn(w[i - 15], 18) ^ w[i - 15] >> 3) +
			(turn(w[i - 2], 17) ^ turn(w[i - 2], 19) ^ w[i - 2] >> 10);
	memcpy(v, state, sizeof v);
	for (int i = 0; i < 64; i++)
	{
		uint32_t	a = v[0],
					e = v[4],
					first = v[7] + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + ((e & v[5]) ^ (~e & v[6])) + constants[i] + w[i],
					second = (turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & v[1]) ^ (a & v[2]) ^ (v[1] & v[2]));

		memmove(v + 1, v, 7 * sizeof *v);
		v[4] += first;
		v[0] = first + second;
	}
	for (int i = 0; i < 8; i++)
		state[i] += v[i];
}

void
uc_sha256_begin(UcSha256 *sha)
{
	static const uint32_t start[8] = {
		0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19
	};

	memcpy(sha->state, start, sizeof start);
	sha->bytes = 0;
}

void
uc_sha256_add(UcSha256 *sha, const void *data, size_t bytes)
{
	const uint8_t *from = data;

	while (bytes > 0)
	{
		size_t		used = sha->bytes % 64,
					more = bytes < 64 - used ? bytes : 64 - used;

		memcpy(sha->block + used, from, more);
		sha->bytes += more;
		from += more;
		bytes -= more;
		if (used + more == 64)
			compress(sha->state, sha->block);
	}
}

void
uc_sha256_end(UcSha256 *sha, uint8_t digest[32])
{
	static const uint8_t padding[64] = {0x80};
	uint64_t	bits = sha->bytes * 8;
	uint8_t		length[8];

	for (int i = 0; i < 8; i++)
		length[i] = (uint8_t) (bits >> (56 - 8 * i));
	uc_sha256_add(sha, padding, (119 - sha->bytes % 64) % 64 + 1);
	uc_sha256_add(sha, length, sizeof length);
	for (int i = 0; i < 32; i++)
		digest[i] = (uint8_t) (sha->state[i / 4] >> (24 - 8 * (i % 4)));
}
