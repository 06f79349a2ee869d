"""Read word vectors from `.vec` text files, as fastText, word2vec and GloVe write them.

Each line has a word and its numbers, separated by spaces. fastText and word2vec begin with a line
of the number of words and the number of numbers; GloVe does not. The most frequent words come
first.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from itertools import chain, islice
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from wave_network.data.streams import open_bytes
from wave_network.errors import DataError
from wave_network.few_labels.vector_table import VectorTable
from wave_network.progress.stages import say, stage

MOST_WORDS: Final = 100_000
"""The words that are read; those after them are rare. With 300 numbers each they take 120 MB."""

_MOST_NUMBERS: Final = 2**26  # of all words together: 256 MB
_WIDEST: Final = 4_096  # numbers of a word
_LONGEST_LINE: Final = 2**17  # bytes; the widest words take half of it
_LINES_AT_ONCE: Final = 1_000
_LARGEST: Final = 1e6  # ordinary numbers are below 10
_HEADER: Final = re.compile(rb"\s*\d{1,12}\s+(\d{1,12})\s*")


def read_vec_file(path: Path) -> VectorTable:
    """Read the first words of a `.vec` file, which may be compressed: at most `MOST_WORDS`.

    Lines that are damaged or repeat a word are left out, and one line says how many.

    Args:
        path: The file.

    Raises:
        DataError: If it cannot be read, holds no vectors, or has too many such lines.
        MissingExtraError: For `.zst`, if pyarrow is not installed.
    """
    vectors: dict[str, NDArray[np.float32]] = {}
    read = 0
    with stage(f"reading {path.name}", MOST_WORDS, "words") as running, open_bytes(path) as stream:
        lines, size = _recognised(_lines(stream), path)
        most = min(MOST_WORDS, _MOST_NUMBERS // size)
        while len(vectors) < most and (block := list(islice(lines, _LINES_AT_ONCE))):
            for word, row in zip(*_parsed(block, size), strict=True):
                vectors.setdefault(word, row)
            read += len(block)
            running.done = len(vectors)
            if read - len(vectors) > max(_LINES_AT_ONCE, len(vectors)):
                few = f"only {len(vectors):,} of its first {read:,} lines are a new word and {size}"
                raise _no_vectors(path, few)
        cut = next(lines, None) is not None
    if not vectors:
        raise _no_vectors(path, f"no line is a word and {size}")
    if cut or len(vectors) > most:
        say(f"{path.name}: the first {most:,} words are read, not the rarer ones after them")
    if left_out := read - len(vectors):
        say(f"{path.name}: left out lines that are damaged or repeat a word: {left_out:,}")
    words = list(vectors)[:most]
    cased = any(word != word.lower() for word in words)
    return VectorTable(words, np.stack([vectors[word] for word in words]), cased)


def _lines(stream: BinaryIO) -> Iterator[bytes]:
    """The lines of a file; of a line that is too long only the beginning, which is damaged."""
    while line := stream.readline(_LONGEST_LINE):
        yield line
        while line and not line.endswith(b"\n"):
            line = stream.readline(_LONGEST_LINE)


def _recognised(lines: Iterator[bytes], path: Path) -> tuple[Iterator[bytes], int]:
    """Return the lines of words, and how many numbers a word has."""
    first = list(islice(lines, _LINES_AT_ONCE))
    if first and (header := _HEADER.fullmatch(first[0])):
        size = int(header[1])
        del first[0]
    else:
        widths = Counter(len(line.split()) for line in first)
        size = widths.most_common(1)[0][0] - 1 if widths else 0
    if not 2 <= size <= _WIDEST:
        raise _no_vectors(path, "its lines are not a word and some")
    return chain(first, lines), size


def _parsed(block: list[bytes], size: int) -> tuple[list[str], NDArray[np.float32]]:
    """Return the words of lines and their numbers, (words, size), without damaged lines."""
    whole = [line.lstrip() for line in block if len(line.split()) == size + 1]
    words, rows = [], []
    for line, row in _numbers(whole, size):
        word = line.split(maxsplit=1)[0]
        with suppress(UnicodeDecodeError):
            words.append(word.decode("utf-8"))
            rows.append(row)
    return words, np.array(rows, np.float32).reshape(-1, size)


def _numbers(lines: list[bytes], size: int) -> Iterator[tuple[bytes, NDArray[np.float32]]]:
    """Yield the lines whose numbers are numbers, with them, (size,)."""
    if not lines:
        return
    rests = [line.split(maxsplit=1)[1] for line in lines]
    try:
        numbers = np.loadtxt(rests, np.float32, comments=None, ndmin=2)
    except ValueError:
        numbers = np.empty((0, 0), np.float32)
    if numbers.shape != (len(lines), size):
        if len(lines) > 1:  # find the damaged ones
            middle = len(lines) // 2
            yield from _numbers(lines[:middle], size)
            yield from _numbers(lines[middle:], size)
        return
    usable = (np.abs(numbers) <= _LARGEST).all(axis=1)  # not so if one is no number
    yield from ((lines[place], numbers[place]) for place in np.flatnonzero(usable))


def _no_vectors(path: Path, why: str) -> DataError:
    return DataError(
        f"{path} holds no word vectors that can be read: {why} numbers; give a .vec text file of "
        "fastText or GloVe"
    )
