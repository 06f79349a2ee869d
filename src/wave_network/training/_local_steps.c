/* The compiled form of a training step of a local wave network: each text is read, answered and
 * learnt from in one pass, then Adam moves the rows that were read and the readers.
 * `local_steps.py` says what it takes; torch computes the same in some hundred operations. */

#include "../_local_waves.h"
#include "_adam.h"
#include "_readers.h"

typedef struct {
    int32_t *ids, *buckets;
    int64_t *offsets;
    float *floats, *gradients;
    Matrices *matrices; /* of each member */
    Block block;
    Held tokens, pairs;
} Room;

typedef struct {
    const int64_t *classes; /* of each text; NULL where `answers` has what it is answered with */
    const float *answers, *weights;
    int64_t texts, labels;
    int several; /* labels a text */
    float smoothing, temperature;
} Targets;

/* Zeros for everything that has columns. */
static int
make_floats(Room *room, const Sizes *sizes, int64_t reader_count)
{
    Matrices matrices;
    const int64_t of_member = matrices_at(&matrices, sizes, NULL);
    const int64_t of_block = block_at(&room->block, sizes, NULL);
    room->floats = calloc((size_t)(of_member * sizes->members + of_block + reader_count),
                          sizeof(float));
    room->matrices = malloc((size_t)sizes->members * sizeof(Matrices));
    if (room->floats == NULL || room->matrices == NULL) {
        return -1;
    }
    float *next = room->floats;
    for (int64_t member = 0; member < sizes->members; member++) {
        next += matrices_at(&room->matrices[member], sizes, next);
    }
    room->gradients = next + block_at(&room->block, sizes, next);
    return 0;
}

static int
make_room(Room *room, int64_t texts, int64_t tokens, const Sizes *sizes, int64_t reader_count)
{
    room->ids = malloc((size_t)(tokens + 1) * sizeof(int32_t));
    room->buckets = malloc((size_t)(tokens + 1) * sizeof(int32_t));
    room->offsets = malloc((size_t)(texts + 1) * sizeof(int64_t));
    if (room->ids == NULL || room->buckets == NULL || room->offsets == NULL) {
        return -1;
    }
    return make_floats(room, sizes, reader_count);
}

static void
clear_room(Room *room)
{
    free(room->ids);
    free(room->buckets);
    free(room->offsets);
    free(room->floats);
    free(room->matrices);
    release_held(&room->tokens);
    release_held(&room->pairs);
}

/* The chosen texts' tokens whose chance is at least the dropout; a text's first token always. */
static void
draw(Room *room, const int32_t *ids, const int64_t *offsets, const int64_t *chosen,
     int64_t texts, const float *chances, float dropout)
{
    int64_t count = 0;
    for (int64_t i = 0; i < texts; i++) {
        const int64_t start = offsets[chosen[i]], end = offsets[chosen[i] + 1];
        room->offsets[i] = count;
        for (int64_t t = start; t < end; t++) {
            room->ids[count] = ids[t];
            count += chances == NULL || t == start || chances[t - start] >= dropout;
        }
        chances = chances == NULL ? NULL : chances + (end - start);
    }
    room->offsets[texts] = count;
}

/* What a text is to be answered with; returns the most probable class. */
static int64_t
write_answers(float *answers, const Targets *targets, int64_t text)
{
    const int64_t labels = targets->labels;
    const float even = targets->smoothing / (targets->several ? 2.0f : (float)labels);
    const float *given = targets->answers + text * labels;
    int64_t best = targets->classes != NULL ? targets->classes[text] : 0;
    for (int64_t k = 0; k < labels; k++) {
        const float answer = targets->classes != NULL ? (float)(k == best) : given[k];
        if (targets->classes == NULL && given[k] > given[best]) {
            best = k;
        }
        answers[k] = answer * (1 - targets->smoothing) + even;
    }
    return best;
}

/* The cross-entropy of one label, times `scale`, and the logits' gradient of it. The probabilities
 * are added to what there is. */
static double
one_label_loss(float *at_logits, float *probabilities, const float *logits, const float *answers,
               const Targets *targets, float scale)
{
    const float temperature = targets->temperature;
    float highest = logits[0], total = 0, answered = 0;
    double loss = 0;
    for (int64_t k = 1; k < targets->labels; k++) {
        highest = fmaxf(highest, logits[k]);
    }
    for (int64_t k = 0; k < targets->labels; k++) {
        at_logits[k] = expf((logits[k] - highest) / temperature);
        total += at_logits[k];
        answered += answers[k];
    }
    const float log_total = logf(total);
    for (int64_t k = 0; k < targets->labels; k++) {
        loss += answers[k] * (log_total - (logits[k] - highest) / temperature);
        probabilities[k] += at_logits[k] / total;
        at_logits[k] = (at_logits[k] / total * answered - answers[k]) * temperature * scale;
    }
    return loss * temperature * temperature * scale;
}

