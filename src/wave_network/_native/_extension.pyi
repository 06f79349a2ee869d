from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

# (places, pairs of factors), as `NgramKind` of models/local_wave/ngrams.py declares them.
NgramKind = tuple[tuple[int, ...], tuple[tuple[int, int], ...]]

# The shape of a local wave network; immutable.
class Shape:
    def __init__(
        self,
        *,
        members: int,
        modulation: bool,
        local_scale: float,
        energy_floor: float,
        bigram: NgramKind,
        linear_ngrams: tuple[NgramKind, ...],
    ) -> None: ...

# Counts the words of texts (text/word_counter.py).
class WordCounter:
    def __init__(self, seed: int) -> None: ...
    def add(
        self,
        data: NDArray[np.uint8],
        offsets: NDArray[np.int64],
        places: NDArray[np.int64] | None,
        characters: int,
        threads: int,
        /,
    ) -> int: ...
    def counts(self) -> dict[str, int]: ...
    def take_others(self) -> dict[str, int]: ...
    def spaces(self) -> int: ...

# Encodes texts to ids by looking words up (text/word_table.py).
class WordTable:
    def __init__(self, limit: int, seed: int) -> None: ...
    def encode(
        self,
        data: NDArray[np.uint8],
        offsets: NDArray[np.int64],
        places: NDArray[np.int64] | None,
        first: int,
        most: int,
        characters: int,
        threads: int,
        known: dict[str, bytes],
        /,
    ) -> tuple[bytearray, bytearray, set[str]]: ...
    def add(self, words: dict[str, bytes], /) -> None: ...
    def learn(self, vocabulary: dict[str, int], merges: NDArray[np.int32], /) -> None: ...
    def __len__(self) -> int: ...

# Learns byte-pair merges (text/byte_pairs.py): the ids of both pieces and of the result of each.
def learn_byte_pairs(
    letters: NDArray[np.uint8], offsets: NDArray[np.int64], size: int, least: int, /
) -> bytearray: ...

# Writes the features of texts and adds the linear part's logits to `margins`. After the tables may
# come the number of threads; otherwise it is 1.
def features_forward(
    shape: Shape,
    ids: NDArray[np.int32],
    offsets: NDArray[np.int64],
    features: NDArray[np.float32],
    margins: NDArray[np.float32],
    /,
    *tables_and_threads: NDArray[np.float32] | int,
) -> None: ...

# Returns rows and gradients of the token table, then of the bigram table.
def features_backward(
    shape: Shape,
    ids: NDArray[np.int32],
    offsets: NDArray[np.int64],
    embedding: NDArray[np.float32],
    bigrams: NDArray[np.float32],
    features: NDArray[np.float32],
    gradient: NDArray[np.float32],
    /,
) -> tuple[bytearray, bytearray, bytearray, bytearray]: ...

# Writes each member's logits, (members, texts, labels); features are (texts, members, features).
# After the heads may come the number of threads; otherwise it is 1.
def heads_forward(
    features: NDArray[np.float32],
    logits: NDArray[np.float32],
    /,
    *heads_and_threads: NDArray[np.float32] | int,
) -> None: ...

# One training step: forward, loss, backward, optimiser step; returns loss and correct predictions.
def train_step(
    shape: Shape,
    *,
    ids: NDArray[np.int32],
    offsets: NDArray[np.int64],
    chosen: NDArray[np.int64],
    chances: NDArray[np.float32] | None,
    classes: NDArray[np.int64] | None,
    targets: NDArray[np.float32] | None,
    weights: NDArray[np.float32] | None,
    embedding: NDArray[np.float32],
    embedding_mean: NDArray[np.float32],
    embedding_square: NDArray[np.float32],
    bigrams: NDArray[np.float32],
    bigrams_mean: NDArray[np.float32],
    bigrams_square: NDArray[np.float32],
    heads: NDArray[np.float32],
    heads_mean: NDArray[np.float32],
    heads_square: NDArray[np.float32],
    hidden: int,
    labels: int,
    multi_label: bool,
    label_smoothing: float,
    temperature: float,
    token_dropout: float,
    beta1: float,
    beta2: float,
    table_rate: float,
    table_epsilon: float,
    rate: float,
    epsilon: float,
    decay: float,
    root_factor: float,
    threads: int,
) -> tuple[float, int]: ...

# Adam's update of some rows of a table, in place (training/row_adam.py).
def update_rows(
    table: NDArray[np.float32],
    rows: NDArray[np.int64],
    gradient: NDArray[np.float32],
    places: NDArray[np.int64],
    means: NDArray[np.float32],
    squares: NDArray[np.float32],
    *,
    beta1: float,
    beta2: float,
    epsilon: float,
    rate: float,
) -> None: ...

# Counts the texts that contain each token and n-gram (training/local_wave/ngram_matrix.py).
def document_frequencies(
    shape: Shape,
    *,
    ids: NDArray[np.int32],
    offsets: NDArray[np.int64],
    vocabulary: int,
    buckets: int,
    frequencies: NDArray[np.int32],
) -> None: ...

# Writes the rows of the sparse n-gram matrix.
def ngram_rows(
    shape: Shape,
    *,
    ids: NDArray[np.int32],
    offsets: NDArray[np.int64],
    vocabulary: int,
    buckets: int,
    scales: NDArray[np.float32],
    row_ends: NDArray[np.int64],
    columns: NDArray[np.int32],
    values: NDArray[np.float32],
) -> None: ...

