/* One training step: forward, loss, backward, optimiser step. For `train_step.c`. */

#ifndef WAVE_NETWORK_STEP_H
#define WAVE_NETWORK_STEP_H

#include "adam.h"
#include "gradients.h"
#include "loss.h"

/* `decay` multiplies the matrices of the heads, but not their vectors. */
typedef struct {
    Adam tables, heads;
    float decay;
} Optimizer;

/* A trained array and its moments, all of one shape. */
typedef struct {
    float *values, *means, *squares;
} Trained;

typedef struct {
    Network network;
    Sizes sizes;
    Targets targets;
    Optimizer optimizer;
    Trained embedding, bigrams, heads;
    const int32_t *ids;
    const int64_t *offsets, *chosen; /* the chosen texts are neither missing nor empty */
    const float *chances;            /* of each of their tokens; NULL: none is dropped */
    float dropout;
    int threads;
} Step;

typedef enum { STEP_DONE, STEP_WITHOUT_MEMORY, STEP_WITH_A_WRONG_ID } StepStatus;

/* Take a step; nothing is trained unless it returns `STEP_DONE`. Writes the loss before the step,
 * and the number of texts that were predicted correctly. */
StepStatus take_step(const Step *step, double *loss, int64_t *right);

#endif