/* The same of the sum of all labels' binary cross-entropies. */
static double
several_labels_loss(float *at_logits, float *probabilities, const float *logits,
                    const float *answers, int64_t labels, float scale)
{
    double loss = 0;
    for (int64_t k = 0; k < labels; k++) {
        loss += fmaxf(logits[k], 0) - logits[k] * answers[k] + log1pf(expf(-fabsf(logits[k])));
        const float probability = 1 / (1 + expf(-logits[k]));
        probabilities[k] += probability;
        at_logits[k] = (probability - answers[k]) * scale;
    }
    return loss * scale;
}

/* Whether the members together answer a text rightly: in its most probable class, or in every
 * label. */
static int
is_right(const float *probabilities, const Targets *targets, int64_t text, int64_t best,
         int64_t members)
{
    int64_t said = 0;
    for (int64_t k = 0; k < targets->labels; k++) {
        if (targets->several
            && (probabilities[k] >= 0.5f * (float)members)
                   != (targets->answers[text * targets->labels + k] != 0)) {
            return 0;
        }
        said = probabilities[k] > probabilities[said] ? k : said;
    }
    return targets->several || said == best;
}

/* Compare a member's logits with what the texts are to be answered with; returns the loss. */
static double
judge(Block *block, const Targets *targets, const int64_t *chosen, int64_t texts,
      const Sizes *sizes)
{
    double loss = 0;
    memset(block->at_logits, 0, (size_t)(BLOCK * sizes->label_columns) * sizeof(float));
    for (int64_t i = 0; i < texts; i++) {
        const float weight = targets->weights == NULL ? 1.0f : targets->weights[chosen[i]];
        const float scale = weight / (float)targets->texts;
        float *at_logits = block->at_logits + i * sizes->label_columns;
        float *probabilities = block->probabilities + i * sizes->labels;
        const float *logits = block->logits + i * sizes->label_columns;
        const float *answers = block->answers + i * sizes->labels;
        loss += targets->several
                    ? several_labels_loss(at_logits, probabilities, logits, answers,
                                          sizes->labels, scale)
                    : one_label_loss(at_logits, probabilities, logits, answers, targets, scale);
    }
    return loss;
}

/* What the members see of a text, to its place in the block. */
static void
look(const Model *model, Room *room, const Sizes *sizes, int64_t place, int64_t text)
{
    Block *block = &room->block;
    const int64_t start = room->offsets[text], length = room->offsets[text + 1] - start;
    double nothing;
    sum_text(model, room->ids + start, room->buckets + start, length, block->sums, &nothing);
    write_text(model, length, block->sums, &nothing, block->of_text, NULL);
    for (int64_t member = 0; member < sizes->members; member++) {
        memcpy(block->features + (member * BLOCK + place) * sizes->feature_columns,
               block->of_text + member * sizes->features,
               (size_t)sizes->features * sizeof(float));
    }
}

/* From the gradients of what the members saw of a text to those of its rows. */
static void
look_back(const Model *model, Room *room, const Sizes *sizes, int64_t place, int64_t text)
{
    Block *block = &room->block;
    const int64_t start = room->offsets[text], length = room->offsets[text + 1] - start;
    for (int64_t member = 0; member < sizes->members; member++) {
        const int64_t row = (member * BLOCK + place) * sizes->feature_columns;
        const size_t size = (size_t)sizes->features * sizeof(float);
        memcpy(block->of_text + member * sizes->features, block->features + row, size);
        memcpy(block->at_text + member * sizes->features, block->at_features + row, size);
    }
    add_gradients(model, room->ids + start, room->buckets + start, length, block->of_text,
                  block->at_text, block->slopes, &room->tokens, &room->pairs);
}

/* Learn from a block of texts, `first` being the first of the drawn ones; returns how many are
 * answered rightly. */
