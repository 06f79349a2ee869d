/* The shape of a local wave network, as far as its tables do not determine it. */

#ifndef WAVE_NETWORK_SHAPE_H
#define WAVE_NETWORK_SHAPE_H

#include "ngrams.h"

typedef struct {
    int64_t members;
    int modulation;     /* neighbours are multiplied; else added */
    float local_scale;  /* scales the energy of the local waves */
    float energy_floor; /* added to an energy before its root */
    NgramKind bigram;   /* the n-grams of the waves' table */
    Ngrams linear_ngrams;
} Shape;

/* Return the shape of a `Shape` object; NULL with a TypeError for any other. */
const Shape *shape_of(PyObject *object);

extern PyType_Spec shape_spec;

#endif
