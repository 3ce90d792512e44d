/* The kernels for AVX-512 (F, BW, DQ, VL); elsewhere the file is empty. */
#ifdef __AVX512F__
#define UC_KERNELS uc_kernels_avx512
#define UC_KERNELS_NAME "avx512"
#include "base/kernels.inc"
#else
typedef int uc_kernels_avx512_absent;
#endif