static int64_t
learn_block(Room *room, const Model *model, float *readers, const Sizes *sizes,
            const Targets *targets, const int64_t *chosen, int64_t first, double *loss)
{
    Block *block = &room->block;
    const int64_t texts = targets->texts - first < BLOCK ? targets->texts - first : BLOCK;
    int64_t right = 0;
    memset(block->probabilities, 0, (size_t)(BLOCK * sizes->labels) * sizeof(float));
    for (int64_t i = 0; i < texts; i++) {
        look(model, room, sizes, i, first + i);
        block->best[i] =
            write_answers(block->answers + i * sizes->labels, targets, chosen[first + i]);
    }
    for (int64_t member = 0; member < sizes->members; member++) {
        const Readers of_member = readers_at(readers, sizes, member);
        const Readers gradients = readers_at(room->gradients, sizes, member);
        const int64_t start = member * BLOCK * sizes->feature_columns;
        const Matrices *matrices = &room->matrices[member];
        answer(block, block->features + start, matrices, &of_member, sizes);
        *loss += judge(block, targets, chosen + first, texts, sizes) / (double)sizes->members;
        derive(block, block->features + start, block->at_features + start, matrices, &of_member,
               &gradients, sizes);
    }
    for (int64_t i = 0; i < texts; i++) {
        look_back(model, room, sizes, i, first + i);
        right += is_right(block->probabilities + i * sizes->labels, targets, chosen[first + i],
                          block->best[i], sizes->members);
    }
    return right;
}

/* One pass over the drawn texts; returns how many are answered rightly. */
static int64_t
learn(Room *room, const Model *model, float *readers, const Sizes *sizes, const Targets *targets,
      const int64_t *chosen, double *loss)
{
    int64_t right = 0;
    for (int64_t member = 0; member < sizes->members; member++) {
        const Readers of_member = readers_at(readers, sizes, member);
        prepare(&room->matrices[member], &of_member, sizes);
    }
    for (int64_t first = 0; first < targets->texts; first += BLOCK) {
        right += learn_block(room, model, readers, sizes, targets, chosen, first, loss);
    }
    for (int64_t member = 0; member < sizes->members; member++) {
        const Readers gradients = readers_at(room->gradients, sizes, member);
        collect(&gradients, &room->matrices[member], sizes);
    }
    return right;
}

typedef struct {
    float beta1, beta2, table_rate, table_epsilon, rate, epsilon, kept, square_correction;
} Adam;

static void
move_held(const Table *table, const Held *held, float *means, float *squares, const Adam *adam)
{
    const RowStep step = {adam->beta1, adam->beta2, adam->table_epsilon, adam->table_rate};
    move_rows((float *)table->rows, held->rows, held->gradients, held->count, table->width,
              held->rows, means, squares, step);
}

/* AdamW, as torch computes it; matrices decay, vectors do not. */
WIDE static void
move_readers(const Readers *readers, const float *restrict gradient, float *restrict mean,
             float *restrict square, const Sizes *sizes, const Adam *adam)
{
    float *const matrices[] = {readers->feed_forward, readers->classifier, readers->shortcut};
    float *const ends[] = {readers->feed_forward_bias, readers->classifier_bias,
                           readers->shortcut_bias};
    const int64_t rows[] = {sizes->features, sizes->hidden, sizes->features};
    for (int i = 0; i < 3; i++) {
        for (float *value = matrices[i]; rows[i] > 1 && value < ends[i]; value++) {
            *value *= adam->kept;
        }
    }
    float *restrict values = readers->feed_forward; /* the first of all */
    for (int64_t i = 0; i < readers->count; i++) {
        mean[i] += (gradient[i] - mean[i]) * (1 - adam->beta1);
        square[i] = square[i] * adam->beta2 + gradient[i] * gradient[i] * (1 - adam->beta2);
        const float root = sqrtf(square[i]) / adam->square_correction + adam->epsilon;
        values[i] -= adam->rate * (mean[i] / root);
    }
}

enum {
    IDS,
    OFFSETS,
    CHOSEN,
    CHANCES,
    CLASSES,
    ANSWERS,
    WEIGHTS,
    EMBEDDING,
    EMBEDDING_MEAN,
    EMBEDDING_SQUARE,
    BIGRAMS,
    BIGRAMS_MEAN,
    BIGRAMS_SQUARE,
    READERS,
    READERS_MEAN,
    READERS_SQUARE,
    ARRAYS
};

