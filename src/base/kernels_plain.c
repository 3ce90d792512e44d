/* The kernels with the flags of the whole build, the floor that every machine has. */
#define UC_KERNELS uc_kernels_plain
#define UC_KERNELS_NAME "plain"
#include "base/kernels.inc"
