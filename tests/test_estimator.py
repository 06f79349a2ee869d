import copy
import io
import json
import pickle
import signal

import joblib
import numpy as np
import pandas
import polars
import pytest
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.exceptions import DataConversionWarning, NotFittedError
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import estimator_checks
from sklearn.utils.validation import check_is_fitted, validate_data
from topics import topic_texts

from wave_network import WaveClassifier, load
from wave_network.errors import ConfigError, DataError, OutputError, WaveNetworkError

COLD, WARM = ("ice", "snow", "frost", "sleet"), ("sun", "heat", "summer", "desert")
TEXTS = [
    f"{words[i % 4]} and {words[i // 4]} on day {i}" for i in range(16) for words in (COLD, WARM)
]
LABELS = ["cold", "warm"] * 16


def make(**options):
    return WaveClassifier(
        **{"preset": "tiny", "epochs": 8, "batch_size": 4, "learning_rate": 0.02, "device": "cpu"}
        | options
    )


@pytest.fixture(scope="module")
def fitted():
    return make().fit(TEXTS, LABELS)


def test_fit_learns_and_returns_itself():
    classifier = make()
    assert classifier.fit(TEXTS, LABELS) is classifier
    assert classifier.score(TEXTS, LABELS) == 1.0
    assert classifier.classes_.tolist() == ["cold", "warm"]
    assert classifier.n_iter_ == len(classifier.history_) == 8
    assert [record["epoch"] for record in classifier.history_] == list(range(1, 9))


def test_verbose_shows_the_epochs_and_changes_nothing(fitted, capsys):
    shown = make().fit(TEXTS, LABELS, verbose=True)
    out, err = capsys.readouterr()
    assert out == ""
    assert "\nepoch 1/8  loss " in err
    assert err.splitlines()[-1].startswith("with the linear part  validation accuracy ")
    np.testing.assert_array_equal(shown.predict_proba(TEXTS), fitted.predict_proba(TEXTS))
    make(epochs=1).fit(TEXTS, LABELS)
    assert capsys.readouterr() == ("", "")


def test_probabilities(fitted):
    probabilities = fitted.predict_proba(TEXTS)
    assert probabilities.shape == (32, 2)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-6)
    predicted = fitted.predict(TEXTS)
    assert predicted.tolist() == fitted.classes_[probabilities.argmax(axis=1)].tolist() == LABELS


def test_no_texts_have_no_answers(fitted):
    assert fitted.predict([]).shape == (0,)
    assert fitted.predict_proba([]).shape == (0, 2)


@pytest.mark.parametrize(
    "labels",
    [
        [7, -2] * 16,
        np.array([7, -2] * 16),
        np.array([7, 3] * 16, np.uint8),
        np.array(LABELS),
        np.array(LABELS, dtype=object),
        tuple(LABELS),
        ["10", "9"] * 16,
    ],
    ids=["list of int", "int64", "uint8", "str array", "object array", "tuple", "digits"],
)
def test_labels_stay_what_they_are(labels):
    classifier = make(epochs=6).fit(TEXTS, labels)
    predicted = classifier.predict(TEXTS)
    assert predicted.tolist() == list(np.asarray(labels).tolist())
    kind = type(np.asarray(labels).tolist()[0])
    assert {type(label) for label in classifier.classes_.tolist()} == {kind}
    assert classifier.classes_.tolist() == sorted(set(np.asarray(labels).tolist()))


SOFT = np.array([[0.9, 0.1], [0.2, 0.8]] * 16)  # of COLD and of WARM


@pytest.mark.parametrize("kind", [np.float64, np.float32])
def test_soft_labels_are_learnt(kind):
    texts, soft = TEXTS * 8, np.tile(SOFT, (8, 1)).astype(kind)
    classifier = make(epochs=10).fit(texts, soft, classes=["cold", "warm"])
    assert classifier.classes_.tolist() == ["cold", "warm"]
    assert classifier.predict(TEXTS).tolist() == LABELS
    probabilities = classifier.predict_proba(TEXTS)
    # Less sure of one class than of the other; hard labels bring both above 0.999.
    cold, warm = probabilities[::2, 0].mean(), probabilities[1::2, 1].mean()
    assert 0.75 < warm < cold < 0.95


def test_the_columns_of_soft_labels_keep_their_order_and_may_lead_no_text():
    table = np.concatenate([SOFT * 0.9, np.full((32, 1), 0.1)], axis=1)
    assert make().fit(TEXTS, table).classes_.tolist() == [0, 1, 2]
    classifier = make().fit(TEXTS, table, classes=["z", "y", "a"])
    assert classifier.classes_.tolist() == ["z", "y", "a"]
    assert classifier.predict(TEXTS).tolist() == ["z", "y"] * 16


