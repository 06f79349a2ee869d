/* Packed UTF-8 as an argument: one byte array, offsets, and which of its texts to read. */

#ifndef WAVE_NETWORK_PACKED_TEXTS_H
#define WAVE_NETWORK_PACKED_TEXTS_H

#include "arrays.h"
#include "words.h"

typedef struct {
    const uint8_t *data;
    const int64_t *offsets, *places; /* places: NULL for all texts in order */
    size_t count;
    int64_t characters; /* how many of a text are read */
} PackedTexts;

enum { PACKED_ARRAYS = 3 };

static const ArraySpec packed_specs[PACKED_ARRAYS] = {
    {"data", 1, "B", 1, 0, 0},
    INT64("offsets", 1),
    OPTIONAL_INT64("places", 1),
};

/* Get the arrays `data`, `offsets` and `places` of packed texts; -1 with an error. Release them with
 * `release_arrays`. */
static inline int
acquire_texts(PackedTexts *texts, PyObject *const *objects, Py_buffer *views, int64_t characters)
{
    if (acquire_arrays(objects, views, packed_specs, PACKED_ARRAYS) < 0) {
        return -1;
    }
    const int64_t all = views[1].shape[0] - 1, bytes = views[0].shape[0];
    const char *wrong = all < 0 ? "there are no offsets" : NULL;
    *texts = (PackedTexts){.data = views[0].buf, .offsets = views[1].buf, .places = views[2].buf,
                           .characters = characters};
    texts->count = (size_t)(texts->places != NULL ? views[2].shape[0] : all < 0 ? 0 : all);
    for (size_t i = 0; wrong == NULL && i < texts->count; i++) {
        const int64_t place = texts->places != NULL ? texts->places[i] : (int64_t)i;
        if (place < 0 || place >= all) {
            wrong = "a place is outside the texts";
        }
        else if (texts->offsets[place] < 0 || texts->offsets[place] > texts->offsets[place + 1]
                 || texts->offsets[place + 1] > bytes) {
            wrong = "the offsets do not belong to the data";
        }
    }
    if (wrong != NULL || characters < 0) {
        value_error(wrong != NULL ? wrong : "a number of characters is negative");
        release_arrays(views, PACKED_ARRAYS);
        return -1;
    }
    return 0;
}

typedef struct {
    const uint8_t *at, *end;
} Span;

/* The part of a text that is read. */
static inline Span
span_of(const PackedTexts *texts, size_t text)
{
    const int64_t place = texts->places != NULL ? texts->places[text] : (int64_t)text;
    const uint8_t *at = texts->data + texts->offsets[place];
    const uint8_t *end = texts->data + texts->offsets[place + 1], *stop = at;
    if (end - at <= texts->characters) {
        return (Span){at, end};
    }
    for (int64_t left = texts->characters; stop < end; stop++) {
        if ((*stop & 0xc0) != 0x80 && left-- == 0) { /* the first byte of one character more */
            break;
        }
    }
    return (Span){at, stop};
}

/* Cut texts into runs of about so many bytes, at least one text each: the bounds of the runs, of
 * size_t, from 0 to the number of texts. -1 if out of memory. */
static inline int
cut_texts(const PackedTexts *texts, size_t bytes, Array *bounds)
{
    size_t read = bytes; /* so that a run starts with the first text */
    for (size_t i = 0; i < texts->count; i++) {
        if (read >= bytes) {
            if (reserve(bounds, 2, sizeof(size_t)) < 0) {
                return -1;
            }
            ((size_t *)bounds->items)[bounds->size++] = i;
            read = 0;
        }
        const int64_t place = texts->places != NULL ? texts->places[i] : (int64_t)i;
        const size_t length = (size_t)(texts->offsets[place + 1] - texts->offsets[place]);
        const size_t most = 4 * (size_t)texts->characters;
        read += length < most ? length : most;
    }
    if (bounds->size > 0) {
        ((size_t *)bounds->items)[bounds->size] = texts->count; /* reserved above */
    }
    return 0;
}

#endif
