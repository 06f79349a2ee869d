"""How a model is trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from math import sqrt
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, get_args

from wave_network.config.base import Label
from wave_network.config.checks import (
    check_choice,
    check_finite,
    check_range,
    check_whole,
    plain_class_weight,
)
from wave_network.errors import ConfigError

if TYPE_CHECKING:
    from typing_extensions import Self

Schedule: TypeAlias = Literal["constant", "linear"]


Initialization: TypeAlias = Literal["random", "latent-semantics"]


ClassWeight: TypeAlias = Literal["balanced"] | Mapping[Label, float]


Device: TypeAlias = Literal["auto", "cpu", "cuda", "mps"]


LEAST_STEPS: Final = 250
"""Larger batches are no less accurate, and quicker, as long as there are so many."""


FEW_TEXTS: Final = 10_000
"""Where there are fewer, the tenth held out is missed most, and a refit takes seconds."""


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """How a model is trained.

    Attributes:
        epochs: Passes over the training texts, at most.
        min_steps: With few texts, passes are added until there are this many steps.
        batch_size: Texts a step.
        max_batch_size: With many texts a step takes twice as many, and again twice, up to so many,
            see `batch_size_for`; None: never.
        learning_rate: AdamW's step size at its peak; less where `min_steps` adds passes, and more
            where batches are larger, see `learning_rate_for`.
        embedding_rate: The embedding tables' step size, in learning rates.
        embedding_epsilon: What is added to the root of Adam's second moment for the tables. Well
            above their rare rows' gradients it lets those rows move less, and overfit less.
        weight_decay: AdamW's decoupled weight decay, on matrices outside the embedding table.
        warmup: Share of all steps over which the learning rate rises from 0.
        schedule: After the warm-up: `constant`, or `linear` decay to 0.
        max_grad_norm: Gradients are scaled to this joint L2 norm if above it; None: never.
        token_dropout: Probability with which a token is left out of its text in a step.
        label_smoothing: Share of the target spread evenly over all classes.
        patience: Epochs without a better validation accuracy (with several labels a text: micro
            F1) before stopping; None: never stop.
        initialization: Where the token embeddings start: at `random`, or at the vectors that a
            latent semantic analysis of the training texts gives (`LocalWaveConfig` alone).
        base_model: The model that was trained on: a model folder, or `hub:OWNER/NAME`; None: from
            scratch.
        teacher: A classifier to learn from as well: a model folder, a folder of `transformers`, or
            a Hub id.
        distillation_weight: The share of the teacher's probabilities in what labelled texts are to
            be answered with; the labels have the rest. Without a teacher, where a model is trained
            on: the share of what that model answered, in texts of its classes.
        distillation_temperature: With a teacher, what its texts are to be answered with and the
            model's own answers are compared as softened by it: logits are divided by it.
        validation_fraction: Share of the training texts held out where no validation is given.
        refit: Whether a second model is learnt from all texts, those held out included, in as many
            epochs as served the first best. It answers with the first one's temperature, thresholds
            and label sets. None: where there are fewer than `FEW_TEXTS` in all. Without effect
            where validation texts are given.
        class_weight: How much the texts of each class count: `balanced` gives all classes the same
            joint weight; a mapping gives weights by label, 1 where it names none; None: all texts
            alike.
        calibrate: Whether a temperature is fitted on the validation texts.
        seed: Seeds the split, the start, the order and the dropouts.
        device: Where to train; `auto` takes a GPU if there is one.
    """

    epochs: int = 6
    min_steps: int = 0
    batch_size: int = 128
    max_batch_size: int | None = None
    learning_rate: float = 4e-3
    embedding_rate: float = 1.0
    embedding_epsilon: float = 1e-8
    weight_decay: float = 0.01
    warmup: float = 0.05
    schedule: Schedule = "linear"
    max_grad_norm: float | None = 1.0
    token_dropout: float = 0.5
    label_smoothing: float = 0.0
    patience: int | None = None
    initialization: Initialization = "random"
    base_model: str | None = None
    teacher: str | None = None
    distillation_weight: float = 0.5
    distillation_temperature: float = 2.0
    validation_fraction: float = 0.1
    refit: bool | None = False
    class_weight: ClassWeight | None = None
    calibrate: bool = True
    seed: int = 0
    device: Device = "auto"

    def __post_init__(self) -> None:
        """Refuse values that no training could use.

        Raises:
            ConfigError: Naming the field, its value and what it may be.
        """
        check_choice("schedule", self.schedule, get_args(Schedule))
        check_choice("initialization", self.initialization, get_args(Initialization))
        check_choice("device", self.device, get_args(Device))
        check_choice("calibrate", self.calibrate, (True, False))
        check_choice("refit", self.refit, (True, False, None))
        check_whole(self, "epochs", "min_steps", "batch_size", "seed")
        check_finite(
            self,
            *("learning_rate", "embedding_rate", "embedding_epsilon", "weight_decay", "warmup"),
            *("token_dropout", "label_smoothing", "validation_fraction"),
            *("distillation_weight", "distillation_temperature"),
        )
        if self.max_grad_norm is not None:
            check_finite(self, "max_grad_norm")
        for name in ("epochs", "batch_size"):
            check_range(name, getattr(self, name), 1, None)
        check_range("min_steps", self.min_steps, 0, None)
        for name in ("patience", "max_batch_size"):
            if getattr(self, name) is not None:
                check_whole(self, name)
                check_range(name, getattr(self, name), 1, None)
        for name in ("warmup", "token_dropout", "label_smoothing"):
            check_range(name, getattr(self, name), 0.0, 0.99)
        check_range("distillation_weight", self.distillation_weight, 0.0, 1.0)
        check_range("validation_fraction", self.validation_fraction, 0.01, 0.9)
        check_range("weight_decay", self.weight_decay, 0.0, None)
        check_range("seed", self.seed, 0, 2**32 - 1)
        for name in (
            *("learning_rate", "max_grad_norm", "embedding_rate", "embedding_epsilon"),
            "distillation_temperature",
        ):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ConfigError(f"{name} must be above 0, not {value}")

        if self.class_weight is not None and self.class_weight != "balanced":
            object.__setattr__(self, "class_weight", plain_class_weight(self.class_weight))

    @property
    def loss_temperature(self) -> float:
        """What logits are divided by in the loss: a teacher's answers come softened."""
        return 1.0 if self.teacher is None else self.distillation_temperature

    def refits(self, texts: int) -> bool:
        """Whether to refit with that many texts, those held out included."""
        return texts < FEW_TEXTS if self.refit is None else self.refit

    def epochs_for(self, texts: int) -> int:
        """Passes over that many texts: `epochs`, or more where `min_steps` asks for it."""
        steps = -(-texts // self.batch_size)
        return max(self.epochs, -(-self.min_steps // steps))

    def batch_size_for(self, texts: int) -> int:
        """Texts a step of that many: doubled while `LEAST_STEPS` are left."""
        size = self.batch_size
        while 2 * size <= (self.max_batch_size or 0):
            if self.epochs * texts < LEAST_STEPS * 2 * size:
                break
            size *= 2
        return size

    def learning_rate_for(self, texts: int) -> float:
        """The peak for that many texts.

        Added passes lower it, by the root of their factor; larger batches raise it, by their
        factor to the power of 0.8: three times for batches of 4 times the size.
        """
        larger = float((self.batch_size_for(texts) / self.batch_size) ** 0.8)
        return self.learning_rate * sqrt(self.epochs / self.epochs_for(texts)) * larger

    def for_texts(self, texts: int) -> Self:
        """The same training of that many texts, with its passes, batches and rate as they are."""
        return replace(
            self,
            epochs=self.epochs_for(texts),
            min_steps=0,
            batch_size=self.batch_size_for(texts),
            max_batch_size=None,
            learning_rate=self.learning_rate_for(texts),
        )

    def to_dict(self) -> dict[str, Any]:
        """The fields as plain JSON values."""
        return asdict(self)


def override(config: TrainConfig, **values: Any) -> TrainConfig:  # noqa: ANN401
    """Replace the fields whose new value is not None; epochs and batches are meant exactly."""
    given = {name: value for name, value in values.items() if value is not None}
    exact = replace(
        config,
        min_steps=0 if "epochs" in given else config.min_steps,
        max_batch_size=None if "batch_size" in given else config.max_batch_size,
    )
    return replace(exact, **given)
