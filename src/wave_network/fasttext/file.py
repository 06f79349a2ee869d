"""Read fastText's model files, `.bin` and `.ftz`: all versions that it reads itself.

A file holds, in little-endian order: a magic number and the version; the arguments of the training;
the dictionary, of a pruned model with the buckets that it kept; the table of words and buckets; and
the matrix of the labels. Each size is compared with the bytes that are left before anything is
allocated.
"""

from __future__ import annotations

import os
import stat
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wave_network.config import FastTextConfig
from wave_network.config.fasttext import FastTextLoss
from wave_network.errors import ConfigError, ModelFolderError, first_line
from wave_network.models.fasttext.tensors import CENTROIDS
from wave_network.models.fasttext.tree import build_tree
from wave_network.models.tensor_spec import Tensors
from wave_network.text.fasttext_dictionary import LABEL_PREFIX, FastTextDictionary
from wave_network.text.fasttext_tokenizer import refusal

MAGIC: Final = struct.pack("<i", 793_712_314)
_NEWEST: Final = 12
_WITHOUT_SUBWORDS: Final = 11  # supervised models of this version have none, whatever they say
_LOSSES: Final[dict[int, FastTextLoss]] = {1: "hs", 2: "ns", 3: "softmax", 4: "ova"}
_MODELS: Final = {1: "cbow", 2: "skipgram", 3: "supervised"}
_WORD_TYPE: Final = struct.Struct("<qb")
_DICTIONARY: Final = struct.Struct("<iiiqq")
_AT_ONCE: Final = 2**20
_LONGEST_WORD: Final = 2**24


class FastTextArguments(NamedTuple):
    """The arguments of a training, by the names that fastText gives them."""

    dim: int
    ws: int
    epoch: int
    minCount: int  # noqa: N815
    neg: int
    wordNgrams: int  # noqa: N815
    loss: FastTextLoss
    model: str
    bucket: int
    minn: int
    maxn: int
    lrUpdateRate: int  # noqa: N815
    t: float


_ARGUMENTS: Final = struct.Struct("<12id")


@dataclass(frozen=True)
class FastTextFile:
    """The contents of a model file.

    Attributes:
        arguments: The arguments of the training.
        dictionary: Its words and labels.
        tensors: Its matrices, with the names of `models.fasttext.tensors`, and of a classifier with
            hierarchical softmax the tree of its labels.
        input_block: Columns of a block of the table; 0: it is not quantised.
        output_block: As `input_block`, of the other matrix.
    """

    arguments: FastTextArguments
    dictionary: FastTextDictionary
    tensors: Tensors
    input_block: int
    output_block: int

    @property
    def is_supervised(self) -> bool:
        """Whether it is a classifier; other models have only word vectors."""
        return self.arguments.model == "supervised"


