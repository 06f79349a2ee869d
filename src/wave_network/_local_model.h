/* What the compiled functions know of a local wave network: its tables, and how n-grams are hashed. */

#include "_arrays.h"

#include <math.h>
#include <stdlib.h>

typedef struct {
    const float *rows;
    int64_t count, width;
} Table;

typedef struct {
    Table embedding, bigrams, linear_tokens, linear_bigrams;
    uint64_t pair_factors[2], skip_pair_factors[2], triple_factors[2]; /* of the hashes */
    int64_t members;
    int modulation, reads_skip_pairs, reads_triples;
    float local_scale, energy_floor;
} Model;

INLINE const float *
row_of(const Table *table, int64_t index)
{
    return table->rows + index * table->width;
}

INLINE uint64_t
hash_of(const uint64_t *factors, int64_t first, int64_t second)
{
    return (uint64_t)first * factors[0] + (uint64_t)second * factors[1];
}

INLINE int64_t
bucket_of(const Table *table, uint64_t hash)
{
    return (int64_t)(hash % (uint64_t)table->count);
}

INLINE int64_t
pair_bucket(const Model *model, const Table *table, int32_t first, int32_t second)
{
    return bucket_of(table, hash_of(model->pair_factors, first, second));
}

/* An argument for `O&`: what `local_waves.compiled_shape` gives. */
static int
set_shape(PyObject *shape, void *model_address)
{
    Model *model = model_address;
    long long members;
    unsigned long long factors[6];
    if (!PyTuple_Check(shape)) {
        PyErr_SetString(PyExc_TypeError, "a shape is a tuple");
        return 0;
    }
    if (!PyArg_ParseTuple(shape, "Lp(KK)ffp(KK)p(KK)", &members, &model->modulation, &factors[0],
                          &factors[1], &model->local_scale, &model->energy_floor,
                          &model->reads_skip_pairs, &factors[2], &factors[3],
                          &model->reads_triples, &factors[4], &factors[5])) {
        return 0;
    }
    model->members = members;
    for (int i = 0; i < 2; i++) {
        model->pair_factors[i] = factors[i];
        model->skip_pair_factors[i] = factors[2 + i];
        model->triple_factors[i] = factors[4 + i];
    }
    return 1;
}
