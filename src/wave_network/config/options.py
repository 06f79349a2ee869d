"""The options of training: each one's meaning, values and default, declared once.

`TrainConfig` and `ClassifierConfig` check their fields by this table, and `train` and `tune` take
their help from it. The docstrings of `TrainConfig` and `WaveClassifier` repeat its sentences for
readers of the documentation; a test holds them to it. The values of the defaults stand in
`TrainConfig` and in the presets.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias, get_args

from wave_network.config.checks import (
    check_choice,
    check_range,
    plain_class_weight,
    plain_finite,
    plain_source,
    plain_whole,
)
from wave_network.errors import ConfigError, option_name

Label: TypeAlias = str | int | float
"""A class: a string, an integer, a boolean or a whole float, as in the training data."""

Operation: TypeAlias = Literal["modulation", "interference"]
Schedule: TypeAlias = Literal["constant", "linear"]
Initialization: TypeAlias = Literal["random", "latent-semantics"]
ClassWeight: TypeAlias = Literal["balanced"] | Mapping[Label, float]
Device: TypeAlias = Literal["auto", "cpu", "cuda", "mps"]
MixedPrecision: TypeAlias = Literal["no", "bf16", "fp16"]

PRESET_NAMES: Final = ("small", "tiny", "large", "paper")

FEW_TEXTS: Final = 10_000
"""With fewer texts a refit takes only seconds, and the texts held out are missed most."""

AUTO_VECTORS: Final = "auto"
"""The value of the option `vectors` for those of the package, if they help."""

NO_VECTORS: Final = "none"
"""The value of the option `vectors` for none."""

Check: TypeAlias = Callable[[str, Any], Any]
"""Takes an option's name and value; returns the value in plain Python, or raises `ConfigError`."""


def whole(low: int, high: int | None = None) -> Check:
    """Allow whole numbers of a range."""

    def check(name: str, value: object) -> int:
        number = plain_whole(name, value)
        check_range(name, number, low, high)
        return number

    return check


def number(low: float, high: float | None = None) -> Check:
    """Allow numbers of a range."""

    def check(name: str, value: object) -> float:
        plain = plain_finite(name, value)
        check_range(name, plain, low, high)
        return plain

    return check


def above_zero(name: str, value: object) -> float:
    """Allow numbers above 0."""
    plain = plain_finite(name, value)
    if not plain > 0:
        raise ConfigError(f"{option_name(name)} must be above 0, not {value}")
    return plain


def one_of(*choices: object) -> Check:
    """Allow these values alone."""

    def check(name: str, value: object) -> object:
        check_choice(name, value, choices)
        return value

    return check


@dataclass(frozen=True)
class Option:
    """An option of training.

    Attributes:
        name: The name in Python and in JSON.
        check: What the value may be.
        help: What it means, in one sentence or two.
        default: Its default, in words; empty where the help says it, or where there is no option
            of the command line.
        optional: Whether None is a value.
    """

    name: str
    check: Check
    help: str
    default: str = ""
    optional: bool = False

    def checked(self, value: object) -> Any:  # noqa: ANN401
        """The value in plain Python.

        Raises:
            ConfigError: Naming the option, the value, and what it may be.
        """
        return None if value is None and self.optional else self.check(self.name, value)


_PRESETS: Final = "the preset's"

_MODEL: Final = (
    Option(
        "preset",
        one_of(*PRESET_NAMES),
        "Model size and training recipe: tiny (up to 0.4M parameters), small (up to 2.4M), large "
        "(up to 25M) or paper (the papers' own model).",
        "small, or that of the continued model",
    ),
    Option(
        "tokenizer",
        plain_source,
        "Where to take the tokenizer from: a folder, a tokenizer.json or a Hub id (OWNER/NAME).",
        "one trained on the texts (paper: BERT's, if the Hub can be reached)",
        optional=True,
    ),
    Option(
        "operation",
        one_of(*get_args(Operation)),
        "How the two waves are combined: modulation (multiplied) or interference (added).",
        _PRESETS,
    ),
    Option(
        "max_length",
        whole(2),
        "Tokens read from each text; the rest is ignored.",
        _PRESETS,
    ),
)