static const Expected expected[ARRAYS] = {
    [IDS] = {1, "il", 4, 0},
    [OFFSETS] = {1, "lq", 8, 0},
    [CHOSEN] = {1, "lq", 8, 0},
    [CHANCES] = {1, "f", 4, 0},
    [CLASSES] = {1, "lq", 8, 0},
    [ANSWERS] = {2, "f", 4, 0},
    [WEIGHTS] = {1, "f", 4, 0},
    [EMBEDDING] = {2, "f", 4, PyBUF_WRITABLE},
    [EMBEDDING_MEAN] = {2, "f", 4, PyBUF_WRITABLE},
    [EMBEDDING_SQUARE] = {2, "f", 4, PyBUF_WRITABLE},
    [BIGRAMS] = {2, "f", 4, PyBUF_WRITABLE},
    [BIGRAMS_MEAN] = {2, "f", 4, PyBUF_WRITABLE},
    [BIGRAMS_SQUARE] = {2, "f", 4, PyBUF_WRITABLE},
    [READERS] = {1, "f", 4, PyBUF_WRITABLE},
    [READERS_MEAN] = {1, "f", 4, PyBUF_WRITABLE},
    [READERS_SQUARE] = {1, "f", 4, PyBUF_WRITABLE},
};

static int
are_alike(const Py_buffer *view, const Py_buffer *other)
{
    return view->shape[0] == other->shape[0]
           && (view->ndim == 1 || view->shape[1] == other->shape[1]);
}

/* What would have a step read or write where nothing is; `tokens` gets how many are chosen. */
static const char *
wrong_with(const Py_buffer *views, int64_t reader_size, int64_t labels, int64_t *tokens)
{
    const int32_t *ids = views[IDS].buf;
    const int64_t *offsets = views[OFFSETS].buf, *chosen = views[CHOSEN].buf;
    const int64_t *classes = views[CLASSES].buf, texts = views[OFFSETS].shape[0] - 1;
    const int has_classes = views[CLASSES].shape[0] > 0;
    if (!are_alike(&views[EMBEDDING], &views[EMBEDDING_MEAN])
        || !are_alike(&views[EMBEDDING], &views[EMBEDDING_SQUARE])
        || !are_alike(&views[BIGRAMS], &views[BIGRAMS_MEAN])
        || !are_alike(&views[BIGRAMS], &views[BIGRAMS_SQUARE])
        || views[READERS].shape[0] != reader_size || views[READERS_MEAN].shape[0] != reader_size
        || views[READERS_SQUARE].shape[0] != reader_size || views[EMBEDDING].shape[1] % 2 != 0
        || views[BIGRAMS].shape[0] < 1 || views[BIGRAMS].shape[0] > INT32_MAX) {
        return "tables, readers and moments do not belong together";
    }
    if (texts < 0 || (has_classes ? views[CLASSES].shape[0] != texts
                                  : views[ANSWERS].shape[0] != texts
                                        || views[ANSWERS].shape[1] != labels)
        || (views[WEIGHTS].shape[0] > 0 && views[WEIGHTS].shape[0] != texts)) {
        return "texts, labels and weights do not belong together";
    }
    *tokens = 0;
    for (Py_ssize_t i = 0; i < views[CHOSEN].shape[0]; i++) {
        const int64_t text = chosen[i];
        if (i + AHEAD < views[CHOSEN].shape[0] && chosen[i + AHEAD] >= 0
            && chosen[i + AHEAD] < texts && offsets[chosen[i + AHEAD]] >= 0
            && offsets[chosen[i + AHEAD]] < views[IDS].shape[0]) {
            PREFETCH(ids + offsets[chosen[i + AHEAD]]);
        }
        if (text < 0 || text >= texts || offsets[text] < 0 || offsets[text + 1] <= offsets[text]
            || offsets[text + 1] > views[IDS].shape[0]) {
            return "a chosen text is not there, or empty";
        }
        if (has_classes && (classes[text] < 0 || classes[text] >= labels)) {
            return "a label is none of the classes";
        }
        for (int64_t t = offsets[text]; t < offsets[text + 1]; t++) {
            if (ids[t] < 0 || ids[t] >= views[EMBEDDING].shape[0]) {
                return "an id is outside the vocabulary";
            }
        }
        *tokens += offsets[text + 1] - offsets[text];
    }
    if (views[CHANCES].shape[0] > 0 && views[CHANCES].shape[0] != *tokens) {
        return "not every token has a chance";
    }
    return NULL;
}

static void *
if_any(const Py_buffer *view)
{
    return view->shape[0] > 0 ? view->buf : NULL;
}

