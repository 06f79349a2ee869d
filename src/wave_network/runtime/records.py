"""Predictions as records of JSON values: what `predict` prints and `serve` answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from wave_network.runtime.engine import prediction_set

if TYPE_CHECKING:
    from wave_network.data.labels import Labelling
    from wave_network.runtime.explanation import Explanation
    from wave_network.runtime.prediction import Prediction


def prediction_record(
    labelling: Labelling,
    prediction: Prediction,
    top_k: int | None = None,
    set_threshold: float | None = None,
) -> dict[str, Any]:
    """Return a prediction as a record: one label, or for multi-label models a list.

    Args:
        labelling: The labels of the model that made it.
        prediction: The prediction.
        top_k: How many scores to add; None: none (multi-label models: those of the labels).
        set_threshold: The least probability of a label in a prediction set; None: no prediction
            set.
    """
    if labelling.multi_label:
        scores = {label: prediction.scores[label] for label in prediction.labels}
        record: dict[str, Any] = {"labels": list(prediction.labels), "scores": scores}
    else:
        record = {"label": prediction.label, "score": prediction.score}
    if top_k is not None:
        record["scores"] = prediction.scores.top(top_k)
    record = rounded(record)
    if set_threshold is not None:
        record["labels"] = prediction_set(prediction, set_threshold)
    if prediction.out_of_scope is not None:
        record["out_of_scope"] = prediction.out_of_scope
    return record


def explained_record(record: Mapping[str, Any], explanation: Explanation) -> dict[str, Any]:
    """Add an explanation to the record of the same text; what the record says already stays."""
    return {**record, **rounded(explanation.to_dict()), **record}


def rounded(value: Any) -> Any:  # noqa: ANN401
    """Round the scores and other numbers of an answer to the six digits that they mean.

    They are computed in 32 bits, and depend on the other texts of a batch in the seventh digit.

    Args:
        value: A number, or lists and dictionaries of numbers; all else stays as it is.
    """
    if isinstance(value, str):  # most values, and fast
        return value
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, Mapping):
        return {name: rounded(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(one) for one in value]
    return value
