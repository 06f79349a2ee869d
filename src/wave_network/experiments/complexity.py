"""Operations, memory and parameters as formulas, and as counted and timed (after paper 2)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from wave_network.experiments.complexity_tables import findings, plots, tables
from wave_network.experiments.costs import (
    BATCH_TEXTS,
    BERT_LAYERS,
    BERT_LENGTH,
    CLASSES,
    FIRST,
    FUSED,
    HEAD_WIDTH,
    LENGTH,
    TEXTBOOK,
    VOCABULARY,
    WAVE,
    WIDTH,
)
from wave_network.experiments.section import Section
from wave_network.experiments.study import Options, Row, Study

if TYPE_CHECKING:
    import torch

NAME: Final = "complexity"
MODELS: Final = (WAVE, "transformer", "bert")
_VERSIONS: Final[Mapping[str, tuple[str, ...]]] = {
    WAVE: (WAVE, TEXTBOOK),
    "transformer": ("transformer", FUSED, FIRST),
}


@dataclass(frozen=True)
class Sizes:
    """What is measured.

    Attributes:
        lengths: Tokens of a text, at width `WIDTH`.
        widths: Widths, at length `LENGTH`.
    """

    lengths: tuple[int, ...]
    widths: tuple[int, ...]


def sizes_for(options: Options) -> Sizes:
    """All sizes; with a limit of at most 2,000 rows, those that take seconds."""
    short = options.limit is not None and options.limit <= 2_000
    return Sizes(
        lengths=tuple(2**power for power in range(4, 10 if short else 15)),
        widths=tuple(2**power for power in range(6, 9 if short else 11)),
    )


def measure(study: Study) -> None:
    """Count and time every model over length and width, and what mixes the tokens by itself."""
    from wave_network.training.device import resolve_device

    device = resolve_device(study.options.device)
    sizes = sizes_for(study.options)
    common: Row = {"device": device.type, "longest": sizes.lengths[-1], "widest": sizes.widths[-1]}
    for part, name, run in _runs(study.wanted(MODELS), sizes, device):
        study.once(NAME, {"part": part, "model": name, **common}, run)


def section(study: Study) -> Section:
    """The formulas, how exactly they hold, and the times beside them."""
    rows = study.rows(NAME)
    # A quick run may lie beside the whole one.
    longest = max((row["longest"] for row in rows), default=0)
    rows = [row for row in rows if row["longest"] == longest]
    return Section(
        title="Complexity (after paper 2)",
        paper=(
            "The abstract announces a complexity analysis with less video memory and training time "
            "than BERT; its formulas, counts and tables could not be obtained. Paper 1 gives 2.4 "
            "million parameters for the wave network and 100 million for BERT."
        ),
        protocol=(
            "Formulas and protocol are ours. *Textbook* is one wave layer as paper 1 draws it: "
            "every token passes both linear layers, its wave, the feed-forward and the norm. Plain "
            f"`{WAVE}` is what this package does for a [CLS] read-out: the variants of each "
            "distinct token and each position once, and the [CLS] row alone from there on. Counted "
            f"on one text of distinct tokens ({VOCABULARY:,} in the table, {CLASSES} classes, "
            f"heads of {HEAD_WIDTH}), in training mode: the matrix products by torch's FLOP "
            "counter, elementwise operations by the numbers that they write or add up, what is "
            "kept for the backward pass by torch's hooks, each storage once. Time is that of "
            "forward and backward, the median of three runs or, of short ones, more. Sizes that "
            "would take more than 20 seconds or keep more than 4 GiB, as the next smaller one "
            f"lets expect, and BERT beyond {BERT_LENGTH} tokens, stand as formulas alone. The "
            "predicted time is that of the largest size measured, scaled by the FLOPs. *Mixing* is "
            "what lets tokens see each other, alone: two waves and their product, and fused "
            "attention without projections. The bytes of the Transformer layer and BERT are those "
            "of torch on a CPU, where attention with dropout keeps its n by n weights. Two forms "
            f"of the layer are what an expert would run: `{FUSED}` is without dropout, so that "
            f"attention keeps no weights; `{FIRST}` computes what the read-out of one layer needs, "
            "as our wave network does: one query, and one row of what follows. With one query, "
            "q (K x) = (qK) x and the sum of a (V x) = V (the sum of a x), so that no token is "
            "multiplied by the matrices of keys and values."
        ),
        tables=tables(rows),
        plots=plots(rows),
        findings=findings(rows),
        difference=(
            "The paper's tables are not known. Our waves keep 2 T d numbers more than the formula "
            "says where a batch is small enough to be summed at once. A wave layer is cheaper than "
            f"BERT above all because it is one layer and not {BERT_LAYERS}, and because its "
            "feed-forward is not four times as wide. That attention grows with the square of the "
            "length decides only in texts of thousands of tokens: 4 n² d exceeds the 24 n d² of a "
            f"layer's linear maps beyond n = 6 d = {6 * WIDTH:,}. And it decides only where all "
            "rows are needed: the [CLS] row of a single layer costs 4 h n d + 24 d², which with "
            f"heads of {HEAD_WIDTH} is n d² / 16 and a constant, where the two linear variants of "
            "a wave layer cost 4 n d². What the waves save is the square in networks of several "
            "layers, and the n by n weights."
        ),
    )


def _runs(
    models: Sequence[str], sizes: Sizes, device: torch.device
) -> Iterator[tuple[str, str, Callable[[], list[Row]]]]:
    """Part and model of each run, and what measures it."""
    from wave_network.experiments.complexity_runs import batch_of_texts, mixing, over_sizes

    lengths = [(length, WIDTH) for length in sizes.lengths]
    widths = [(LENGTH, width) for width in sizes.widths]
    for name in models:
        for version in _VERSIONS.get(name, (name,)):
            yield "length", version, partial(over_sizes, version, lengths, device)
            if name != "bert":
                yield "width", version, partial(over_sizes, version, widths, device)
        if name != "bert":
            mixer = f"{name}, mixing"
            yield "mixing", mixer, partial(mixing, name, sizes.lengths, WIDTH, device)
    if WAVE in models:
        yield "batch", WAVE, partial(batch_of_texts, BATCH_TEXTS, LENGTH, WIDTH)
