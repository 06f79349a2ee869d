/* The compiled form of `one_against_rest` of numerics/svm.py: dual coordinate descent (Hsieh et
 * al., 2008) for several labels at once, so that each text's features are read once. */

#include "extension.h"
#include "parallel.h"

#include <math.h>
#include <stdlib.h>

#define MOST_PASSES 100000 /* those that never converge end, too */

enum {
    MOST_LABELS = 16, /* per call; bounds the memory */
    MOST_TOGETHER = 8 /* labels of a group: their values fill one cache line per feature */
};

typedef struct {
    int64_t texts, labels;
    const int64_t *offsets; /* where each text begins in `features` and `values` */
    const int32_t *features;
    const float *values, *costs;
    const uint8_t *having;
    float tolerance;
} Problem;

/* Some of the labels, `width` with padding. Each group goes its own way, whatever the threads. */
typedef struct {
    const Problem *problem;
    int64_t first, labels, width;
    float *table; /* per feature: `width` weights, then the squares of as many scales */
    float *bias, *duals, *squares;
    int64_t *order;
    uint64_t random;
    float worst; /* the largest violation of optimality in the last pass */
} Group;

static uint64_t
next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static void
shuffle(Group *group)
{
    for (int64_t i = group->problem->texts - 1; i > 0; i--) {
        int64_t j = (int64_t)(next_random(&group->random) % (uint64_t)(i + 1));
        int64_t other = group->order[j];
        group->order[j] = group->order[i];
        group->order[i] = other;
    }
}

/* Update the dual variables of one text and the labels for which it violates its optimality
 * condition by more than the tolerance; returns the largest violation. Writes the changes of the
 * weights, in units of the text's features, to `changes`. */
INLINE float
update_duals(Group *group, int64_t text, const float *margins, float *changes, int64_t width)
{
    const Problem *problem = group->problem;
    const float diagonal = 0.5f / problem->costs[text];
    const uint8_t *having = problem->having + text * problem->labels + group->first;
    float *duals = group->duals + text * width;
    const float *squares = group->squares + text * width;
    float worst = 0;
    for (int64_t k = 0; k < width; k++) {
        const float sign = k < group->labels && having[k] ? 1.0f : -1.0f;
        const float slope = sign * margins[k] - 1 + duals[k] * diagonal;
        const float violation = duals[k] > 0 ? fabsf(slope) : fmaxf(-slope, 0);
        const float moved = fmaxf(duals[k] - slope / (squares[k] + diagonal), 0);
        const float change = violation > problem->tolerance ? moved - duals[k] : 0;
        changes[k] = change * sign;
        duals[k] += change;
        worst = k < group->labels ? fmaxf(worst, violation) : worst;
    }
    return worst;
}

/* Prefetch the weights of the text at a place in the order. */
INLINE void
prefetch_text(const Group *group, int64_t place, int64_t width)
{
    const Problem *problem = group->problem;
    if (place < problem->texts) {
        const int64_t *bounds = problem->offsets + group->order[place];
        for (int64_t i = bounds[0]; i < bounds[1]; i++) {
            PREFETCH(group->table + (int64_t)problem->features[i] * 2 * width);
        }
    }
}

/* Make one pass over all texts in random order. */
INLINE void
pass(Group *group, int64_t width)
{
    const Problem *problem = group->problem;
    const int32_t *restrict features = problem->features;
    const float *restrict values = problem->values;
    float *restrict table = group->table;
    float worst = 0;
    shuffle(group);
    for (int64_t place = 0; place < problem->texts; place++) {
        const int64_t text = group->order[place];
        const int64_t first = problem->offsets[text], end = problem->offsets[text + 1];
        float margins[MOST_TOGETHER], changes[MOST_TOGETHER], moved = 0;
        prefetch_text(group, place + 1, width);
        for (int64_t k = 0; k < width; k++) {
            margins[k] = group->bias[k];
        }
        for (int64_t i = first; i < end; i++) {
            const float *weights = table + (int64_t)features[i] * 2 * width;
            for (int64_t k = 0; k < width; k++) {
                margins[k] += values[i] * weights[k];
            }
        }
        worst = fmaxf(worst, update_duals(group, text, margins, changes, width));
        for (int64_t k = 0; k < width; k++) {
            moved += fabsf(changes[k]);
            group->bias[k] += changes[k];
        }
        for (int64_t i = first; moved != 0 && i < end; i++) {
            float *weights = table + (int64_t)features[i] * 2 * width;
            const float *squares = weights + width;
            for (int64_t k = 0; k < width; k++) {
                weights[k] += values[i] * squares[k] * changes[k];
            }
        }
    }
    group->worst = worst;
}

