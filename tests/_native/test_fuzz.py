"""Hostile calls of every compiled function: each succeeds or raises a ValueError or TypeError.

`make fuzz` makes many more of them, with the extension built under sanitizers.
"""

import os

import numpy as np
import pytest
from native import needs_native

from wave_network import _native
from wave_network.models.local_wave.ngrams import ENERGY_FLOOR, NGRAMS
from wave_network.text.packed import pack

pytestmark = needs_native
CALLS = int(os.environ.get("WAVE_NETWORK_FUZZ_CALLS", "60"))
SEED = int(os.environ.get("WAVE_NETWORK_FUZZ_SEED", "0"))
"""Calls of each function, and where their random numbers start."""

VOCABULARY, TEXTS, LABELS, HIDDEN = 20, 5, 3, 4
BUCKETS = 13


def make_shape(members=2, ngrams=tuple(NGRAMS)):
    return _native.compiled.Shape(
        members=members,
        modulation=True,
        local_scale=2.0,
        energy_floor=ENERGY_FLOOR,
        bigram=NGRAMS["pair"],
        linear_ngrams=tuple(NGRAMS[name] for name in ngrams),
    )


def packed(random):
    offsets = np.concatenate([[0], np.cumsum(random.integers(1, 9, TEXTS))])
    return random.integers(VOCABULARY, size=offsets[-1]).astype(np.int32), offsets


def floats(*shape):
    return np.ones(shape, np.float32)


def shape(random):
    values = {"members": 2, "modulation": True, "local_scale": 2.0, "energy_floor": 1e-6}
    kinds = {"bigram": NGRAMS["pair"], "linear_ngrams": tuple(NGRAMS.values())}
    return _native.compiled.Shape, [], {**values, **kinds}


def features_forward(random):
    results = [np.empty((TEXTS, 2, 8), np.float32), floats(TEXTS, LABELS)]
    tables = [floats(VOCABULARY, 8), floats(BUCKETS, 4)]
    linear = [floats(VOCABULARY, LABELS), floats(BUCKETS, LABELS)]
    arguments = [make_shape(), *packed(random), *results, *tables, *linear, 2]
    return _native.compiled.features_forward, arguments, {}


def features_backward(random):
    features = floats(TEXTS, 2, 8), floats(TEXTS, 2, 8)
    arguments = [make_shape(), *packed(random), floats(VOCABULARY, 8), floats(BUCKETS, 4)]
    return _native.compiled.features_backward, [*arguments, *features], {}


def heads_forward(random):
    shapes = [(5, 2, 8), (2, 5, LABELS), (2, 8, HIDDEN), *[(2, 1, HIDDEN)] * 3]
    shapes += [(2, HIDDEN, LABELS), (2, 1, LABELS), (2, 8, LABELS), (2, 1, LABELS)]
    return _native.compiled.heads_forward, [*(floats(*each) for each in shapes), 2], {}


def train_step(random):
    ids, offsets = packed(random)
    chosen = random.integers(TEXTS, size=20)
    heads = 2 * (8 * HIDDEN + 3 * HIDDEN + HIDDEN * LABELS + LABELS + 8 * LABELS + LABELS)
    sizes = {"embedding": (VOCABULARY, 8), "bigrams": (BUCKETS, 4), "heads": (heads,)}
    trained = {
        f"{name}{part}": floats(*size)
        for name, size in sizes.items()
        for part in ("", "_mean", "_square")
    }
    has_classes = random.random() < 0.5
    numbers = ("label_smoothing", "temperature", "token_dropout", "beta1", "beta2", "table_rate")
    numbers = (*numbers, "table_epsilon", "rate", "epsilon", "decay", "root_factor")
    arguments = {
        "ids": ids,
        "offsets": offsets,
        "chosen": chosen,
        "chances": random.random(np.diff(offsets)[chosen].sum(), dtype=np.float32),
        "classes": random.integers(LABELS, size=TEXTS) if has_classes else None,
        "targets": None if has_classes else floats(TEXTS, LABELS),
        "weights": floats(TEXTS),
        **trained,
        "hidden": HIDDEN,
        "labels": LABELS,
        "multi_label": not has_classes and random.random() < 0.5,
        **dict.fromkeys(numbers, 0.5),
        "threads": 2,
    }
    return _native.compiled.train_step, [make_shape()], arguments


def update_rows(random):
    arrays = [floats(9, 3), np.array([1, 5]), floats(2, 3), np.array([3, 0])]
    numbers = {"beta1": 0.9, "beta2": 0.99, "epsilon": 1e-8, "rate": 0.1}
    return _native.compiled.update_rows, [*arrays, floats(4, 3), floats(4, 3)], numbers


def counted(random):
    ids, offsets = packed(random)
    return {"ids": ids, "offsets": offsets, "vocabulary": VOCABULARY, "buckets": BUCKETS}


