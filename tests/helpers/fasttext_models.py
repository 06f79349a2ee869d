"""Small models that fastText trained, and its answers (dev/fasttext_fixtures.py)."""

import json
from pathlib import Path

import pytest

PLACE = Path(__file__).resolve().parent.parent / "fasttext" / "models"
EXPECTED = json.loads((PLACE / "expected.json").read_text(encoding="utf-8"))
LINES = [line.encode("latin-1") for line in EXPECTED["lines"]]
WORDS = EXPECTED["words"]
MODELS = EXPECTED["models"]
CLASSIFIERS = sorted(name for name, said in MODELS.items() if "predict" in said)
VECTORS = sorted(set(MODELS) - set(CLASSIFIERS))

every_model = pytest.mark.parametrize("name", sorted(MODELS))
every_classifier = pytest.mark.parametrize("name", CLASSIFIERS)