/* Compute the squared norm of each text with each label's scales; the 1 is for the bias. */
INLINE void
square_lengths(Group *group, int64_t width)
{
    const Problem *problem = group->problem;
    for (int64_t text = 0; text < problem->texts; text++) {
        float sums[MOST_TOGETHER];
        for (int64_t k = 0; k < width; k++) {
            sums[k] = 1;
        }
        for (int64_t i = problem->offsets[text]; i < problem->offsets[text + 1]; i++) {
            const float *squares = group->table + ((int64_t)problem->features[i] * 2 + 1) * width;
            const float square = problem->values[i] * problem->values[i];
            for (int64_t k = 0; k < width; k++) {
                sums[k] += square * squares[k];
            }
        }
        memcpy(group->squares + text * width, sums, (size_t)width * sizeof(float));
    }
}

/* With a constant width the inner loops compile to a few instructions. */
#define FOR_WIDTH(width, call)               \
    switch (width) {                         \
    case 1: call(1); break;                  \
    case 4: call(4); break;                  \
    default: call(MOST_TOGETHER);            \
    }

WIDE static void
pass_of(Group *group)
{
#define PASS(constant) pass(group, constant)
    FOR_WIDTH(group->width, PASS)
#undef PASS
}

WIDE static void
squares_of(Group *group)
{
#define SQUARES(constant) square_lengths(group, constant)
    FOR_WIDTH(group->width, SQUARES)
#undef SQUARES
}

static void
square_group(void *context, int64_t index)
{
    squares_of((Group *)context + index);
}

static void
pass_group(void *context, int64_t index)
{
    Group *group = (Group *)context + index;
    if (group->worst > group->problem->tolerance) {
        pass_of(group);
    }
}

