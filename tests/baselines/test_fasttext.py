import pytest

from wave_network.baselines.fasttext import FastTextClassifier, normalize
from wave_network.data import read_splits
from wave_network.errors import DataError


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("It's HERE.", "it ' s here ."),
        ('He said: "no"; (twice), loudly!', "he said no ( twice ) , loudly !"),
        ("one<br />two?", "one two ?"),
        ("ÉCOLE\nStraße", "école straße"),
        ("", ""),
    ],
)
def test_punctuation_stands_alone(text, words):
    assert normalize(text).split() == words.split()
    assert "\n" not in normalize(text)


def test_autotuning_finds_settings_of_its_own():
    pytest.importorskip("fasttext")
    train = read_splits("sample").train[:400]
    model = FastTextClassifier(autotune_seconds=3, seed=0, threads=1)
    model.fit(train["text"], train["label"])
    assert set(model.predict(train["text"])) <= set(train["label"])
    # Those of `FastTextClassifier()` give ten columns and the words' rows.
    plain = FastTextClassifier(buckets=0, seed=0).fit(train["text"], train["label"])
    assert model.num_parameters() != plain.num_parameters()
    with pytest.raises(DataError, match="too few examples"):
        FastTextClassifier(autotune_seconds=3).fit(["a", "b"], [0, 1])