def document_frequencies(random):
    arguments = {**counted(random), "frequencies": np.zeros(VOCABULARY + BUCKETS, np.int32)}
    return _native.compiled.document_frequencies, [make_shape()], arguments


def ngram_rows(random):
    texts = counted(random)
    lengths = np.diff(texts["offsets"])
    # Without scales there are no entries; with one of 1 there are as many as texts have the token.
    scales = np.zeros(VOCABULARY + BUCKETS, np.float32)
    scales[3] = 1
    having = np.repeat(np.arange(TEXTS), lengths)[texts["ids"] == 3]
    entries = len(np.unique(having))
    results = {
        "row_ends": np.zeros(TEXTS, np.int64),
        "columns": np.zeros(entries, np.int32),
        "values": np.zeros(entries, np.float32),
    }
    return _native.compiled.ngram_rows, [make_shape()], {**texts, "scales": scales, **results}


def column_sums(random):
    columns, offsets = packed(random)
    arguments = [offsets, columns, floats(TEXTS, LABELS), floats(VOCABULARY, LABELS)]
    return _native.compiled.column_sums, arguments, {}


def sparse(random, width, *, rows=TEXTS):
    """The offsets, columns and values of a matrix in compressed rows."""
    offsets = np.concatenate([[0], np.cumsum(random.integers(4, size=rows))])
    columns = random.integers(width, size=offsets[-1]).astype(np.int32)
    return [offsets, columns, floats(len(columns))]


def sparse_times_dense(random):
    arguments = [*sparse(random, 7), floats(7, LABELS), floats(TEXTS, LABELS), 2]
    return _native.compiled.sparse_times_dense, arguments, {}


def sparse_times_sparse(random):
    factors = [*sparse(random, 7), *sparse(random, 9, rows=7)]
    room = int(random.integers(60))
    product = [np.zeros(TEXTS, np.int64), np.zeros(room, np.int32), floats(room)]
    return _native.compiled.sparse_times_sparse, [*factors, 9, *product], {}


def transpose_rows(random):
    matrix = sparse(random, 7)
    transposed = [np.zeros(8, np.int64), *(np.zeros_like(each) for each in matrix[1:])]
    return _native.compiled.transpose_rows, [*matrix, *transposed], {}


def dense_product(random):
    arguments = [floats(300, 6), floats(6, LABELS), floats(300, LABELS), 2]
    return _native.compiled.dense_product, arguments, {}


def dense_inner(random):
    result = np.zeros((6, LABELS))
    return _native.compiled.dense_inner, [floats(600, 6), floats(600, LABELS), result, 2], {}


def principal_axes(random):
    half = random.normal(size=(6, 4))
    return _native.compiled.principal_axes, [half @ half.T], {}


def count_pairs(random):
    return _native.compiled.count_pairs, [*packed(random), np.zeros(64, np.uint16)], {}


def neighbour_counts(random):
    ids, _ = packed(random)
    ids[random.random(len(ids)) < 0.2] = -1
    return _native.compiled.neighbour_counts, [ids, 2, np.zeros(VOCABULARY, np.int64), 2], {}


def dual_coordinate_descent(random):
    features, offsets = packed(random)
    arguments = {
        "offsets": offsets,
        "features": features,
        "values": floats(len(features)),
        "costs": floats(TEXTS),
        "having": random.random((TEXTS, LABELS)) < 0.5,
        "scales": floats(VOCABULARY, LABELS),
        "weights": floats(VOCABULARY, LABELS),
        "bias": floats(LABELS),
        "seed": 3,
        "tolerance": 0.1,
        "most_passes": 3,
        "threads": lambda: 2,
    }
    return _native.compiled.dual_coordinate_descent, [], arguments


WORDS = ["ab", "b", "é", "\x7f", "雨a", "x" * 200, "", "a\0", "!"]


def learn_byte_pairs(random):
    data, offsets, _ = packed_texts(random)
    return _native.compiled.learn_byte_pairs, [data, offsets, 300, 2], {}


def make_word_counter(random):
    return _native.compiled.WordCounter, [7], {}


def packed_texts(random):
    """Data, offsets and places."""
    chunk = pack([" ".join(random.choice(WORDS, 4)) for _ in range(TEXTS)])
    return chunk.data.copy(), chunk.offsets, random.integers(TEXTS, size=9)


def count_words(random):
    return _native.compiled.WordCounter(7).add, [*packed_texts(random), 9, 3], {}


def make_word_table(random):
    return _native.compiled.WordTable, [5, 7], {}


def ids_of(*ids):
    return np.array(ids, np.int32).tobytes()


def add_words(random):
    return _native.compiled.WordTable(5, 7).add, [{word: ids_of(1, 2) for word in WORDS}], {}