def is_fasttext_file(path: Path) -> bool:
    """Whether a file begins as fastText's models do."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return False
        with path.open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except (OSError, ValueError):
        return False


def read_file(path: Path) -> FastTextFile:
    """Read a model file.

    Raises:
        ModelFolderError: If it cannot be read, is none, or is damaged.
    """
    with _damage_named(path), path.open("rb") as file:
        return _read(_Source(file))


def config_of(file: FastTextFile) -> FastTextConfig:
    """Return the configuration of a classifier; its labels lose their prefix if all have it.

    Raises:
        ConfigError: If it is not a classifier, or has labels that no classifier here can have.
    """
    if not file.is_supervised:
        raise ConfigError(
            f"it holds the word vectors of a {file.arguments.model} model, and classifies nothing: "
            "use wave_network.fasttext.load_model"
        )
    rows = file.tensors["input.codes" if file.input_block else "input.weight"].shape[0]
    labels = [label.decode("utf-8", "backslashreplace") for label in file.dictionary.labels]
    if all(label.startswith(LABEL_PREFIX) for label in labels):
        labels = [label.removeprefix(LABEL_PREFIX) for label in labels]
    loss = file.arguments.loss
    return FastTextConfig(
        labels=tuple(labels),
        vocab_size=rows,
        dimensions=file.arguments.dim,
        loss=loss,
        problem_type=(
            "multi_label_classification" if loss == "ova" else "single_label_classification"
        ),
        input_block=file.input_block,
        input_norms="input.norm_codes" in file.tensors,
        output_block=file.output_block,
        output_norms="output.norm_codes" in file.tensors,
    )


def file_of(
    config: FastTextConfig, dictionary: FastTextDictionary, tensors: Tensors
) -> FastTextFile:
    """Return what the file of a converted classifier held, but for how it was trained."""
    arguments = FastTextArguments(
        dim=config.dimensions,
        ws=0,
        epoch=0,
        minCount=0,
        neg=0,
        wordNgrams=dictionary.ngram,
        loss=config.loss,
        model="supervised",
        bucket=dictionary.buckets,
        minn=dictionary.shortest,
        maxn=dictionary.longest,
        lrUpdateRate=0,
        t=0.0,
    )
    return FastTextFile(arguments, dictionary, tensors, config.input_block, config.output_block)


class _Source:
    """The bytes of a file in order; no more are read than there are."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._left = os.fstat(file.fileno()).st_size

    def unpack(self, form: struct.Struct) -> tuple[Any, ...]:
        """Read numbers."""
        return form.unpack(self._read(form.size))

    def array(self, dtype: str, count: int, what: str) -> NDArray[Any]:
        """Read an array of so many numbers."""
        kind = np.dtype(dtype)
        if not 0 <= count <= self._left // kind.itemsize:
            raise ConfigError(f"{what} cannot have {count:,} numbers: it ends too early")
        self._left -= count * kind.itemsize
        found = np.fromfile(self._file, kind, count)
        if len(found) < count:
            raise ConfigError("it ends too early")
        return found.astype(kind.newbyteorder("="), copy=False)

    def entries(self, count: int) -> Iterator[tuple[bytes, int, int]]:
        """Read words that end with a zero byte; each with its count and its type."""
        if count > self._left // (1 + _WORD_TYPE.size):
            raise ConfigError(f"it cannot have {count:,} words: it ends too early")
        block, at = b"", 0
        for _ in range(count):
            searched = at
            while (end := block.find(b"\0", searched)) < 0 or end + _WORD_TYPE.size >= len(block):
                if len(block) - at > _LONGEST_WORD:
                    raise ConfigError(f"it has a word of more than {_LONGEST_WORD:,} bytes")
                searched = len(block) if end < 0 else end
                more = self._read(min(_AT_ONCE, self._left) or 1)
                block, searched, at = block[at:] + more, searched - at, 0
            yield (block[at:end], *_WORD_TYPE.unpack_from(block, end + 1))
            at = end + 1 + _WORD_TYPE.size
        self._file.seek(at - len(block), os.SEEK_CUR)
        self._left += len(block) - at

    def _read(self, size: int) -> bytes:
        found = self._file.read(size) if size <= self._left else b""
        if len(found) < size:
            raise ConfigError("it ends too early")
        self._left -= size
        return found


def _read(source: _Source) -> FastTextFile:
    magic, version = source.unpack(struct.Struct("<4si"))
    if magic != MAGIC:
        raise ConfigError("it is not a model of fastText")
    if version > _NEWEST:
        raise ConfigError(f"its version is {version}; the newest that fastText wrote is {_NEWEST}")
    arguments = _read_arguments(source)
    if version == _WITHOUT_SUBWORDS and arguments.model == "supervised":
        arguments = arguments._replace(maxn=0)
    dictionary = _read_dictionary(source, arguments)
    tensors: Tensors = {}
    (is_coded,) = source.unpack(struct.Struct("<?"))
    if dictionary.kept is not None and not is_coded:
        raise ConfigError("it was pruned but not quantised")
    input_block = _read_matrix(source, tensors, "input", coded=is_coded)
    (output_is_coded,) = source.unpack(struct.Struct("<?"))
    output_block = _read_matrix(source, tensors, "output", coded=is_coded and output_is_coded)
    file = FastTextFile(arguments, dictionary, tensors, input_block, output_block)
    _check(file)
    if file.is_supervised and arguments.loss == "hs":
        tensors["tree"] = build_tree(dictionary.counts[dictionary.words :])
    return file


def _read_arguments(source: _Source) -> FastTextArguments:
    values = dict(zip(FastTextArguments._fields, source.unpack(_ARGUMENTS), strict=True))
    loss, model = _LOSSES.get(values["loss"]), _MODELS.get(values["model"])
    if loss is None or model is None:
        raise ConfigError(f"its loss {values['loss']} or its model {values['model']} is unknown")
    return FastTextArguments(**{**values, "loss": loss, "model": model})