def test_soft_labels_of_a_data_frame():
    table = pandas.DataFrame(SOFT, columns=["cold", "warm"])
    assert make().fit(TEXTS, table, classes=table.columns).predict(TEXTS).tolist() == LABELS


def as_series(values, **options):
    # Its index starts elsewhere, as after dropping rows.
    return pandas.Series(values, index=range(100, 100 + len(values)), **options)


FORMS = {
    "tuple": tuple,
    "generator": iter,
    "array": np.array,
    "object array": lambda values: np.array(values, dtype=object),
    "pandas": as_series,
    "pandas string": lambda values: as_series(values, dtype="string"),
    "pandas category": lambda values: as_series(values, dtype="category"),
    "pandas column": lambda values: pandas.DataFrame({"text": values, "more": 1})["text"],
    "polars": polars.Series,
    "polars categorical": lambda values: polars.Series(values, dtype=polars.Categorical),
    "polars column": lambda values: polars.DataFrame({"text": values})["text"],
}


@pytest.mark.parametrize("convert", FORMS.values(), ids=FORMS)
def test_texts_and_labels_come_in_many_forms(fitted, tmp_path, convert):
    classifier = make().fit(convert(TEXTS), convert(LABELS))
    expected = fitted.predict_proba(TEXTS)
    np.testing.assert_array_equal(classifier.predict_proba(convert(TEXTS)), expected)
    assert classifier.predict(convert(TEXTS)).tolist() == LABELS
    classifier.save(tmp_path / "model")
    engine = load(tmp_path / "model")
    np.testing.assert_array_equal(engine.predict_proba(convert(TEXTS)), expected)
    assert [item.label for item in engine.predict(convert(TEXTS))] == LABELS


@pytest.mark.parametrize("kind", ["Int64", "int8"])
def test_integer_labels_of_a_column(kind):
    classifier = make(epochs=2).fit(TEXTS, as_series([7, 3] * 16, dtype=kind))
    assert classifier.classes_.tolist() == [3, 7]
    assert classifier.score(TEXTS, polars.Series([7, 3] * 16, dtype=polars.UInt8)) > 0


@pytest.mark.parametrize(
    "table", [pandas.DataFrame({"text": TEXTS}), polars.DataFrame({"text": TEXTS}), {"text": TEXTS}]
)
def test_a_table_is_not_taken_for_its_columns_names(fitted, table):
    for use in (fitted.predict, lambda texts: make().fit(texts, LABELS)):
        with pytest.raises(DataError, match=r"the texts are a table: give one of its columns"):
            use(table)
    with pytest.raises(DataError, match="the labels are a table"):
        make().fit(TEXTS, {"label": LABELS})


@pytest.mark.parametrize(
    ("texts", "labels", "message"),
    [
        (TEXTS, LABELS[:-1], "32 texts have 31 labels"),
        (TEXTS, ["cold"] * 32, "only one class"),
        (TEXTS, [0.5, 1.5] * 16, "labels must be strings, whole numbers or booleans"),
        (TEXTS, [1.0, float("nan")] * 16, "label 1 is missing .nan."),
        (TEXTS, None, "labels"),
        (TEXTS, ["cold", 1] * 16, "make all labels of one type"),
        ([*TEXTS[:-1], None], LABELS, "text 31 is None"),
        ([*TEXTS[:-1], float("nan")], LABELS, "text 31 is nan"),
        ("one text", LABELS, "give a list"),
        ([], [], "there are no texts"),
        (TEXTS, SOFT[:31], "32 texts have 31 labels"),
        (TEXTS, SOFT * 2, "soft label 0 is .* sum to 1"),
    ],
)
def test_what_cannot_be_learnt_from(texts, labels, message):
    with pytest.raises(DataError, match=message):
        make().fit(texts, labels)


def test_classes_are_for_soft_labels_alone():
    with pytest.raises(DataError, match="y has none: leave it out"):
        make().fit(TEXTS, LABELS, classes=["cold", "warm"])


