/* Products of matrices and vectors, and the exponential: loops that compile to wide registers. */

#ifndef WAVE_NETWORK_MULTIPLY_H
#define WAVE_NETWORK_MULTIPLY_H

#include "arrays.h"

enum { LANES = 8 }; /* floats per wide register */

/* Round a number of columns up to whole registers. Rows must not be a power of two apart, or they
 * would share the same few lines of the cache: of wide matrices they are an odd multiple of 16. */
static inline int64_t
padded(int64_t count)
{
    if (count < 256) {
        return (count + LANES - 1) / LANES * LANES;
    }
    const int64_t pairs = (count + 2 * LANES - 1) / (2 * LANES);
    return (pairs | 1) * 2 * LANES;
}

#ifdef __GNUC__
typedef float Lanes __attribute__((vector_size(LANES * sizeof(float)), aligned(4), may_alias));
#define LANES_AT(pointer) (*(Lanes *)(pointer))
#define CONST_LANES_AT(pointer) (*(const Lanes *)(pointer))

/* Add to c the product of four rows of a (strides `a_row` and `a_column`) and two registers of
 * columns of b. */
INLINE void
multiply_pair(float *restrict c, int64_t c_columns, const float *restrict a, int64_t a_row,
              int64_t a_column, const float *restrict b, int64_t b_columns, int64_t inner)
{
    Lanes sums[4][2];
    for (int i = 0; i < 4; i++) {
        sums[i][0] = LANES_AT(c + i * c_columns);
        sums[i][1] = LANES_AT(c + i * c_columns + LANES);
    }
    for (int64_t k = 0; k < inner; k++) {
        const Lanes first = CONST_LANES_AT(b + k * b_columns);
        const Lanes second = CONST_LANES_AT(b + k * b_columns + LANES);
        const float *factors = a + k * a_column;
        for (int i = 0; i < 4; i++) {
            sums[i][0] += factors[i * a_row] * first;
            sums[i][1] += factors[i * a_row] * second;
        }
    }
    for (int i = 0; i < 4; i++) {
        LANES_AT(c + i * c_columns) = sums[i][0];
        LANES_AT(c + i * c_columns + LANES) = sums[i][1];
    }
}

/* The same for one register of columns. */
INLINE void
multiply_single(float *restrict c, int64_t c_columns, const float *restrict a, int64_t a_row,
                int64_t a_column, const float *restrict b, int64_t b_columns, int64_t inner)
{
    Lanes sums[4];
    for (int i = 0; i < 4; i++) {
        sums[i] = LANES_AT(c + i * c_columns);
    }
    for (int64_t k = 0; k < inner; k++) {
        const Lanes row = CONST_LANES_AT(b + k * b_columns);
        const float *factors = a + k * a_column;
        for (int i = 0; i < 4; i++) {
            sums[i] += factors[i * a_row] * row;
        }
    }
    for (int i = 0; i < 4; i++) {
        LANES_AT(c + i * c_columns) = sums[i];
    }
}
#else
INLINE void
multiply_single(float *restrict c, int64_t c_columns, const float *restrict a, int64_t a_row,
                int64_t a_column, const float *restrict b, int64_t b_columns, int64_t inner)
{
    for (int64_t k = 0; k < inner; k++) {
        for (int64_t i = 0; i < 4; i++) {
            for (int64_t lane = 0; lane < LANES; lane++) {
                c[i * c_columns + lane] += a[i * a_row + k * a_column] * b[k * b_columns + lane];
            }
        }
    }
}

INLINE void
multiply_pair(float *restrict c, int64_t c_columns, const float *restrict a, int64_t a_row,
              int64_t a_column, const float *restrict b, int64_t b_columns, int64_t inner)
{
    multiply_single(c, c_columns, a, a_row, a_column, b, b_columns, inner);
    multiply_single(c + LANES, c_columns, a, a_row, a_column, b + LANES, b_columns, inner);
}
#endif

/* A factor of a product: its numbers, and how far apart rows and columns are. */
typedef struct {
    const float *start;
    int64_t row, column;
} Factor;

/* Add the product of a, (rows, inner), and b, (inner, columns), to c, (rows, columns); b and c have
 * contiguous columns. Rows are a multiple of 4, columns of LANES. */
INLINE void
multiply(float *restrict c, int64_t c_columns, Factor a, const float *restrict b, int64_t b_columns,
         int64_t rows, int64_t inner, int64_t columns)
{
    for (int64_t j = 0; j < columns; j += 2 * LANES) {
        for (int64_t i = 0; i < rows; i += 4) {
            float *part = c + i * c_columns + j;
            const float *factors = a.start + i * a.row;
            if (j + LANES < columns) {
                multiply_pair(part, c_columns, factors, a.row, a.column, b + j, b_columns, inner);
            }
            else {
                multiply_single(part, c_columns, factors, a.row, a.column, b + j, b_columns, inner);
            }
        }
    }
}

INLINE void
add_to(float *restrict sum, const float *restrict row, int64_t width)
{
    for (int64_t i = 0; i < width; i++) {
        sum[i] += row[i];
    }
}

INLINE float
dot(const float *restrict a, const float *restrict b, int64_t count)
{
    float sums[LANES] = {0}, rest = 0;
    int64_t i = 0;
    for (; i + LANES <= count; i += LANES) {
        for (int64_t lane = 0; lane < LANES; lane++) {
            sums[lane] += a[i + lane] * b[i + lane];
        }
    }
    for (; i < count; i++) {
        rest += a[i] * b[i];
    }
    for (int64_t lane = 0; lane < LANES; lane++) {
        rest += sums[lane];
    }
    return rest;
}

INLINE float
sum_of(const float *values, int64_t count)
{
    float sums[LANES] = {0}, rest = 0;
    int64_t i = 0;
    for (; i + LANES <= count; i += LANES) {
        for (int64_t lane = 0; lane < LANES; lane++) {
            sums[lane] += values[i + lane];
        }
    }
    for (; i < count; i++) {
        rest += values[i];
    }
    for (int64_t lane = 0; lane < LANES; lane++) {
        rest += sums[lane];
    }
    return rest;
}

/* Compute e^x in float32 without a call, so that loops are vectorised (Cephes' polynomial). */
INLINE float
exponential(float x)
{
    const float round = 12582912.0f; /* 1.5 * 2^23: adding it rounds to a whole number */
    x = x > 88.0f ? 88.0f : x;
    x = x < -87.0f ? -87.0f : x;
    const float power = (x * 1.44269504f + round) - round;
    const float rest = (x - power * 0.693359375f) + power * 2.12194440e-4f;
    float value = 1.9875691500e-4f;
    value = value * rest + 1.3981999507e-3f;
    value = value * rest + 8.3334519073e-3f;
    value = value * rest + 4.1665795894e-2f;
    value = value * rest + 1.6666665459e-1f;
    value = value * rest + 5.0000001201e-1f;
    value = value * rest * rest + rest + 1.0f;
    const float whole = power >= -127.0f ? power : 0.0f; /* NaN, which stays in `rest`, is none */
    const uint32_t bits = ((uint32_t)(int32_t)whole + 127) << 23;
    float scale;
    memcpy(&scale, &bits, sizeof(scale));
    return value * scale;
}

#endif
