import numpy as np

from wave_network.few_labels.suggestions.clarity import clarity, margins
from wave_network.few_labels.suggestions.word_matrix import count_words


def test_margins_are_those_of_the_two_most_probable_classes():
    probabilities = np.array([[0.5, 0.2, 0.3], [0.1, 0.8, 0.1]], np.float32)
    np.testing.assert_allclose(margins(probabilities), [0.2, 0.7], atol=1e-6)


def test_a_text_is_clear_if_its_words_occur_with_those_that_the_model_knows():
    # The model knows two words of each class, with which others occur. The last texts have none
    # of the known words: twenty have words of one class, twenty of both.
    random = np.random.default_rng(0)
    texts, known = [], []
    for number in range(300):
        words = random.choice(40, 6, replace=False)
        texts.append(" ".join(f"{'left' if number % 2 else 'right'}{word}" for word in words))
        share = 0.9 if (words < 2).any() else 0.5
        known.append([share, 1 - share] if number % 2 else [1 - share, share])
    for other in ["left"] * 20 + ["right"] * 20:
        words = random.choice(range(2, 40), 6, replace=False)
        sides = ["left", other] * 3
        texts.append(" ".join(map("{}{}".format, sides, words)))
        known.append([0.5, 0.5])
    clear = clarity(count_words(texts), np.array(known, np.float32))
    assert clear.shape == (340,)
    assert clear[300:320].mean() > 2 * clear[320:].mean()


def test_texts_without_words_and_certain_models_have_a_clarity():
    texts = ["", "red hen", "red hen", "green fox", "green fox", "new"]
    for probabilities in ([[1, 0]] * 6, [[1, 0], [0, 1]] * 3):
        clear = clarity(count_words(texts), np.array(probabilities, np.float32))
        assert np.isfinite(clear).all()
        assert ((clear >= 0) & (clear <= 1)).all()