LETTERS = {letter: place for place, letter in enumerate(["Ġ", *map(chr, range(33, 127))])}


def learn_words(random):
    merges = np.array([[65, 66, 99]], np.int32)
    return _native.compiled.WordTable(5, 7).learn, [{**LETTERS, "Ġab": 3, "é": 0}, merges], {}


def encode(random):
    table = _native.compiled.WordTable(5, 7)
    if random.random() < 0.5:
        table.learn({**LETTERS, "Ġab": 3}, np.array([[65, 66, 99]], np.int32))
    known = {word: ids_of(5) for word in WORDS[:6]}
    return table.encode, [*packed_texts(random), 1, 9, 50, 3, known], {}


def line_reader(random):
    entries = b"</s>thecat__label__a"
    arguments = {
        "entries": np.frombuffer(entries, np.uint8),
        "starts": np.array([0, 4, 7, 10, 20]),
        "words": 3,
        "shortest": 1,
        "longest": 3,
        "ngram": 2,
        "buckets": BUCKETS,
        "is_pruned": bool(random.random() < 0.5),
        "kept": np.array([1, 5, 6], np.int32),
        "rows": np.array([2, 0, 1], np.int32),
    }
    return _native.compiled.LineReader, [], arguments


def read_lines(random):
    make, _, arguments = line_reader(random)
    lines = pack(["the cat __label__a\n", "", "</s> the", "\0 \n \xe9"])
    return make(**arguments).read, [lines.data, lines.offsets, 2], {}


def row_means(random):
    table = floats(VOCABULARY, 6)
    return _native.compiled.row_means, [*packed(random), table, floats(TEXTS, 6), 2], {}


def coded_row_means(random):
    codes = random.integers(256, size=(VOCABULARY, 3)).astype(np.uint8)
    norms = floats(VOCABULARY) if random.random() < 0.5 else None
    table = [codes, floats(256 * 5), 2, norms, floats(TEXTS, 5), 2]
    return _native.compiled.coded_row_means, [*packed(random), *table], {}


def ordered_product(random):
    arguments = [floats(TEXTS, 4), floats(4, LABELS), floats(TEXTS, LABELS), 2]
    return _native.compiled.ordered_product, arguments, {}


def best_labels(random):
    places = np.zeros((TEXTS, 3), np.int32)
    return _native.compiled.best_labels, [floats(TEXTS, LABELS), places, 2], {}


FUNCTIONS = (
    *(shape, features_forward, features_backward, heads_forward, train_step, update_rows),
    *(document_frequencies, ngram_rows, column_sums, count_pairs, dual_coordinate_descent),
    *(sparse_times_dense, sparse_times_sparse, transpose_rows),
    *(dense_product, dense_inner, principal_axes, neighbour_counts),
    *(learn_byte_pairs, make_word_counter, count_words, make_word_table, add_words, learn_words),
    encode,
    *(line_reader, read_lines, row_means, coded_row_means, ordered_product, best_labels),
)
every_function = pytest.mark.parametrize("function", FUNCTIONS, ids=lambda make: make.__name__)

INTEGERS = (
    -1,
    0,
    1,
    2,
    7,
    100,
    2**31 - 1,
    2**31,
    -(2**31),
    2**32,
    2**62,
    2**63 - 1,
    2**63,
    -(2**63),
)
NUMBERS = (*INTEGERS, 2**70, -(2**70), 1.5, -1e300, 1e39, float("nan"), float("inf"))
OTHERS = (None, "x", b"1234567", (), [], {}, object(), (1, 2), ((1, 0), ((3, 5),)), True)


def other_values(array, random):
    """The array with some of its values replaced."""
    array = array.copy()
    values = [value for value in NUMBERS if array.dtype.kind == "f" or isinstance(value, int)]
    if array.dtype.kind in "iu":
        limits = np.iinfo(array.dtype)
        values = [value for value in values if limits.min <= value <= limits.max]
    if array.size and array.dtype.kind != "b":
        with np.errstate(over="ignore"):
            for place in random.integers(array.size, size=random.integers(1, 4)):
                array.flat[place] = values[random.integers(len(values))]
    return array


def strided(array):
    wide = np.repeat(array, 2, axis=-1)
    return wide[..., ::2]


def unaligned(array):
    held = np.zeros(array.nbytes + 1, np.uint8)[1:]
    held[:] = np.frombuffer(array.tobytes(), np.uint8)
    return held.view(array.dtype).reshape(array.shape)


def read_only(array):
    array = array.copy()
    array.flags.writeable = False
    return array


def of_another_length(array, random):
    axis = int(random.integers(array.ndim))
    length = array.shape[axis]
    count = max(0, int(random.choice([0, 1, length - 1, length + 1])))
    if array.size == 0:
        return np.zeros((*array.shape[:axis], count, *array.shape[axis + 1 :]), array.dtype)
    return np.ascontiguousarray(array.take(np.arange(count) % length, axis))


