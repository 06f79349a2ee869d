"""Start with ten labels and an archive of unlabelled texts, and ask what to label next.

python examples/ten_labels.py
"""

from __future__ import annotations

from wave_network import WaveClassifier, suggest
from wave_network.data import read_splits


def main() -> None:
    """Label ten texts, then ten more; use the archive, or leave it out."""
    news = read_splits("sample")
    assert news.test is not None
    archive = news.train["text"][:]
    person = dict(zip(archive, news.train["label"], strict=True))  # who labels a text
    labelled = [suggestion.text for suggestion in suggest(archive, count=10)]
    for _ in range(2):
        labels = [person[text] for text in labelled]
        alone = WaveClassifier("tiny", vectors="none", device="cpu").fit(labelled, labels)
        helped = WaveClassifier("tiny", device="cpu").fit(labelled, labels, unlabeled=archive)
        for name, classifier in (("alone", alone), ("with the archive", helped)):
            accuracy = classifier.score(news.test["text"], news.test["label"])
            print(f"{len(labelled)} labels {name:<18} test accuracy {accuracy:.1%}")
        following = suggest(archive, 10, model=helped, labeled=labelled)
        print(f"next: {following[0].text[:40]}... ({following[0].reason})")
        labelled += [suggestion.text for suggestion in following]


if __name__ == "__main__":
    main()
