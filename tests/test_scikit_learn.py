"""`WaveClassifier` is an estimator of scikit-learn, and does not import it."""

import pickle
import subprocess
import sys

import numpy as np
import pytest
from sklearn import config_context
from sklearn.base import clone, is_classifier
from sklearn.model_selection import cross_validate
from sklearn.utils import estimator_html_repr, get_tags

from wave_network import WaveClassifier
from wave_network.errors import DataError

TEXTS = [f"{word} day {i}" for i in range(8) for word in ("cold", "warm")]
LABELS = ["cold", "warm"] * 8


def make(**options):
    return WaveClassifier("tiny", epochs=1, vectors="none", refit=False, device="cpu", **options)


def in_a_fresh_python(code):
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_importing_and_making_one_imports_no_scikit_learn():
    code = """
import sys
from wave_network import WaveClassifier
classifier = WaveClassifier("tiny").set_params(seed=1)
repr(classifier), classifier._repr_html_(), classifier.get_params()
try:
    classifier.predict(["a text"])
except ValueError as error:
    print(type(error).__module__, isinstance(error, AttributeError))
print("sklearn" in sys.modules)
"""
    assert in_a_fresh_python(code) == "wave_network.scikit_learn True\nFalse\n"


def test_it_inherits_from_scikit_learn_once_that_is_loaded():
    code = """
from wave_network import WaveClassifier
before = WaveClassifier()
from sklearn.base import BaseEstimator, ClassifierMixin
after = WaveClassifier()
for classifier in (before, after):
    print(isinstance(classifier, BaseEstimator), isinstance(classifier, ClassifierMixin))
print(issubclass(WaveClassifier, BaseEstimator), WaveClassifier.__mro__[1].__name__)
"""
    found = in_a_fresh_python(code).split()
    assert found == ["True"] * 5 + ["TextClassifierBase"]
    code = "import sklearn.base; from wave_network import WaveClassifier as W; print(W.__mro__)"
    assert "BaseEstimator" in in_a_fresh_python(code)


def test_scikit_learn_takes_it_for_a_classifier_of_texts():
    tags = get_tags(make())
    assert is_classifier(make())
    assert tags.classifier_tags.multi_label
    assert (tags.input_tags.string, tags.input_tags.two_d_array) == (True, False)
    assert tags.target_tags.required


def test_it_is_written_as_the_call_that_makes_it():
    assert repr(WaveClassifier()) == "WaveClassifier()"
    written = "WaveClassifier(preset='tiny', epochs=3, class_weight={'a': 2})"
    classifier = WaveClassifier("tiny", epochs=3, class_weight={"a": 2})
    assert repr(classifier) == written
    assert eval(written).get_params() == classifier.get_params()


def test_a_notebook_draws_it():
    assert classifier_name_in(make()._repr_html_())
    assert classifier_name_in(estimator_html_repr(make()))
    with config_context(display="text"):
        assert make()._repr_html_() is None


def classifier_name_in(page):
    return page.startswith("<style>") and "WaveClassifier" in page


def test_weights_reach_the_classifier_where_metadata_is_routed():
    weights = np.array([1.0, 0.0] * 8)
    with config_context(enable_metadata_routing=True):
        asking = make().set_fit_request(sample_weight=True).set_score_request(sample_weight=False)
        asking = clone(asking)
        assert (
            pickle.loads(pickle.dumps(asking)).get_metadata_routing().fit.requests["sample_weight"]
        )
        with pytest.raises(DataError, match="class"):  # no text of the other class has a weight
            cross_validate(
                asking, TEXTS, LABELS, cv=2, params={"sample_weight": weights}, error_score="raise"
            )
        with pytest.raises(ValueError, match="sample_weight"):
            cross_validate(make(), TEXTS, LABELS, cv=2, params={"sample_weight": weights})
        with pytest.raises(TypeError, match="score takes no argument 'classes'"):
            make().set_score_request(classes=True)


@pytest.mark.parametrize("table", [np.eye(2), np.ones((16, 2)) / 2, np.ones((16, 3), int)])
def test_a_score_needs_zeros_and_ones_for_each_class(fitted, table):
    with pytest.raises(DataError, match=r"must be the integers 0 and 1 in shape \(16, 2\)"):
        fitted.score(TEXTS, table)


def test_a_score_counts_texts_with_all_labels_right(fitted):
    right = np.array([fitted.classes_ == label for label in fitted.predict(TEXTS)]).astype(int)
    assert fitted.score(TEXTS, right) == 1.0
    right[0] = 1 - right[0]
    assert fitted.score(TEXTS, right) == 15 / 16
    assert fitted.score(TEXTS, right, np.arange(16)) == 1.0


@pytest.fixture(scope="module")
def fitted():
    return make().fit(TEXTS, LABELS)
