"""Train on the bundled news, test and save the model, and load it.

python examples/news.py
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from wave_network import WaveClassifier, load
from wave_network.data import read_splits


def main() -> None:
    """Train `small` on 1,400 items and use the 400 test items once."""
    news = read_splits("sample")
    assert news.test is not None
    classifier = WaveClassifier("small", epochs=12, device="cpu")
    classifier.fit(news.train["text"], news.train["label"])
    accuracy = classifier.score(news.test["text"], news.test["label"])
    print(f"test accuracy: {accuracy:.1%}")
    with TemporaryDirectory() as folder:
        classifier.save(Path(folder) / "news")
        model = load(Path(folder) / "news")
    for answer in model.predict(
        ["Oil prices jump as OPEC cuts output", "A late goal wins the cup"]
    ):
        print(f"{answer.label:<10} {answer.score:.2f}")


if __name__ == "__main__":
    main()