# Adds the weights of each text to the sums of its columns, (columns, width).
def column_sums(
    offsets: NDArray[np.int64],
    columns: NDArray[np.int32],
    weights: NDArray[np.float32],
    sums: NDArray[np.float32],
    /,
) -> None: ...

# Multiplies a matrix in compressed rows by a dense one (numerics/sparse.py).
def sparse_times_dense(
    starts: NDArray[np.int64],
    columns: NDArray[np.int32],
    values: NDArray[np.float32],
    dense: NDArray[np.float32],
    result: NDArray[np.float32],
    threads: int,
    /,
) -> None: ...

# Multiplies two matrices in compressed rows, as far as there is room; returns how many entries the
# product has. The other has `width` columns.
def sparse_times_sparse(
    starts: NDArray[np.int64],
    columns: NDArray[np.int32],
    values: NDArray[np.float32],
    other_starts: NDArray[np.int64],
    other_columns: NDArray[np.int32],
    other_values: NDArray[np.float32],
    width: int,
    row_ends: NDArray[np.int64],
    result_columns: NDArray[np.int32],
    result_values: NDArray[np.float32],
    /,
) -> int: ...

# Exchanges the rows and columns of a matrix in compressed rows.
def transpose_rows(
    starts: NDArray[np.int64],
    columns: NDArray[np.int32],
    values: NDArray[np.float32],
    new_starts: NDArray[np.int64],
    new_columns: NDArray[np.int32],
    new_values: NDArray[np.float32],
    /,
) -> None: ...

# Products of dense matrices (numerics/dense.py): left @ right, and left.T @ right.
def dense_product(
    left: NDArray[np.float32],
    right: NDArray[np.float32],
    result: NDArray[np.float32],
    threads: int,
    /,
) -> None: ...
def dense_inner(
    left: NDArray[np.float32],
    right: NDArray[np.float32],
    result: NDArray[np.float64],
    threads: int,
    /,
) -> None: ...

# Replaces a symmetric matrix without negative eigenvalues by its eigenvectors, as rows times their
# eigenvalues, in any order (numerics/svd.py).
def principal_axes(matrix: NDArray[np.float64], /) -> None: ...

# Counts pairs of adjacent tokens by their hash (evaluation/out_of_scope.py).
def count_pairs(
    ids: NDArray[np.int32], offsets: NDArray[np.int64], counts: NDArray[np.uint16], /
) -> None: ...

# Counts the neighbours of each word within a window, the nearer the more (training/vectors/
# neighbours.py): writes where the rows end, and returns columns of 32 bits and float32 values.
# Ids below 0 end a text.
def neighbour_counts(
    ids: NDArray[np.int32], window: int, row_ends: NDArray[np.int64], threads: int, /
) -> tuple[bytearray, bytearray]: ...

# Fits one linear SVM per label (numerics/svm.py); returns the number of passes.
def dual_coordinate_descent(
    *,
    offsets: NDArray[np.int64],
    features: NDArray[np.int32],
    values: NDArray[np.float32],
    costs: NDArray[np.float32],
    having: NDArray[np.bool_],
    scales: NDArray[np.float32],
    weights: NDArray[np.float32],
    bias: NDArray[np.float32],
    seed: int,
    tolerance: float,
    most_passes: int,
    threads: Callable[[], int],  # asked before each pass
) -> int: ...

# Reads lines as fastText does (text/fasttext_dictionary.py): the rows of its table that each line
# has, and its labels. Entries are bytes one after the other, the words before the labels.
class LineReader:
    def __init__(
        self,
        *,
        entries: NDArray[np.uint8],
        starts: NDArray[np.int64],
        words: int,
        shortest: int,
        longest: int,
        ngram: int,
        buckets: int,
        is_pruned: bool,
        kept: NDArray[np.int32],
        rows: NDArray[np.int32],
    ) -> None: ...
    # Returns rows and labels of 32 bits, each with the offsets of the lines, of 64 bits.
    def read(
        self, data: NDArray[np.uint8], offsets: NDArray[np.int64], threads: int, /
    ) -> tuple[bytearray, bytearray, bytearray, bytearray]: ...

# Means of the rows of a table, or of product-quantised rows; and a product whose sums are in order
# (models/fasttext/matrix.py).
def row_means(
    ids: NDArray[np.int32],
    offsets: NDArray[np.int64],
    table: NDArray[np.float32],
    means: NDArray[np.float32],
    threads: int,
    /,
) -> None: ...
def coded_row_means(
    ids: NDArray[np.int32],
    offsets: NDArray[np.int64],
    codes: NDArray[np.uint8],
    centroids: NDArray[np.float32],
    width: int,
    norms: NDArray[np.float32] | None,
    means: NDArray[np.float32],
    threads: int,
    /,
) -> None: ...
def ordered_product(
    left: NDArray[np.float32],
    right: NDArray[np.float32],
    result: NDArray[np.float32],
    threads: int,
    /,
) -> None: ...

# Chooses the best labels of each line (fasttext/choosing.py). `places` has a column more than
# labels are chosen; -1: none.
def best_labels(
    scores: NDArray[np.float32], places: NDArray[np.int32], threads: int, /
) -> None: ...
