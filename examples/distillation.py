"""A large teacher labels more texts for a tiny student.

Here a `large` wave network teaches `tiny`; a fine-tuned BERT in a folder works alike.

python examples/distillation.py
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from wave_network import WaveClassifier
from wave_network.data import read_splits


def main() -> None:
    """300 items have labels, the other 1,100 have none."""
    news = read_splits("sample")
    assert news.test is not None
    train = news.train.shuffle(seed=0)
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