def test_a_teacher_labels_more_texts(fitted, tmp_path):
    """Of four labelled texts alone only their own words would be known."""
    fitted.save(tmp_path / "teacher")
    student = make(teacher=str(tmp_path / "teacher"), epochs=20, validation_fraction=0.5)
    student.fit(["ice", "sleet", "sun", "desert"], ["cold"] * 2 + ["warm"] * 2, unlabeled=TEXTS)
    assert student.score(TEXTS, LABELS) == 1.0
    student.save(tmp_path / "student")
    again = WaveClassifier.load(tmp_path / "student")
    assert again.get_params()["teacher"] == str(tmp_path / "teacher")
    assert isinstance(again.get_params()["distillation_weight"], float)


def test_rows_without_labels_are_learnt_from_too(caplog):
    texts, topics = topic_texts(400)
    labels = np.where(np.arange(400) < 24, topics, -1)
    classifier = make(preset="tiny").fit(texts, labels)
    assert classifier.classes_.tolist() == [0, 1, 2]
    assert classifier.training_summary_["rows"]["train"] == 24
    assert classifier.training_summary_["unlabeled"]["used"] == 376
    assert "376 texts with the label -1 taken as unlabelled" in caplog.text
    assert classifier.score(texts, topics) > 0.85


def test_a_model_folder_from_before_there_were_teachers_is_read(fitted, tmp_path):
    fitted.save(tmp_path / "model")
    path = tmp_path / "model" / "config.json"
    described = json.loads(path.read_text("utf-8"))
    del described["training"]["teacher"], described["training"]["distillation_weight"]
    path.write_text(json.dumps(described), encoding="utf-8")
    assert WaveClassifier.load(tmp_path / "model").get_params()["teacher"] is None


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1.0] * 31, r"32 texts have weights of shape \(31,\)"),
        ([[1.0, 2.0]] * 32, r"32 texts have weights of shape \(32, 2\)"),
        ([1.0] * 31 + [-1.0], "weight 31 is -1.0: weights are finite numbers from 0"),
        ([1.0] * 31 + [float("nan")], "weight 31 is nan"),
        ([float("inf")] + [1.0] * 31, "weight 0 is inf"),
        (["heavy"] * 32, "the weights are not all numbers"),
        ([None] * 32, "weight 0 is nan"),
        ([0] * 32, "all weights are zero"),
        ([1, 0] * 16, "only one class"),
        (2.0, r"weights of shape \(\)"),
        (iter([1.0] * 32), "the weights are not all numbers"),
    ],
)
def test_weights_that_are_none(weights, message):
    with pytest.raises(DataError, match=message):
        make().fit(TEXTS, LABELS, sample_weight=weights)


def test_equal_weights_change_nothing_and_others_do(fitted):
    ones, others = (
        make().fit(TEXTS, LABELS, sample_weight=weights)
        for weights in (np.full(32, 3, np.int32), [1, 5] * 16)
    )
    np.testing.assert_allclose(
        ones.predict_proba(TEXTS), fitted.predict_proba(TEXTS), rtol=0, atol=1e-4
    )
    assert not np.allclose(others.predict_proba(TEXTS), fitted.predict_proba(TEXTS), atol=1e-3)


def test_class_weights_that_were_saved_are_used_again(tmp_path):
    labels = [7, -2] * 16
    classifier = make(class_weight={7: 5.0}).fit(TEXTS, labels)
    classifier.save(tmp_path / "model")
    again = clone(WaveClassifier.load(tmp_path / "model")).fit(TEXTS, labels)
    np.testing.assert_array_equal(again.predict_proba(TEXTS), classifier.predict_proba(TEXTS))


@pytest.mark.parametrize(
    ("texts", "labels"),
    [
        (["red", "blue", "cat", "dog"], ["colour", "colour", "animal", "animal"]),
        (["a", "a b"] * 2, ["x", "y"] * 2),
        (["red one", "blue two"] * 3, ["c", "a"] * 3),
        (["same"] * 4, ["x", "y"] * 2),
        ([""] * 4, ["x", "y"] * 2),
    ],
)
@pytest.mark.parametrize("preset", ["tiny", "small"])
def test_a_handful_of_texts_is_enough(texts, labels, preset):
    model = WaveClassifier(preset, epochs=2, validation_fraction=0.5).fit(texts, labels)
    probabilities = model.predict_proba(texts)
    assert np.isfinite(probabilities).all()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)


@pytest.mark.parametrize("texts", ["one text", [1], [None], [b"bytes"]])
def test_what_cannot_be_classified(fitted, texts):
    with pytest.raises(DataError, match=r"not a string|list of texts"):
        fitted.predict(texts)


