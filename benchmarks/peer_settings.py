"""Compare settings of TF-IDF and fastText with few training texts, on training rows alone.

    python benchmarks/peer_settings.py DATA --per-class 8,64 --draws 5
    python benchmarks/peer_settings.py DATA --per-class 1000 --draws 2

This is how the settings in `wave_network.baselines.settings` were chosen. 2,000 training rows are
held out; the training texts are drawn from the others, by seeds from 100 on, which no result is of.
One line a setting: its mean accuracy on the rows held out. No test row is read.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Iterator
from typing import Final

import numpy as np

from compare import numbers
from measure import draw
from wave_network.baselines import Baseline, FastTextClassifier, TfidfClassifier
from wave_network.baselines.settings import FastTextSettings, TfidfSettings
from wave_network.data import Table, read_splits

HELD_OUT: Final = 2_000
FIRST_SEED: Final = 100
TFIDF: Final = [TfidfSettings(count, cost) for count in (1, 2) for cost in (0.1, 0.5, 1, 5, 20)]
FASTTEXT: Final = [
    FastTextSettings(epochs, rate)
    for epochs, rate in ((5, 0.25), (25, 0.5), (25, 1), (100, 0.5), (100, 1), (400, 0.5), (400, 1))
]
Settings = TfidfSettings | FastTextSettings


def main() -> None:
    """Print the accuracy of every setting."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("data", metavar="DATA", help="as for wave-network train")
    parser.add_argument("--per-class", type=numbers, default=[8, 64], metavar="N[,N...]")
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--peer", choices=("tfidf", "fasttext"), help="default: both")
    options = parser.parse_args()
    chosen: list[Settings] = [
        *(TFIDF if options.peer != "fasttext" else []),
        *(FASTTEXT if options.peer != "tfidf" else []),
    ]
    for per_class in options.per_class:
        for settings, accuracies in compare(options.data, per_class, options.draws, chosen):
            values = ", ".join(f"{100 * value:.1f}" for value in accuracies)
            mean = 100 * statistics.mean(accuracies)
            print(f"{per_class} a class, {settings}: {mean:.2f} ({values})", flush=True)


def compare(
    data: str, per_class: int, draws: int, chosen: list[Settings]
) -> Iterator[tuple[Settings, list[float]]]:
    """Each setting, and its accuracy on the held-out rows for each draw."""
    rows = read_splits(data).train
    order = np.random.default_rng(2026).permutation(len(rows))
    held_out = rows.select(np.sort(order[:HELD_OUT]))
    pool = rows.select(np.sort(order[HELD_OUT:]))
    drawn = {seed: draw(pool, per_class, seed) for seed in range(FIRST_SEED, FIRST_SEED + draws)}
    for settings in chosen:
        yield settings, [accuracy(settings, rows, held_out, seed) for seed, rows in drawn.items()]


def accuracy(settings: Settings, training: Table, held_out: Table, seed: int) -> float:
    """The accuracy of a peer with bigrams and these settings on the held-out rows."""
    peer: Baseline
    if isinstance(settings, TfidfSettings):
        peer = TfidfClassifier(word_ngrams=2, settings=settings, seed=seed)
    else:
        peer = FastTextClassifier(word_ngrams=2, settings=settings, seed=seed)
    peer.fit(training["text"][:], training["label"][:])
    right = peer.predict(held_out["text"][:]) == np.array(held_out["label"][:])
    return float(np.mean(right))


if __name__ == "__main__":
    main()
