"""Distil a large model into a tiny one, with the help of unlabelled texts.

Here a `large` model teaches `tiny`. A folder with a fine-tuned BERT works the same way.

python examples/distillation.py
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from wave_network import WaveClassifier
from wave_network.data import read_splits


def main() -> None:
    """Use 300 items with their labels, and 1,100 without."""
    news = read_splits("sample")
    assert news.test is not None
    order = np.random.default_rng(0).permutation(len(news.train))
    train = news.train.select(order)
    texts, labels = train["text"][:300], train["label"][:300]
    unlabeled = train["text"][300:]
    test_texts, test_labels = news.test["text"], news.test["label"]
    with TemporaryDirectory() as folder:
        teacher_folder = Path(folder) / "teacher"
        teacher = WaveClassifier("large", epochs=40, device="cpu").fit(texts, labels)
        teacher.save(teacher_folder)
        alone = WaveClassifier("tiny", epochs=15, device="cpu").fit(texts, labels)
        student = WaveClassifier("tiny", teacher=str(teacher_folder), epochs=15, device="cpu")
        student.fit(texts, labels, unlabeled=unlabeled)
    for name, classifier in (("teacher", teacher), ("tiny alone", alone), ("student", student)):
        print(f"{name:<10} test accuracy {classifier.score(test_texts, test_labels):.1%}")


if __name__ == "__main__":
    main()
