/* The readers of a local wave network: from what members see of a block of texts to their logits, and
 * the gradients back. For `_local_steps.c`, after `_local_waves.h`. */

enum { BLOCK = 16, LANES = 8 }; /* texts that are answered together; numbers in a wide register */

/* The readers' sizes; columns are padded with zeros to whole registers. */
typedef struct {
    int64_t members, features, hidden, labels, feature_columns, hidden_columns, label_columns;
} Sizes;

/* A member's readers, or their gradients, as torch has them: without padding, all in one array, layer
 * by layer, member by member. */
typedef struct {
    float *feed_forward, *feed_forward_bias, *norm, *norm_bias, *classifier, *classifier_bias,
        *shortcut, *shortcut_bias;
    int64_t count; /* of all members */
} Readers;

/* The readers' matrices as products want them, (inputs, columns), and turned, (outputs, columns). */
typedef struct {
    float *feed_forward, *classifier, *shortcut, *turned_feed_forward, *turned_classifier,
        *turned_shortcut, *feed_forward_gradient, *classifier_gradient, *shortcut_gradient;
} Matrices;

/* What a block of texts goes through: of all members (members, texts, columns), of one at a time
 * (texts, columns), and of one text (columns,). */
typedef struct {
    float *features, *at_features;
    float *hidden, *gelu_slopes, *normed, *scaled, *at_hidden, *logits, *at_logits;
    float *answers, *probabilities; /* (texts, labels); the latter summed over the members */
    float *sums, *slopes, *of_text, *at_text;
    int64_t best[BLOCK];
    float deviations[BLOCK];
} Block;

static int64_t
padded(int64_t count)
{
    return (count + LANES - 1) / LANES * LANES;
}

static Sizes
sizes_of(int64_t members, int64_t features, int64_t hidden, int64_t labels)
{
    return (Sizes){members,          features,       hidden,        labels,
                   padded(features), padded(hidden), padded(labels)};
}

static Readers
readers_at(float *all, const Sizes *sizes, int64_t member)
{
    Readers readers;
    float **parts[] = {&readers.feed_forward, &readers.feed_forward_bias, &readers.norm,
                       &readers.norm_bias,    &readers.classifier,        &readers.classifier_bias,
                       &readers.shortcut,     &readers.shortcut_bias};
    const int64_t counts[] = {sizes->features * sizes->hidden, sizes->hidden, sizes->hidden,
                              sizes->hidden, sizes->hidden * sizes->labels, sizes->labels,
                              sizes->features * sizes->labels, sizes->labels};
    readers.count = 0;
    for (int i = 0; i < 8; i++) {
        *parts[i] = all + readers.count + member * counts[i];
        readers.count += sizes->members * counts[i];
    }
    return readers;
}

typedef struct {
    float **start;
    int64_t count;
} Part;

static int64_t
lay_out(const Part *parts, int count, float *start)
{
    int64_t total = 0;
    for (int i = 0; i < count; i++) {
        *parts[i].start = start == NULL ? NULL : start + total;
        total += parts[i].count;
    }
    return total;
}

/* A member's matrices; returns how many numbers they are. */
static int64_t
matrices_at(Matrices *matrices, const Sizes *sizes, float *start)
{
    const int64_t features = sizes->feature_columns, hidden = sizes->hidden_columns;
    const int64_t labels = sizes->label_columns;
    const Part parts[] = {
        {&matrices->feed_forward, sizes->features * hidden},
        {&matrices->feed_forward_gradient, features * hidden},
        {&matrices->turned_feed_forward, sizes->hidden * features},
        {&matrices->classifier, sizes->hidden * labels},
        {&matrices->classifier_gradient, hidden * labels},
        {&matrices->turned_classifier, sizes->labels * hidden},
        {&matrices->shortcut, sizes->features * labels},
        {&matrices->shortcut_gradient, features * labels},
        {&matrices->turned_shortcut, sizes->labels * features},
    };
    return lay_out(parts, sizeof(parts) / sizeof(parts[0]), start);
}

static int64_t
block_at(Block *block, const Sizes *sizes, float *start)
{
    const int64_t features = sizes->feature_columns, hidden = sizes->hidden_columns;
    const int64_t labels = sizes->label_columns, of_text = sizes->members * sizes->features;
    const Part parts[] = {
        {&block->features, sizes->members * BLOCK * features},
        {&block->at_features, sizes->members * BLOCK * features},
        {&block->hidden, BLOCK * hidden},
        {&block->gelu_slopes, BLOCK * hidden},
        {&block->normed, BLOCK * hidden},
        {&block->scaled, BLOCK * hidden},
        {&block->at_hidden, BLOCK * hidden},
        {&block->logits, BLOCK * labels},
        {&block->at_logits, BLOCK * labels},
        {&block->answers, BLOCK * sizes->labels},
        {&block->probabilities, BLOCK * sizes->labels},
        {&block->sums, of_text},
        {&block->slopes, of_text},
        {&block->of_text, of_text},
        {&block->at_text, of_text},
    };
    return lay_out(parts, sizeof(parts) / sizeof(parts[0]), start);
}