static int64_t
width_for(int64_t labels)
{
    return labels == 1 ? 1 : labels <= 4 ? 4 : MOST_TOGETHER;
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
free_groups(Group *groups, int64_t count)
{
    for (Group *group = groups; group < groups + count; group++) {
        free(group->table);
        free(group->bias);
        free(group->duals);
        free(group->squares);
        free(group->order);
    }
}

static int
prepare(Group *group, const Py_buffer *views)
{
    const int64_t rows = views[SCALES].shape[0], width = group->width;
    const int64_t all = group->problem->labels;
    const float *scales = (const float *)views[SCALES].buf + group->first;
    const size_t texts = (size_t)group->problem->texts + 1; /* malloc(0) may be NULL */
    group->table = calloc((size_t)rows * 2 * width + 1, sizeof(float));
    group->bias = calloc((size_t)width, sizeof(float));
    group->duals = calloc(texts * width, sizeof(float));
    group->squares = malloc(texts * width * sizeof(float));
    group->order = malloc(texts * sizeof(int64_t));
    if (group->table == NULL || group->bias == NULL || group->duals == NULL
        || group->squares == NULL || group->order == NULL) {
        return -1;
    }
    for (int64_t row = 0; row < rows; row++) {
        for (int64_t k = 0; k < group->labels; k++) {
            const float scale = scales[row * all + k];
            group->table[(row * 2 + 1) * width + k] = scale * scale;
        }
    }
    for (int64_t text = 0; text < group->problem->texts; text++) {
        group->order[text] = text;
    }
    return 0;
}

static void
write_result(const Group *group, const Py_buffer *views)
{
    const size_t size = (size_t)group->labels * sizeof(float);
    float *weights = (float *)views[WEIGHTS].buf + group->first;
    for (int64_t row = 0; row < views[SCALES].shape[0]; row++) {
        memcpy(weights + row * group->problem->labels, group->table + row * 2 * group->width, size);
    }
    memcpy((float *)views[BIAS].buf + group->first, group->bias, size);
}

/* Run one pass of the groups that have not converged; returns whether there are any. */
static int
run_pass(Group *groups, int64_t count, int threads)
{
    int64_t left = 0;
    for (int64_t i = 0; i < count; i++) {
        left += groups[i].worst > groups[i].problem->tolerance;
    }
    if (left > 0) {
        Py_BEGIN_ALLOW_THREADS parallel_run(threads, count, pass_group, groups);
        Py_END_ALLOW_THREADS
    }
    return left > 0;
}

/* Ask how many threads to use now; -1 with an error set. */
static int
threads_now(PyObject *threads)
{
    PyObject *number = PyObject_CallNoArgs(threads);
    const int count = number == NULL ? -1 : threads_of(number);
    Py_XDECREF(number);
    return count;
}

/* Returns the number of passes; -1 with an error set. */
static int
run_passes(Group *groups, int64_t count, int most_passes, PyObject *threads)
{
    int number = threads_now(threads), passes = 0;
    if (number > 0) {
        Py_BEGIN_ALLOW_THREADS parallel_run(number, count, square_group, groups);
        Py_END_ALLOW_THREADS
    }
    while (number > 0 && passes < most_passes && run_pass(groups, count, number)) {
        passes++;
        number = PyErr_CheckSignals() < 0 ? -1 : threads_now(threads);
    }
    return number < 0 ? -1 : passes;
}

static PyObject *
solve(const Py_buffer *views, Problem *problem, unsigned long long seed, int most_passes,
      PyObject *threads)
{
    const char *error = validate(views);
    if (error != NULL) {
        return value_error(error);
    }
    problem->texts = views[OFFSETS].shape[0] - 1;
    problem->labels = views[SCALES].shape[1];
    problem->offsets = views[OFFSETS].buf;
    problem->features = views[FEATURES].buf;
    problem->values = views[VALUES].buf;
    problem->costs = views[COSTS].buf;
    problem->having = views[HAVING].buf;
    Group groups[MOST_LABELS / MOST_TOGETHER] = {0};
    int64_t count = 0;
    for (int64_t first = 0; first < problem->labels; first += MOST_TOGETHER) {
        Group *group = &groups[count++];
        const int64_t left = problem->labels - first;
        group->problem = problem;
        group->first = first;
        group->labels = left < MOST_TOGETHER ? left : MOST_TOGETHER;
        group->width = width_for(group->labels);
        group->random = (seed + 1) * 0x9E3779B97F4A7C15u | 1; /* never 0: xorshift stays at it */
        group->worst = INFINITY;
        if (prepare(group, views) < 0) {
            free_groups(groups, count);
            return PyErr_NoMemory();
        }
    }
    const int passes = run_passes(groups, count, most_passes, threads);
    for (int64_t i = 0; passes >= 0 && i < count; i++) {
        write_result(&groups[i], views);
    }
    free_groups(groups, count);
    return passes < 0 ? NULL : PyLong_FromLong(passes);
}

PyObject *
dual_coordinate_descent(PyObject *Py_UNUSED(module), PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"offsets",     "features", "values", "costs", "having",    "scales",
                            "weights",     "bias",     "seed",   "tolerance", "most_passes",
                            "threads",     NULL};
    PyObject *objects[ARRAYS], *threads;
    unsigned long long seed;
    Problem problem = {0};
    int most_passes;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "$OOOOOOOOKfiO", names, &objects[OFFSETS],
                                     &objects[FEATURES], &objects[VALUES], &objects[COSTS],
                                     &objects[HAVING], &objects[SCALES], &objects[WEIGHTS],
                                     &objects[BIAS], &seed, &problem.tolerance, &most_passes,
                                     &threads)) {
        return argument_error();
    }
    if (most_passes < 0 || most_passes > MOST_PASSES) {
        return PyErr_Format(PyExc_ValueError, "most_passes must be from 0 to %d", MOST_PASSES);
    }
    Py_buffer views[ARRAYS];
    if (acquire_arrays(objects, views, specs, ARRAYS) < 0) {
        return NULL;
    }
    PyObject *result = solve(views, &problem, seed, most_passes, threads);
    release_arrays(views, ARRAYS);
    return result;
}