@pytest.mark.parametrize(
    "option",
    [
        {"preset": "huge"},
        {"operation": "addition"},
        {"epochs": 0},
        {"epochs": 1.5},
        {"learning_rate": -1.0},
        {"learning_rate": "fast"},
        {"batch_size": 0},
        {"max_length": 1},
        {"validation_fraction": 1.5},
        {"class_weight": "equal"},
        {"class_weight": {"cold": 0}},
        {"class_weight": {"cold": "2"}},
        {"class_weight": {0.5: 2}},
        {"class_weight": {"cold": float("nan")}},
        {"class_weight": [1, 2]},
        {"patience": 0},
        {"seed": -1},
        {"device": "tpu"},
    ],
)
def test_a_bad_parameter_is_refused_by_fit_and_not_before(option):
    classifier = make().set_params(**option)
    assert classifier.get_params()[next(iter(option))] == next(iter(option.values()))
    with pytest.raises(ConfigError, match=next(iter(option))):
        classifier.fit(TEXTS, LABELS)


def test_before_fit_there_is_nothing_to_use(tmp_path):
    for use in (
        lambda: make().predict(TEXTS),
        lambda: make().predict_proba(TEXTS),
        lambda: make().score(TEXTS, LABELS),
        lambda: make().save(tmp_path / "model"),
    ):
        with pytest.raises(NotFittedError):
            use()
    assert not list(tmp_path.iterdir())


def test_parameters_are_stored_untouched_and_cloned_without_what_was_learnt(fitted):
    parameters = fitted.get_params()
    copied = clone(fitted)
    assert copied.get_params() == parameters
    assert parameters["preset"] == "tiny"
    assert parameters["epochs"] == 8
    assert parameters["operation"] is None
    with pytest.raises(NotFittedError):
        copied.predict(TEXTS)
    assert copied.set_params(epochs=3, seed=5).get_params() == {
        **parameters,
        "epochs": 3,
        "seed": 5,
    }
    with pytest.raises(ValueError, match="Invalid parameter 'depth'"):
        copied.set_params(depth=3)


def test_every_parameter_reaches_the_model(tmp_path):
    options = {
        "operation": "interference",
        "max_length": 7,
        "epochs": 2,
        "batch_size": 5,
        "learning_rate": 0.25,
        "patience": 3,
        "validation_fraction": 0.25,
        "class_weight": {"cold": 2.0},
        "calibrate": False,
        "seed": 4,
        "device": "cpu",
    }
    make(**options).fit(TEXTS, LABELS).save(tmp_path / "model")
    loaded = WaveClassifier.load(tmp_path / "model").get_params()
    assert {name: loaded[name] for name in options} == options
    assert loaded["preset"] == "tiny"


def test_numpy_scalars_from_a_search_are_fine(tmp_path):
    classifier = make(
        epochs=np.int64(2), learning_rate=np.float64(0.01), seed=np.int32(1), max_length=np.int64(9)
    )
    classifier.fit(TEXTS, LABELS).save(tmp_path / "model")
    assert WaveClassifier.load(tmp_path / "model").get_params()["max_length"] == 9


def test_a_tokenizer_can_be_given(fitted, tmp_path):
    fitted.save(tmp_path / "model")
    other = make(epochs=1, tokenizer=str(tmp_path / "model")).fit(["tea", "milk"] * 9, [1, 2] * 9)
    other.save(tmp_path / "other")
    files = [tmp_path / name / "tokenizer.json" for name in ("model", "other")]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_refitting_forgets(fitted):
    classifier = make().fit(["tea", "milk", "juice", "water"] * 8, [1, 2, 3, 4] * 8)
    classifier.fit(TEXTS, LABELS)
    assert classifier.classes_.tolist() == ["cold", "warm"]
    assert classifier.n_iter_ == 8
    np.testing.assert_array_equal(classifier.predict_proba(TEXTS), fitted.predict_proba(TEXTS))


def test_the_seed_decides(fitted):
    again, other = make(seed=0).fit(TEXTS, LABELS), make(seed=1).fit(TEXTS, LABELS)
    np.testing.assert_array_equal(again.predict_proba(TEXTS), fitted.predict_proba(TEXTS))
    assert not np.array_equal(other.predict_proba(TEXTS), fitted.predict_proba(TEXTS))


def test_fitting_leaves_the_global_random_state_of_numpy_alone():
    np.random.seed(0)  # noqa: NPY002
    before = np.random.get_state()[1].tolist()  # noqa: NPY002
    make(epochs=1).fit(TEXTS, LABELS)
    assert np.random.get_state()[1].tolist() == before  # noqa: NPY002


def through_joblib(classifier):
    stream = io.BytesIO()
    joblib.dump(classifier, stream)
    stream.seek(0)
    return joblib.load(stream)


