/* The compiled form of `one_against_rest` of numerics/svm.py: dual coordinate descent
 * (Hsieh et al., 2008) for several labels at once, so that each text's features are read once. */

#include "extension.h"

#include <math.h>
#include <stdlib.h>

#define MOST_PASSES 100000 /* those that never converge end, too */

enum { MOST_LABELS = 16 }; /* per call: their values fill one or two cache lines per feature */

typedef struct {
    int64_t texts, labels;
    const int64_t *offsets; /* where each text begins in `features` and `values` */
    const int32_t *features;
    const float *values, *costs;
    const uint8_t *having;
    float *table; /* per feature: `width` scales, then `width` weights */
    float *bias, *duals, *squares;
    int64_t *order;
    uint64_t random;
} Problem;

static uint64_t
next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static void
shuffle(Problem *problem)
{
    for (int64_t i = problem->texts - 1; i > 0; i--) {
        int64_t j = (int64_t)(next_random(&problem->random) % (uint64_t)(i + 1));
        int64_t other = problem->order[j];
        problem->order[j] = problem->order[i];
        problem->order[i] = other;
    }
}

/* Update each label's dual variable of one text; returns the largest violation of optimality.
 * Writes the changes of the weights, in units of the text's features, to `changes`. */
INLINE float
update_duals(Problem *problem, int64_t text, const float *margins, float *changes, int64_t width)
{
    const float diagonal = 0.5f / problem->costs[text];
    float worst = 0;
    for (int64_t k = 0; k < width; k++) {
        float *dual = problem->duals + text * width + k;
        const float sign = k < problem->labels && problem->having[text * problem->labels + k]
                               ? 1.0f
                               : -1.0f;
        const float slope = sign * margins[k] - 1 + *dual * diagonal;
        const float violation = *dual > 0 ? fabsf(slope) : fmaxf(-slope, 0);
        const float moved = fmaxf(*dual - slope / (problem->squares[text * width + k] + diagonal),
                                  0);
        changes[k] = (moved - *dual) * sign;
        *dual = moved;
        worst = k < problem->labels ? fmaxf(worst, violation) : worst;
    }
    return worst;
}

/* Make one pass over all texts in random order. */
INLINE float
pass(Problem *problem, int64_t width)
{
    float worst = 0;
    shuffle(problem);
    for (int64_t place = 0; place < problem->texts; place++) {
        const int64_t text = problem->order[place];
        const int64_t first = problem->offsets[text], end = problem->offsets[text + 1];
        float margins[MOST_LABELS], changes[MOST_LABELS];
        for (int64_t k = 0; k < width; k++) {
            margins[k] = problem->bias[k];
        }
        for (int64_t i = first; i < end; i++) {
            const float *scales = problem->table + (int64_t)problem->features[i] * 2 * width;
            const float *weights = scales + width, value = problem->values[i];
            for (int64_t k = 0; k < width; k++) {
                margins[k] += value * scales[k] * weights[k];
            }
        }
        worst = fmaxf(worst, update_duals(problem, text, margins, changes, width));
        float moved = 0;
        for (int64_t k = 0; k < width; k++) {
            moved += fabsf(changes[k]);
        }
        if (moved == 0) {
            continue;
        }
        for (int64_t i = first; i < end; i++) {
            float *scales = problem->table + (int64_t)problem->features[i] * 2 * width;
            float *weights = scales + width;
            const float value = problem->values[i];
            for (int64_t k = 0; k < width; k++) {
                weights[k] += value * scales[k] * changes[k];
            }
        }
        for (int64_t k = 0; k < width; k++) {
            problem->bias[k] += changes[k];
        }
    }
    return worst;
}

