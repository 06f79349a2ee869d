/* Targets, loss, and its gradient. For `step.h`. */

#ifndef WAVE_NETWORK_LOSS_H
#define WAVE_NETWORK_LOSS_H

#include "heads.h"

typedef struct {
    const int64_t *classes; /* per text; NULL if `given` has the targets */
    const float *given;     /* (texts, labels) */
    const float *weights;   /* per text; NULL: all 1 */
    int64_t batch, labels;  /* texts per batch; number of labels */
    int multi_label;
    float smoothing, temperature;
} Targets;

/* Write one text's targets with label smoothing; returns its most probable class. */
static int64_t
write_targets(float *restrict written, const Targets *targets, int64_t text)
{
    const int64_t labels = targets->labels;
    const float rest = 1 - targets->smoothing;
    const float even = targets->smoothing / (targets->multi_label ? 2.0f : (float)labels);
    const float *given = targets->classes != NULL ? NULL : targets->given + text * labels;
    int64_t best = targets->classes != NULL ? targets->classes[text] : 0;
    for (int64_t k = 0; k < labels; k++) {
        written[k] = (given == NULL ? 0 : given[k]) * rest + even;
    }
    if (given == NULL) {
        written[best] = rest + even;
    }
    for (int64_t k = 1; given != NULL && k < labels; k++) {
        best = given[k] > given[best] ? k : best;
    }
    return best;
}

INLINE float
largest(const float *values, int64_t count)
{
    float lanes[LANES], result = values[0];
    int64_t i = 0;
    for (int64_t lane = 0; lane < LANES; lane++) {
        lanes[lane] = result;
    }
    for (; i + LANES <= count; i += LANES) {
        for (int64_t lane = 0; lane < LANES; lane++) {
            lanes[lane] = values[i + lane] > lanes[lane] ? values[i + lane] : lanes[lane];
        }
    }
    for (; i < count; i++) {
        result = values[i] > result ? values[i] : result;
    }
    for (int64_t lane = 0; lane < LANES; lane++) {
        result = lanes[lane] > result ? lanes[lane] : result;
    }
    return result;
}

/* Compute the cross-entropy of one text, times `scale`; the gradient at the logits replaces them.
 * Adds to the probabilities. */
WIDE static double
cross_entropy(float *restrict logits, float *restrict probabilities, const float *restrict target,
              const Targets *targets, float scale)
{
    const float temperature = targets->temperature, highest = largest(logits, targets->labels);
    const int64_t labels = targets->labels;
    for (int64_t k = 0; k < labels; k++) {
        logits[k] = (logits[k] - highest) / temperature;
    }
    const float target_sum = sum_of(target, labels), along = dot(target, logits, labels);
    for (int64_t k = 0; k < labels; k++) {
        logits[k] = exponential(logits[k]);
    }
    const float total = sum_of(logits, labels), scale_of_all = temperature * scale;
    for (int64_t k = 0; k < labels; k++) {
        const float probability = logits[k] / total;
        probabilities[k] += probability;
        logits[k] = (probability * target_sum - target[k]) * scale_of_all;
    }
    const double loss = (double)target_sum * logf(total) - along;
    return loss * temperature * temperature * scale;
}

/* The same for multi-label texts: the sum of the binary cross-entropies of the labels. */
static double
binary_cross_entropy(float *logits, float *probabilities, const float *target, int64_t labels,
                     float scale)
{
    double loss = 0;
    for (int64_t k = 0; k < labels; k++) {
        loss += fmaxf(logits[k], 0) - logits[k] * target[k] + log1pf(expf(-fabsf(logits[k])));
        const float probability = 1 / (1 + expf(-logits[k]));
        probabilities[k] += probability;
        logits[k] = (probability - target[k]) * scale;
    }
    return loss * scale;
}

/* Compute one member's loss of the texts of a block, `chosen`; its gradient at the logits replaces
 * them, and is 0 for the block's other rows. */
static double
block_loss(float *logits, float *probabilities, const float *target_rows, const Targets *targets,
           const int64_t *chosen, int64_t texts, const Sizes *sizes)
{
    double loss = 0;
    for (int64_t i = 0; i < texts; i++) {
        const float weight = targets->weights == NULL ? 1.0f : targets->weights[chosen[i]];
        const float scale = weight / (float)targets->batch;
        float *of_text = logits + i * sizes->label_columns;
        float *sums = probabilities + i * sizes->labels;
        const float *target = target_rows + i * sizes->labels;
        loss += targets->multi_label
                    ? binary_cross_entropy(of_text, sums, target, sizes->labels, scale)
                    : cross_entropy(of_text, sums, target, targets, scale);
    }
    memset(logits + texts * sizes->label_columns, 0,
           (size_t)((BLOCK - texts) * sizes->label_columns) * sizeof(float));
    return loss;
}

/* Return whether the members' mean predicts a text's class, which is that of the first largest
 * probability; if multi-label, every label. */
static int
is_right(const float *probabilities, const Targets *targets, int64_t text, int64_t best,
         int64_t members)
{
    int is_wrong = 0;
    if (targets->multi_label) {
        const float *given = targets->given + text * targets->labels;
        for (int64_t k = 0; k < targets->labels; k++) {
            is_wrong |= (probabilities[k] >= 0.5f * (float)members) != (given[k] != 0);
        }
        return !is_wrong;
    }
    for (int64_t k = 0; k < best; k++) {
        is_wrong |= probabilities[k] >= probabilities[best];
    }
    for (int64_t k = best + 1; k < targets->labels; k++) {
        is_wrong |= probabilities[k] > probabilities[best];
    }
    return !is_wrong;
}

#endif
