"""What the JavaScript engine must answer: texts with the answers of the Python package."""

import json
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from wave_network import load
from wave_network.persistence.format import CONFORMAL, OUT_OF_SCOPE
from wave_network.runtime import Engine

COVERAGE = 0.9
THRESHOLD = 0.4


def write_cases(
    path: Path, folder: Path, texts: Iterable[str], explained: Iterable[str] = ()
) -> None:
    """Write a line with the model's folder, and a line for each text.

    Args:
        path: The file to write.
        folder: The model.
        texts: The texts to predict.
        explained: Texts to explain. Those with a character that this Python does not know are left
            out: JavaScript's Unicode is newer, and what is a mark decides where a token ends.
    """
    engine = load(folder)
    with path.open("w", encoding="utf-8") as file:
        for value in ({"model": str(folder)}, *_cases(engine, folder, list(texts))):
            file.write(json.dumps(value) + "\n")
        for explanation in engine.iter_explain(filter(_is_known, explained)):
            file.write(json.dumps(_explained(explanation.to_dict())) + "\n")


def _cases(engine: Engine, folder: Path, texts: list[str]) -> Iterable[dict[str, Any]]:
    multi_label = engine.labelling.multi_label
    has_score = (folder / OUT_OF_SCOPE).exists()
    batch = engine.tokenizer.encode(texts)
    probabilities = engine.predict_proba(texts)
    predictions = engine.predict(texts, THRESHOLD, out_of_scope=has_score)
    has_sets = not multi_label and (folder / CONFORMAL).exists()
    sets = engine.predict_sets(texts, COVERAGE) if has_sets else [None] * len(texts)
    for place, text in enumerate(texts):
        yield {
            "text": text,
            "ids": batch.ids[batch.offsets[place] : batch.offsets[place + 1]].tolist(),
            "probabilities": np.round(probabilities[place].astype(np.float64), 8).tolist(),
            "labels": list(predictions[place].labels),
            "outOfScope": predictions[place].out_of_scope,
            "set": sets[place],
        }


def _is_known(text: str) -> bool:
    return "Cn" not in map(unicodedata.category, text)


def _explained(explanation: dict[str, Any]) -> dict[str, Any]:
    """An explanation whose places count UTF-16 units, as JavaScript's strings do."""
    text = explanation["text"]
    units = [0]
    for character in text:
        units.append(units[-1] + (2 if ord(character) > 0xFFFF else 1))
    for token in explanation["explanation"]:
        token["start"], token["end"] = units[token["start"]], units[token["end"]]
    return explanation
