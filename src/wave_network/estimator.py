"""`WaveClassifier`: the classifier by scikit-learn's conventions."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wave_network.errors import extra_needed

with extra_needed("train", "WaveClassifier"):
    from sklearn.base import BaseEstimator, ClassifierMixin
    from sklearn.utils.validation import check_is_fitted

from wave_network.config import ClassWeight, Label, Preset, TrainConfig, get_preset, override
from wave_network.config.settings import DEFAULT_PRESET
from wave_network.data.training_data import label_table, training_data_from_memory
from wave_network.persistence.card import render_card
from wave_network.persistence.folder import ModelFiles, read_history, read_model, write_model
from wave_network.runtime import Engine
from wave_network.training.continual import continued_preset, continued_training

if TYPE_CHECKING:
    from sklearn.utils import Tags

    from wave_network.runtime.explanation import Explanation

_OPTIONS = (
    "operation",
    "max_length",
    "epochs",
    "batch_size",
    "learning_rate",
    "patience",
    "base_model",
    "teacher",
    "distillation_weight",
    "validation_fraction",
    "refit",
    "class_weight",
    "calibrate",
    "seed",
    "device",
)


class WaveClassifier(ClassifierMixin, BaseEstimator):
    """A text classifier trained from scratch; hyper-parameters are named as `train`'s options.

    Args:
        preset: `small`, `tiny`, `large` or `paper`; None: that of `base_model`, or `small`.
        operation: `modulation` or `interference`; None takes the preset's, here as below.
        tokenizer: A folder, file or Hub id to take the tokenizer from; None trains one.
        max_length: Tokens read of a text.
        epochs: Passes over the texts, at most.
        batch_size: Texts a step.
        learning_rate: AdamW's peak step size.
        patience: Epochs without a better validation accuracy before stopping.
        base_model: A model to train on (`train --from`), instead of starting from scratch: a model
            folder, or `hub:OWNER/NAME`. Labels and words that it does not know are added.
        teacher: A classifier to learn from as well: a model folder, a folder of `transformers`, or
            a Hub id.
        distillation_weight: The share of the teacher's probabilities in what labelled texts are to
            be answered with; the labels have the rest. Without a teacher: of the answers of
            `base_model`, in texts of its labels.
        validation_fraction: Share of the texts held out, stratified, to choose the epoch (and
            with any number of labels a text, the thresholds).
        refit: Whether to learn once more from all texts, those held out included, in as many epochs
            as served best: more accurate, in twice the time. None: with the preset `large`, and
            with `small` and `tiny` where there are fewer than 10,000 texts.
        class_weight: `balanced` gives all classes the same joint weight; a mapping gives weights by
            label, 1 where it names none; None lets all texts count alike. For one label a text.
        calibrate: Whether to fit a temperature on these texts, so that the probabilities mean what
            they say.
        seed: Same seed, same model.
        device: `auto`, `cpu`, `cuda` or `mps`.

    Attributes:
        classes_: The labels in the order of `predict_proba`'s columns: sorted, or, where `y` has
            columns, as given. With `base_model`, its own come first.
        history_: One record for each epoch.
        n_iter_: Epochs trained.

    Example:
        >>> clf = WaveClassifier(preset="small", seed=0).fit(texts, labels)  # doctest: +SKIP
        >>> clf.predict(["Oil prices jump as OPEC cuts output"])  # doctest: +SKIP
    """

    classes_: NDArray[Any]
    history_: list[dict[str, Any]]
    n_iter_: int

    def __init__(
        self,
        preset: str | None = None,
        *,
        operation: str | None = None,
        tokenizer: str | None = None,
        max_length: int | None = None,
        epochs: int | None = None,
        batch_size: int | None = None,
        learning_rate: float | None = None,
        patience: int | None = None,
        base_model: str | Path | None = None,
        teacher: str | None = None,
        distillation_weight: float | None = None,
        validation_fraction: float | None = None,
        refit: bool | None = None,
        class_weight: ClassWeight | None = None,
        calibrate: bool = True,
        seed: int = 0,
        device: str = "auto",
    ) -> None:
        self.preset = preset
        self.operation = operation
        self.tokenizer = tokenizer
        self.max_length = max_length
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.patience = patience
        self.base_model = base_model
        self.teacher = teacher
        self.distillation_weight = distillation_weight
        self.validation_fraction = validation_fraction
        self.refit = refit
        self.class_weight = class_weight
        self.calibrate = calibrate
        self.seed = seed
        self.device = device

    def fit(
        self,
        X: Iterable[str],  # noqa: N803
        y: Iterable[Label | Iterable[Label]] | NDArray[np.number],
        sample_weight: ArrayLike | None = None,
        classes: Iterable[Label] | None = None,
        unlabeled: Iterable[str] | None = None,
    ) -> WaveClassifier:
        """Train; whatever was fitted before is forgotten, save what `base_model` learnt.

        Args:
            X: Texts: a list, array, Series or any iterable of strings.
            y: A label for each: strings or integers. Or any number of labels for each
                (multi-label): a list, tuple or set of them, or for all texts an array or sparse
                matrix of the integers 0 and 1, (texts, classes). Or soft labels, an array of
                floating-point numbers, (texts, classes): for each text a probability of every
                class. Texts that are held out then count as of their most probable class.
            sample_weight: How much each text counts, numbers from 0; None: all alike. Texts of
                weight 0 are left out.
            classes: What the columns of `y` stand for; None: 0, 1, 2 and so on. They become
                `classes_`, in this order.
            unlabeled: More texts; the teacher's answers are their soft labels.

        Raises:
            DataError: If they cannot be learnt from.
            ConfigError: If a hyper-parameter has no such value, or the teacher other classes.
            ModelFolderError: If the base model, teacher or tokenizer cannot be had.
            KeyboardInterrupt: On Ctrl-C; the best epoch so far is kept, and can be used.
        """
        with extra_needed("train", "WaveClassifier.fit"):
            from wave_network.training.fit import fit
            from wave_network.training.recipe import Recipe

        options = {"operation": self.operation, "max_length": self.max_length}
        base = None if self.base_model is None else read_model(self.base_model)
        if base is None:
            preset = get_preset(self.preset or DEFAULT_PRESET)
        else:
            preset = continued_preset(base, self.preset, options, self.tokenizer)
        config = self._settings(preset)
        data = training_data_from_memory(X, y, sample_weight, classes, unlabeled)
        given = {name: value for name, value in options.items() if value is not None}
        fitted = fit(data, Recipe(preset, config, given, self.tokenizer, base))
        self._set_fitted(fitted.files, fitted.history)
        if fitted.stopped == "interrupted":
            raise KeyboardInterrupt
        return self

    def predict(self, X: Iterable[str]) -> NDArray[Any]:  # noqa: N803
        """The most probable label of each text, (texts,).

        Fitted with any number of labels a text, 1 for each label that a text gets and else 0,
        (texts, classes), the columns in the order of `classes_`: whatever form `y` had, this is
        the one that scikit-learn's metrics take.

        Raises:
            sklearn.exceptions.NotFittedError: Before `fit`.
        """
        probabilities = self.predict_proba(X)
        result: NDArray[Any]
        if self._engine.labelling.multi_label:
            result = self._engine.labelling.decide(probabilities).astype(np.int64)
        else:
            result = self.classes_[probabilities.argmax(axis=1)]
        return result

    def score(
        self,
        X: Iterable[str],  # noqa: N803
        y: Iterable[Label | Iterable[Label]] | NDArray[np.number],
        sample_weight: Iterable[float] | None = None,
    ) -> float:
        """Accuracy; with any number of labels a text, the share of texts with every label right.

        Args:
            X: Texts.
            y: Their labels, in a form that `fit` takes; not soft ones.
            sample_weight: How much each text counts; None: all the same.

        Raises:
            sklearn.exceptions.NotFittedError: Before `fit`.
            DataError: If a label was not in the training data.
        """
        check_is_fitted(self)
        labelling = self._engine.labelling
        if labelling.multi_label and label_table(y) is None:
            y = labelling.encode(y).astype(np.int64)
        return float(super().score(X, y, sample_weight))

    def predict_proba(self, X: Iterable[str]) -> NDArray[np.float32]:  # noqa: N803
        """Probabilities, (texts, classes), the columns in the order of `classes_`.

        Fitted with any number of labels a text, each is the probability of one label by itself.

        Raises:
            sklearn.exceptions.NotFittedError: Before `fit`.
        """
        check_is_fitted(self)
        return self._engine.predict_proba(X)

    def explain(self, text: str, label: Label | None = None) -> Explanation:
        """Each token's share in the answer for a text.

        Args:
            text: One text.
            label: The label whose log-odds are explained; None: the most probable one.

        Raises:
            sklearn.exceptions.NotFittedError: Before `fit`.
            DataError: If the text is not a string, or there is no such label.
        """
        check_is_fitted(self)
        return self._engine.explain(text, label)

    def save(self, folder: str | Path, *, overwrite: bool = False) -> None:
        """Write the model folder.

        Raises:
            sklearn.exceptions.NotFittedError: Before `fit`.
            OutputError: If the folder exists and is not to be replaced, or cannot be written.
        """
        check_is_fitted(self)
        write_model(
            Path(folder),
            self._files,
            card=render_card(self._files),
            history=self.history_,
            overwrite=overwrite,
        )

    def push_to_hub(
        self,
        repository: str,
        *,
        license: str | None = None,
        trained_on: str | None = None,
        private: bool = False,
        token: str | None = None,
    ) -> str:
        """Publish on the Hugging Face Hub; `load("hub:OWNER/NAME")` then reads it.

        Args:
            repository: `OWNER/NAME`; made if it is not there.
            license: The model's licence as the Hub spells it, such as `mit`, for the card.
            trained_on: What the training texts are, for the card: words, or `hub:OWNER/NAME`.
            private: Make a new repository that only its owner sees.
            token: A token that may write; None takes the one that `hf auth login` stored.

        Returns:
            The repository's address.

        Raises:
            sklearn.exceptions.NotFittedError: Before `fit`.
            OutputError: If the Hub does not take it: no network, no token, no permission.
        """
        from wave_network.huggingface.push import push_model

        with TemporaryDirectory() as made:
            folder = Path(made, "model")
            self.save(folder)
            return push_model(
                folder,
                repository,
                license=license,
                trained_on=trained_on,
                private=private,
                token=token,
            )

    @classmethod
    def load(cls, folder: str | Path) -> WaveClassifier:
        """Read a model folder, or `hub:OWNER/NAME`, as a fitted classifier.

        Raises:
            ModelFolderError: If it is missing, damaged or foreign.
        """
        files = read_model(folder)
        used = {**files.training, **files.config.to_dict()}
        options = {name: used[name] for name in _OPTIONS if name in used}  # older ones have fewer
        usual = get_preset(files.preset).train
        if options.get("base_model") is not None:
            usual = continued_training(usual)
        if (used["epochs"], used["min_steps"]) == (usual.epochs, usual.min_steps):
            options["epochs"] = None  # not asked for: a refit on few texts adds epochs again
        if used.get("max_batch_size") is not None:
            options["batch_size"] = None  # likewise
        classifier = cls(preset=files.preset, **options)
        classifier._set_fitted(files, read_history(folder))
        return classifier

    def _set_fitted(self, files: ModelFiles, history: list[dict[str, Any]]) -> None:
        self.classes_ = np.array(files.config.labels)
        self.history_ = history
        self.n_iter_ = len(history)
        self._files = files
        self._engine = Engine(files)

    def __getstate__(self) -> dict[str, Any]:
        state = dict(super().__getstate__())
        state.pop("_engine", None)  # rebuilt from the files; it holds a lock
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if "_files" in state:
            self._engine = Engine(self._files)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = False
        tags.input_tags.string = True
        tags.classifier_tags.multi_label = True
        return tags

    def _settings(self, preset: Preset) -> TrainConfig:
        return override(
            preset.train,
            epochs=self.epochs,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            patience=self.patience,
            base_model=None if self.base_model is None else str(self.base_model),
            teacher=self.teacher,
            distillation_weight=self.distillation_weight,
            validation_fraction=self.validation_fraction,
            refit=self.refit,
            class_weight=self.class_weight,
            calibrate=self.calibrate,
            seed=self.seed,
            device=self.device,
        )
