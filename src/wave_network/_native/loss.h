/* Targets, loss, and its gradient. For `train_step.c`. */

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
write_targets(float *written, const Targets *targets, int64_t text)
{
    const int64_t labels = targets->labels;
    const float even = targets->smoothing / (targets->multi_label ? 2.0f : (float)labels);
    const float *given = targets->classes != NULL ? NULL : targets->given + text * labels;
    int64_t best = targets->classes != NULL ? targets->classes[text] : 0;
    for (int64_t k = 0; k < labels; k++) {
        const float target = targets->classes != NULL ? (float)(k == best) : given[k];
        if (targets->classes == NULL && given[k] > given[best]) {
            best = k;
        }
        written[k] = target * (1 - targets->smoothing) + even;
    }
    return best;
}

/* Compute the cross-entropy of one text, times `scale`, and its gradient at the logits; adds to the
 * probabilities. */
static double
cross_entropy(float *gradient, float *probabilities, const float *logits, const float *target,
              const Targets *targets, float scale)
{
    const float temperature = targets->temperature;
    float highest = logits[0], total = 0, target_sum = 0;
    double loss = 0;
    for (int64_t k = 1; k < targets->labels; k++) {
        highest = fmaxf(highest, logits[k]);
    }
    for (int64_t k = 0; k < targets->labels; k++) {
        gradient[k] = expf((logits[k] - highest) / temperature);
        total += gradient[k];
        target_sum += target[k];
    }
    const float log_total = logf(total);
    for (int64_t k = 0; k < targets->labels; k++) {
        loss += target[k] * (log_total - (logits[k] - highest) / temperature);
        probabilities[k] += gradient[k] / total;
        gradient[k] = (gradient[k] / total * target_sum - target[k]) * temperature * scale;
    }
    return loss * temperature * temperature * scale;
}

/* The same for multi-label texts: the sum of the binary cross-entropies of the labels. */
static double
binary_cross_entropy(float *gradient, float *probabilities, const float *logits,
                     const float *target, int64_t labels, float scale)
{
    double loss = 0;
    for (int64_t k = 0; k < labels; k++) {
        loss += fmaxf(logits[k], 0) - logits[k] * target[k] + log1pf(expf(-fabsf(logits[k])));
        const float probability = 1 / (1 + expf(-logits[k]));
        probabilities[k] += probability;
        gradient[k] = (probability - target[k]) * scale;
    }
    return loss * scale;
}

/* Compute one member's loss of a block, and its gradient. `chosen` are the block's texts. */
static double
block_loss(Block *block, const Targets *targets, const int64_t *chosen, int64_t texts,
           const Sizes *sizes)
{
    double loss = 0;
    memset(block->logits_gradient, 0, (size_t)(BLOCK * sizes->label_columns) * sizeof(float));
    for (int64_t i = 0; i < texts; i++) {
        const float weight = targets->weights == NULL ? 1.0f : targets->weights[chosen[i]];
        const float scale = weight / (float)targets->batch;
        float *gradient = block->logits_gradient + i * sizes->label_columns;
        float *probabilities = block->probabilities + i * sizes->labels;
        const float *logits = block->logits + i * sizes->label_columns;
        const float *target = block->targets + i * sizes->labels;
        loss += targets->multi_label
                    ? binary_cross_entropy(gradient, probabilities, logits, target, sizes->labels,
                                           scale)
                    : cross_entropy(gradient, probabilities, logits, target, targets, scale);
    }
    return loss;
}

/* Return whether the members' mean predicts a text's class; if multi-label, every label. */
static int
is_right(const float *probabilities, const Targets *targets, int64_t text, int64_t best,
         int64_t members)
{
    int64_t predicted = 0;
    for (int64_t k = 0; k < targets->labels; k++) {
        if (targets->multi_label
            && (probabilities[k] >= 0.5f * (float)members)
                   != (targets->given[text * targets->labels + k] != 0)) {
            return 0;
        }
        predicted = probabilities[k] > probabilities[predicted] ? k : predicted;
    }
    return targets->multi_label || predicted == best;
}

#endif
