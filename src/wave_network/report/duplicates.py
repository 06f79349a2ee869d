"""Find test texts that are in the training data too, exactly or nearly.

Texts are compared after normalisation: letters and digits in lower case, words separated by single
spaces. Two texts are near-duplicates if their sets of character 5-grams have a Jaccard similarity
of at least 0.7; characters rather than words, so that scripts without spaces are treated alike.
MinHash (Broder, 1997) with banding finds the candidates: 99.6 % of the pairs at 0.7, more of those
above; each candidate is then checked exactly. Memory grows only with the number of test texts: the
training texts are read once, in chunks.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

SIMILAR: Final = 0.7
"""The least similarity of near-duplicates."""
CHARACTERS: Final = 10_000
"""Number of characters of a text that are compared."""

_GRAM: Final = 5
_BANDS: Final = 20
_ROWS: Final = 4  # hashes in a band
_PROMISING: Final = 0.5  # estimates from here on are checked exactly: three deviations below 0.7
_MOST_IN_A_BUCKET: Final = 50  # test texts that one training text is compared with in a band
_CHARACTERS_AT_ONCE: Final = 1 << 18
_PARTS: Final = re.compile(r"[\W_]+")

_Hashes = NDArray[np.uint64]


class Duplicate(NamedTuple):
    """A test text and the first training text found to be its duplicate or near-duplicate.

    Attributes:
        test: The index of the test text.
        training: The index of the training text.
        similarity: Their Jaccard similarity; 1 if they are equal after normalisation.
        exact: Whether they are equal after normalisation.
    """

    test: int
    training: int
    similarity: float
    exact: bool


def find_duplicates(test: Iterable[str], training: Iterable[str]) -> list[Duplicate]:
    """Find the test texts that have a duplicate in the training texts.

    Args:
        test: Test texts; a text without a letter or digit has no duplicates.
        training: Training texts; read once.

    Returns:
        One duplicate per test text that has any, in the order of the test texts.
    """
    index = _Index(test)
    for start, chunk in _chunks(training):
        index.compare(start, chunk)
    return sorted(chain.from_iterable(index.found.values()))


def normalized(text: str) -> str:
    """Normalise a text for the comparison."""
    folded = unicodedata.normalize("NFKC", text[:CHARACTERS]).casefold()
    return _PARTS.sub(" ", folded).strip()


class _Index:
    """The distinct test texts, their duplicates found so far, and the signatures of the rest."""

    def __init__(self, texts: Iterable[str]) -> None:
        self.found: dict[int, list[Duplicate]] = {}
        self._places: dict[bytes, int] = {}  # by digest: the index among the distinct texts
        self._members: list[list[int]] = []  # the indices of each among all test texts
        self._grams: list[_Hashes] = []
        signatures = [np.empty((0, _BANDS * _ROWS), np.uint32)]
        for start, chunk in _chunks(texts):
            new = []
            for number, text in enumerate(chunk, start):
                if not text:
                    continue
                place = self._places.setdefault(_digest(text), len(self._members))
                if place == len(self._members):
                    self._members.append([])
                    new.append(text)
                self._members[place].append(number)
            if new:
                grams = _grams(new)
                self._grams.extend(np.unique(one) for one in grams)
                signatures.append(_signatures(grams))
        self._signatures = np.concatenate(signatures)
        self._bands = _band_keys(self._signatures)

    def compare(self, start: int, texts: list[str]) -> None:
        """Compare a chunk of training texts, whose first has the index `start`."""
        numbers = [number for number, text in enumerate(texts) if text]
        if not numbers:
            return
        read = [texts[number] for number in numbers]
        for number, text in zip(numbers, read, strict=True):
            place = self._places.get(_digest(text))
            if place is not None:
                self._note(place, start + number, 1.0, exact=True)
        grams = _grams(read)
        signatures = _signatures(grams)
        pairs = self._candidates(_band_keys(signatures))
        agreeing = (self._signatures[pairs[:, 0]] == signatures[pairs[:, 1]]).mean(axis=1)
        for place, other in pairs[agreeing >= _PROMISING]:
            if place not in self.found:
                similarity = _jaccard(self._grams[place], np.unique(grams[other]))
                if similarity >= SIMILAR:
                    self._note(int(place), start + numbers[other], similarity, exact=False)

    def _note(self, place: int, training: int, similarity: float, *, exact: bool) -> None:
        known = self.found.get(place)
        if known is None or (exact and not known[0].exact):
            self.found[place] = [
                Duplicate(member, training, similarity, exact) for member in self._members[place]
            ]

    def _candidates(self, keys: _Hashes) -> NDArray[np.int64]:
        """Pairs (distinct test text, training text) that share a band; (pairs, 2)."""
        open_places = np.setdiff1d(np.arange(len(self._members)), list(self.found))
        parts = [np.empty((0, 2), np.int64)]
        for band in range(_BANDS):
            ours = self._bands[open_places, band]
            order = np.argsort(ours, kind="stable")
            ours = ours[order]
            low = np.searchsorted(ours, keys[:, band], "left")
            high = np.searchsorted(ours, keys[:, band], "right")
            # Texts of one template may all share a band: the limit bounds the number of pairs.
            sizes = high - low
            counts = np.minimum(sizes, _MOST_IN_A_BUCKET)
            theirs = np.repeat(np.arange(len(keys)), counts)
            steps = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
            # Each training text starts elsewhere in the bucket, so that no test text is missed.
            steps = (steps + _MOST_IN_A_BUCKET * theirs) % np.repeat(sizes, counts)
            places = open_places[order[np.repeat(low, counts) + steps]]
            parts.append(np.stack([places, theirs], axis=1))
        return np.unique(np.concatenate(parts), axis=0)


def _chunks(texts: Iterable[str]) -> Iterator[tuple[int, list[str]]]:
    """Yield chunks of normalised texts, each with the index of its first text."""
    start, characters = 0, 0
    chunk: list[str] = []
    for text in texts:
        chunk.append(normalized(text))
        characters += len(chunk[-1])
        if characters >= _CHARACTERS_AT_ONCE:
            yield start, chunk
            start, characters, chunk = start + len(chunk), 0, []
    if chunk:
        yield start, chunk


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _grams(texts: list[str]) -> list[_Hashes]:
    """Hash every character 5-gram of each text; shorter texts are padded."""
    padded = [text.ljust(_GRAM) for text in texts]
    joined = "".join(padded).encode("utf-32-le", "surrogatepass")
    points = np.frombuffer(joined, np.uint32).astype(np.uint64)
    hashes = np.zeros(len(points) - _GRAM + 1, np.uint64)
    for step in range(_GRAM):
        hashes = hashes * _MULTIPLIER + points[step : step + len(hashes)]
    hashes ^= hashes >> np.uint64(31)
    hashes *= _MULTIPLIER
    ends = np.cumsum([len(text) for text in padded])
    return [
        hashes[end - len(text) : end - _GRAM + 1]
        for text, end in zip(padded, ends.tolist(), strict=True)
    ]


def _signatures(grams: list[_Hashes]) -> NDArray[np.uint32]:
    """Compute MinHash: each of 80 hash functions' minimum over a text's 5-grams, (texts, 80)."""
    starts = np.cumsum([0, *(len(one) for one in grams[:-1])])
    together = np.concatenate(grams)
    result = np.empty((len(grams), _BANDS * _ROWS), np.uint32)
    for number, (factor, shift) in enumerate(_FUNCTIONS):
        values = (together * factor + shift) >> np.uint64(32)
        result[:, number] = np.minimum.reduceat(values, starts)
    return result


def _band_keys(signatures: NDArray[np.uint32]) -> _Hashes:
    """Combine the hashes of each band into one number, (texts, bands)."""
    bands = signatures.reshape(len(signatures), _BANDS, _ROWS).astype(np.uint64)
    keys = np.zeros(bands.shape[:2], np.uint64)
    for row in range(_ROWS):
        keys = keys * _MULTIPLIER + bands[:, :, row]
    return keys


def _jaccard(one: _Hashes, other: _Hashes) -> float:
    shared = len(np.intersect1d(one, other, assume_unique=True))
    return shared / (len(one) + len(other) - shared)


def _hash_functions() -> _Hashes:
    """Return fixed pairs of an odd factor and a summand, (80, 2)."""
    random = np.random.default_rng(20_241_102)
    pairs = random.integers(0, 2**64, (_BANDS * _ROWS, 2), np.uint64)
    pairs[:, 0] |= np.uint64(1)
    return pairs


_MULTIPLIER: Final = np.uint64(0x9E3779B97F4A7C15)  # 2^64 over the golden ratio
_FUNCTIONS: Final = _hash_functions()
