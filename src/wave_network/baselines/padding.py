"""Pad packed texts to rows, for Transformers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

import torch
from torch import Tensor

from wave_network.data.batch import PackedBatch

_TEXTS_AT_ONCE: Final = 64
_TRAINED_AT_ONCE: Final = 16


class Padded(NamedTuple):
    """Texts as rows of equal length.

    Attributes:
        ids: Token ids, 0 after a text's end, int64, (texts, longest).
        mask: True where there is a token, bool, (texts, longest).
    """

    ids: Tensor
    mask: Tensor


def pad(batch: PackedBatch, *, sep_token_id: int | None, max_length: int) -> Padded:
    """Pad texts to rows of equal length.

    Args:
        batch: Packed texts.
        sep_token_id: The token appended to every text; None: none.
        max_length: Longer texts are truncated to this many tokens, including `[CLS]` and `[SEP]`.
    """
    most = max_length if sep_token_id is None else max_length - 1
    kept = batch.offsets.diff().clamp(max=most).unsqueeze(1)  # (texts, 1)
    lengths = kept if sep_token_id is None else kept + 1
    place = torch.arange(int(lengths.max()), device=kept.device)  # (longest,)
    index = (batch.offsets[:-1].unsqueeze(1) + place).clamp(max=len(batch.ids) - 1)
    ids = batch.ids[index].masked_fill(place >= kept, 0)  # (texts, longest)
    if sep_token_id is not None:
        ids = ids.masked_fill(place == kept, sep_token_id)
    return Padded(ids, place < lengths)


def classify_padded(padded: Padded, classify: Callable[[Padded], Tensor]) -> Tensor:
    """Classify rows in groups of texts of similar length.

    Padded to the longest text, a training batch of news would take twice the time; one of
    evaluation, with up to a thousand short texts, several times the time and the memory.

    Args:
        padded: The texts.
        classify: Computes the logits of rows, (texts, labels).

    Returns:
        The logits in the order of the texts, (texts, labels).
    """
    at_once = _TRAINED_AT_ONCE if torch.is_grad_enabled() else _TEXTS_AT_ONCE
    if len(padded.ids) <= at_once:
        return classify(padded)
    order = padded.mask.sum(dim=1).argsort(stable=True)
    logits = [classify(_select(padded, group)) for group in torch.split(order, at_once)]
    return torch.cat(logits)[order.argsort()]


def _select(padded: Padded, texts: Tensor) -> Padded:
    """Select texts, and trim the rows to the longest of them."""
    longest = int(padded.mask[texts].sum(dim=1).max())
    return Padded(padded.ids[texts, :longest], padded.mask[texts, :longest])
