"""What a model is and how it is trained: frozen dataclasses, their JSON form, and the presets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from math import sqrt
from numbers import Real
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal, TypeAlias, get_args

from wave_network.errors import ConfigError
from wave_network.field_checks import (
    check_choice,
    check_finite,
    check_range,
    check_whole,
    plain_class_weight,
)
from wave_network.local_waves import Ngram, largest_prime

if TYPE_CHECKING:
    from typing_extensions import Self

Label: TypeAlias = str | int
ProblemType: TypeAlias = Literal["single_label_classification", "multi_label_classification"]
Operation: TypeAlias = Literal["modulation", "interference"]
Readout: TypeAlias = Literal["concat", "magnitude", "real", "imaginary"]
Pooling: TypeAlias = Literal["cls", "mean"]
Positions: TypeAlias = Literal["learned", "sinusoidal", "none"]
Variants: TypeAlias = Literal["linear", "embedding"]
Level: TypeAlias = Literal["sentence", "input"]
Schedule: TypeAlias = Literal["constant", "linear"]
Initialization: TypeAlias = Literal["random", "latent-semantics"]
ClassWeight: TypeAlias = Literal["balanced"] | Mapping[Label, float]
Device: TypeAlias = Literal["auto", "cpu", "cuda", "mps"]

FORMAT_VERSION: Final = 1

EMBEDDING_TABLES: Final = ("embedding", "bigrams", "linear.tokens", "linear.bigrams")
"""The modules that hold a row a token or a pair of tokens: most of a model's parameters."""


