import importlib.util
import subprocess
import sys

import numpy as np
import pytest

from wave_network.baselines import BASELINES
from wave_network.data import read_splits
from wave_network.errors import DataError

needs_fasttext = pytest.mark.skipif(
    importlib.util.find_spec("fasttext") is None,
    reason='fastText is not installed: pip install "wave-network[baselines]"',
)
# The one with 10 million buckets takes 400 MB and differs from its sister in numbers alone; those
# that take long have tests of their own.
SLOW = ("fasttext-bigram-10m", "fasttext-autotuned", "model2vec", "transformer")
every_baseline = pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=needs_fasttext if name.startswith("fasttext") else ())
        for name in BASELINES
        if name not in SLOW
    ],
)
TEXTS = ["good fine nice", "bad awful poor"] * 20


def fitted(name, labels=("good", "bad")):
    return BASELINES[name](seed=0, threads=1).fit(TEXTS, list(labels) * 20)


def test_the_names():
    assert list(BASELINES) == [
        "fasttext-unigram",
        "fasttext-bigram",
        "fasttext-bigram-10m",
        "fasttext-autotuned",
        "tfidf-unigram",
        "tfidf-bigram",
        "model2vec",
        "transformer",
    ]


@every_baseline
def test_learns_the_sample(name):
    splits = read_splits("sample")
    train, test = splits.train[:], splits.test[:]
    # One class after another, as some data sets come.
    labels, texts = zip(*sorted(zip(train["label"], train["text"], strict=True)), strict=True)
    model = BASELINES[name](seed=0, threads=1).fit(texts, labels)
    predicted = model.predict(test["text"])
    assert predicted.shape == (len(test["text"]),)
    assert np.mean(predicted == np.array(test["label"])) > 0.4  # of four classes
    assert set(predicted) <= set(train["label"])


@every_baseline
@pytest.mark.parametrize(
    "labels",
    [("good", "bad"), (7, -1), ("__label__ with\nlines, é 世界 🙂", "\t"), ("", "__LABEL__1")],
)
def test_labels_come_back_as_they_were(name, labels):
    predicted = fitted(name, labels).predict(["good fine", "awful"])
    assert predicted.dtype.kind == ("i" if isinstance(labels[0], int) else "U")
    assert predicted.tolist() == list(labels)


@every_baseline
def test_line_ends_do_not_break_texts(name):
    texts = [text.replace(" ", "\n") for text in TEXTS]
    model = BASELINES[name](seed=0, threads=1).fit(texts, [1, 2] * 20)
    plain = fitted(name, labels=(1, 2))
    asked = ["fine\nnice\n", "\r\npoor", "bad\n\nawful"]
    expected = plain.predict(["fine nice", "poor", "bad awful"])
    assert model.predict(asked).tolist() == expected.tolist()
    assert model.num_parameters() == plain.num_parameters()


@every_baseline
@pytest.mark.parametrize("text", ["", " ", "unseen", "!?", "</s> bad", "\0", "__LABEL__1 x", "🙂"])
def test_every_text_gets_one_label(name, text):
    model = fitted(name)
    assert len(model.predict([text])) == 1
    assert model.predict(["bad", text, "good"]).tolist()[0::2] == [
        *model.predict(["bad"]),
        *model.predict(["good"]),
    ]


@every_baseline
def test_no_texts(name):
    assert fitted(name).predict([]).tolist() == []


@every_baseline
def test_a_seed_repeats(name):
    texts = ["good", "bad", "fine", "poor and awful"]
    assert fitted(name).predict(texts).tolist() == fitted(name).predict(texts).tolist()


@every_baseline
def test_the_size(name):
    model = fitted(name)
    buckets = 2_000_000 if name == "fasttext-bigram" else 0
    if name.startswith("fasttext"):  # six words and the line's end
        assert model.num_parameters() == (7 + 2 + buckets) * 10
    else:
        features = 6 if name == "tfidf-unigram" else 10
        assert model.num_parameters() == 2 * features + 1
    assert model.size_bytes() >= 4 * model.num_parameters()


@every_baseline
def test_what_cannot_be_learnt(name):
    model = BASELINES[name](seed=0, threads=1)
    with pytest.raises(DataError, match="only one class"):
        model.fit(["good", "bad"], [1, 1])
    with pytest.raises(ValueError, match=r"argument 2 is shorter|inconsistent numbers"):
        model.fit(["good", "bad", "good"], [1, 2])


def test_a_missing_library_names_the_extra():
    code = """
import sys
for name in ("fasttext", "sklearn", "model2vec", "torch"):
    sys.modules[name] = None  # importing it fails
from wave_network.baselines import BASELINES
from wave_network.errors import MissingExtraError
for make in BASELINES.values():
    try:
        make(seed=0, threads=1).fit(["a", "b"], [0, 1])
    except MissingExtraError as error:
        print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    advice = 'baseline needs the "baselines" extra: pip install "wave-network[baselines]"'
    names = ["fastText"] * 4 + ["TF-IDF"] * 2 + ["model2vec", "Transformer"]
    assert done.stdout.splitlines() == [f"the {name} {advice}" for name in names]
