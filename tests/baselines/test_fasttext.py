import pytest

from wave_network.baselines.fasttext import normalize


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
