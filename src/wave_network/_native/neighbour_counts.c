/* Weighted counts of neighbouring words (training/vectors/neighbours.py).
 *
 * Every row is counted by one task, in whole numbers, so the counts do not depend on the number of
 * threads. */

#include "extension.h"
#include "parallel.h"

#include <stdlib.h>

enum { PLACES_A_TASK = 1 << 16, LONGEST_WINDOW = 1000 };

/* The rows of one task, and the entries found in them, row by row. */
typedef struct {
    int64_t first, end;
    int32_t *columns;
    float *values;
    size_t size, room;
    int failed;
} Part;

typedef struct {
    const int32_t *ids; /* below 0: no word, and the end of a text */
    int64_t count, vocabulary, window;
    int64_t *starts; /* of the places of each word, (vocabulary + 1) */
    int32_t *places; /* of the words in `ids`, word by word */
    int64_t *row_ends;
    Part *parts;
    int64_t tasks;
} Counting;

/* Sort the places of words by word. */
static void
list_places(Counting *self)
{
    int64_t *starts = self->starts;
    memset(starts, 0, (size_t)(self->vocabulary + 1) * sizeof(int64_t));
    for (int64_t i = 0; i < self->count; i++) {
        if (self->ids[i] >= 0) {
            starts[self->ids[i] + 1]++;
        }
    }
    for (int64_t word = 0; word < self->vocabulary; word++) {
        starts[word + 1] += starts[word];
    }
    for (int64_t i = 0; i < self->count; i++) {
        if (self->ids[i] >= 0) {
            self->places[starts[self->ids[i]]++] = (int32_t)i;
        }
    }
    for (int64_t word = self->vocabulary; word > 0; word--) {
        starts[word] = starts[word - 1];
    }
    starts[0] = 0;
}

/* Cut the rows into tasks with about as many places each. */
static void
cut_rows(Counting *self)
{
    int64_t first = 0;
    for (int64_t row = 0; row < self->vocabulary; row++) {
        if (self->starts[row + 1] - self->starts[first] >= PLACES_A_TASK
            || row + 1 == self->vocabulary) {
            self->parts[self->tasks++] = (Part){.first = first, .end = row + 1};
            first = row + 1;
        }
    }
}

/* Add the weight of each neighbour on one side; returns how many words are new among `found`. */
INLINE int64_t
add_side(const Counting *self, int64_t at, int64_t step, int64_t *sums, int32_t *found)
{
    int64_t fresh = 0;
    for (int64_t weight = self->window; weight > 0; weight--) {
        at += step;
        if (at < 0 || at >= self->count || self->ids[at] < 0) {
            break;
        }
        const int32_t word = self->ids[at];
        if (sums[word] == 0) {
            found[fresh++] = word;
        }
        sums[word] += weight;
    }
    return fresh;
}

/* Append the sums of a row, and make them 0 again; -1 without memory. */
static int
append_row(Part *part, int64_t *sums, const int32_t *found, int64_t count)
{
    if (part->size + (size_t)count > part->room) {
        const size_t room = 2 * part->room + (size_t)count;
        int32_t *columns = realloc(part->columns, room * sizeof(int32_t));
        part->columns = columns == NULL ? part->columns : columns;
        float *values = realloc(part->values, room * sizeof(float));
        part->values = values == NULL ? part->values : values;
        if (columns == NULL || values == NULL) {
            return -1;
        }
        part->room = room;
    }
    for (int64_t i = 0; i < count; i++) {
        part->columns[part->size] = found[i];
        part->values[part->size++] = (float)sums[found[i]];
        sums[found[i]] = 0;
    }
    return 0;
}

static void
count_rows(void *context, int64_t task)
{
    const Counting *self = context;
    Part *part = &self->parts[task];
    int64_t *sums = calloc((size_t)self->vocabulary, sizeof(int64_t));
    int32_t *found = malloc((size_t)self->vocabulary * sizeof(int32_t));
    part->failed = sums == NULL || found == NULL;
    for (int64_t row = part->first; !part->failed && row < part->end; row++) {
        int64_t count = 0;
        for (int64_t i = self->starts[row]; i < self->starts[row + 1]; i++) {
            count += add_side(self, self->places[i], -1, sums, found + count);
            count += add_side(self, self->places[i], 1, sums, found + count);
        }
        part->failed = append_row(part, sums, found, count) < 0;
        self->row_ends[row] = count;
    }
    free(sums);
    free(found);
}

