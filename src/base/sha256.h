/*
 * sha256.h
 *	  SHA-256 (FIPS 180-4), for the fingerprints of files that the server writes.
 */
#ifndef UC_BASE_SHA256_H
#define UC_BASE_SHA256_H

#include <stddef.h>
#include <stdint.h>

typedef struct UcSha256
{
	uint32_t	state[8];
	uint64_t	bytes;			/* seen so far */
	uint8_t		block[64];		/* what does not fill a block yet */
} UcSha256;

extern void uc_sha256_begin(UcSha256 *sha);
extern void uc_sha256_add(UcSha256 *sha, const void *data, size_t bytes);
extern void uc_sha256_end(UcSha256 *sha, uint8_t digest[32]);

#endif