@pytest.mark.parametrize(
    "through",
    [lambda classifier: pickle.loads(pickle.dumps(classifier)), through_joblib, copy.deepcopy],
    ids=["pickle", "joblib", "deepcopy"],
)
def test_a_fitted_classifier_survives(fitted, tmp_path, through):
    copied = through(fitted)
    np.testing.assert_array_equal(copied.predict_proba(TEXTS), fitted.predict_proba(TEXTS))
    assert copied.get_params() == fitted.get_params()
    assert copied.history_ == fitted.history_
    copied.save(tmp_path / "model")
    assert WaveClassifier.load(tmp_path / "model").predict(TEXTS).tolist() == LABELS
    assert through(make()).get_params() == make().get_params()


def test_save_and_load(fitted, tmp_path):
    folder = tmp_path / "new" / "model"
    fitted.save(folder)
    loaded = WaveClassifier.load(folder)
    np.testing.assert_array_equal(loaded.predict_proba(TEXTS), fitted.predict_proba(TEXTS))
    assert loaded.classes_.tolist() == ["cold", "warm"]
    assert loaded.history_ == fitted.history_
    assert loaded.n_iter_ == 8
    refitted = clone(loaded).fit(TEXTS, LABELS)
    np.testing.assert_array_equal(refitted.predict_proba(TEXTS), fitted.predict_proba(TEXTS))


def test_the_saved_folder_is_what_the_torch_free_engine_reads(fitted, tmp_path):
    fitted.save(tmp_path / "model")
    engine = load(tmp_path / "model")
    np.testing.assert_array_equal(engine.predict_proba(TEXTS), fitted.predict_proba(TEXTS))
    assert [prediction.label for prediction in engine.predict(TEXTS)] == LABELS


def test_a_folder_is_overwritten_only_if_asked(fitted, tmp_path):
    fitted.save(tmp_path / "model")
    with pytest.raises(OutputError, match="exists"):
        fitted.save(tmp_path / "model")
    make(epochs=1).fit(TEXTS, LABELS).save(tmp_path / "model", overwrite=True)
    assert WaveClassifier.load(tmp_path / "model").n_iter_ == 1


def test_loading_what_is_no_model(tmp_path):
    for path in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(WaveNetworkError):
            WaveClassifier.load(path)


def test_a_grid_search_tries_its_parameters_and_keeps_the_best():
    grid = {"epochs": [1, 6], "operation": ["modulation", "interference"]}
    search = GridSearchCV(make(), grid, cv=2).fit(TEXTS, LABELS)
    assert len(search.cv_results_["params"]) == 4
    assert search.best_estimator_.n_iter_ == search.best_params_["epochs"]
    assert search.best_score_ == max(search.cv_results_["mean_test_score"])
    assert search.predict(["snow and ice"]).shape == (1,)


def test_a_pipeline_passes_its_texts_on():
    def upper(texts):
        return [text.upper() for text in texts]

    pipeline = Pipeline([("upper", FunctionTransformer(upper)), ("wave", make())])
    pipeline.set_params(wave__epochs=6).fit(TEXTS, LABELS)
    assert pipeline.score(TEXTS, LABELS) == 1.0
    assert pipeline.named_steps["wave"].n_iter_ == 6
    assert pipeline.classes_.tolist() == ["cold", "warm"]


def test_it_is_calibrated_by_scikit_learn():
    calibrated = CalibratedClassifierCV(make(), cv=2).fit(np.array(TEXTS), LABELS)
    probabilities = calibrated.predict_proba(np.array(TEXTS))
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-6)
    assert calibrated.score(np.array(TEXTS), LABELS) == 1.0


@pytest.mark.parametrize("scoring", ["accuracy", "neg_log_loss", "f1_macro"])
def test_cross_validation_scores_every_fold(scoring):
    scores = cross_val_score(make(epochs=4), np.array(TEXTS), LABELS, cv=2, scoring=scoring)
    assert scores.shape == (2,)
    assert np.isfinite(scores).all()


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs a timer that interrupts")
def test_an_interrupt_ends_the_caller_too_but_leaves_the_best_model(fitted):
    classifier = clone(fitted).set_params(epochs=10**6)
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    before = signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(signal.SIGINT))
    signal.setitimer(signal.ITIMER_REAL, 2)
    try:
        with pytest.raises(KeyboardInterrupt):
            classifier.fit(TEXTS, LABELS)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        signal.signal(signal.SIGINT, previous)
    assert 1 <= classifier.n_iter_ < 10**6
    assert set(classifier.predict(TEXTS)) <= {"cold", "warm"}


