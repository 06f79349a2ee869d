"""Explanations of answers: each token's contribution, with its position in the text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from wave_network.config import Label
from wave_network.models.attribution import attribute, token_energies
from wave_network.models.family import NumpyNetwork
from wave_network.models.numpy_ops import Integers, check_finite, finite_expected
from wave_network.persistence.tokenizers import AnyTokenizer


class TokenShare(NamedTuple):
    """A token of a text and its contribution to the answer.

    Attributes:
        token: The characters, `text[start:end]`.
        start: Where the token starts in the text as it was given.
        end: Where it ends.
        attribution: What it adds to the label's log-odds; below 0, it speaks against the label.
        energy: Its share of the waves' energy, u^2 / G^2, averaged over all dimensions of both
            variants. With the share of `[CLS]`, the tokens' shares add up to 1. 0 for a model of
            fastText, which has no waves.
    """

    token: str
    start: int
    end: int
    attribution: float
    energy: float


@dataclass(frozen=True)
class Explanation:
    """Each token's contribution to the answer for a text.

    Attributes:
        text: The text as it was given.
        label: The label that is explained.
        score: Its probability.
        log_odds: log p / (1 - p) of that probability.
        baseline: The log-odds for an empty text. All attributions add up to `log_odds - baseline`.
        tokens: The tokens in order, without overlaps. Spaces, and text beyond the maximum length,
            belong to no token. Those of a model of fastText are its words.
    """

    text: str
    label: Label
    score: float
    log_odds: float
    baseline: float
    tokens: tuple[TokenShare, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values; `explanation` has the tokens."""
        return {
            "text": self.text,
            "label": self.label,
            "score": self.score,
            "log_odds": self.log_odds,
            "baseline": self.baseline,
            "explanation": [token._asdict() for token in self.tokens],
        }


def explanations(
    network: NumpyNetwork,
    tokenizer: AnyTokenizer,
    labels: Sequence[Label],
    texts: Sequence[str],
    encoded: tuple[Integers, Integers, Integers | None],
    label: int | None,
    temperature: float = 1.0,
) -> Iterator[Explanation]:
    """Explain texts.

    Args:
        network: As for `attribute`.
        tokenizer: The tokenizer, which locates the tokens in the texts.
        labels: The labels of the network, in its order.
        texts: The texts.
        encoded: The texts' ids, their offsets, and those of their sentences, for `attribute`.
        label: As for `attribute`.
        temperature: As for `attribute`.
    """
    ids, offsets, _ = encoded
    with finite_expected():
        found = attribute(network, *encoded, label, temperature, tokenizer.encode([""]).ids)
        shares = np.zeros(len(ids), np.float32)
        if network.config.has_waves:
            shares = token_energies(network, ids, offsets)
    check_finite(found.tokens, found.log_odds, found.baseline, shares)
    for place, text in enumerate(texts):
        own = slice(int(offsets[place]), int(offsets[place + 1]))
        tokens = [
            TokenShare(text[start:end], start, end, *sums)
            for start, end, sums in tokenizer.by_token(text, found.tokens[own], shares[own])
        ]
        yield Explanation(
            text=text,
            label=labels[found.labels[place]],
            score=float(found.scores[place]),
            log_odds=float(found.log_odds[place]),
            baseline=float(found.baseline[place]),
            tokens=tuple(tokens),
        )
