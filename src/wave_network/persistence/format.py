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
EXPORT: Final = "export"
"""The section of `config.json` that marks an export, which is not a model folder."""
