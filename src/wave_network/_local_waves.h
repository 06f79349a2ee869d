/* The local wave network's sums over one text and their gradients, for `_local_waves.c` and for the
 * steps of training. */

#include "_local_model.h"

INLINE void
add_to(float *restrict sum, const float *restrict row, int64_t width)
{
    for (int64_t i = 0; i < width; i++) {
        sum[i] += row[i];
    }
}

/* In 64 bits, as the terms of the linear part are large beside their sum's part in a probability. */
INLINE void
add_exactly(double *restrict sum, const float *restrict row, int64_t width)
{
    for (int64_t i = 0; i < width; i++) {
        sum[i] += row[i];
    }
}

/* Add the linear part's rows of the n-grams that end at `ids[t]`, t > 0. `pair` is the bucket of the
 * pair that ends a token before, and then of the one that ends here. */
INLINE void
add_ngrams(const Model *model, const int32_t *ids, int64_t t, int64_t *pair, double *restrict sum)
{
    const Table *table = &model->linear_bigrams;
    if (t > 1 && model->reads_skip_pairs) {
        uint64_t hash = hash_of(model->skip_pair_factors, ids[t - 2], ids[t]);
        add_exactly(sum, row_of(table, bucket_of(table, hash)), table->width);
    }
    if (t > 1 && model->reads_triples) {
        uint64_t hash = hash_of(model->triple_factors, *pair, ids[t]);
        add_exactly(sum, row_of(table, bucket_of(table, hash)), table->width);
    }
    *pair = pair_bucket(model, table, ids[t - 1], ids[t]);
    add_exactly(sum, row_of(table, *pair), table->width);
}

/* The sums over one text: of u, of its energy and of the local waves' (width each) and of the pairs'
 * rows; and of the linear part's two tables. `buckets` are those of the pairs that end at each
 * token, or NULL where they are not known yet. */
WIDE static void
sum_text(const Model *model, const int32_t *ids, const int32_t *buckets, int64_t length,
         float *restrict sums, double *restrict linear_sums)
{
    const int64_t width = model->embedding.width / 2, labels = model->linear_tokens.width;
    float *restrict coherent = sums, *restrict energy = sums + width;
    float *restrict local = sums + 2 * width, *restrict pairs = sums + 3 * width;
    double *restrict tokens = linear_sums, *restrict ngrams = linear_sums + labels;
    memset(sums, 0, (size_t)(3 * width + model->bigrams.width) * sizeof(float));
    memset(linear_sums, 0, (size_t)(2 * labels) * sizeof(double));
    const float *before = NULL;
    int64_t pair = 0;
    for (int64_t t = 0; t < length; t++) {
        const float *restrict u = row_of(&model->embedding, ids[t]), *restrict v = u + width;
        for (int64_t i = 0; i < width; i++) {
            coherent[i] += u[i];
            energy[i] += u[i] * u[i];
        }
        if (labels > 0) {
            add_exactly(tokens, row_of(&model->linear_tokens, ids[t]), labels);
        }
        if (before != NULL) {
            for (int64_t i = 0; i < width; i++) {
                float wave = model->modulation ? v[i] * before[i] : v[i] + before[i];
                local[i] += wave * wave;
            }
            int64_t row = buckets != NULL
                              ? buckets[t]
                              : pair_bucket(model, &model->bigrams, ids[t - 1], ids[t]);
            add_to(pairs, row_of(&model->bigrams, row), model->bigrams.width);
            if (labels > 0) {
                add_ngrams(model, ids, t, &pair, ngrams);
            }
        }
        before = u;
    }
}

/* From one text's sums to what the readers see, (members, features), and the linear part's
 * margins, (labels), to which they are added. */
static void
write_text(const Model *model, int64_t length, const float *sums, const double *linear_sums,
           float *features, float *margins)
{
    const int64_t width = model->embedding.width / 2, hidden = width / model->members;
    const int64_t pair_size = model->bigrams.width / model->members;
    const int64_t labels = model->linear_tokens.width;
    const float root = sqrtf((float)length);
    const float pair_root = sqrtf(length > 2 ? (float)(length - 1) : 1.0f);
    const float *pairs = sums + 3 * width;
    for (int64_t member = 0; member < model->members; member++) {
        const float *coherent = sums + member * hidden;
        for (int64_t i = 0; i < hidden; i++) {
            features[i] = coherent[i] / root;
            features[hidden + i] = sqrtf(coherent[width + i] + model->energy_floor);
            features[2 * hidden + i] =
                sqrtf(coherent[2 * width + i] * model->local_scale + model->energy_floor);
        }
        features += 3 * hidden;
        for (int64_t i = 0; i < pair_size; i++) {
            features[i] = pairs[member * pair_size + i] / pair_root;
        }
        features += pair_size;
    }
    for (int64_t i = 0; i < labels; i++) {
        margins[i] += (float)(linear_sums[i] / sqrt((double)length)
                              + linear_sums[labels + i] / sqrt(length > 2 ? length - 1.0 : 1.0));
    }
}