/* e^x to 32 bits without a call, so that a loop of it uses wide registers (Cephes' polynomial). */
INLINE float
exponential(float x)
{
    const float round = 12582912.0f; /* 1.5 * 2^23: adding it leaves no room for a fraction */
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
    const int32_t bits = ((int32_t)power + 127) * (1 << 23);
    float scale;
    memcpy(&scale, &bits, sizeof(scale));
    return value * scale;
}

/* GELU in its tanh form, in place, and its slopes. */
INLINE void
activate(float *restrict values, float *restrict slopes, int64_t count)
{
    const float root = 0.7978845608f, cube = 0.044715f; /* sqrt(2 / pi) */
    for (int64_t i = 0; i < count; i++) {
        const float x = values[i];
        const float tanh = 1 - 2 / (exponential(2 * root * x * (1 + cube * x * x)) + 1);
        slopes[i] = 0.5f * (1 + tanh)
                    + 0.5f * x * (1 - tanh * tanh) * root * (1 + 3 * cube * x * x);
        values[i] = 0.5f * x * (1 + tanh);
    }
}

#ifdef __GNUC__
typedef float Lanes __attribute__((vector_size(LANES * sizeof(float)), aligned(4), may_alias));

/* Add the product of four rows of a, whose items lie `a_row` and `a_column` apart, with as many
 * columns of b as a wide register holds to c. */
INLINE void
multiply_block(float *restrict c, const float *restrict a, int64_t a_row, int64_t a_column,
               const float *restrict b, int64_t inner, int64_t columns)
{
    Lanes *first = (Lanes *)c, *second = (Lanes *)(c + columns);
    Lanes *third = (Lanes *)(c + 2 * columns), *fourth = (Lanes *)(c + 3 * columns);
    Lanes sums[] = {*first, *second, *third, *fourth};
    for (int64_t k = 0; k < inner; k++) {
        const Lanes row = *(const Lanes *)(b + k * columns);
        const float *factors = a + k * a_column;
        sums[0] += factors[0] * row;
        sums[1] += factors[a_row] * row;
        sums[2] += factors[2 * a_row] * row;
        sums[3] += factors[3 * a_row] * row;
    }
    *first = sums[0];
    *second = sums[1];
    *third = sums[2];
    *fourth = sums[3];
}
#else
INLINE void
multiply_block(float *restrict c, const float *restrict a, int64_t a_row, int64_t a_column,
               const float *restrict b, int64_t inner, int64_t columns)
{
    for (int64_t k = 0; k < inner; k++) {
        for (int64_t i = 0; i < 4; i++) {
            for (int64_t lane = 0; lane < LANES; lane++) {
                c[i * columns + lane] += a[i * a_row + k * a_column] * b[k * columns + lane];
            }
        }
    }
}
#endif

/* Add a product of matrices, (rows, inner) and (inner, columns), to c, (rows, columns). Rows come
 * in fours, columns in wide registers. */
