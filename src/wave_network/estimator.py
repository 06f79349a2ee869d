"""`WaveClassifier`: a text classifier with scikit-learn's interface."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wave_network._native.threads import using
from wave_network.config import OPTIONS, ClassWeight, Label, get_preset
from wave_network.config.options import TRAINING_OPTIONS
from wave_network.data.summary import SUMMARY_KEYS
from wave_network.data.training_data import training_data_from_memory
from wave_network.errors import ConfigError
from wave_network.evaluation.scoring import correct_answers
from wave_network.persistence.card import render_card
from wave_network.persistence.folder import ModelFiles, read_history, read_model, write_model
from wave_network.persistence.format import FASTTEXT_PRESET
from wave_network.progress.display import Display
from wave_network.runtime import Engine
from wave_network.scikit_learn import TextClassifierBase
from wave_network.training.options import choose_preset

if TYPE_CHECKING:
    from wave_network.runtime.explanation import Explanation


class WaveClassifier(TextClassifierBase):
    """A text classifier, trained from scratch or continued from another model.

    It is an estimator of scikit-learn, too, and works without scikit-learn installed.

    Args:
        preset: Model size and training recipe: `tiny` (up to 0.4M parameters), `small` (up to
            2.4M), `large` (up to 25M) or `paper` (the papers' own model). None: `small`, or that of
            the continued model.
        operation: How the two waves are combined: `modulation` (multiplied) or `interference`
            (added). None takes the preset's, here as below.
        tokenizer: Where to take the tokenizer from: a folder, a `tokenizer.json` or a Hub id
            (`OWNER/NAME`). None: one trained on the texts (`paper`: BERT's, if the Hub can be
            reached).
        max_length: Tokens read from each text; the rest is ignored.
        epochs: Maximum number of passes over the training texts.
        batch_size: Texts per training step. None: the preset's, or more with many texts.
        learning_rate: Peak learning rate of AdamW. Batches that are enlarged automatically raise
            it.
        patience: Stop after this many epochs without a better validation accuracy (multi-label:
            micro F1). None: never.
        base_model: Model to continue training: a model folder, or `hub:OWNER/NAME`. New labels and
            words are added; its preset and tokenizer stay. None: train from scratch.
        teacher: Classifier of the same classes to learn from as well: a model folder, a
            `transformers` folder (such as a fine-tuned BERT), or a Hub id (`OWNER/NAME`).
        distillation_weight: Weight of the teacher's probabilities in the training targets, 0 to 1;
            the given labels get the remainder. When a model is continued without a teacher, its own
            probabilities take the teacher's place.
        validation_fraction: Share of the training texts held out for validation if no validation
            data is given.
        refit: Train a second time on all texts, those held out for validation included: more
            accurate, in twice the time. None: with `large` always, with `small` and `tiny` if
            there are fewer than 10,000 texts.
        class_weight: Weight of each class: `balanced` gives all classes the same total weight;
            otherwise a weight by label, 1 where none is given. None: all texts count alike. Not
            for multi-label data.
        calibrate: Calibration fits a temperature on the validation texts, so that a probability of
            0.9 is right in 9 of 10 cases. False: no calibration.
        vectors: Word vectors to start with: `none`; `auto`, the packaged English ones, if there are
            at most 5,000 texts and cross-validation says that they help; or a source: a model2vec
            folder, a .vec file of fastText or GloVe, a sentence encoder, or hub:OWNER/NAME.
        keep_vocabulary: Keep all words of the vectors, not only as many as the preset has room for.
        seed: Seed of everything random: the same seed gives the same model.
        device: Device to train on: `cpu`, `cuda`, `mps`, or `auto`: a GPU if there is one for the
            papers' model; `small`, `tiny` and `large` train on the CPU.
        threads: Number of threads. The results do not depend on it. None: all cores that the
            process may use.
        cache: Folder to keep what was read and encoded in: a later training of the same data starts
            with it. None: nothing is kept.

    Attributes:
        classes_: The labels in the order of `predict_proba`'s columns: sorted, or as given if `y`
            has columns. With `base_model`, its labels come first.
        history_: One record per epoch.
        n_iter_: Number of epochs trained.
        training_summary_: What was read of the training data, and how it was validated: `rows` and
            `classes`, `truncated` (texts that are longer than `max_length`, and the share of tokens
            lost), `validation_method` (`holdout`, `cross-validation` with few texts, or None with
            too few for both), `unlabeled` (how many texts are used, and the accuracy without and
            with them; or None), `data` (empty texts, duplicates, texts of each class).

    Examples:
        >>> clf = WaveClassifier(preset="small", seed=0).fit(texts, labels)  # doctest: +SKIP
        >>> clf.predict(["Oil prices jump as OPEC cuts output"])  # doctest: +SKIP
    """

    classes_: NDArray[Any]
    history_: list[dict[str, Any]]
    n_iter_: int
    training_summary_: dict[str, Any]

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
        vectors: str = "auto",
        keep_vocabulary: bool = False,
        seed: int = 0,
        device: str = "auto",
        threads: int | None = None,
        cache: str | Path | None = None,
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
        self.vectors = vectors
        self.keep_vocabulary = keep_vocabulary
        self.seed = seed
        self.device = device
        self.threads = threads
        self.cache = cache

    def fit(
        self,
        X: Iterable[str],  # noqa: N803
        y: Iterable[Label | Iterable[Label]] | NDArray[np.number],
        sample_weight: ArrayLike | None = None,
        classes: Iterable[Label] | None = None,
        unlabeled: Iterable[str] | None = None,
        verbose: bool = False,
        background: Iterable[str] | None = None,
    ) -> WaveClassifier:
        """Train the classifier. An earlier fit is discarded.

        Args:
            X: Texts: a list, array, Series or any iterable of strings.
            y: Labels, in one of three forms. Single-label: a string or integer per text; None (or
                -1 among integers, if two classes of 0 or more are left) for unlabelled texts.
                Multi-label: a list, tuple or set of labels per text, or an array or sparse matrix
                of the integers 0 and 1, (texts, classes). Soft labels: a floating-point array,
                (texts, classes), with each text's probability of every class; in validation the
                most probable class is the label.
            sample_weight: Weight of each text, 0 or more; None: all count alike. Texts of weight 0
                are left out.
            classes: The labels of the columns of `y`, in the order of `classes_`; None: 0, 1, 2
                and so on.
            unlabeled: Texts without labels to learn from as well, labelled by the teacher; without
                one, by simple classifiers, if cross-validation on the labelled texts says that this
                helps. Of many, a random sample of 20,000 is used.
            verbose: Show on stderr how far training is, and a line per epoch.
            background: Texts that are out of scope, to make the out-of-scope score more accurate;
                see `Engine.predict`.

        Raises:
            DataError: If the texts or labels cannot be used.
            ConfigError: If a parameter has a wrong value, or the teacher has other classes.
            ModelFolderError: If the base model, teacher or tokenizer cannot be read.
            KeyboardInterrupt: On Ctrl-C. The classifier then holds the best epoch so far.
        """
        # Only here, so that loading a classifier to predict stays quick.
        from wave_network.scale.cache import Cache
        from wave_network.training.describe import Warnings
        from wave_network.training.fit import fit
        from wave_network.training.progress import TrainingBar
        from wave_network.training.recipe import Recipe

        options = {"operation": self.operation, "max_length": self.max_length}
        base = None if self.base_model is None else read_model(self.base_model)
        preset = choose_preset(self.preset, options, self.tokenizer, base=base)
        given = self.get_params(deep=False)
        cache = OPTIONS["cache"].checked(self.cache)
        recipe = Recipe.of(
            preset,
            train_options={name: given[name] for name in TRAINING_OPTIONS if name in given},
            model_options=options,
            tokenizer=self.tokenizer,
            base=base,
            threads=OPTIONS["threads"].checked(self.threads),
            cache=None if cache is None else Cache(cache),
        )
        data = training_data_from_memory(X, y, sample_weight, classes, unlabeled, background)
        if verbose:
            with Display(), TrainingBar() as progress:
                fitted = fit(data, recipe, progress)
        else:
            fitted = fit(data, recipe, Warnings())
        self._set_fitted(fitted.files, fitted.history)
        if fitted.stopped == "interrupted":
            raise KeyboardInterrupt
        return self

    def predict(self, X: Iterable[str]) -> NDArray[Any]:  # noqa: N803
        """Predict the most probable label of each text, (texts,).

        Multi-label: predict 1 for each label of a text and 0 for the others, (texts, classes), in
        the order of `classes_`. Scikit-learn's metrics need this form, whatever form `y` had.

        Raises:
            NotFittedError: Before `fit`.
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
        """Measure accuracy; multi-label: subset accuracy, the share of texts with all labels right.

        Args:
            X: Texts.
            y: Their labels in any form that `fit` takes, except soft labels.
            sample_weight: Weight of each text; None: all count alike.

        A text with a label that training never saw counts as wrong.

        Raises:
            NotFittedError: Before `fit`.
            DataError: If a label is missing, or is of no kind that `fit` takes, or if `y` has
                columns other than the classes.
        """
        predicted = self.predict_proba(X)
        weights = None if sample_weight is None else np.asarray(sample_weight)
        return float(
            np.average(correct_answers(self._engine.labelling, predicted, y), weights=weights)
        )

    def predict_proba(self, X: Iterable[str]) -> NDArray[np.float32]:  # noqa: N803
        """Predict probabilities, (texts, classes), in the order of `classes_`.

        Multi-label: each is the probability that the text has this label, whatever the others.

        Raises:
            NotFittedError: Before `fit`.
        """
        self._check_fitted()
        with using(OPTIONS["threads"].checked(self.threads)):
            return self._engine.predict_proba(X)

    @property
    def engine(self) -> Engine:
        """The fitted model as `load` returns it: predicts without torch.

        Raises:
            NotFittedError: Before `fit`.
        """
        self._check_fitted()
        return self._engine

    def explain(self, text: str, label: Label | None = None) -> Explanation:
        """Attribute a prediction to the tokens of its text.

        Args:
            text: One text.
            label: The label whose log-odds to explain; None: the most probable one.

        Raises:
            NotFittedError: Before `fit`.
            DataError: If the text is not a string, or the label is unknown.
        """
        self._check_fitted()
        return self._engine.explain(text, label)

    def save(self, folder: str | Path, *, overwrite: bool = False) -> None:
        """Write the model folder.

        Raises:
            NotFittedError: Before `fit`.
            OutputError: If the folder exists and `overwrite` is False, or it cannot be written.
        """
        self._check_fitted()
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
        """Publish on the Hugging Face Hub, where `load("hub:OWNER/NAME")` can read it.

        Args:
            repository: `OWNER/NAME`; created if it does not exist.
            license: Licence for the model card, as the Hub spells it, such as `mit`.
            trained_on: Training data for the model card: a description, or `hub:OWNER/NAME`.
            private: Create the repository as private.
            token: A token with write permission; None: the one stored by `hf auth login`.

        Returns:
            The repository's address.

        Raises:
            NotFittedError: Before `fit`.
            OutputError: If the upload fails: no network, no token, no permission.
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
        """Load a fitted classifier from a model folder or `hub:OWNER/NAME[@REVISION]`.

        Raises:
            ModelFolderError: If the folder is missing, damaged or of another program.
            ConfigError: If fastText trained the model.
        """
        files = read_model(folder)
        if files.preset == FASTTEXT_PRESET:
            raise ConfigError("a model of fastText only predicts: use wave_network.load")
        used = {**files.training, **files.config.to_dict()}
        # Models written by older versions lack some options.
        options = {name: used[name] for name in cls().get_params(deep=False) if name in used}
        usual = get_preset(files.preset).train
        if options.get("base_model") is not None:
            from wave_network.training.continual import continued_training

            usual = continued_training(usual)
        if all(used.get(n, v) == v for n, v in vars(usual).items() if n in ("epochs", "min_steps")):
            options["epochs"] = None  # not given: with few texts, the next fit adds epochs
        if used.get("max_batch_size") is not None:
            options["batch_size"] = None  # not given
        classifier = cls(preset=files.preset, **options)
        classifier._set_fitted(files, read_history(folder))
        return classifier

    def _set_fitted(self, files: ModelFiles, history: list[dict[str, Any]]) -> None:
        self.classes_ = np.array(files.config.labels)
        self.history_ = history
        self.n_iter_ = len(history)
        metrics = files.metrics
        self.training_summary_ = {name: metrics[name] for name in SUMMARY_KEYS if name in metrics}
        self._files = files
        self._engine = Engine(files)

    def __getstate__(self) -> dict[str, Any]:
        # The engine holds a lock; it is rebuilt from the files.
        return {name: value for name, value in vars(self).items() if name != "_engine"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        if "_files" in state:
            self._engine = Engine(self._files)