/* Count all rows without the GIL; -1 without memory. */
static int
count_all(Counting *self, int threads)
{
    self->starts = malloc((size_t)(self->vocabulary + 1) * sizeof(int64_t));
    self->places = malloc((size_t)(self->count + 1) * sizeof(int32_t));
    self->parts = calloc((size_t)(self->count / PLACES_A_TASK + 2), sizeof(Part));
    if (self->starts == NULL || self->places == NULL || self->parts == NULL) {
        return -1;
    }
    list_places(self);
    cut_rows(self);
    parallel_run(threads, self->tasks, count_rows, self);
    for (int64_t row = 1; row < self->vocabulary; row++) {
        self->row_ends[row] += self->row_ends[row - 1];
    }
    for (int64_t task = 0; task < self->tasks; task++) {
        if (self->parts[task].failed) {
            return -1;
        }
    }
    return 0;
}

/* Join the columns and the values of all parts. */
static PyObject *
entries_of(const Counting *self)
{
    size_t size = 0;
    for (int64_t task = 0; task < self->tasks; task++) {
        size += self->parts[task].size;
    }
    PyObject *columns = PyByteArray_FromStringAndSize(NULL, (Py_ssize_t)(size * sizeof(int32_t)));
    PyObject *values = PyByteArray_FromStringAndSize(NULL, (Py_ssize_t)(size * sizeof(float)));
    if (columns != NULL && values != NULL) {
        char *column = PyByteArray_AsString(columns), *value = PyByteArray_AsString(values);
        for (int64_t task = 0; task < self->tasks; task++) {
            const Part *part = &self->parts[task];
            if (part->size > 0) {
                memcpy(column, part->columns, part->size * sizeof(int32_t));
                memcpy(value, part->values, part->size * sizeof(float));
            }
            column += part->size * sizeof(int32_t);
            value += part->size * sizeof(float);
        }
    }
    PyObject *pair = columns && values ? PyTuple_Pack(2, columns, values) : NULL;
    Py_XDECREF(columns);
    Py_XDECREF(values);
    return pair;
}

static void
free_counting(Counting *self)
{
    for (int64_t task = 0; task < self->tasks; task++) {
        free(self->parts[task].columns);
        free(self->parts[task].values);
    }
    free(self->parts);
    free(self->starts);
    free(self->places);
}

/* Return why the arguments are invalid, or NULL. */
static const char *
validate_words(const Counting *self)
{
    if (self->window < 1 || self->window > LONGEST_WINDOW) {
        return "the window is out of range";
    }
    if (self->count > INT32_MAX || self->vocabulary > INT32_MAX) {
        return "there are too many words";
    }
    for (int64_t i = 0; i < self->count; i++) {
        if (self->ids[i] >= self->vocabulary) {
            return "an id is outside the vocabulary";
        }
    }
    return NULL;
}

enum { IDS, ROW_ENDS, ARRAYS };

static const ArraySpec arrays[ARRAYS] = {
    [IDS] = INT32("ids", 1),
    [ROW_ENDS] = INT64_OUT("row_ends", 1),
};

PyObject *
neighbour_counts(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *objects[ARRAYS], *threads_object, *entries = NULL;
    Py_buffer views[ARRAYS];
    long long window;
    if (!PyArg_ParseTuple(args, "OLOO", &objects[IDS], &window, &objects[ROW_ENDS],
                          &threads_object)) {
        return argument_error();
    }
    const int threads = threads_of(threads_object);
    if (threads < 0 || acquire_arrays(objects, views, arrays, ARRAYS) < 0) {
        return NULL;
    }
    Counting self = {
        .ids = views[IDS].buf,
        .count = views[IDS].shape[0],
        .vocabulary = views[ROW_ENDS].shape[0],
        .window = window,
        .row_ends = views[ROW_ENDS].buf,
    };
    const char *error = validate_words(&self);
    if (error == NULL) {
        int status;
        Py_BEGIN_ALLOW_THREADS
        status = count_all(&self, threads);
        Py_END_ALLOW_THREADS
        entries = status < 0 ? PyErr_NoMemory() : entries_of(&self);
        free_counting(&self);
    }
    release_arrays(views, ARRAYS);
    return error == NULL ? entries : value_error(error);
}