class NumericTexts(WaveClassifier):
    """`WaveClassifier` on the numbers that scikit-learn's checks are made of, as words."""

    def fit(self, X, y, sample_weight=None):  # noqa: N803
        shape = np.asarray(y).shape
        several = len(shape) == 2 and shape[1] > 1
        rows, labels = validate_data(self, X, y, multi_output=several)
        return super().fit(as_words(rows), labels, sample_weight)

    def predict_proba(self, X):  # noqa: N803
        check_is_fitted(self)
        return super().predict_proba(as_words(validate_data(self, X, reset=False)))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.one_d_array = False
        tags.input_tags.two_d_array = True
        tags.input_tags.string = False
        return tags


def as_words(rows):
    """Each row as a text like `x0v3 x1v12`: a word for each column's value in steps of a half.

    Letters and digits alone, as the tokenizer takes anything else for the end of a word.
    """
    steps = np.clip(np.round(2 * rows.astype(float)), -99, 99).astype(int) + 99
    return [" ".join(f"x{column}v{step}" for column, step in enumerate(row)) for row in steps]


NUMERIC = NumericTexts(
    "tiny", epochs=5, batch_size=8, learning_rate=0.02, validation_fraction=0.2, device="cpu"
)
EXPECTED_FAILURES = {
    "check_classifiers_regression_target": (
        "a continuous target is refused with a ValueError that says what labels must be, without "
        'the words "continuous" or "Unknown label type" that the check looks for'
    ),
    "check_sample_weight_equivalence_on_dense_data": (
        "repeated rows fall into other mini-batches, and other rows choose the epoch; in one batch "
        "a weight of two is as two rows, as tests/training/test_loop.py shows, and a weight of 0 "
        "as no row"
    ),
}
SKIPPED = {
    "check_array_api_input": (
        "it runs only where SCIPY_ARRAY_API is set, and is for arrays of numbers on other devices; "
        "the input is texts"
    ),
}


def numeric_checks():
    """All of scikit-learn's checks, as its `parametrize_with_checks`, but strict in every release.

    A check that is expected to fail and does not is an error, so the lists above stay true.
    """
    checks = list(estimator_checks.estimator_checks_generator(NUMERIC))
    for _, check in checks:
        name = check.func.__name__
        marks = []
        if name in EXPECTED_FAILURES:
            marks.append(pytest.mark.xfail(reason=EXPECTED_FAILURES[name], strict=True))
        if name in SKIPPED:
            marks.append(pytest.mark.skip(reason=SKIPPED[name]))
        options = [f"{option}={value}" for option, value in check.keywords.items()]
        yield pytest.param(check, marks=marks, id=" ".join([name, *options]))


@pytest.mark.parametrize("check", list(numeric_checks()))
def test_scikit_learns_checks(check):
    check(clone(NUMERIC))


def test_the_lists_of_checks_name_checks_that_exist():
    names = {parameters.id.split()[0] for parameters in numeric_checks()}
    assert {*EXPECTED_FAILURES, *SKIPPED} <= names
    assert len(names) > 40


@pytest.mark.parametrize(
    "check",
    [
        estimator_checks.check_estimator_cloneable,
        estimator_checks.check_estimator_repr,
        estimator_checks.check_no_attributes_set_in_init,
        estimator_checks.check_parameters_default_constructible,
        estimator_checks.check_get_params_invariance,
        estimator_checks.check_set_params,
        estimator_checks.check_do_not_raise_errors_in_init_or_set_params,
        estimator_checks.check_mixin_order,
        estimator_checks.check_valid_tag_types,
        estimator_checks.check_estimator_tags_renamed,
    ],
    ids=lambda check: check.__name__,
)
def test_scikit_learns_checks_that_need_no_numbers(check):
    check("WaveClassifier", WaveClassifier())


def test_explain_gives_each_tokens_share(fitted):
    explanation = fitted.explain("snow and heat", "cold")
    shares = {token.token: token.attribution for token in explanation.tokens}
    assert list(shares) == ["snow", "and", "heat"]
    assert shares["snow"] > shares["and"] > shares["heat"]
    assert fitted.explain(TEXTS[0]).label == fitted.predict(TEXTS[:1])[0]
    with pytest.raises(NotFittedError):
        make().explain("snow")
    with pytest.raises(DataError, match="no label 'warmth': the model has 'cold', 'warm'"):
        fitted.explain("snow", "warmth")


