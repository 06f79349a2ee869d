/* The best labels of each line, by a heap as the C++ library has it (fasttext/choosing.py): it decides
 * which of equal scores stay, and their order. */

#include <math.h>

#include "extension.h"
#include "parallel.h"

enum { LINES_A_TASK = 64 };

typedef struct {
    const float *scores;
    int32_t *places;
    int64_t lines, labels, count;
} Choice;

/* Put a label where it belongs between a hole and the top. */
static void
rise(const float *scores, int32_t *heap, int64_t hole, int32_t label)
{
    while (hole > 0 && scores[heap[(hole - 1) / 2]] > scores[label]) {
        heap[hole] = heap[(hole - 1) / 2];
        hole = (hole - 1) / 2;
    }
    heap[hole] = label;
}

/* Move the lowest of the first labels to their end; the others stay a heap. */
static void
lower(const float *scores, int32_t *heap, int64_t length)
{
    const int64_t last = length - 1;
    if (last < 1) {
        return;
    }
    const int32_t label = heap[last];
    heap[last] = heap[0];
    int64_t hole = 0;
    while (hole < (last - 1) / 2) {
        int64_t child = 2 * (hole + 1);
        if (scores[heap[child]] > scores[heap[child - 1]]) {
            child--;
        }
        heap[hole] = heap[child];
        hole = child;
    }
    if (last % 2 == 0 && hole == (last - 2) / 2) {
        heap[hole] = heap[2 * hole + 1];
        hole = 2 * hole + 1;
    }
    rise(scores, heap, hole, label);
}

/* Choose the labels of one line; the heap is their result, with room for one more. */
static void
choose(const Choice *self, const float *scores, int32_t *heap)
{
    int64_t size = 0;
    for (int32_t label = 0; label < self->labels; label++) {
        if (scores[label] == -INFINITY
            || (size == self->count && scores[label] < scores[heap[0]])) {
            continue;
        }
        rise(scores, heap, size, label);
        if (++size > self->count) {
            lower(scores, heap, size--);
        }
    }
    for (int64_t i = size; i <= self->count; i++) {
        heap[i] = -1;
    }
    for (; size > 1; size--) {
        lower(scores, heap, size);
    }
}

static void
choose_lines(void *context, int64_t task)
{
    const Choice *self = context;
    const int64_t first = task * LINES_A_TASK;
    const int64_t stop = first + LINES_A_TASK < self->lines ? first + LINES_A_TASK : self->lines;
    for (int64_t line = first; line < stop; line++) {
        choose(self, self->scores + line * self->labels, self->places + line * (self->count + 1));
    }
}

enum { SCORES, PLACES, ARRAYS };

static const ArraySpec arrays[ARRAYS] = {
    [SCORES] = FLOAT32("scores", 2),
    [PLACES] = INT32_OUT("places", 2),
};

PyObject *
best_labels(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *objects[ARRAYS], *threads_object;
    Py_buffer views[ARRAYS];
    if (!PyArg_ParseTuple(args, "OOO", &objects[SCORES], &objects[PLACES], &threads_object)) {
        return NULL;
    }
    const int threads = threads_of(threads_object);
    if (threads < 0 || acquire_arrays(objects, views, arrays, ARRAYS) < 0) {
        return NULL;
    }
    Choice choice = {
        .scores = views[SCORES].buf,
        .places = views[PLACES].buf,
        .lines = views[SCORES].shape[0],
        .labels = views[SCORES].shape[1],
        .count = views[PLACES].shape[1] - 1,
    };
    const int fits = choice.count >= 1 && choice.labels <= INT32_MAX
                     && views[PLACES].shape[0] == choice.lines;
    if (fits) {
        Py_BEGIN_ALLOW_THREADS
        parallel_run(threads, (choice.lines + LINES_A_TASK - 1) / LINES_A_TASK, choose_lines,
                     &choice);
        Py_END_ALLOW_THREADS
    }
    release_arrays(views, ARRAYS);
    return fits ? Py_NewRef(Py_None) : value_error("the shapes do not fit together");
}
