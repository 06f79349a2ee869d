"""Questions about the papers, answered from the measurements."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from wave_network.experiments import accuracy, baselines, resources
from wave_network.experiments.study import Row, Study, grouped


def answers(study: Study) -> dict[str, list[str]]:
    """Each question, with one sentence for each data set that was measured."""
    controls = baselines.comparable(study)
    return {
        "Does the phase matter?": _against(controls, ("phase-blind", "bag")),
        "Does interference differ from modulation?": _against(
            study.rows(accuracy.NAME), ("wave-interference",)
        ),
        "How far is the Transformer layer really?": _against(
            controls, ("transformer, rate 1e-3", "transformer, best rate")
        ),
        "Is the memory and time claim true, and by which measure?": resources.savings(
            study.rows(resources.NAME)
        ),
    }


def _against(rows: Sequence[Row], others: Iterable[str]) -> list[str]:
    """How modulation differs from other models, on the most training rows that both have."""
    found = []
    for other in others:
        of_dataset: dict[str, tuple[int, str]] = {}
        for (dataset, count), group in grouped(rows, ("dataset", "training_rows")).items():
            said = accuracy.difference(group, "wave-modulation", other)
            if said and count > of_dataset.get(dataset, (0, ""))[0]:
                of_dataset[dataset] = (count, said)
        found += [
            f"{dataset}, {count:,} training rows: {said}."
            for dataset, (count, said) in of_dataset.items()
        ]
    return found