# Texts with one of the labels, with both and with none.
BOTH = [
    *TEXTS,
    *(f"{text} and {other}" for text, other in zip(TEXTS[::2], TEXTS[1::2], strict=True)),
]
BOTH += [f"nothing on day {i}" for i in range(16)]
LABEL_SETS = [["cold"], ["warm"]] * 16 + [["cold", "warm"]] * 16 + [[]] * 16
TABLE = np.array([["cold" in labels, "warm" in labels] for labels in LABEL_SETS]).astype(int)


@pytest.fixture(scope="module")
def fitted_with_sets():
    return make(epochs=20).fit(BOTH, LABEL_SETS)


def test_any_number_of_labels_a_text(fitted_with_sets):
    classifier = fitted_with_sets
    assert classifier.classes_.tolist() == ["cold", "warm"]
    probabilities = classifier.predict_proba(BOTH)
    assert probabilities.shape == TABLE.shape
    assert probabilities[TABLE.all(axis=1)].sum(axis=1).mean() > 1.5
    np.testing.assert_array_equal(classifier.predict(BOTH), TABLE)
    assert classifier.score(BOTH, LABEL_SETS) == classifier.score(BOTH, TABLE) == 1.0
    assert classifier.score(BOTH, [["cold"]] * len(BOTH)) == 1 / 4
    weights = np.arange(len(BOTH)) < 2
    assert classifier.score(BOTH, [["cold"]] * len(BOTH), sample_weight=weights) == 1 / 2
    assert classifier.predict([]).shape == (0, 2)


@pytest.mark.parametrize(
    "convert",
    [
        lambda table: [tuple(np.flatnonzero(row)) for row in table],
        lambda table: [{*np.flatnonzero(row)} for row in table],
        np.array,
        lambda table: table.astype(bool),
        csr_array,
        lambda table: pytest.importorskip("pandas").DataFrame(table, columns=["a", "b"]),
    ],
    ids=["tuples", "sets", "integers", "booleans", "sparse", "data frame"],
)
def test_label_lists_of_every_form_give_the_same_classifier(convert):
    expected = make(epochs=1).fit(BOTH, TABLE).predict_proba(BOTH)
    classifier = make(epochs=1).fit(BOTH, convert(TABLE))
    assert classifier.classes_.tolist() == list(getattr(convert(TABLE), "columns", [0, 1]))
    np.testing.assert_array_equal(classifier.predict_proba(BOTH), expected)


@pytest.mark.parametrize("kind", [str, int, bool, float])
def test_predictions_have_the_type_of_the_labels(kind, tmp_path):
    y = np.array([0, 1] * 16).astype(kind)
    classifier = make(epochs=2).fit(TEXTS, y)
    classifier.save(tmp_path / "model")
    for one in (classifier, WaveClassifier.load(tmp_path / "model")):
        assert one.classes_.dtype.kind == y.dtype.kind
        assert one.score(TEXTS, y) > 0.9
    (prediction,) = load(tmp_path / "model").predict(TEXTS[:1])
    assert prediction.label in (kind(0), kind(1))
    assert type(prediction.label) is kind


@pytest.mark.parametrize(
    "column",
    [
        np.array(LABELS)[:, None],
        np.array(LABELS, dtype=object)[:, None],
        polars.DataFrame({"label": LABELS}),
    ],
    ids=["array", "objects", "frame"],
)
def test_a_column_vector_is_one_label_a_text(column):
    with pytest.warns(DataConversionWarning, match="y is a column vector"):
        classifier = make(epochs=1).fit(TEXTS, column)
    assert classifier.classes_.tolist() == ["cold", "warm"]
    assert classifier.predict(TEXTS).shape == (len(TEXTS),)


def test_what_was_read_is_kept_and_what_is_notable_is_logged(caplog, tmp_path):
    texts = [f"{text} and more words" for text in TEXTS]
    classifier = make(max_length=4).fit([*texts, ""], [*LABELS, "cold"])
    summary = classifier.training_summary_
    assert summary["rows"]["train"] == 33
    assert summary["truncated"]["texts"] > 0
    assert summary["validation_method"] == "cross-validation"
    assert "1 of 33 training texts are empty; they are kept" in caplog.messages
    assert "to read more, train with max_length, up to" in caplog.text
    classifier.save(tmp_path / "model")
    assert WaveClassifier.load(tmp_path / "model").training_summary_ == summary