/* Compute the squared norm of each text with each label's scales; the 1 is for the bias. */
INLINE void
square_lengths(Problem *problem, int64_t width)
{
    for (int64_t text = 0; text < problem->texts; text++) {
        float *squares = problem->squares + text * width;
        for (int64_t k = 0; k < width; k++) {
            squares[k] = 1;
        }
        for (int64_t i = problem->offsets[text]; i < problem->offsets[text + 1]; i++) {
            const float *scales = problem->table + (int64_t)problem->features[i] * 2 * width;
            for (int64_t k = 0; k < width; k++) {
                const float scaled = problem->values[i] * scales[k];
                squares[k] += scaled * scaled;
            }
        }
    }
}

/* With a constant width the inner loops compile to a few instructions. */
#define FOR_WIDTH(width, call) \
    switch (width) {           \
    case 1:                    \
        call(1);               \
        break;                 \
    case 4:                    \
        call(4);               \
        break;                 \
    case 8:                    \
        call(8);               \
        break;                 \
    default:                   \
        call(16);              \
    }

WIDE static float
one_pass(Problem *problem, int64_t width)
{
    float worst = 0;
#define PASS(constant) worst = pass(problem, constant)
    FOR_WIDTH(width, PASS)
#undef PASS
    return worst;
}

WIDE static void
square_all(Problem *problem, int64_t width)
{
#define SQUARES(constant) square_lengths(problem, constant)
    FOR_WIDTH(width, SQUARES)
#undef SQUARES
}

static int64_t
width_for(int64_t labels)
{
    return labels == 1 ? 1 : labels <= 4 ? 4 : labels <= 8 ? 8 : MOST_LABELS;
}

enum { OFFSETS, FEATURES, VALUES, COSTS, HAVING, SCALES, WEIGHTS, BIAS, ARRAYS };

static const ArraySpec specs[ARRAYS] = {
    [OFFSETS] = INT64("offsets", 1),       [FEATURES] = INT32("features", 1),
    [VALUES] = FLOAT32("values", 1),       [COSTS] = FLOAT32("costs", 1),
    [HAVING] = BOOL("having", 2),          [SCALES] = FLOAT32("scales", 2),
    [WEIGHTS] = FLOAT32_OUT("weights", 2), [BIAS] = FLOAT32_OUT("bias", 1),
};

/* Why the arrays are invalid, or NULL. */
static const char *
validate(const Py_buffer *views)
{
    const int64_t *offsets = views[OFFSETS].buf;
    const int32_t *features = views[FEATURES].buf;
    const float *costs = views[COSTS].buf;
    const int64_t texts = views[OFFSETS].shape[0] - 1, labels = views[SCALES].shape[1];
    if (texts < 0 || labels < 1 || labels > MOST_LABELS || views[COSTS].shape[0] != texts
        || views[HAVING].shape[0] != texts || views[HAVING].shape[1] != labels
        || views[BIAS].shape[0] != labels || views[WEIGHTS].shape[1] != labels
        || views[WEIGHTS].shape[0] != views[SCALES].shape[0]
        || views[VALUES].shape[0] != views[FEATURES].shape[0]) {
        return "the arrays do not belong together";
    }
    if (offsets[0] != 0 || offsets[texts] != views[FEATURES].shape[0]) {
        return "the offsets do not go from 0 to the number of values";
    }
    for (int64_t i = 0; i < texts; i++) {
        if (offsets[i + 1] < offsets[i] || !(costs[i] > 0)) {
            return "offsets fall, or a cost is not above 0";
        }
    }
    for (Py_ssize_t i = 0; i < views[FEATURES].shape[0]; i++) {
        if (features[i] < 0 || features[i] >= views[SCALES].shape[0]) {
            return "a feature has no scale";
        }
    }
    return NULL;
}

static void
free_problem(Problem *problem)
{
    free(problem->table);
    free(problem->bias);
    free(problem->duals);
    free(problem->squares);
    free(problem->order);
}

