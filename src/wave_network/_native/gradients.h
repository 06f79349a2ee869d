/* Backward from one text's features to the rows of the tables. For `features.c` and
 * `train_step.c`. */

#ifndef WAVE_NETWORK_GRADIENTS_H
#define WAVE_NETWORK_GRADIENTS_H

#include "waves.h"

enum { MOST_COLUMNS = 1 << 20 }; /* limit of a table's gradients, so that no product overflows */

/* The gradients of the rows that occur in texts, in ascending order. */
typedef struct {
    int64_t *rows, count;
    int32_t *place; /* the index of each row of the table among the gradients */
    float *gradients;
} RowGradients;

INLINE float *
row_gradient(const RowGradients *rows, int64_t row, int64_t width)
{
    return rows->gradients + rows->place[row] * width;
}

/* Add one text's gradients to the rows of its tokens and n-grams. Writes the gradients of its sums
 * to `slopes`. */
WIDE static void
backward_text(const Network *network, const int32_t *ids, const int32_t *buckets, int64_t length,
              const float *features, const float *gradient, float *restrict slopes,
              const RowGradients *token_rows, const RowGradients *bigram_rows)
{
    const int64_t width = network->embedding.width / 2, hidden = width / network->shape.members;
    const int64_t bigram_size = network->bigrams.width / network->shape.members;
    const float root = sqrtf((float)length);
    const float bigram_root = sqrtf(length > 2 ? (float)(length - 1) : 1.0f);
    float *restrict coherent = slopes, *restrict energy = slopes + width;
    float *restrict local = slopes + 2 * width, *restrict bigrams = slopes + 3 * width;
    for (int64_t member = 0; member < network->shape.members; member++) {
        const int64_t start = member * hidden;
        for (int64_t i = 0; i < hidden; i++) { /* the derivative of a root is half its inverse */
            coherent[start + i] = gradient[i] / root;
            energy[start + i] = gradient[hidden + i] / features[hidden + i];
            local[start + i] = gradient[2 * hidden + i] / features[2 * hidden + i]
                               * network->shape.local_scale;
        }
        gradient += 3 * hidden;
        features += 3 * hidden;
        for (int64_t i = 0; i < bigram_size; i++) {
            bigrams[member * bigram_size + i] = gradient[i] / bigram_root;
        }
        gradient += bigram_size;
        features += bigram_size;
    }
    const float *restrict before = NULL;
    float *before_gradient = NULL;
    for (int64_t t = 0; t < length; t++) {
        const float *restrict u = row_of(&network->embedding, ids[t]), *restrict v = u + width;
        float *u_gradient = row_gradient(token_rows, ids[t], 2 * width);
        float *v_gradient = u_gradient + width;
        for (int64_t i = 0; i < width; i++) {
            u_gradient[i] += coherent[i] + energy[i] * u[i];
        }
        if (before != NULL && network->shape.modulation) {
            for (int64_t i = 0; i < width; i++) {
                float wave_gradient = local[i] * v[i] * before[i];
                v_gradient[i] += wave_gradient * before[i];
                before_gradient[i] += wave_gradient * v[i];
            }
        }
        else if (before != NULL) {
            for (int64_t i = 0; i < width; i++) {
                float wave_gradient = local[i] * (v[i] + before[i]);
                v_gradient[i] += wave_gradient;
                before_gradient[i] += wave_gradient;
            }
        }
        if (buckets[t] >= 0) {
            add_to(row_gradient(bigram_rows, buckets[t], network->bigrams.width), bigrams,
                   network->bigrams.width);
        }
        before = u;
        before_gradient = u_gradient;
    }
}

/* Compute the bucket of the n-gram that ends at each token; negative where none ends. */
static inline void
write_buckets(const Network *network, const int32_t *ids, const int64_t *offsets, int64_t texts,
              int32_t *buckets)
{
    const NgramKind *kind = &network->shape.bigram;
    for (int64_t text = 0; text < texts; text++) {
        for (int64_t t = offsets[text]; t < offsets[text + 1]; t++) {
            buckets[t] = t < offsets[text] + kind->places[0]
                             ? -1
                             : (int32_t)ngram_bucket(kind, ids, t, network->bigrams.count);
        }
    }
}

static inline void
free_gradients(RowGradients *gradients)
{
    free(gradients->rows);
    free(gradients->place);
    free(gradients->gradients);
}

/* Make zero gradients for the rows of a table that occur in `rows`; negative ones are ignored. The
 * caller frees the result, also if out of memory (-1). */
static inline int
zero_gradients(RowGradients *gradients, const Table *table, const int32_t *rows, int64_t count)
{
    *gradients = (RowGradients){NULL, 0, NULL, NULL};
    int32_t *place = calloc((size_t)table->count, sizeof(int32_t));
    gradients->place = place;
    if (place == NULL) {
        return -1;
    }
    for (int64_t i = 0; i < count; i++) {
        if (rows[i] >= 0) {
            gradients->count += place[rows[i]] == 0;
            place[rows[i]] = 1;
        }
    }
    gradients->rows = malloc((size_t)(gradients->count + 1) * sizeof(int64_t));
    gradients->gradients = calloc((size_t)(gradients->count * table->width + 1), sizeof(float));
    if (gradients->rows == NULL || gradients->gradients == NULL) {
        return -1;
    }
    int32_t next = 0;
    for (int64_t row = 0; row < table->count; row++) {
        if (place[row] != 0) {
            gradients->rows[next] = row;
            place[row] = next++;
        }
    }
    return 0;
}

#endif