_TRAINING: Final = (
    Option("epochs", whole(1), "Maximum number of passes over the training texts.", _PRESETS),
    Option(
        "min_steps",
        whole(0),
        "Minimum number of training steps; with few texts, epochs are added to reach it.",
    ),
    Option(
        "batch_size",
        whole(1),
        "Texts per training step.",
        "the preset's, or more with many texts",
    ),
    Option(
        "micro_batch_size",
        whole(1),
        "Texts that a process computes at once, to save memory: the gradients of its share of a "
        "batch are accumulated. Trains with torch.",
        "the whole share",
        optional=True,
    ),
    Option(
        "max_batch_size",
        whole(1),
        "Largest batch: with many texts, the batch size is doubled up to this limit.",
        optional=True,
    ),
    Option(
        "learning_rate",
        above_zero,
        "Peak learning rate of AdamW. Batches that are enlarged automatically raise it.",
        _PRESETS,
    ),
    Option(
        "embedding_rate",
        above_zero,
        "Learning rate of the embedding tables, as a multiple of the learning rate.",
    ),
    Option(
        "embedding_epsilon",
        above_zero,
        "Adam's epsilon for the embedding tables; a large one moves rare tokens less, so that they "
        "overfit less.",
    ),
    Option(
        "weight_decay",
        number(0.0),
        "Decoupled weight decay of AdamW, for matrices other than the embedding tables.",
    ),
    Option(
        "warmup", number(0.0, 0.99), "Share of all steps over which the learning rate rises from 0."
    ),
    Option(
        "schedule",
        one_of(*get_args(Schedule)),
        "Learning rate after the warm-up: constant, or linear decay to 0.",
    ),
    Option(
        "max_grad_norm",
        above_zero,
        "Gradients are clipped to this joint L2 norm; None: no clipping.",
        optional=True,
    ),
    Option(
        "token_dropout", number(0.0, 0.99), "Probability of dropping each token in a training step."
    ),
    Option(
        "label_smoothing",
        number(0.0, 0.99),
        "Share of the training target that is spread evenly over all classes.",
    ),
    Option(
        "patience",
        whole(1),
        "Stop after this many epochs without a better validation accuracy (multi-label: micro F1).",
        "never",
        optional=True,
    ),
    Option(
        "initialization",
        one_of(*get_args(Initialization)),
        "Initial token embeddings: random, or latent-semantics, the vectors of a latent semantic "
        "analysis of the training texts.",
    ),
    Option(
        "base_model",
        plain_source,
        "Model to continue training: a model folder, or hub:OWNER/NAME. New labels and words are "
        "added; its preset and tokenizer stay.",
        "train from scratch",
        optional=True,
    ),
    Option(
        "teacher",
        plain_source,
        "Classifier of the same classes to learn from as well: a model folder, a transformers "
        "folder (such as a fine-tuned BERT), or a Hub id (OWNER/NAME).",
        "none",
        optional=True,
    ),
    Option(
        "distillation_weight",
        number(0.0, 1.0),
        "Weight of the teacher's probabilities in the training targets, 0 to 1; the given labels "
        "get the remainder. When a model is continued without a teacher, its own probabilities "
        "take the teacher's place.",
        "0.5",
    ),
    Option(
        "distillation_temperature",
        above_zero,
        "Temperature that softens the teacher's and the model's probabilities in the loss.",
    ),
    Option(
        "validation_fraction",
        number(0.01, 0.9),
        "Share of the training texts held out for validation if no validation data is given.",
    ),
    Option(
        "refit",
        one_of(True, False, None),
        "Train a second time on all texts, those held out for validation included: more accurate, "
        "in twice the time.",
        f"with large always, with small and tiny if there are fewer than {FEW_TEXTS:,} texts",
    ),
    Option(
        "class_weight",
        plain_class_weight,
        "Weight of each class: balanced gives all classes the same total weight; otherwise a "
        "weight by label, 1 where none is given.",
        "all texts count alike",
        optional=True,
    ),
    Option(
        "calibrate",
        one_of(True, False),
        "Calibration fits a temperature on the validation texts, so that a probability of 0.9 is "
        "right in 9 of 10 cases.",
    ),
    Option(
        "vectors",
        plain_source,
        "Word vectors to start with: none; auto, the packaged English ones, if there are at most "
        "5,000 texts and cross-validation says that they help; or a source: a model2vec folder, a "
        ".vec file of fastText or GloVe, a sentence encoder, or hub:OWNER/NAME.",
        "auto",
    ),
    Option(
        "keep_vocabulary",
        one_of(True, False),
        "Keep all words of the vectors, not only as many as the preset has room for.",
    ),
    Option(
        "seed",
        whole(0, 2**32 - 1),
        "Seed of everything random: the same seed gives the same model.",
        "0",
    ),
    Option(
        "device",
        one_of(*get_args(Device)),
        "Device to train on: cpu, cuda, mps, or auto: a GPU if there is one for the papers' model; "
        "small, tiny and large train on the CPU.",
        "auto",
    ),
    Option(
        "mixed_precision",
        one_of(*get_args(MixedPrecision)),
        "Compute matrix products in 16 bits: no, bf16 or fp16. Weights, waves and losses stay in "
        "32 bits. Trains with torch.",
        "no",
    ),
)

_RUNNING: Final = (
    Option(
        "threads",
        whole(1),
        "Number of threads. The results do not depend on it.",
        "all cores that the process may use",
        optional=True,
    ),
    Option(
        "cache",
        plain_source,
        "Folder to keep what was read and encoded in: a later training of the same data starts "
        "with it.",
        "nothing is kept",
        optional=True,
    ),
)

TRAINING_OPTIONS: Final[Mapping[str, Option]] = {option.name: option for option in _TRAINING}
"""The fields of `TrainConfig`, in their order."""

OPTIONS: Final[Mapping[str, Option]] = {
    **{option.name: option for option in _MODEL},
    **TRAINING_OPTIONS,
    **{option.name: option for option in _RUNNING},
}
"""All options, by name."""


def check_options(config: object, *names: str) -> None:
    """Check fields of a frozen dataclass by the table, and store them in plain Python.

    Raises:
        ConfigError: Naming the option, the value, and what it may be.
    """
    for name in names:
        object.__setattr__(config, name, OPTIONS[name].checked(getattr(config, name)))