static int
prepare(Problem *problem, const Py_buffer *views, int64_t width)
{
    const int64_t rows = views[SCALES].shape[0], labels = problem->labels;
    const float *scales = views[SCALES].buf;
    const size_t texts = (size_t)problem->texts + 1; /* above 0, because malloc(0) may be NULL */
    problem->table = calloc((size_t)rows * 2 * width + 1, sizeof(float));
    problem->bias = calloc((size_t)width, sizeof(float));
    problem->duals = calloc(texts * width, sizeof(float));
    problem->squares = malloc(texts * width * sizeof(float));
    problem->order = malloc(texts * sizeof(int64_t));
    if (problem->table == NULL || problem->bias == NULL || problem->duals == NULL
        || problem->squares == NULL || problem->order == NULL) {
        return -1;
    }
    for (int64_t row = 0; row < rows; row++) {
        memcpy(problem->table + row * 2 * width, scales + row * labels,
               (size_t)labels * sizeof(float));
    }
    for (int64_t text = 0; text < problem->texts; text++) {
        problem->order[text] = text;
    }
    return 0;
}

static void
write_result(const Problem *problem, const Py_buffer *views, int64_t width)
{
    float *weights = views[WEIGHTS].buf;
    for (int64_t row = 0; row < views[SCALES].shape[0]; row++) {
        const float *scales = problem->table + row * 2 * width;
        for (int64_t k = 0; k < problem->labels; k++) {
            weights[row * problem->labels + k] = scales[k] * scales[width + k];
        }
    }
    memcpy(views[BIAS].buf, problem->bias, (size_t)problem->labels * sizeof(float));
}

static PyObject *
solve(const Py_buffer *views, unsigned long long seed, float tolerance, int most_passes)
{
    const char *error = validate(views);
    if (error != NULL) {
        return value_error(error);
    }
    Problem problem = {
        .texts = views[OFFSETS].shape[0] - 1,
        .labels = views[SCALES].shape[1],
        .offsets = views[OFFSETS].buf,
        .features = views[FEATURES].buf,
        .values = views[VALUES].buf,
        .costs = views[COSTS].buf,
        .having = views[HAVING].buf,
        .random = (seed + 1) * 0x9E3779B97F4A7C15u | 1, /* never 0, at which xorshift stays */
    };
    const int64_t width = width_for(problem.labels);
    if (prepare(&problem, views, width) < 0) {
        free_problem(&problem);
        return PyErr_NoMemory();
    }
    int passes = 0, interrupted = 0;
    float worst = INFINITY;
    Py_BEGIN_ALLOW_THREADS square_all(&problem, width);
    Py_END_ALLOW_THREADS while (passes < most_passes && worst > tolerance && !interrupted)
    {
        Py_BEGIN_ALLOW_THREADS worst = one_pass(&problem, width);
        Py_END_ALLOW_THREADS passes++;
        interrupted = PyErr_CheckSignals() < 0;
    }
    if (!interrupted) {
        write_result(&problem, views, width);
    }
    free_problem(&problem);
    return interrupted ? NULL : PyLong_FromLong(passes);
}

PyObject *
dual_coordinate_descent(PyObject *Py_UNUSED(module), PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"offsets", "features", "values", "costs",     "having",      "scales",
                            "weights", "bias",     "seed",   "tolerance", "most_passes", NULL};
    PyObject *objects[ARRAYS];
    unsigned long long seed;
    float tolerance;
    int most_passes;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "$OOOOOOOOKfi", names, &objects[OFFSETS],
                                     &objects[FEATURES], &objects[VALUES], &objects[COSTS],
                                     &objects[HAVING], &objects[SCALES], &objects[WEIGHTS],
                                     &objects[BIAS], &seed, &tolerance, &most_passes)) {
        return argument_error();
    }
    if (most_passes < 0 || most_passes > MOST_PASSES) {
        return PyErr_Format(PyExc_ValueError, "most_passes must be from 0 to %d", MOST_PASSES);
    }
    Py_buffer views[ARRAYS];
    if (acquire_arrays(objects, views, specs, ARRAYS) < 0) {
        return NULL;
    }
    PyObject *result = solve(views, seed, tolerance, most_passes);
    release_arrays(views, ARRAYS);
    return result;
}
