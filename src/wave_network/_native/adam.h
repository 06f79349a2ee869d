/* Adam's update of the rows of a table and of whole arrays. */

#ifndef WAVE_NETWORK_ADAM_H
#define WAVE_NETWORK_ADAM_H

#include "arrays.h"

#include <math.h>

/* `root_factor` divides the root of the second moment (bias correction); it is 1 if `rate` includes
 * both corrections. */
typedef struct {
    float beta1, beta2, epsilon, rate, root_factor;
} Adam;

INLINE void
adam_update(float *restrict values, const float *restrict gradient, float *restrict mean,
            float *restrict square, int64_t count, float beta1, float beta2, float epsilon,
            float rate, float root_factor)
{
    for (int64_t i = 0; i < count; i++) {
        mean[i] += (gradient[i] - mean[i]) * (1 - beta1);
        square[i] = square[i] * beta2 + gradient[i] * gradient[i] * (1 - beta2);
        values[i] -= rate * (mean[i] / (sqrtf(square[i]) / root_factor + epsilon));
    }
}

/* With a constant root factor of 1 there is no division, with a constant width no loop. */
WIDE static void
update_row(float *restrict row, const float *restrict gradient, float *restrict mean,
           float *restrict square, int64_t width, Adam adam)
{
#define UPDATE(constant)                                                                      \
    adam_update(row, gradient, mean, square, constant, adam.beta1, adam.beta2, adam.epsilon, \
                adam.rate, 1.0f)
    switch (width) {
    case 4:
        UPDATE(4);
        break;
    case 32:
        UPDATE(32);
        break;
    default:
        UPDATE(width);
    }
#undef UPDATE
}

enum { AHEAD = 6, FLOATS_A_LINE = 16 };

/* Prefetch: rows are far apart in memory. */
INLINE void
prefetch(const float *row, int64_t width)
{
    for (int64_t i = 0; i < width; i += FLOATS_A_LINE) {
        PREFETCH(row + i);
    }
}

/* Update rows of a table; `places` holds the index of each row's moments. Gradients are
 * contiguous. */
static inline void
update_table(float *table, const int64_t *rows, const float *gradients, int64_t count,
             int64_t width, const int64_t *places, float *means, float *squares, Adam adam)
{
    for (int64_t i = 0; i < count; i++) {
        if (i + AHEAD < count) {
            prefetch(table + rows[i + AHEAD] * width, width);
            prefetch(means + places[i + AHEAD] * width, width);
            prefetch(squares + places[i + AHEAD] * width, width);
        }
        update_row(table + rows[i] * width, gradients + i * width, means + places[i] * width,
                   squares + places[i] * width, width, adam);
    }
}

#endif
