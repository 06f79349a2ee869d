"""The format of a model folder: its version and the names of its files."""

from __future__ import annotations

from typing import Final

FORMAT_VERSION: Final = 1

MODEL_TYPE: Final = "wave-network"
CONFIG: Final = "config.json"
WEIGHTS: Final = "model.safetensors"
TOKENIZER: Final = "tokenizer.json"
TOKENIZER_CONFIG: Final = "tokenizer_config.json"
CARD: Final = "README.md"
HISTORY: Final = "history.jsonl"
METRICS: Final = "metrics.json"
CONFORMAL: Final = "conformal.json"
OUT_OF_SCOPE: Final = "out_of_scope.safetensors"
EXPORT: Final = "export"
"""The section of `config.json` that marks an export, which is not a model folder."""
MODEL_FILES: Final = frozenset(
    (CONFIG, WEIGHTS, TOKENIZER, TOKENIZER_CONFIG, CARD, HISTORY, METRICS, CONFORMAL)
) | {OUT_OF_SCOPE}
"""All files that any version writes into a model folder."""

LANGUAGE_MODEL: Final = "wave-lm"
"""`WaveLMConfig.architecture`, for classifiers, which start faster without that module."""

FASTTEXT_PRESET: Final = "fasttext"
"""What stands for the preset of a model that fastText trained."""

CHECKED: Final = (WEIGHTS, TOKENIZER, CONFORMAL, OUT_OF_SCOPE)
"""The files that decide the answers: `config.json` has their checksums. Metrics and history contain
times, so with their checksums the same training would not give the same `config.json`."""

CHECKSUMS: Final = "checksums"
"""The section of `config.json` with the checksums."""
