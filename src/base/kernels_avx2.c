/* The kernels for AVX2 with FMA; elsewhere the file is empty. */
#ifdef __AVX2__
#define UC_KERNELS uc_kernels_avx2
#define UC_KERNELS_NAME "avx2"
#include "base/kernels.inc"
#else
typedef int uc_kernels_avx2_absent;
#endif
