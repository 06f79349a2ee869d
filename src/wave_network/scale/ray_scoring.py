"""Predict parts on a Ray cluster, with Ray Data.

A row of the data set is a part, not a text: each worker loads the model once, and reads, predicts
and writes whole parts, as the processes of one machine do. So every part is written whole or not at
all, where Ray Data itself promises no file an input; and a part whose worker was lost is done again
by another, which writes the same file. All machines need the same paths.
"""

from __future__ import annotations

import logging
import os
import pickle
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import ray
from ray.data import ActorPoolStrategy, DataContext
from ray.exceptions import RayError

from wave_network.errors import ConfigError, DataError, WaveNetworkError, first_line
from wave_network.scale.events import Listener, Outcome
from wave_network.scale.parts import Part
from wave_network.scale.scorer import Done, Job, Scorer

_ATTEMPTS: Final = 3
"""How often a part is tried if its worker is lost: the part may be the reason."""


def score_on_ray(job: Job, parts: Sequence[Part], tell: Listener) -> None:
    """Predict parts on the cluster that this process is connected to, each on one core.

    Args:
        job: The job.
        parts: At least one.
        tell: Is told how each ended.

    Raises:
        ConfigError: If the workers cannot run.
    """
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    DataContext.get_current().enable_progress_bars = False
    # Workers have another current folder.
    given = [replace(part, source=os.path.abspath(part.source)) for part in parts]
    cores = ray.cluster_resources().get("CPU", 1)  # type: ignore[no-untyped-call]
    workers = min(len(parts), max(1, int(cores)))
    places = ray.data.from_items(
        [{"place": place} for place in range(len(parts))], override_num_blocks=len(parts)
    )
    attempts = _Attempts.remote()  # type: ignore[attr-defined]
    outcomes = places.map(
        _Worker,  # type: ignore[arg-type]  # a class, of which each worker makes one
        fn_constructor_args=(replace(job, threads=1), given, attempts),
        compute=ActorPoolStrategy(min_size=1, max_size=workers, initial_size=workers),
        num_cpus=1,
    )
    try:
        for row in outcomes.iter_rows():
            tell(Outcome(parts[row["place"]], pickle.loads(row["result"])))
    except RayError as error:
        raise ConfigError(
            f"the Ray cluster cannot do this: {first_line(error)}; every machine needs the same"
            " version of wave-network, and the model, the parts and the output at the same paths"
        ) from error


@ray.remote(num_cpus=0)
class _Attempts:
    """Counts how often each part was tried, as Ray itself tries again without an end."""

    def __init__(self) -> None:
        self._counts: Counter[int] = Counter()

    def count(self, place: int) -> int:
        self._counts[place] += 1
        return self._counts[place]


class _Worker:
    """Predicts the parts that Ray gives it."""

    def __init__(self, job: Job, parts: Sequence[Part], attempts: Any) -> None:  # noqa: ANN401
        self._job = job
        self._parts = parts
        self._attempts = attempts
        self._scorer: Scorer | None = None

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        place = row["place"]
        result: Done | WaveNetworkError
        try:
            self._check_attempts(place)
            if self._scorer is None:  # not before, so that an error comes back as one
                self._scorer = Scorer(self._job)
            result = self._scorer.write(self._parts[place], _ignore)
        except WaveNetworkError as error:
            result = error
        return {"place": place, "result": pickle.dumps(result)}

    def _check_attempts(self, place: int) -> None:
        if ray.get(self._attempts.count.remote(place)) > _ATTEMPTS:
            raise DataError(
                f"{self._parts[place].source}: {_ATTEMPTS} workers that predicted it were killed,"
                " maybe because memory ran out"
            )


def _ignore(rows: int, share: float) -> None:
    """Progress within a part stays with its worker."""