/* Returns how many texts were answered rightly, or -1 where there is not enough memory. */
static int64_t
step(Model *model, const Py_buffer *views, const Targets *targets, const Readers *readers,
     const Sizes *sizes, const Adam *adam, float dropout, int64_t tokens, double *loss)
{
    Room room = {0};
    int64_t right = -1;
    const int64_t *chosen = views[CHOSEN].buf;
    if (make_room(&room, targets->texts, tokens, sizes, readers->count) == 0) {
        draw(&room, views[IDS].buf, views[OFFSETS].buf, chosen, targets->texts,
             if_any(&views[CHANCES]), dropout);
        const int64_t count = room.offsets[targets->texts];
        write_buckets(model, room.ids, room.offsets, targets->texts, room.buckets);
        if (hold(&room.tokens, &model->embedding, room.ids, count) == 0
            && hold(&room.pairs, &model->bigrams, room.buckets, count) == 0) {
            right = learn(&room, model, views[READERS].buf, sizes, targets, chosen, loss);
            move_held(&model->embedding, &room.tokens, views[EMBEDDING_MEAN].buf,
                      views[EMBEDDING_SQUARE].buf, adam);
            move_held(&model->bigrams, &room.pairs, views[BIGRAMS_MEAN].buf,
                      views[BIGRAMS_SQUARE].buf, adam);
            move_readers(readers, room.gradients, views[READERS_MEAN].buf,
                         views[READERS_SQUARE].buf, sizes, adam);
        }
    }
    clear_room(&room);
    return right;
}

static PyObject *
step_checked(Model *model, const Py_buffer *views, Targets *targets, const Adam *adam,
             int64_t hidden, float dropout)
{
    model->embedding = (Table){views[EMBEDDING].buf, views[EMBEDDING].shape[0],
                               views[EMBEDDING].shape[1]};
    model->bigrams = (Table){views[BIGRAMS].buf, views[BIGRAMS].shape[0],
                             views[BIGRAMS].shape[1]};
    model->linear_tokens = model->linear_bigrams = (Table){NULL, 0, 0};
    const int64_t members = model->members > 0 ? model->members : 1;
    const int64_t features = (3 * (model->embedding.width / 2) + model->bigrams.width) / members;
    const Sizes sizes = sizes_of(members, features, hidden, targets->labels);
    const Readers readers = readers_at(views[READERS].buf, &sizes, 0);
    int64_t tokens, right;
    const char *wrong = model->members < 1 || model->embedding.width % (2 * members) != 0
                                || model->bigrams.width % members != 0 || hidden < 1
                                || targets->labels < 1
                            ? "the tables are not those of so many members"
                            : wrong_with(views, readers.count, targets->labels, &tokens);
    if (wrong != NULL) {
        PyErr_SetString(PyExc_ValueError, wrong);
        return NULL;
    }
    targets->classes = if_any(&views[CLASSES]);
    targets->answers = views[ANSWERS].buf;
    targets->weights = if_any(&views[WEIGHTS]);
    targets->texts = views[CHOSEN].shape[0];
    double loss = 0;
    Py_BEGIN_ALLOW_THREADS
    right = step(model, views, targets, &readers, &sizes, adam, dropout, tokens, &loss);
    Py_END_ALLOW_THREADS
    return right < 0 ? PyErr_NoMemory() : Py_BuildValue("(dL)", loss, (long long)right);
}

static PyObject *
train_step(PyObject *module, PyObject *args)
{
    PyObject *arrays, *items[ARRAYS];
    Model model;
    Targets targets;
    Adam adam;
    long long hidden, labels;
    float dropout;
    (void)module;
    if (!PyArg_ParseTuple(args, "O!O&LLpfff(ffffffff)", &PyTuple_Type, &arrays, set_shape, &model,
                          &hidden, &labels, &targets.several, &targets.smoothing,
                          &targets.temperature, &dropout, &adam.beta1, &adam.beta2,
                          &adam.table_rate, &adam.table_epsilon, &adam.rate, &adam.epsilon,
                          &adam.kept, &adam.square_correction)) {
        return NULL;
    }
    if (PyTuple_GET_SIZE(arrays) != ARRAYS) {
        return PyErr_Format(PyExc_TypeError, "expected %d arrays", ARRAYS);
    }
    for (int i = 0; i < ARRAYS; i++) {
        items[i] = PyTuple_GET_ITEM(arrays, i);
    }
    targets.labels = labels;
    Py_buffer views[ARRAYS];
    if (get_arrays(items, views, expected, ARRAYS) < 0) {
        return NULL;
    }
    PyObject *result = step_checked(&model, views, &targets, &adam, hidden, dropout);
    release_arrays(views, ARRAYS);
    return result;
}

static PyMethodDef methods[] = {
    {"train_step", train_step, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot module_slots[] = {
    {0, NULL},
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "_local_steps", NULL, 0, methods, module_slots, NULL, NULL, NULL,
};

PyMODINIT_FUNC
PyInit__local_steps(void)
{
    return PyModuleDef_Init(&module);
}