def _read_dictionary(source: _Source, arguments: FastTextArguments) -> FastTextDictionary:
    size, words, labels, _, kept_count = source.unpack(_DICTIONARY)
    if words < 0 or labels < 0 or words + labels != size:
        raise ConfigError(f"{words} words and {labels} labels are not {size} entries")
    entries: list[bytes] = []
    counts, types = np.empty(size, np.int64), np.empty(size, np.int8)
    for place, (entry, count, kind) in enumerate(source.entries(size)):
        entries.append(entry)
        counts[place], types[place] = count, kind
    if types[:words].any() or not (types[words:] == 1).all():
        raise ConfigError("its words and labels are mixed")
    kept = None
    if kept_count >= 0:
        pairs = source.array("<i4", 2 * kept_count, "what it kept").reshape(-1, 2)
        kept = np.ascontiguousarray(pairs[:, 0]), np.ascontiguousarray(pairs[:, 1])
    dictionary = FastTextDictionary(
        entries,
        counts,
        words,
        shortest=arguments.minn,
        longest=arguments.maxn,
        ngram=arguments.wordNgrams,
        buckets=arguments.bucket,
        kept=kept,
    )
    if reason := refusal(dictionary):
        raise ConfigError(reason)
    return dictionary


def _read_matrix(source: _Source, tensors: Tensors, name: str, *, coded: bool) -> int:
    """Read a matrix into tensors; return the columns of its blocks, 0 for one of numbers."""
    if not coded:
        rows, columns = _shape(source)
        values = source.array("<f4", rows * columns, "a matrix")
        tensors[f"{name}.weight"] = values.reshape(rows, columns)
        return 0
    (has_norms,) = source.unpack(struct.Struct("<?"))
    rows, columns = _shape(source)
    (code_count,) = source.unpack(struct.Struct("<i"))
    codes = source.array("u1", code_count, "a matrix")
    centroids, block = _read_centroids(source, columns)
    if code_count != rows * -(-columns // block):
        raise ConfigError(f"{code_count} codes are not those of a matrix of {rows} x {columns}")
    tensors[f"{name}.codes"] = codes.reshape(rows, -1)
    tensors[f"{name}.centroids"] = centroids
    if has_norms:
        tensors[f"{name}.norm_codes"] = source.array("u1", rows, "a matrix")
        tensors[f"{name}.norm_centroids"], _ = _read_centroids(source, 1)
    return block


def _shape(source: _Source) -> tuple[int, int]:
    rows, columns = source.unpack(struct.Struct("<qq"))
    if rows < 0 or columns < 1:
        raise ConfigError(f"a matrix cannot be {rows} x {columns}")
    return rows, columns


def _read_centroids(source: _Source, columns: int) -> tuple[NDArray[np.float32], int]:
    """Read the centroids of a product quantiser, and the columns of its blocks."""
    dim, blocks, block, last = source.unpack(struct.Struct("<iiii"))
    if dim != columns or block < 1 or blocks != -(-columns // block):
        raise ConfigError(f"its centroids are of {dim} columns in {blocks} blocks, not {columns}")
    if last != columns - (blocks - 1) * block:
        raise ConfigError(f"the last block of its centroids cannot have {last} columns")
    return source.array("<f4", CENTROIDS * dim, "the centroids"), block


def _check(file: FastTextFile) -> None:
    """Check that the parts of a file belong together."""
    dim, dictionary = file.arguments.dim, file.dictionary
    labels = len(dictionary.labels) if file.is_supervised else dictionary.words
    for name, rows, block in (
        ("input", dictionary.rows, file.input_block),
        ("output", labels, file.output_block),
    ):
        if block:
            found = file.tensors[f"{name}.codes"].shape[0], len(file.tensors[f"{name}.centroids"])
            fits = found[0] >= rows and found[1] == CENTROIDS * dim
        else:
            found = file.tensors[f"{name}.weight"].shape
            fits = found[0] >= rows and found[1] == dim
        if not fits or (name == "output" and found[0] != rows):
            raise ConfigError(f"a matrix does not fit its {rows} rows of {dim}")


@contextmanager
def _damage_named(path: Path) -> Iterator[None]:
    try:
        yield
    except ConfigError as error:
        raise ModelFolderError(f"{path} cannot be read as a model of fastText: {error}") from error
    except FileNotFoundError as error:
        raise ModelFolderError(f"{path} cannot be read: there is no such file") from error
    except (OSError, ValueError) as error:
        raise ModelFolderError(f"{path} cannot be read: {first_line(error)}") from error
