/* Gradients of the rows of a table. Each part of a table has a list of where its rows occur, so
 * that its gradients are summed in the order of the texts by one thread. For `features.c` and
 * `step.h`. */

#ifndef WAVE_NETWORK_GRADIENTS_H
#define WAVE_NETWORK_GRADIENTS_H

#include "waves.h"

enum {
    MOST_COLUMNS = 1 << 20, /* limit of a table's gradients, so that no product overflows */
    PART_BITS = 5,
    PARTS = 1 << PART_BITS /* of a table: each has every PARTS-th row */
};

/* Where a row occurs: in which text, and between which rows (-1: none). */
typedef struct {
    int32_t row, text, before, after;
} Occurrence;

/* Occurrences by the part of their row. */
typedef struct {
    Occurrence *items;
    int64_t starts[PARTS + 1];
} Occurrences;

/* The gradients of the rows of a part that occur, in ascending order. */
typedef struct {
    int64_t *rows, count;
    float *gradients;
} RowGradients;

/* Compute the gradients of one text's sums from those of its features: u, its energy, the energy of
 * the local waves (width each), the rows of the n-grams. */
WIDE static void
write_slopes(const Network *network, int64_t length, const float *features, const float *gradient,
             float *restrict slopes)
{
    const int64_t width = network->embedding.width / 2, hidden = width / network->shape.members;
    const int64_t bigram_size = network->bigrams.width / network->shape.members;
    const float root = sqrtf((float)length), scale = network->shape.local_scale;
    const float bigram_root = sqrtf(length > 2 ? (float)(length - 1) : 1.0f);
    float *restrict bigrams = slopes + 3 * width;
    for (int64_t member = 0; member < network->shape.members; member++) {
        float *restrict coherent = slopes + member * hidden;
        for (int64_t i = 0; i < hidden; i++) { /* the derivative of a root is half its inverse */
            coherent[i] = gradient[i] / root;
            coherent[width + i] = gradient[hidden + i] / features[hidden + i];
            coherent[2 * width + i] = gradient[2 * hidden + i] / features[2 * hidden + i] * scale;
        }
        for (int64_t i = 0; i < bigram_size; i++) {
            bigrams[member * bigram_size + i] = gradient[3 * hidden + i] / bigram_root;
        }
        gradient += 3 * hidden + bigram_size;
        features += 3 * hidden + bigram_size;
    }
}

/* Compute the bucket of the n-gram that ends at each token of a text; -1 where none ends. */
static void
write_buckets(const Network *network, const int32_t *ids, int64_t length, int32_t *buckets)
{
    const NgramKind *kind = &network->shape.bigram;
    const int64_t count = network->bigrams.count;
    for (int64_t t = 0; t < length; t++) {
        buckets[t] = t < kind->places[0] ? -1 : (int32_t)ngram_bucket(kind, ids, t, count);
    }
}

static inline int
part_of(int64_t row)
{
    return (int)(row & (PARTS - 1));
}

/* List where rows occur in some texts: each text's rows are `rows[starts[text]]` to `ends[text]`,
 * negative where there is none. There is space for all. */
static void
list_rows(Occurrences *list, const int32_t *rows, const int64_t *starts, const int64_t *ends,
          int64_t first, int64_t texts)
{
    int64_t next[PARTS + 1] = {0};
    for (int64_t text = first; text < first + texts; text++) {
        for (int64_t t = starts[text]; t < ends[text]; t++) {
            next[part_of(rows[t]) + 1] += rows[t] >= 0;
        }
    }
    for (int part = 0; part < PARTS; part++) {
        next[part + 1] += next[part];
    }
    memcpy(list->starts, next, sizeof(next));
    for (int64_t text = first; text < first + texts; text++) {
        for (int64_t t = starts[text]; t < ends[text]; t++) {
            if (rows[t] >= 0) {
                list->items[next[part_of(rows[t])]++] = (Occurrence){
                    .row = rows[t],
                    .text = (int32_t)text,
                    .before = t > starts[text] ? rows[t - 1] : -1,
                    .after = t + 1 < ends[text] ? rows[t + 1] : -1,
                };
            }
        }
    }
}