/* The rows of a table that texts hold, in ascending order, and where the gradient of each stands. */
typedef struct {
    int64_t *rows, count;
    int32_t *place; /* of each row of the table */
    float *gradients;
} Held;

INLINE float *
gradient_of(const Held *held, int64_t row, int64_t width)
{
    return held->gradients + held->place[row] * width;
}

/* The gradients of the rows of one text's tokens and pairs, added to what there is. `slopes` is room
 * for what a unit of each sum is worth. */
WIDE static void
add_gradients(const Model *model, const int32_t *ids, const int32_t *buckets, int64_t length,
              const float *features, const float *gradient, float *restrict slopes,
              const Held *tokens, const Held *pairs)
{
    const int64_t width = model->embedding.width / 2, hidden = width / model->members;
    const int64_t pair_size = model->bigrams.width / model->members;
    const float root = sqrtf((float)length);
    const float pair_root = sqrtf(length > 2 ? (float)(length - 1) : 1.0f);
    float *restrict coherent = slopes, *restrict energy = slopes + width;
    float *restrict local = slopes + 2 * width, *restrict bigrams = slopes + 3 * width;
    for (int64_t member = 0; member < model->members; member++) {
        const int64_t start = member * hidden;
        for (int64_t i = 0; i < hidden; i++) { /* of a root the slope is half its inverse */
            coherent[start + i] = gradient[i] / root;
            energy[start + i] = gradient[hidden + i] / features[hidden + i];
            local[start + i] =
                gradient[2 * hidden + i] / features[2 * hidden + i] * model->local_scale;
        }
        gradient += 3 * hidden;
        features += 3 * hidden;
        for (int64_t i = 0; i < pair_size; i++) {
            bigrams[member * pair_size + i] = gradient[i] / pair_root;
        }
        gradient += pair_size;
        features += pair_size;
    }
    const float *restrict before = NULL;
    float *at_before = NULL;
    for (int64_t t = 0; t < length; t++) {
        const float *restrict u = row_of(&model->embedding, ids[t]), *restrict v = u + width;
        float *at_u = gradient_of(tokens, ids[t], 2 * width), *at_v = at_u + width;
        for (int64_t i = 0; i < width; i++) {
            at_u[i] += coherent[i] + energy[i] * u[i];
        }
        if (before != NULL && model->modulation) {
            for (int64_t i = 0; i < width; i++) {
                float at_wave = local[i] * v[i] * before[i];
                at_v[i] += at_wave * before[i];
                at_before[i] += at_wave * v[i];
            }
        }
        else if (before != NULL) {
            for (int64_t i = 0; i < width; i++) {
                float at_wave = local[i] * (v[i] + before[i]);
                at_v[i] += at_wave;
                at_before[i] += at_wave;
            }
        }
        if (before != NULL) {
            add_to(gradient_of(pairs, buckets[t], model->bigrams.width), bigrams,
                   model->bigrams.width);
        }
        before = u;
        at_before = at_u;
    }
}

/* The bucket of the pair that ends at each token; below 0 where a text starts. */
static inline void
write_buckets(const Model *model, const int32_t *ids, const int64_t *offsets, int64_t texts,
              int32_t *buckets)
{
    for (int64_t text = 0; text < texts; text++) {
        buckets[offsets[text]] = -1;
        for (int64_t t = offsets[text] + 1; t < offsets[text + 1]; t++) {
            buckets[t] = (int32_t)pair_bucket(model, &model->bigrams, ids[t - 1], ids[t]);
        }
    }
}

static inline void
release_held(Held *held)
{
    free(held->rows);
    free(held->place);
    free(held->gradients);
}

/* Find the rows of a table that are among `rows`; those below 0 are none. What it gives is to be
 * released, whether there was memory or not. */
static inline int
hold(Held *held, const Table *table, const int32_t *rows, int64_t count)
{
    *held = (Held){NULL, 0, NULL, NULL};
    held->place = calloc((size_t)table->count, sizeof(int32_t));
    if (held->place == NULL) {
        return -1;
    }
    for (int64_t i = 0; i < count; i++) {
        if (rows[i] >= 0) {
            held->count += held->place[rows[i]] == 0;
            held->place[rows[i]] = 1;
        }
    }
    held->rows = malloc((size_t)(held->count + 1) * sizeof(int64_t));
    held->gradients = calloc((size_t)(held->count * table->width + 1), sizeof(float));
    if (held->rows == NULL || held->gradients == NULL) {
        return -1;
    }
    int32_t place = 0;
    for (int64_t row = 0; row < table->count; row++) {
        if (held->place[row] != 0) {
            held->rows[place] = row;
            held->place[row] = place++;
        }
    }
    return 0;
}
