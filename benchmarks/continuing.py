"""Continued training: a fourth class for a model of three, and what it costs and keeps.

`small` is trained on three classes of AG News, with 6,000 rows. Training continues with 2,000 rows
of the fourth class, together with all, some or none of the old rows; each time a model is trained
from scratch on the same rows. The accuracy is that on 4,000 training rows held out for this; no
test row is read.

    python benchmarks/continuing.py DATA/ag_news --seed 0
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from wave_network.config import get_preset
from wave_network.data import read_splits
from wave_network.persistence.folder import ModelFiles
from wave_network.runtime import Engine
from wave_network.training.continual import continued_preset
from wave_network.training.fit import fit

NEW_CLASS: Final = 3  # Sci/Tech
OLD_ROWS, NEW_ROWS, HELD_OUT = 6_000, 2_000, 4_000


def measure(data: str, seed: int) -> Iterator[dict[str, float | str]]:
    """The accuracies before, after continued training, and from scratch on the same rows."""
    rows = read_splits(data).train
    labels = np.array(rows["label"][:])
    order = np.random.default_rng(2026).permutation(len(rows))
    # Choices were made on the first rows of this order (`dev/LOG.md`).
    held_out, pool = order[HELD_OUT : 2 * HELD_OUT], order[2 * HELD_OUT :]
    drawn = np.random.default_rng(seed).permutation(pool)
    old = drawn[labels[drawn] != NEW_CLASS][:OLD_ROWS]
    new = drawn[labels[drawn] == NEW_CLASS][:NEW_ROWS]
    texts, truth = rows.select(held_out)["text"], labels[held_out]

    def accuracies(files: ModelFiles) -> dict[str, float]:
        answers = Engine(files).predict_proba(texts).argmax(axis=1)
        right: NDArray[np.bool_] = np.array(files.config.labels)[answers] == truth
        parts = {"all": truth >= 0, "new": truth == NEW_CLASS, "old": truth != NEW_CLASS}
        return {name: round(100 * float(right[part].mean()), 2) for name, part in parts.items()}

    preset = get_preset("small")
    config = replace(preset.train, seed=seed, device="cpu")
    base = fit(rows.select(old), None, preset, config).files
    yield {"what": "before", **accuracies(base)}
    on = continued_preset(base, None, {}, None)
    on_config = replace(on.train, seed=seed, device="cpu")
    for replayed in (OLD_ROWS, OLD_ROWS // 3, OLD_ROWS // 10, 0):
        given = rows.select(np.concatenate([new, old[:replayed]]))
        continued = fit(given, None, on, on_config, base=base).files
        yield {"what": f"on, {replayed} old rows", **accuracies(continued)}
        if replayed:
            scratch = fit(given, None, preset, config).files
            yield {"what": f"from scratch, {replayed} old rows", **accuracies(scratch)}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    for record in measure(arguments.data, arguments.seed):
        print(json.dumps(record), flush=True)
