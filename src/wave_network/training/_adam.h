/* Adam's update of rows of a table, for `_row_adam.c` and `_local_steps.c`. */

#include <math.h>

WIDE static void
update(float *restrict row, const float *restrict gradient, float *restrict mean,
       float *restrict square, int64_t width, float beta1, float beta2, float epsilon, float rate)
{
    for (int64_t i = 0; i < width; i++) {
        mean[i] += (gradient[i] - mean[i]) * (1 - beta1);
        square[i] = square[i] * beta2 + gradient[i] * gradient[i] * (1 - beta2);
        row[i] -= rate * (mean[i] / (sqrtf(square[i]) + epsilon));
    }
}

#ifdef __GNUC__
#define PREFETCH(address) __builtin_prefetch(address, 1)
#else
#define PREFETCH(address) ((void)0)
#endif
enum { AHEAD = 6, FLOATS_A_LINE = 16 };

/* Rows lie far apart: what is asked for early need not be waited for. */
INLINE void
prefetch(const float *row, int64_t width)
{
    for (int64_t i = 0; i < width; i += FLOATS_A_LINE) {
        PREFETCH(row + i);
    }
}