def empty_and_huge(array, random):
    sizes = [0, *[int(random.choice([0, 1, 2**20, 2**28])) for _ in range(array.ndim - 1)]]
    return np.zeros(random.permutation(sizes), array.dtype)


def as_list(array):
    # An empty array may have 2**28 rows.
    return array.tolist() if max(array.shape, default=0) < 1_000 else []


def of_another_type(array, random):
    kinds = ("i4", "i8", "f4", "f8", "u4", "u8", "i2", "?", ">i4", ">i8", ">f4", "c8", "O")
    with np.errstate(invalid="ignore", over="ignore"):
        return array.astype(str(random.choice(kinds)))


def changed_array(array, random):
    changes = (
        *(lambda: other_values(array, random),) * 6,
        *(lambda: of_another_length(array, random),) * 3,
        lambda: of_another_type(array, random),
        lambda: empty_and_huge(array, random),
        lambda: strided(array),
        lambda: unaligned(array),
        lambda: read_only(array),
        lambda: memoryview(strided(array)),
        lambda: memoryview(array.copy()),
        lambda: array[np.newaxis],
        lambda: array.reshape(-1),
        lambda: random.permutation(array),
        lambda: as_list(array),
    )
    return changes[random.integers(len(changes))]()


def changed_texts(value, random):
    value = list(value)
    for _ in range(random.integers(1, 3)):
        extra = (*WORDS, 3, None, b"a", "ab cd", "\n", "é" * 500)
        value.insert(int(random.integers(len(value) + 1)), extra[random.integers(len(extra))])
    return value[: int(random.integers(len(value) + 1))] if random.random() < 0.3 else value


def changed_words(value, random):
    extra = (3, None, b"123", "x", 2**63 - 1, 2**63, b"", bytes(400))
    names = (*WORDS, 3, None, b"a")
    name = names[random.integers(len(names))]
    return {**value, name: extra[random.integers(len(extra))]}


def changed_bytes(value, random):
    held = bytearray(value)
    if random.random() < 0.5 and held:
        held[int(random.integers(len(held)))] = int(random.integers(256))
    else:
        held = held[: int(random.integers(len(held) + 1))]
    if isinstance(value, bytearray) and random.random() < 0.3:
        held = bytearray(b"x") + held
        del held[:1]  # no longer aligned
    return type(value)(held)


def changed(value, random):
    if random.random() < 0.1:
        return OTHERS[random.integers(len(OTHERS))]
    if isinstance(value, np.ndarray):
        return changed_array(value, random)
    if isinstance(value, (bool, int, float)):
        return NUMBERS[random.integers(len(NUMBERS))]
    if isinstance(value, _native.compiled.Shape):
        names = [name for name in NGRAMS if random.random() < 0.5]
        return make_shape(int(random.choice([1, 2, 3, 65_536])), names)
    if isinstance(value, list):
        return changed_texts(value, random)
    if isinstance(value, dict):
        return changed_words(value, random)
    if isinstance(value, (bytes, bytearray)):
        return changed_bytes(value, random)
    if isinstance(value, tuple) and value:
        parts = list(value)
        place = int(random.integers(len(parts)))
        parts[place] = changed(parts[place], random)
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    return OTHERS[random.integers(len(OTHERS))]


def test_every_function_is_called_here():
    compiled = {name for name in dir(_native.compiled) if name[0].islower()}
    assert compiled <= {function.__name__ for function in FUNCTIONS}


@every_function
def test_a_right_call_succeeds(function):
    for seed in range(10):
        call, arguments, keywords = function(np.random.default_rng(seed))
        call(*arguments, **keywords)


def test_an_empty_array_may_be_at_any_address():
    # As the memory of an empty `bytearray` is in Python 3.13.
    merges = np.ndarray((0, 3), np.int32, bytearray(9), offset=1)
    _native.compiled.WordTable(5, 7).learn(LETTERS, merges)


@every_function
def test_a_hostile_call_is_refused_or_harmless(function):
    refused = 0
    for number in range(CALLS):
        random = np.random.default_rng((SEED, number))
        call, arguments, keywords = function(random)
        slots = [(arguments, place) for place in range(len(arguments))]
        slots += [(keywords, name) for name in keywords]
        for choice in random.integers(len(slots), size=random.integers(1, 4)):
            values, place = slots[choice]
            if random.random() < 0.05:  # memory that two arguments share
                other_values_of, other = slots[random.integers(len(slots))]
                values[place] = other_values_of[other]
            else:
                values[place] = changed(values[place], random)
        try:
            call(*arguments, **keywords)
        except (ValueError, TypeError):
            refused += 1
    assert refused > CALLS / 10
