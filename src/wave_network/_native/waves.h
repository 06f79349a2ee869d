/* The features of one text: sums over the waves of its tokens and over its hashed n-grams. */

#ifndef WAVE_NETWORK_WAVES_H
#define WAVE_NETWORK_WAVES_H

#include "multiply.h"
#include "shape.h"

#include <math.h>
#include <stdlib.h>

typedef struct {
    const float *rows;
    int64_t count, width;
} Table;

typedef struct {
    Shape shape;
    Table embedding, bigrams, linear_tokens, linear_bigrams;
} Network;

INLINE const float *
row_of(const Table *table, int64_t index)
{
    return table->rows + index * table->width;
}

static inline Table
table_of(const Py_buffer *view)
{
    return (Table){view->buf, view->shape[0], view->shape[1]};
}

/* For all members, one after the other. */
static inline int64_t
feature_count(const Network *network)
{
    return 3 * (network->embedding.width / 2) + network->bigrams.width;
}

/* Return why the tables do not fit the shape, or NULL. */
static inline const char *
validate_tables(const Network *network)
{
    const int64_t members = network->shape.members, labels = network->linear_tokens.width;
    if (network->embedding.width % (2 * members) != 0 || network->bigrams.width % members != 0
        || network->bigrams.count < 1 || network->bigrams.count > INT32_MAX
        || labels != network->linear_bigrams.width
        || (labels > 0
            && (network->linear_bigrams.count < 1 || network->linear_bigrams.count > INT32_MAX))) {
        return "the tables do not belong together";
    }
    return NULL;
}

/* In 64 bits: single terms of the linear part may be large and cancel each other. */
INLINE void
add_exactly(double *restrict sum, const float *restrict row, int64_t width)
{
    for (int64_t i = 0; i < width; i++) {
        sum[i] += row[i];
    }
}

/* Add the linear part's rows of the n-grams that end at `ids[t]`. */
INLINE void
add_ngrams(const Network *network, const int32_t *ids, int64_t t, NgramHistory history,
           double *restrict sum)
{
    const Ngrams *ngrams = &network->shape.linear_ngrams;
    const Table *table = &network->linear_bigrams;
    for (int kind = 0; kind < ngrams->count; kind++) {
        if (t >= ngrams->kinds[kind].places[0]) {
            const int64_t bucket = next_bucket(ngrams, kind, ids, t, table->count, history);
            add_exactly(sum, row_of(table, bucket), table->width);
        }
    }
}

/* Sum over one text's tokens, for some columns: u, its energy, that of the local waves. */
INLINE void
sum_columns(const Table *table, const int32_t *ids, int64_t length, int modulation, float *sums,
            int64_t start, int64_t end)
{
    const int64_t width = table->width / 2;
    for (int64_t i = start; i < end; i++) {
        float coherent = 0, energy = 0, local = 0, before = 0;
        for (int64_t t = 0; t < length; t++) {
            const float u = row_of(table, ids[t])[i], v = row_of(table, ids[t])[width + i];
            const float wave = modulation ? v * before : v + before;
            coherent += u;
            energy += u * u;
            local += t > 0 ? wave * wave : 0;
            before = u;
        }
        sums[i] = coherent;
        sums[width + i] = energy;
        sums[2 * width + i] = local;
    }
}

#ifdef __GNUC__
/* The same for a register of columns, in which the sums stay. */
INLINE void
sum_lanes(const Table *table, const int32_t *ids, int64_t length, int modulation, float *sums,
          int64_t start)
{
    const int64_t width = table->width / 2;
    Lanes before = CONST_LANES_AT(row_of(table, ids[0]) + start);
    Lanes coherent = before, energy = before * before, local = {0};
    for (int64_t t = 1; t < length; t++) {
        const float *row = row_of(table, ids[t]) + start;
        const Lanes u = CONST_LANES_AT(row), v = CONST_LANES_AT(row + width);
        const Lanes wave = modulation ? v * before : v + before;
        coherent += u;
        energy += u * u;
        local += wave * wave;
        before = u;
    }
    LANES_AT(sums + start) = coherent;
    LANES_AT(sums + width + start) = energy;
    LANES_AT(sums + 2 * width + start) = local;
}
#endif

