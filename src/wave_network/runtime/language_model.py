"""Generate and score text with a language model, without torch."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from wave_network.config.checks import check_range, plain_whole
from wave_network.data.documents import Piece, pieces_of
from wave_network.errors import ConfigError
from wave_network.models.numpy_ops import Floats, Integers
from wave_network.models.wave_lm.numpy_masked import NumpyMaskedLM
from wave_network.persistence.language_model import LanguageModelFiles, read_language_model
from wave_network.runtime.bits import build_network, document_scorer
from wave_network.runtime.sampling import Sampler
from wave_network.runtime.stream import Stream

if TYPE_CHECKING:
    from typing_extensions import Self

_SURPRISES: Final = 20
_TOKENS_BEFORE: Final = 12


@dataclass(frozen=True)
class Surprise:
    """A token that the model did not expect.

    Attributes:
        bits: How many bits it takes: `-log2` of its probability.
        token: The token. Bytes that are no character are shown as U+FFFD.
        before: The text of the tokens before it, at most 12.
    """

    bits: float
    token: str
    before: str


@dataclass
class Score:
    """How well a language model predicts texts.

    Attributes:
        documents: How many documents were scored.
        tokens: How many tokens they have.
        bytes: How many bytes they have in UTF-8.
        bits: How many bits they take: `-log2` of their probability, each document given its start.
        surprises: The most surprising tokens, the most surprising first.
    """

    documents: int = 0
    tokens: int = 0
    bytes: int = 0
    bits: float = 0.0
    surprises: list[Surprise] = field(default_factory=list)

    @property
    def bits_per_byte(self) -> float:
        """Bits for each byte; lower is better."""
        return self.bits / max(self.bytes, 1)


class LanguageModel:
    """A pretrained Wave LM. Safe to share between threads.

    Args:
        files: The contents of its folder.
    """

    def __init__(self, files: LanguageModelFiles) -> None:
        self.config = files.config
        self.parameters = files.parameters
        self._network = build_network(files.config, files.tensors)
        self._tokenizer = files.tokenizer

    @classmethod
    def load(cls, source: str | Path) -> Self:
        """Load a model that `pretrain` wrote.

        Args:
            source: A folder, `hub:OWNER/NAME`, or `hub:OWNER/NAME@REVISION`.

        Raises:
            ModelFolderError: If it is missing or damaged, no language model, or from a newer
                version.
        """
        return cls(read_language_model(source))

    def generate(
        self,
        prompt: str = "",
        *,
        tokens: int = 200,
        temperature: float = 0.8,
        top_p: float = 0.95,
        seed: int = 0,
    ) -> Iterator[str]:
        """Continue a text, piece by piece, until the model ends it.

        Each token takes the same time and memory, however long the text is.

        Args:
            prompt: The text to continue; empty: begin one.
            tokens: How many tokens to generate at most.
            temperature: Above 1 more surprising, below 1 less; 0: always the most likely token.
            top_p: Choose among the most likely tokens that together have this probability.
            seed: Seed of the choices: the same one gives the same text.

        Yields:
            Whole characters; bytes that are no character are replaced by U+FFFD.

        Raises:
            ConfigError: If an option is out of range, or the model is masked.
        """
        if isinstance(self._network, NumpyMaskedLM):
            raise ConfigError(
                "this model is masked: it predicts hidden tokens from both sides, and cannot "
                "continue a text; pretrain a causal one"
            )
        choose = Sampler(temperature, top_p, seed)
        most = plain_whole("tokens", tokens)
        check_range("tokens", most, 1, None)
        stream = Stream(self._network)
        for piece in pieces_of([prompt]):
            stream.read(self._tokenizer.encode([piece.text])[0])
        return self._continued(stream, most, choose)

    def score(self, text: str) -> Score:
        """Score a text as one document, as `score_documents` does."""
        return self.score_documents(pieces_of([text]))

    def score_documents(self, pieces: Iterable[Piece]) -> Score:
        """Score documents, given in pieces.

        A masked model hides every seventh token at a time, until each was hidden once, and so
        predicts it from both sides. Its bits do not compare with those of a causal model.

        Args:
            pieces: As `iter_documents` yields them.
        """
        score, document = Score(), None
        for piece in pieces:
            if document is None or piece.first:
                document = document_scorer(self._network)
                score.documents += 1
            (ids,) = self._tokenizer.encode([piece.text])
            bits = document.bits(ids)
            self._note_surprises(score, ids, bits)
            score.bits += float(bits.sum(dtype=np.float64))
            score.tokens += len(ids)
            score.bytes += int(self._tokenizer.lengths[ids].sum())
        return score

    def _note_surprises(self, score: Score, ids: Integers, bits: Floats) -> None:
        """Keep the most surprising tokens of those so far and of these."""
        least = score.surprises[-1].bits if len(score.surprises) == _SURPRISES else 0.0
        places = np.argsort(-bits, kind="stable")[:_SURPRISES]
        decode = self._tokenizer.decode
        new = [
            Surprise(
                bits=float(bits[place]),
                token=decode([ids[place]]).decode(errors="replace"),
                before=decode(ids[max(0, place - _TOKENS_BEFORE) : place]).decode(errors="ignore"),
            )
            for place in places[bits[places] > least]
        ]
        found = sorted([*score.surprises, *new], key=lambda one: -one.bits)
        score.surprises = found[:_SURPRISES]

    def _continued(self, stream: Stream, most: int, choose: Sampler) -> Iterator[str]:
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        for _ in range(most):
            token = choose(stream.logits)
            if token == self._tokenizer.start:  # another document would begin
                break
            if text := decoder.decode(self._tokenizer.decode([token])):
                yield text
            stream.read(np.array([token]))
        if rest := decoder.decode(b"", final=True):
            yield rest
