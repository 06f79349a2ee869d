/* The shape of a local wave network: what the compiled functions know of it beside its tables. */

#ifndef WAVE_NETWORK_SHAPE_H
#define WAVE_NETWORK_SHAPE_H

#include "ngrams.h"

typedef struct {
    int64_t members;
    int modulation;     /* neighbours are multiplied, else added */
    float local_scale;  /* factor of the local waves' energy */
    float energy_floor; /* added under the root of an energy */
    NgramKind bigram;   /* the n-grams whose rows the waves sum */
    Ngrams linear_ngrams;
} Shape;

/* The shape of a `Shape` object; NULL and a TypeError of any other. */
const Shape *shape_of(PyObject *object);

extern PyType_Spec shape_spec;

#endif