INLINE void
sum_waves(const Table *table, const int32_t *ids, int64_t length, int modulation, float *sums)
{
    int64_t start = 0;
#ifdef __GNUC__
    for (; length > 0 && start + LANES <= table->width / 2; start += LANES) {
        sum_lanes(table, ids, length, modulation, sums, start);
    }
#endif
    sum_columns(table, ids, length, modulation, sums, start, table->width / 2);
}

/* Sum over one text: u, its energy and the energy of the local waves (width each), the rows of the
 * n-grams, and both tables of the linear part. `buckets` are those of the n-grams that end at each
 * token; NULL computes them. */
WIDE static void
forward_sums(const Network *network, const int32_t *ids, const int32_t *buckets, int64_t length,
             float *restrict sums, double *restrict linear_sums)
{
    const int64_t width = network->embedding.width / 2, labels = network->linear_tokens.width;
    const NgramKind *kind = &network->shape.bigram;
    float *restrict bigrams = sums + 3 * width;
    double *restrict tokens = linear_sums, *restrict ngrams = linear_sums + labels;
    if (network->shape.modulation) {
        sum_waves(&network->embedding, ids, length, 1, sums);
    }
    else {
        sum_waves(&network->embedding, ids, length, 0, sums);
    }
    memset(bigrams, 0, (size_t)network->bigrams.width * sizeof(float));
    for (int64_t t = kind->places[0]; t < length; t++) {
        const int64_t row = buckets != NULL ? buckets[t]
                                            : ngram_bucket(kind, ids, t, network->bigrams.count);
        add_to(bigrams, row_of(&network->bigrams, row), network->bigrams.width);
    }
    memset(linear_sums, 0, (size_t)(2 * labels) * sizeof(double));
    NgramHistory history;
    for (int64_t t = 0; labels > 0 && t < length; t++) {
        add_exactly(tokens, row_of(&network->linear_tokens, ids[t]), labels);
        add_ngrams(network, ids, t, history, ngrams);
    }
}

/* Compute one text's features, (members, features), from its sums, and add the linear part's
 * logits to its margins, (labels). */
static inline void
forward_features(const Network *network, int64_t length, const float *sums,
                 const double *linear_sums, float *features, float *margins)
{
    const int64_t width = network->embedding.width / 2, hidden = width / network->shape.members;
    const int64_t bigram_size = network->bigrams.width / network->shape.members;
    const int64_t labels = network->linear_tokens.width;
    const float root = sqrtf((float)length);
    const float bigram_root = sqrtf(length > 2 ? (float)(length - 1) : 1.0f);
    const float *bigrams = sums + 3 * width;
    for (int64_t member = 0; member < network->shape.members; member++) {
        const float *coherent = sums + member * hidden;
        for (int64_t i = 0; i < hidden; i++) {
            features[i] = coherent[i] / root;
            features[hidden + i] = sqrtf(coherent[width + i] + network->shape.energy_floor);
            features[2 * hidden + i] = sqrtf(coherent[2 * width + i] * network->shape.local_scale
                                             + network->shape.energy_floor);
        }
        features += 3 * hidden;
        for (int64_t i = 0; i < bigram_size; i++) {
            features[i] = bigrams[member * bigram_size + i] / bigram_root;
        }
        features += bigram_size;
    }
    for (int64_t i = 0; i < labels; i++) {
        margins[i] += (float)(linear_sums[i] / sqrt((double)length)
                              + linear_sums[labels + i] / sqrt(length > 2 ? length - 1.0 : 1.0));
    }
}

#endif
