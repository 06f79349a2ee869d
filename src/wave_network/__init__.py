"""Wave Network: tiny text classifiers, and the reference implementation of the two papers.

The public names load on first use, so that `import wave_network` is quick and needs no torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from wave_network._version import __version__

if TYPE_CHECKING:
    from wave_network import ops as ops
    from wave_network.config import PRESETS, ModelConfig, TrainConfig
    from wave_network.errors import WaveNetworkError
    from wave_network.estimator import WaveClassifier
    from wave_network.few_labels.suggestions.suggest import Suggestion, suggest
    from wave_network.runtime import Prediction, load
    from wave_network.runtime.language_model import LanguageModel
    from wave_network.training.pretraining.run import pretrain

__all__ = [
    "PRESETS",
    "LanguageModel",
    "ModelConfig",
    "Prediction",
    "Suggestion",
    "TrainConfig",
    "WaveClassifier",
    "WaveNetworkError",
    "__version__",
    "load",
    "ops",
    "pretrain",
    "suggest",
]

_HOMES = {
    "PRESETS": "config",
    "LanguageModel": "runtime.language_model",
    "ModelConfig": "config",
    "Prediction": "runtime",
    "Suggestion": "few_labels.suggestions.suggest",
    "TrainConfig": "config",
    "WaveClassifier": "estimator",
    "WaveNetworkError": "errors",
    "load": "runtime",
    "pretrain": "training.pretraining.run",
    "suggest": "few_labels.suggestions.suggest",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401
    if name == "ops":
        from wave_network.errors import extra_needed

        with extra_needed("torch", "wave_network.ops"):
            return import_module("wave_network.ops")
    if name in _HOMES:
        return getattr(import_module(f"wave_network.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'wave_network' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