def test_score_reads_labels_as_fit_does_and_counts_those_never_seen_as_wrong(fitted_with_sets):
    classifier = make(epochs=2).fit(TEXTS, LABELS)
    full = classifier.score(TEXTS, LABELS)
    assert classifier.score(TEXTS, [f" {label}" for label in LABELS]) == full
    assert classifier.score(TEXTS, ["other"] * len(TEXTS)) == 0
    assert fitted_with_sets.score(BOTH, [["other"]] * len(BOTH)) == 0
    lists = make(epochs=1).fit(BOTH, TABLE.tolist(), classes=["cold", "warm"])
    assert lists.score(BOTH, TABLE.tolist()) == lists.score(BOTH, TABLE)


def test_columns_of_a_table_may_be_named_and_may_lead_no_text():
    table = np.column_stack([np.zeros(len(TABLE), int), TABLE])
    classifier = make(epochs=1).fit(BOTH, table, classes=["never", "cold", "warm"])
    assert classifier.classes_.tolist() == ["never", "cold", "warm"]
    assert classifier.predict(BOTH).shape == table.shape
    with pytest.raises(DataError, match="classes is for a y with columns"):
        make().fit(BOTH, LABEL_SETS, classes=["cold", "warm"])
    with pytest.raises(DataError, match="must hold 0 and 1"):
        make().fit(BOTH, 2 * TABLE)


def test_a_saved_classifier_of_label_lists_answers_the_same(fitted_with_sets, tmp_path):
    fitted_with_sets.save(tmp_path / "model")
    loaded = WaveClassifier.load(tmp_path / "model")
    np.testing.assert_array_equal(loaded.predict(BOTH), TABLE)
    np.testing.assert_array_equal(
        copy.deepcopy(loaded).predict_proba(BOTH), loaded.predict_proba(BOTH)
    )
    answers = load(tmp_path / "model").predict(BOTH)
    assert [sorted(prediction.labels) for prediction in answers] == LABEL_SETS


def test_scikit_learns_own_tools_take_label_lists():
    folds = KFold(2, shuffle=True, random_state=0)
    scores = cross_val_score(make(epochs=20), BOTH, TABLE, cv=folds, scoring="f1_micro")
    assert scores.min() > 0.8


def test_a_base_model_is_trained_on(fitted, tmp_path):
    fitted.save(tmp_path / "base")
    wet = [f"rain and {word} on day {i}" for i, word in enumerate(("flood", "pond", "drip") * 5)]
    options = {"preset": None, "base_model": str(tmp_path / "base"), "learning_rate": 0.02}
    grown = make(**options, epochs=20).fit([*wet, *TEXTS], ["wet"] * 15 + LABELS)
    assert grown.classes_.tolist() == ["cold", "warm", "wet"]
    assert grown.score([*wet, *TEXTS], ["wet"] * 15 + LABELS) > 0.9
    grown.save(tmp_path / "grown")
    loaded = WaveClassifier.load(tmp_path / "grown")
    assert loaded.get_params()["base_model"] == options["base_model"]
    assert loaded.preset == "tiny"
    np.testing.assert_array_equal(loaded.predict_proba(wet), grown.predict_proba(wet))
    assert fitted.classes_.tolist() == ["cold", "warm"]
    soft = np.eye(2)[[0, 1] * 16]
    answered = make(**options, epochs=1).fit(TEXTS, soft, classes=["wet", "cold"])
    assert answered.classes_.tolist() == ["cold", "warm", "wet"]


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"preset": "small"}, "preset tiny, and its weights"),
        ({"operation": "interference"}, "operation modulation"),
        ({"tokenizer": "another"}, "its own tokenizer"),
        ({"base_model": "nowhere"}, "nowhere does not exist"),
    ],
)
def test_what_a_base_model_cannot_be_asked_for(fitted, tmp_path, options, named):
    fitted.save(tmp_path / "base")
    given = {"preset": None, "base_model": str(tmp_path / "base"), **options}
    with pytest.raises(WaveNetworkError, match=named):
        make(**given).fit(TEXTS, LABELS)


def test_a_cache_gives_the_same_model(tmp_path):
    texts, labels = ["good film", "bad film", "good book", "bad book"] * 8, [1, 0, 1, 0] * 8
    fitted = [
        WaveClassifier(preset="tiny", epochs=1, cache=cache).fit(texts, labels)
        for cache in (None, tmp_path / "kept", str(tmp_path / "kept"))
    ]
    expected = fitted[0].predict_proba(texts)
    assert all(np.array_equal(model.predict_proba(texts), expected) for model in fitted)
    assert any((tmp_path / "kept").glob("ids-*/ids.bin"))
