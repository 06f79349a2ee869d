import numpy as np
import pytest

from wave_network import Suggestion, WaveClassifier, suggest
from wave_network.errors import ConfigError, DataError

WORDS = {
    "animals": ("hen", "fox", "otter", "heron", "sparrow", "mole", "newt", "toad", "hare", "lynx"),
    "colours": ("red", "green", "blue", "amber", "teal", "pink", "grey", "ochre", "beige", "jade"),
    "metals": ("iron", "tin", "zinc", "lead", "nickel", "copper", "cobalt", "gold", "brass", "tar"),
}


def archive(sizes, seed=0):
    """Texts of four words of a topic and three of any, with their topics."""
    random = np.random.default_rng(seed)
    topics = random.permutation(np.repeat(list(sizes), list(sizes.values()))).tolist()
    others = [f"other{number}" for number in range(50)]
    texts = [
        " ".join([*random.choice(WORDS[topic], 4), *random.choice(others, 3)]) for topic in topics
    ]
    return texts, topics


def fitted(texts, labels):
    return WaveClassifier("tiny", epochs=10, device="cpu").fit(texts, labels)


@pytest.fixture(scope="module")
def model():
    """A model that knows half of the words of two topics."""
    random = np.random.default_rng(1)
    labels = ["animals", "colours"] * 20
    return fitted([" ".join(random.choice(WORDS[label][:5], 4)) for label in labels], labels)


def test_without_a_model_all_topics_are_suggested():
    texts, topics = archive({"animals": 200, "colours": 60, "metals": 20})
    suggestions = suggest(texts, 6)
    assert len(suggestions) == 6
    assert {topics[one.index] for one in suggestions} == set(WORDS)
    for one in suggestions:
        assert one.text == texts[one.index]
        assert (one.guess, one.score) == (None, None)
        assert one.reason.startswith("typical: ")
        assert one.reason.endswith("% of the texts are most like it")
    assert suggestions == suggest(iter(texts), 6)


def test_with_a_model_unsure_texts_are_suggested(model):
    texts, _ = archive({"animals": 100, "colours": 100})
    margins = -np.diff(-np.sort(model.predict_proba(texts)), axis=1)[:, 0]
    suggestions = suggest(texts, 10, model)
    assert margins[[one.index for one in suggestions]].mean() < 0.7 * margins.mean()
    assert {one.guess for one in suggestions} == {"animals", "colours"}
    (prediction,) = model.engine.predict([suggestions[0].text])
    first = suggestions[0]
    assert first.guess == prediction.label
    assert first.score == pytest.approx(prediction.score)
    other = ({"animals", "colours"} - {first.guess}).pop()
    assert first.reason == (
        f"unsure: {first.guess} {first.score:.0%} or {other} {1 - first.score:.0%}"
    )


def test_the_engine_suggests_what_the_classifier_does(model):
    texts, _ = archive({"animals": 30, "colours": 30})
    assert suggest(texts, 5, model.engine) == suggest(texts, 5, model)


def test_texts_that_are_labelled_are_not_suggested_again(model):
    texts, _ = archive({"animals": 30, "colours": 30})
    for known in (None, model):
        first = [one.text for one in suggest(texts, 10, known)]
        second = [one.text for one in suggest(texts, 10, known, labeled=first)]
        assert not {*first} & {*second}


def test_a_rare_class_that_the_model_guesses_is_suggested_early():
    texts, topics = archive({"animals": 300, "colours": 300, "metals": 6}, seed=2)
    labels = ["animals", "colours", "metals"] * 6
    random = np.random.default_rng(3)
    known = [" ".join(random.choice(WORDS[label][:5], 4)) for label in labels]
    suggestions = suggest(texts, 12, fitted(known, labels))
    assert sum(topics[one.index] == "metals" for one in suggestions) >= 2


def test_multi_label_models_suggest_texts_with_a_doubtful_label():
    random = np.random.default_rng(0)
    labels = [[], ["animals"], ["colours"], ["animals", "colours"]] * 15
    texts = [
        " ".join(word for label in each or ["metals"] for word in random.choice(WORDS[label], 3))
        for each in labels
    ]
    model = fitted(texts, labels)
    pool, _ = archive({"animals": 30, "colours": 30, "metals": 30})
    for one in suggest(pool, 5, model):
        assert isinstance(one.guess, list)
        label, share = one.reason.removeprefix("unsure: ").split(" ", 1)
        assert share == f"{one.score:.0%}"
        (prediction,) = model.engine.predict([one.text])
        assert one.score == pytest.approx(prediction.scores[label])
        assert one.guess == list(prediction.labels)


def test_a_small_archive_gives_all_that_it_has(model):
    texts = ["a red hen", "", "a red hen", "lynx"]
    for known in (None, model):
        assert sorted(one.index for one in suggest(texts, 20, known)) == [0, 3]


@pytest.mark.parametrize("count", [0, 1_001])
def test_a_count_out_of_range_is_refused(count):
    with pytest.raises(ConfigError, match="count must be between 1 and 1,000; got"):
        suggest(["a"], count)


def test_nothing_to_suggest_is_an_error(model):
    with pytest.raises(DataError, match="no text is left to suggest"):
        suggest(["", "a"], 5, model, labeled=["A"])


def test_a_suggestion_is_a_value():
    assert Suggestion(0, "a", None, None, "b") == Suggestion(0, "a", None, None, "b")
