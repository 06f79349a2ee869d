/* The compiled counts of evaluation/out_of_scope.py: pairs of adjacent tokens by their hash. */

#include "extension.h"

/* As `_hashes`: multiply, and fold the high bits into the low ones. */
static uint32_t
hash_pair(uint32_t first, uint32_t second)
{
    uint32_t mixed = second * UINT32_C(0x9E3779B1) + first * UINT32_C(0x85EBCA77);
    mixed ^= mixed >> 15;
    return mixed * UINT32_C(0xC2B2AE3D);
}

/* Count the pairs of each text but for those with its first token; `shift` leaves as many bits of
 * a hash as there are counts. */
static void
add_pairs(const int32_t *ids, const int64_t *offsets, int64_t texts, int shift, uint16_t *counts)
{
    for (int64_t text = 0; text < texts; text++) {
        for (int64_t i = offsets[text] + 2; i < offsets[text + 1]; i++) {
            uint16_t *count = counts + (hash_pair((uint32_t)ids[i - 1], (uint32_t)ids[i]) >> shift);
            *count = (uint16_t)(*count + (*count < UINT16_MAX));
        }
    }
}

/* Return by how much hashes are shifted for so many counts, a power of two; or -1. */
static int
shift_for(Py_ssize_t counts)
{
    for (int shift = 1; shift < 32; shift++) {
        if ((INT64_C(1) << (32 - shift)) == counts) {
            return shift;
        }
    }
    return -1;
}

enum { IDS, OFFSETS, COUNTS, ARRAYS };

static const ArraySpec arrays[ARRAYS] = {
    [IDS] = INT32("ids", 1),
    [OFFSETS] = INT64("offsets", 1),
    [COUNTS] = UINT16_OUT("counts", 1),
};

PyObject *
count_pairs(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *objects[ARRAYS];
    Py_buffer views[ARRAYS];
    if (!PyArg_ParseTuple(args, "OOO", &objects[IDS], &objects[OFFSETS], &objects[COUNTS])
        || acquire_arrays(objects, views, arrays, ARRAYS) < 0) {
        return NULL;
    }
    const int shift = shift_for(views[COUNTS].shape[0]);
    const char *error = shift < 0 ? "the number of counts is no power of two"
                                  : validate_texts(&views[IDS], &views[OFFSETS], INT32_MAX);
    if (error == NULL) {
        Py_BEGIN_ALLOW_THREADS
        add_pairs(views[IDS].buf, views[OFFSETS].buf, views[OFFSETS].shape[0] - 1, shift,
                  views[COUNTS].buf);
        Py_END_ALLOW_THREADS
    }
    release_arrays(views, ARRAYS);
    return error == NULL ? Py_NewRef(Py_None) : value_error(error);
}
