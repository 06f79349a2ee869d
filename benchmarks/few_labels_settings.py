"""Compare settings of the peers of `few_labels.py`, on training rows alone.

    python benchmarks/few_labels_settings.py DATA/ag_news --peers self-training --per-class 8,64

This is how their settings were chosen. 3,000 training rows are held out; the labelled texts and the
archive are drawn from the others, by seeds from 100 on, which no result is of. One line a setting:
its mean accuracy on the rows held out. No test row is read.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np

from compare import numbers
from few_labels import CACHE
from few_labels_data import FewLabels
from few_labels_peers import (
    FastText,
    LatentPeer,
    Model,
    Model2Vec,
    Setup,
    VectorPeer,
    label_spreading,
    self_training,
)
from peer_settings import FIRST_SEED

Make = Callable[[Setup], Model]

CANDIDATES: Final[Mapping[str, Mapping[str, Make]]] = {
    "self-training": {
        f"threshold {threshold}, C {cost}": partial(
            LatentPeer, make=partial(self_training, threshold=threshold, cost=cost)
        )
        for cost in (10, 100)
        for threshold in (0.6, 0.75, 0.9)
    },
    "label-spreading": {
        f"{neighbours} neighbours, alpha {alpha}": partial(
            LatentPeer, make=partial(label_spreading, neighbours=neighbours, alpha=alpha)
        )
        for neighbours, alpha in ((7, 0.2), (7, 0.8), (30, 0.2), (30, 0.8), (100, 0.8))
    },
    "static-vectors": {
        f"C among {costs}": partial(VectorPeer, kind="static", costs=costs)
        for costs in ((1,), (10,), (100,), (1, 10, 100))
    },
    "model2vec-vectors": {
        f"rate {rate}": partial(Model2Vec, rate=rate) for rate in (0.001, 0.01, 0.03)
    },
    "fasttext-vectors": {
        f"{updates} updates, rate {rate}": partial(FastText, updates=updates, rate=rate)
        for updates in (5_000, 20_000, 100_000)
        for rate in (0.1, 0.5)
    },
}


def main() -> None:
    """Print the accuracy of every setting."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("data", metavar="DATA", type=Path, help="as for wave-network train")
    parser.add_argument("--peers", default=",".join(CANDIDATES), help="with commas between them")
    parser.add_argument("--per-class", type=numbers, default=[8, 64], metavar="N[,N...]")
    parser.add_argument("--draws", type=int, default=3)
    parser.add_argument("--cache", type=Path, default=CACHE, help="for the encoder's vectors")
    options = parser.parse_args()
    data = FewLabels(str(options.data), held_out=True)
    setup = Setup(data.archive, options.cache, threads=1)
    seeds = range(FIRST_SEED, FIRST_SEED + options.draws)
    for peer in options.peers.split(","):
        for name, make in CANDIDATES[peer].items():
            model = make(setup)
            model.prepare()
            for per_class in options.per_class:
                found = accuracies(model, data, per_class, seeds)
                values = ", ".join(f"{100 * value:.1f}" for value in found)
                mean = 100 * statistics.mean(found)
                print(f"{peer}, {per_class} a class, {name}: {mean:.2f} ({values})", flush=True)


def accuracies(model: Model, data: FewLabels, per_class: int, seeds: Sequence[int]) -> list[float]:
    """The accuracy on the held-out rows for each draw."""
    found = []
    for seed in seeds:
        labelled = data.draw(per_class, seed)
        unlabelled = data.unlabelled(labelled) if model.semi_supervised else np.empty(0, np.intp)
        model.fit(labelled, unlabelled, seed)
        right = model.predict(data.test.texts) == np.array(data.test.labels)
        found.append(float(np.mean(right)))
    return found


if __name__ == "__main__":
    main()
