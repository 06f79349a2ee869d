"""How a model is trained."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from math import sqrt
from typing import TYPE_CHECKING, Any, Final

from wave_network.config.options import (
    FEW_TEXTS,
    TRAINING_OPTIONS,
    ClassWeight,
    Device,
    Initialization,
    MixedPrecision,
    Schedule,
    check_options,
)

if TYPE_CHECKING:
    from typing_extensions import Self

LEAST_STEPS: Final = 250
"""With at least this many steps, larger batches are faster and no less accurate."""


_TEXTS_FOR_ALL_STEPS: Final = 1_000
_LEAST_SHARE: Final = 0.2  # of the steps

FEW_TEXTS_IN_CHARACTERS: Final = 20_000
"""As `FEW_TEXTS`, for scripts without spaces: most n-grams of characters are rare."""


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """How a model is trained.

    Attributes:
        epochs: Maximum number of passes over the training texts.
        min_steps: Minimum number of training steps; with few texts, epochs are added to reach it.
            Below 1,000 texts, which the linear part learns better than the waves, it falls in
            proportion, down to a fifth.
        batch_size: Texts per training step.
        micro_batch_size: Texts that a process computes at once, to save memory: the gradients of
            its share of a batch are accumulated. Trains with torch. None: the whole share.
        max_batch_size: Largest batch: with many texts, the batch size is doubled up to this limit.
            See `batch_size_for`. None: no doubling.
        learning_rate: Peak learning rate of AdamW. Batches that are enlarged automatically raise
            it. Epochs that `min_steps` adds lower it. See `learning_rate_for`.
        embedding_rate: Learning rate of the embedding tables, as a multiple of the learning rate.
        embedding_epsilon: Adam's epsilon for the embedding tables; a large one moves rare tokens
            less, so that they overfit less.
        weight_decay: Decoupled weight decay of AdamW, for matrices other than the embedding tables.
        warmup: Share of all steps over which the learning rate rises from 0.
        schedule: Learning rate after the warm-up: `constant`, or `linear` decay to 0.
        max_grad_norm: Gradients are clipped to this joint L2 norm; None: no clipping.
        token_dropout: Probability of dropping each token in a training step.
        label_smoothing: Share of the training target that is spread evenly over all classes.
        patience: Stop after this many epochs without a better validation accuracy (multi-label:
            micro F1). None: never.
        initialization: Initial token embeddings: `random`, or `latent-semantics`, the vectors of a
            latent semantic analysis of the training texts. For `LocalWaveConfig` only.
        base_model: Model to continue training: a model folder, or `hub:OWNER/NAME`. New labels and
            words are added; its preset and tokenizer stay. None: train from scratch.
        teacher: Classifier of the same classes to learn from as well: a model folder, a
            `transformers` folder (such as a fine-tuned BERT), or a Hub id (`OWNER/NAME`).
        distillation_weight: Weight of the teacher's probabilities in the training targets, 0 to 1;
            the given labels get the remainder. When a model is continued without a teacher, its own
            probabilities take the teacher's place.
        distillation_temperature: Temperature that softens the teacher's and the model's
            probabilities in the loss.
        validation_fraction: Share of the training texts held out for validation if no validation
            data is given.
        refit: Train a second time on all texts, those held out for validation included: more
            accurate, in twice the time. The second model is trained for the first one's best number
            of epochs and keeps its temperature and thresholds. None: with fewer than `FEW_TEXTS`
            texts, or `FEW_TEXTS_IN_CHARACTERS` in scripts without spaces. No effect if validation
            data is given.
        class_weight: Weight of each class: `balanced` gives all classes the same total weight;
            otherwise a weight by label, 1 where none is given. None: all texts count alike.
        calibrate: Calibration fits a temperature on the validation texts, so that a probability of
            0.9 is right in 9 of 10 cases. False: no calibration.
        vectors: Word vectors to start with: `none`; `auto`, the packaged English ones, if there are
            at most 5,000 texts and cross-validation says that they help; or a source: a model2vec
            folder, a .vec file of fastText or GloVe, a sentence encoder, or hub:OWNER/NAME.
        keep_vocabulary: Keep all words of the vectors, not only as many as the preset has room for.
        seed: Seed of everything random: the same seed gives the same model.
        device: Device to train on: `cpu`, `cuda`, `mps`, or `auto`: a GPU if there is one for the
            papers' model; `small`, `tiny` and `large` train on the CPU.
        mixed_precision: Compute matrix products in 16 bits: `no`, `bf16` or `fp16`. Weights, waves
            and losses stay in 32 bits. Trains with torch.
    """

    epochs: int = 6
    min_steps: int = 0
    batch_size: int = 128
    micro_batch_size: int | None = None
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
    vectors: str = "auto"
    keep_vocabulary: bool = False
    seed: int = 0
    device: Device = "auto"
    mixed_precision: MixedPrecision = "no"

    def __post_init__(self) -> None:
        """Check every field.

        Raises:
            ConfigError: Naming the field, its value and what it may be.
        """
        check_options(self, *TRAINING_OPTIONS)

    @property
    def loss_temperature(self) -> float:
        """Divisor of the logits in the loss; above 1 only with a teacher."""
        return 1.0 if self.teacher is None else self.distillation_temperature

    def refits(self, texts: int, *, characters: bool = False) -> bool:
        """Whether to refit with this many texts, held-out ones included.

        Args:
            texts: The number of texts.
            characters: Whether most tokens are characters, as in scripts without spaces.
        """
        few = FEW_TEXTS_IN_CHARACTERS if characters else FEW_TEXTS
        return texts < few if self.refit is None else self.refit

    def epochs_for(self, texts: int) -> int:
        """Epochs for this many texts: `epochs`, or more to reach `min_steps`."""
        steps = -(-texts // self.batch_size)
        share = min(max(texts / _TEXTS_FOR_ALL_STEPS, _LEAST_SHARE), 1.0)
        return max(self.epochs, -(-round(share * self.min_steps) // steps))

    def batch_size_for(self, texts: int) -> int:
        """Batch size for this many texts: doubled while `LEAST_STEPS` steps remain."""
        size = self.batch_size
        while 2 * size <= (self.max_batch_size or 0):
            if self.epochs * texts < LEAST_STEPS * 2 * size:
                break
            size *= 2
        return size

    def learning_rate_for(self, texts: int) -> float:
        """Peak learning rate for this many texts.

        Added epochs divide it by the square root of their factor. Larger batches multiply it by
        their factor to the power of 0.8: batches four times as large triple it.
        """
        larger = float((self.batch_size_for(texts) / self.batch_size) ** 0.8)
        return self.learning_rate * sqrt(self.epochs / self.epochs_for(texts)) * larger

    def for_texts(self, texts: int) -> Self:
        """The same training with the epochs, batch size and learning rate for this many texts."""
        return replace(
            self,
            epochs=self.epochs_for(texts),
            min_steps=0,
            batch_size=self.batch_size_for(texts),
            max_batch_size=None,
            learning_rate=self.learning_rate_for(texts),
        )

    def to_dict(self) -> dict[str, Any]:
        """The fields as JSON values."""
        return asdict(self)


def override(config: TrainConfig, **values: Any) -> TrainConfig:  # noqa: ANN401
    """Replace the fields whose new value is not None.

    Given epochs are not raised to reach `min_steps`, and a given batch size is not enlarged.
    """
    given = {name: value for name, value in values.items() if value is not None}
    exact = replace(
        config,
        min_steps=0 if "epochs" in given else config.min_steps,
        max_batch_size=None if "batch_size" in given else config.max_batch_size,
    )
    return replace(exact, **given)
