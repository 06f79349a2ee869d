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

typedef struct {
    float beta1, beta2, epsilon, rate;
} RowStep;

/* Move rows of a table by their gradients, which come one after the other; `places` says where each
 * row has its moments. */
static void
move_rows(float *table, const int64_t *rows, const float *gradients, int64_t count, int64_t width,
          const int64_t *places, float *means, float *squares, RowStep step)
{
    for (int64_t i = 0; i < count; i++) {
        if (i + AHEAD < count) {
            prefetch(table + rows[i + AHEAD] * width, width);
            prefetch(means + places[i + AHEAD] * width, width);
            prefetch(squares + places[i + AHEAD] * width, width);
        }
        update(table + rows[i] * width, gradients + i * width, means + places[i] * width,
               squares + places[i] * width, width, step.beta1, step.beta2, step.epsilon,
               step.rate);
    }
}