@dataclass(frozen=True, kw_only=True)
class ClassifierConfig:
    """What the shapes of all architectures have in common.

    Attributes:
        labels: The classes, in the order of the logits: strings or integers, as in the data.
        vocab_size: Rows of the token embedding.
        cls_token_id: The id of `[CLS]`, the first token of every text.
        max_length: Tokens read of one text, `[CLS]` included.
        operation: How two waves combine (paper 1, section 3.2).
        initializer_range: Standard deviation of the embedding's random start.
        problem_type: Whether a text has one of the labels or any number of them. What a logit
            means follows: the softmax of all gives probabilities of one label, the sigmoid of
            each the probability that the text has that label.
        thresholds: Of several labels a text, from which probability on each one is given; None:
            0.5. Always None where a text has one label.
    """

    labels: tuple[Label, ...]
    vocab_size: int
    cls_token_id: int
    max_length: int = 512
    operation: Operation = "modulation"
    initializer_range: float = 0.1
    problem_type: ProblemType = "single_label_classification"
    thresholds: tuple[float, ...] | None = None

    architecture: ClassVar[str]

    def __post_init__(self) -> None:
        """Refuse values that no model could have.

        Raises:
            ConfigError: Naming the field, its value and what it may be.
        """
        check_choice("operation", self.operation, get_args(Operation))
        check_whole(self, "vocab_size", "cls_token_id", "max_length")
        check_finite(self, "initializer_range")
        check_range("vocab_size", self.vocab_size, 1, None)
        check_range("max_length", self.max_length, 2, None)
        check_range("cls_token_id", self.cls_token_id, 0, self.vocab_size - 1)
        check_range("initializer_range", self.initializer_range, 0.0, None)
        check_choice("problem_type", self.problem_type, get_args(ProblemType))
        least, said = (1, "one label") if self.is_multi_label else (2, "two labels")
        if len(self.labels) < least:
            raise ConfigError(f"a classifier needs at least {said}, not {list(self.labels)}")
        if len(set(self.labels)) != len(self.labels):
            raise ConfigError("the labels are not distinct")
        if self.thresholds is not None:
            self._check_thresholds(self.thresholds)

    def _check_thresholds(self, thresholds: tuple[float, ...]) -> None:
        if not self.is_multi_label:
            raise ConfigError(f"thresholds are for multi-label models; this is {self.problem_type}")
        if len(thresholds) != self.num_labels:
            raise ConfigError(f"{len(thresholds)} thresholds do not fit {self.num_labels} labels")
        if not all(isinstance(value, Real) and 0 <= value <= 1 for value in thresholds):
            raise ConfigError(f"thresholds must be between 0 and 1; got {list(thresholds)}")

    @property
    def num_labels(self) -> int:
        """Number of classes."""
        return len(self.labels)

    @property
    def is_multi_label(self) -> bool:
        """Whether a text may have several labels, or none."""
        return self.problem_type == "multi_label_classification"

    @property
    def label_thresholds(self) -> tuple[float, ...]:
        """The probability from which on each label of a multi-label model is given."""
        return self.thresholds or (0.5,) * self.num_labels

    @property
    def reads_sentences(self) -> bool:
        """Whether the model needs to know where sentences start."""
        return False

    def to_dict(self) -> dict[str, Any]:
        """The fields as plain JSON values."""
        thresholds = None if self.thresholds is None else list(self.thresholds)
        return {**asdict(self), "labels": list(self.labels), "thresholds": thresholds}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Rebuild from `to_dict`.

        Raises:
            ConfigError: On an unknown or missing field, or a value out of range.
        """
        known = {item.name for item in fields(cls)}
        if unknown := sorted(set(values) - known):
            raise ConfigError(f"unknown model field {unknown[0]!r}: made by a newer version?")
        try:
            tuples = {"labels": tuple(values["labels"])}
            if values.get("thresholds") is not None:
                tuples["thresholds"] = tuple(values["thresholds"])
            return cls(**{**values, **tuples})
        except (TypeError, KeyError) as error:
            raise ConfigError(f"the model's configuration is incomplete: {error}") from error


@dataclass(frozen=True, kw_only=True)
class ModelConfig(ClassifierConfig):
    """The shape of a `WaveNetwork`, the papers' model, and of its variations.

    Attributes:
        hidden_size: Dimensions of a token (paper 1, section 4: 768).
        readout: The complex-to-real map g: `[Re, Im]`, the magnitude, or one part.
        pooling: What the classifier sees: the `[CLS]` row, or the mean over the text's tokens.
        positions: The positional encoding added to the embeddings before conversion.
        variants: `linear` makes both variants from one embedding by linear layers, as the papers
            do; `embedding` stores the two variants as two tables, which is what the linear form
            folds into, and saves the layers. `embedding` needs `num_layers == 1`.
        num_layers: Wave layers; above one, each adds to its input (paper 1, Eq. 8).
        levels: Over what the first and the second variant take their global semantics: the whole
            input, or the sentence (paper 1, Fig. 6a).
        dropout: Probability of zeroing an element of a layer's output while training.

    The other fields are those of `ClassifierConfig`.
    """

    hidden_size: int = 128
    readout: Readout = "concat"
    pooling: Pooling = "cls"
    positions: Positions = "none"
    variants: Variants = "embedding"
    num_layers: int = 1
    levels: tuple[Level, Level] = ("input", "input")
    dropout: float = 0.0

    architecture = "wave"

    def __post_init__(self) -> None:
        """As `ClassifierConfig`'s."""
        super().__post_init__()
        check_choice("readout", self.readout, get_args(Readout))
        check_choice("pooling", self.pooling, get_args(Pooling))
        check_choice("positions", self.positions, get_args(Positions))
        check_choice("variants", self.variants, get_args(Variants))
        check_choice("levels", self.levels, (("input", "input"), ("sentence", "input")))
        check_whole(self, "hidden_size", "num_layers")
        check_finite(self, "dropout")
        for name in ("hidden_size", "num_layers"):
            check_range(name, getattr(self, name), 1, None)
        check_range("dropout", self.dropout, 0.0, 0.99)
        if self.variants == "embedding" and self.num_layers > 1:
            raise ConfigError('variants="embedding" has no second layer: use variants="linear"')

    @property
    def embedding_size(self) -> int:
        """Columns of the embedding table: both variants when they are stored, else one row."""
        return self.hidden_size * (2 if self.variants == "embedding" else 1)

    @property
    def reads_sentences(self) -> bool:
        """Whether a level is the sentence."""
        return "sentence" in self.levels

    def to_dict(self) -> dict[str, Any]:
        """The fields as plain JSON values."""
        return {**super().to_dict(), "levels": list(self.levels)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """As `ClassifierConfig.from_dict`."""
        if isinstance(levels := values.get("levels"), list):
            values = {**values, "levels": tuple(levels)}
        return super().from_dict(values)


@dataclass(frozen=True, kw_only=True)
class LocalWaveConfig(ClassifierConfig):
    """The shape of a `LocalWaveNetwork`: neighbours' waves and hashed pairs of tokens.

    Attributes:
        hidden_size: Dimensions of each of a token's two variants, for each member.
        bigram_buckets: Rows of the table that pairs of neighbouring tokens share by hashing; best
            a prime number.
        bigram_size: Its columns, for each member.
        feed_forward_size: Width of the feed-forward layer.
        members: Classifiers that read columns of their own, learn each by itself, and answer with
            their mean.
        linear_size: Numbers that the linear part may keep for hashed n-grams; 0: no linear part.
            See `linear_buckets`.
        linear_ngrams: What the linear part reads beside tokens: `pair`s of neighbours, always;
            `skip-pair`s, a token and the one before its predecessor; `triple`s of neighbours. All
            share the buckets.

    The other fields are those of `ClassifierConfig`.
    """

    hidden_size: int = 16
    bigram_buckets: int = 262_139
    bigram_size: int = 4
    feed_forward_size: int = 64
    members: int = 1
    linear_size: int = 0
    linear_ngrams: tuple[Ngram, ...] = ("pair",)

    architecture = "local-wave"

    def __post_init__(self) -> None:
        """As `ClassifierConfig`'s."""
        super().__post_init__()
        sizes = ("hidden_size", "bigram_buckets", "bigram_size", "feed_forward_size", "members")
        check_whole(self, *sizes)
        for name in sizes:
            check_range(name, getattr(self, name), 1, None)
        check_whole(self, "linear_size")
        check_range("linear_size", self.linear_size, 0, None)
        self._check_ngrams()
        if self.initializer_range == 0:
            raise ConfigError("initializer_range must be above 0: waves that are 0 learn nothing")

    def _check_ngrams(self) -> None:
        if not isinstance(self.linear_ngrams, tuple):
            raise ConfigError(f"linear_ngrams must be a list; got {self.linear_ngrams!r}")
        for ngram in self.linear_ngrams:
            check_choice("linear_ngrams", ngram, get_args(Ngram))
        if "pair" not in self.linear_ngrams:
            raise ConfigError('linear_ngrams must name "pair"')
        if len(set(self.linear_ngrams)) != len(self.linear_ngrams):
            raise ConfigError("linear_ngrams must not name one twice")

    def to_dict(self) -> dict[str, Any]:
        """The fields as plain JSON values."""
        return {**super().to_dict(), "linear_ngrams": list(self.linear_ngrams)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """As `ClassifierConfig.from_dict`."""
        if isinstance(ngrams := values.get("linear_ngrams"), list):
            values = {**values, "linear_ngrams": tuple(ngrams)}
        return super().from_dict(values)

    @property
    def linear_buckets(self) -> int:
        """Rows of the linear part's hashed n-grams, each with a number a label; 0: no linear part.

        As many as `linear_size` allows, and a prime number. With so many labels that there would
        be less than 2.5 for each token there is no linear part: its tokens would outgrow a preset's
        number of parameters.
        """
        buckets = largest_prime(self.linear_size // self.num_labels)
        return buckets if buckets >= 2.5 * self.vocab_size else 0


ARCHITECTURES: Final[Mapping[str, type[ClassifierConfig]]] = {
    config.architecture: config for config in (ModelConfig, LocalWaveConfig)
}


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


@dataclass(frozen=True)
class Preset:
    """A named starting point: the model's shape, its vocabulary, and its training.

    Attributes:
        name: What `--preset` takes.
        config: The architecture's configuration class.
        model: Its fields that do not depend on the data.
        train: How it is trained.
        vocab_size: Entries of the tokenizer trained on the training texts.
        tokenizer: A tokenizer to prefer (a Hub id) where it can be had, or None.
    """

    name: str
    config: type[ClassifierConfig]
    model: Mapping[str, Any]
    train: TrainConfig
    vocab_size: int
    tokenizer: str | None = None


_LOCAL_TRAINING: Final = TrainConfig(
    min_steps=500,
    max_batch_size=512,
    refit=None,
    embedding_rate=7.5,
    embedding_epsilon=3e-4,
    max_grad_norm=None,
    initialization="latent-semantics",
)

PRESETS: Final[Mapping[str, Preset]] = {
    preset.name: preset
    for preset in (
        Preset(
            name="small",
            config=LocalWaveConfig,
            model={
                "hidden_size": 16,
                "bigram_buckets": 24_593,
                "linear_size": 900_000,
                "linear_ngrams": ("pair", "skip-pair"),
                "max_length": 512,
            },
            train=_LOCAL_TRAINING,
            vocab_size=24_576,
        ),
        Preset(
            name="tiny",
            config=LocalWaveConfig,
            model={
                "hidden_size": 12,
                "bigram_buckets": 9_221,
                "linear_size": 100_000,
                "linear_ngrams": ("pair", "skip-pair"),
                "max_length": 512,
            },
            train=_LOCAL_TRAINING,
            vocab_size=9_216,
        ),
        Preset(
            name="large",
            config=LocalWaveConfig,
            model={
                "hidden_size": 16,
                "members": 8,
                "linear_size": 4_000_000,
                "linear_ngrams": ("pair", "skip-pair", "triple"),
                "max_length": 1_024,
            },
            train=replace(_LOCAL_TRAINING, embedding_rate=15.0, embedding_epsilon=1e-3, refit=True),
            vocab_size=32_768,
        ),
        Preset(
            name="paper",
            config=ModelConfig,
            model={
                "hidden_size": 768,
                "max_length": 128,
                "positions": "sinusoidal",
                "variants": "linear",
            },
            train=TrainConfig(
                epochs=4,
                batch_size=64,
                learning_rate=1e-3,
                warmup=0.0,
                schedule="constant",
                max_grad_norm=None,
                token_dropout=0.0,
                validation_fraction=0.2,
            ),
            vocab_size=30_522,
            tokenizer="google-bert/bert-base-uncased",
        ),
    )
}


def get_preset(name: str) -> Preset:
    """Look a preset up.

    Raises:
        ConfigError: If there is none of that name; the message lists those there are.
    """
    check_choice("preset", name, tuple(PRESETS))
    return PRESETS[name]


def override(config: TrainConfig, **values: Any) -> TrainConfig:  # noqa: ANN401
    """Replace the fields whose new value is not None; epochs and batches are meant exactly."""
    given = {name: value for name, value in values.items() if value is not None}
    exact = replace(
        config,
        min_steps=0 if "epochs" in given else config.min_steps,
        max_batch_size=None if "batch_size" in given else config.max_batch_size,
    )
    return replace(exact, **given)