INLINE void
multiply(float *restrict c, const float *restrict a, int64_t a_row, int64_t a_column,
         const float *restrict b, int64_t rows, int64_t inner, int64_t columns)
{
    for (int64_t i = 0; i < rows; i += 4) {
        for (int64_t j = 0; j < columns; j += LANES) {
            multiply_block(c + i * columns + j, a + i * a_row, a_row, a_column, b + j, inner,
                           columns);
        }
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

/* LayerNorm of one text, and before its scale and shift; returns 1 / deviation. */
INLINE float
normalize(float *restrict normed, float *restrict scaled, const float *restrict hidden,
          const Readers *readers, int64_t count)
{
    const float mean = sum_of(hidden, count) / (float)count;
    for (int64_t i = 0; i < count; i++) {
        normed[i] = hidden[i] - mean;
    }
    const float factor = 1 / sqrtf(dot(normed, normed, count) / (float)count + 1e-5f);
    for (int64_t i = 0; i < count; i++) {
        normed[i] *= factor;
        scaled[i] = normed[i] * readers->norm[i] + readers->norm_bias[i];
    }
    return factor;
}

/* From what a member sees of a block's texts to its logits. */
WIDE static void
answer(Block *block, const float *seen, const Matrices *matrices, const Readers *readers,
       const Sizes *sizes)
{
    const int64_t features = sizes->feature_columns, hidden = sizes->hidden_columns;
    const int64_t labels = sizes->label_columns;
    for (int64_t text = 0; text < BLOCK; text++) {
        memcpy(block->hidden + text * hidden, readers->feed_forward_bias,
               (size_t)sizes->hidden * sizeof(float));
        for (int64_t k = 0; k < sizes->labels; k++) {
            block->logits[text * labels + k] =
                readers->classifier_bias[k] + readers->shortcut_bias[k];
        }
    }
    multiply(block->hidden, seen, features, 1, matrices->feed_forward, BLOCK, sizes->features,
             hidden);
    activate(block->hidden, block->gelu_slopes, BLOCK * hidden);
    for (int64_t text = 0; text < BLOCK; text++) {
        const int64_t start = text * hidden;
        block->deviations[text] = normalize(block->normed + start, block->scaled + start,
                                            block->hidden + start, readers, sizes->hidden);
    }
    multiply(block->logits, block->scaled, hidden, 1, matrices->classifier, BLOCK, sizes->hidden,
             labels);
    multiply(block->logits, seen, features, 1, matrices->shortcut, BLOCK, sizes->features,
             labels);
}

/* From the gradient of one text's norm to that of what GELU got, in place; the gradients of the
 * norm's own parameters are added to what there is. */
INLINE void
derive_norm(float *restrict at_hidden, const float *restrict normed,
            const float *restrict gelu_slopes, const Readers *readers, const Readers *gradients,
            float factor, int64_t count)
{
    float *restrict at_norm = gradients->norm, *restrict at_bias = gradients->norm_bias;
    for (int64_t i = 0; i < count; i++) {
        at_norm[i] += at_hidden[i] * normed[i];
        at_bias[i] += at_hidden[i];
        at_hidden[i] *= readers->norm[i];
    }
    const float mean = sum_of(at_hidden, count) / (float)count;
    const float along = dot(at_hidden, normed, count) / (float)count;
    for (int64_t i = 0; i < count; i++) {
        at_hidden[i] = (at_hidden[i] - mean - normed[i] * along) * factor * gelu_slopes[i];
    }
}

/* From a block's gradient of the logits to that of what a member saw; the readers' are added. */
WIDE static void
derive(Block *block, const float *seen, float *at_seen, const Matrices *matrices,
       const Readers *readers, const Readers *gradients, const Sizes *sizes)
{
    const int64_t features = sizes->feature_columns, hidden = sizes->hidden_columns;
    const int64_t labels = sizes->label_columns;
    memset(at_seen, 0, (size_t)(BLOCK * features) * sizeof(float));
    memset(block->at_hidden, 0, (size_t)(BLOCK * hidden) * sizeof(float));
    multiply(matrices->classifier_gradient, block->scaled, 1, hidden, block->at_logits, hidden,
             BLOCK, labels);
    multiply(matrices->shortcut_gradient, seen, 1, features, block->at_logits, features, BLOCK,
             labels);
    multiply(block->at_hidden, block->at_logits, labels, 1, matrices->turned_classifier, BLOCK,
             sizes->labels, hidden);
    multiply(at_seen, block->at_logits, labels, 1, matrices->turned_shortcut, BLOCK,
             sizes->labels, features);
    for (int64_t text = 0; text < BLOCK; text++) {
        const int64_t start = text * hidden;
        derive_norm(block->at_hidden + start, block->normed + start, block->gelu_slopes + start,
                    readers, gradients, block->deviations[text], sizes->hidden);
        add_to(gradients->feed_forward_bias, block->at_hidden + start, sizes->hidden);
        add_to(gradients->classifier_bias, block->at_logits + text * labels, sizes->labels);
    }
    multiply(matrices->feed_forward_gradient, seen, 1, features, block->at_hidden, features,
             BLOCK, hidden);
    multiply(at_seen, block->at_hidden, hidden, 1, matrices->turned_feed_forward, BLOCK,
             sizes->hidden, features);
}

static void
widen(const float *matrix, int64_t rows, int64_t columns, float *wide, float *turned)
{
    for (int64_t i = 0; i < rows; i++) {
        for (int64_t j = 0; j < columns; j++) {
            wide[i * padded(columns) + j] = matrix[i * columns + j];
            turned[j * padded(rows) + i] = matrix[i * columns + j];
        }
    }
}

static void
prepare(const Matrices *matrices, const Readers *readers, const Sizes *sizes)
{
    widen(readers->feed_forward, sizes->features, sizes->hidden, matrices->feed_forward,
          matrices->turned_feed_forward);
    widen(readers->classifier, sizes->hidden, sizes->labels, matrices->classifier,
          matrices->turned_classifier);
    widen(readers->shortcut, sizes->features, sizes->labels, matrices->shortcut,
          matrices->turned_shortcut);
}

static void
narrow(float *matrix, const float *wide, int64_t rows, int64_t columns)
{
    for (int64_t i = 0; i < rows; i++) {
        memcpy(matrix + i * columns, wide + i * padded(columns), (size_t)columns * sizeof(float));
    }
}

/* The gradients without padding. */
static void
collect(const Readers *gradients, const Matrices *matrices, const Sizes *sizes)
{
    narrow(gradients->feed_forward, matrices->feed_forward_gradient, sizes->features,
           sizes->hidden);
    narrow(gradients->classifier, matrices->classifier_gradient, sizes->hidden, sizes->labels);
    narrow(gradients->shortcut, matrices->shortcut_gradient, sizes->features, sizes->labels);
    memcpy(gradients->shortcut_bias, gradients->classifier_bias,
           (size_t)sizes->labels * sizeof(float));
}