/* Count the rows of each part of a table. */
static inline int64_t
rows_of_part(const Table *table)
{
    return (table->count + PARTS - 1) / PARTS;
}

/* Find the rows of a part that occur, and set their gradients to zero; `lists` are those of all
 * blocks of texts. Writes the index among them of each row of the part to `places`. */
static void
find_rows(RowGradients *found, const Table *table, const Occurrences *lists, int64_t blocks,
          int part, int32_t *places)
{
    const int64_t rows = rows_of_part(table);
    memset(places, 0, (size_t)rows * sizeof(int32_t));
    for (int64_t block = 0; block < blocks; block++) {
        for (int64_t i = lists[block].starts[part]; i < lists[block].starts[part + 1]; i++) {
            places[lists[block].items[i].row >> PART_BITS] = 1;
        }
    }
    int32_t next = 0;
    for (int64_t row = 0; row < rows; row++) {
        const int32_t occurs = places[row];
        places[row] = next;
        found->rows[next] = row << PART_BITS | part; /* overwritten unless it occurs */
        next += occurs;
    }
    found->count = next;
    memset(found->gradients, 0, (size_t)(next * table->width) * sizeof(float));
}

/* Add what one occurrence of a token gives to the gradient of its row. */
INLINE void
add_token(float *restrict gradient, const Table *table, const Occurrence *token,
          const float *restrict slopes, int modulation, int64_t width)
{
    const float *restrict coherent = slopes, *restrict energy = slopes + width;
    const float *restrict local = slopes + 2 * width;
    const float *restrict u = row_of(table, token->row), *restrict v = u + width;
    for (int64_t i = 0; i < width; i++) {
        gradient[i] += coherent[i] + energy[i] * u[i];
    }
    if (token->before >= 0) { /* the wave of the token before and this one */
        const float *restrict before = row_of(table, token->before);
        for (int64_t i = 0; i < width; i++) {
            gradient[width + i] += modulation ? local[i] * v[i] * before[i] * before[i]
                                              : local[i] * (v[i] + before[i]);
        }
    }
    if (token->after >= 0) {
        const float *restrict after = row_of(table, token->after) + width;
        for (int64_t i = 0; i < width; i++) {
            gradient[i] += modulation ? local[i] * after[i] * u[i] * after[i]
                                      : local[i] * (after[i] + u[i]);
        }
    }
}

/* Sum the gradients of one part of the tokens' table. `slopes`, (texts, `columns`), are those of
 * `write_slopes`. */
WIDE static void
sum_token_gradients(const RowGradients *found, const Network *network, const Occurrences *lists,
                    int64_t blocks, int part, const int32_t *places, const float *slopes,
                    int64_t columns)
{
    const Table *table = &network->embedding;
    const int64_t width = table->width / 2;
    for (int64_t block = 0; block < blocks; block++) {
        const Occurrence *token = lists[block].items + lists[block].starts[part];
        const Occurrence *end = lists[block].items + lists[block].starts[part + 1];
        for (; token < end; token++) {
            const float *of_text = slopes + token->text * columns;
            float *gradient = found->gradients + places[token->row >> PART_BITS] * table->width;
            if (network->shape.modulation && width == 16) { /* a constant needs no loops */
                add_token(gradient, table, token, of_text, 1, 16);
            }
            else {
                add_token(gradient, table, token, of_text, network->shape.modulation, width);
            }
        }
    }
}

/* The same for the table of the n-grams. */
WIDE static void
sum_ngram_gradients(const RowGradients *found, const Network *network, const Occurrences *lists,
                    int64_t blocks, int part, const int32_t *places, const float *slopes,
                    int64_t columns)
{
    const int64_t width = network->bigrams.width;
    slopes += 3 * (network->embedding.width / 2);
    for (int64_t block = 0; block < blocks; block++) {
        const Occurrence *ngram = lists[block].items + lists[block].starts[part];
        const Occurrence *end = lists[block].items + lists[block].starts[part + 1];
        for (; ngram < end; ngram++) {
            float *gradient = found->gradients + places[ngram->row >> PART_BITS] * width;
            if (width == 4) {
                add_to(gradient, slopes + ngram->text * columns, 4);
            }
            else {
                add_to(gradient, slopes + ngram->text * columns, width);
            }
        }
    }
}

#endif
