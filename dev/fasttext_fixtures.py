"""Train the small models of tests/fasttext/models with fastText, and write down its answers.

    python dev/fasttext_fixtures.py

It needs the extra `baselines`: fastText installs on Python before 3.13. Its training depends on the
platform, so only the answers that belong to the committed models count.
"""

from __future__ import annotations

import json
import random
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fasttext

PLACE = Path(__file__).resolve().parent.parent / "tests" / "fasttext" / "models"
MANY = 20  # labels, from which on all of them are asked for two lines alone
ASKED = ((1, 0.0), (3, 0.0), (-1, 0.0), (-1, 0.3))
TOPICS = {
    "food": "bake bread oven yeast flour crème brûlée 面包",
    "sport": "goal match striker league cup referee мяч",
    "space": "orbit rocket telescope planet launch 火箭",
    "music": "guitar chord song drum concert mélodie",
}
LINES = [
    "bake the bread in the oven\n",
    "a striker and a rocket\n",
    "unseen wörds only 火箭\n",
    "\n",
    " \t \n",
    "",
    "no end of line",
    "goal </s> bread\n",
    "__label__food __label__unknown guitar\n",
    "a\0b\tc\x0bgoal\x0csong\rcup\n",
    "</s></s> <bread> < > \n",
    "orbit " * 40 + "\n",
    "x" * 300 + "\n",
    "mélodie\u2003brûlée\xa0面包 😀\n",
]
BYTES = [
    b"\xff\xfe\x80 caf\xe9 bread\n",
    b"\x80\x80\n",
    b"cr\xc3 \xa8me\n",
    bytes(range(256)) + b"\n",
]
WORDS = ["bread", "unseen", "мяч", "</s>", "", "bre"]


def data(place: Path) -> dict[str, Path]:
    """Write training data with one label a line, with several, and with 260 labels."""
    generator = random.Random(0)
    files = {name: place / f"{name}.txt" for name in ("one", "several", "many")}
    with files["one"].open("w") as one, files["several"].open("w") as several:
        for number in range(240):
            topic = list(TOPICS)[number % 4 if number % 5 else 0]
            words = [*generator.choices(TOPICS[topic].split(), k=5), "the", "a", "and"]
            generator.shuffle(words)
            one.write(f"__label__{topic} {' '.join(words)}\n")
            second = generator.choice(list(TOPICS))
            several.write(f"__label__{topic} __label__{second} {' '.join(words)}\n")
    with files["many"].open("w") as many:
        for number in range(520):
            many.write(f"__label__{number % 260} w{number % 40} w{number % 52} the\n")
    return files


def models(files: dict[str, Path]) -> Iterator[tuple[str, Any, dict[str, Any] | None]]:
    """Yield name, training and quantisation of each model."""
    usual = {"input": files["one"], "dim": 4, "bucket": 60, "epoch": 30, "lr": 0.5}
    yield "softmax", {**usual}, None
    yield "ngrams", {**usual, "wordNgrams": 3}, None
    yield "subwords", {**usual, "minn": 2, "maxn": 4, "wordNgrams": 2}, None
    yield "hs", {**usual, "loss": "hs", "minn": 1, "maxn": 3}, None
    yield "ns", {**usual, "loss": "ns", "minn": 3, "maxn": 3}, None
    yield "ova", {**usual, "loss": "ova", "input": files["several"], "wordNgrams": 2}, None
    wide = {**usual, "bucket": 400, "minn": 2, "maxn": 3, "dim": 3}
    yield "quantised", wide, {}
    yield "pruned", {**wide, "wordNgrams": 2}, {"cutoff": 260, "qnorm": True, "dsub": 1}
    many = {**wide, "input": files["many"], "loss": "hs"}
    yield "output", many, {"qout": True, "qnorm": True, "dsub": 4}


def trained(training: dict[str, Any], quantization: dict[str, Any] | None) -> Any:  # noqa: ANN401
    """Train and quantise a model."""
    given = {**training, "input": str(training["input"]), "thread": 1, "verbose": 0}
    model = fasttext.train_supervised(**given)
    if quantization is not None:
        model.quantize(input=given["input"], thread=1, verbose=0, **quantization)
    return model


def answers(model: Any, file: Path) -> dict[str, Any]:  # noqa: ANN401
    """Return what the original says about the lines, the words and a file."""
    lines = [*(line.encode() for line in LINES), *BYTES]
    found: dict[str, Any] = {
        "predict": [
            [
                [(_rounded(score), label) for score, label in predicted]
                for predicted in (
                    model.f.predict(line, count, threshold, "strict")
                    for line in (lines[:2] if count < 0 and len(model.labels) > MANY else lines)
                )
            ]
            for count, threshold in ASKED
        ],
        "test": [model.f.test(str(file), count, threshold) for count, threshold in ASKED[:2]],
        "labels": _listed(model.get_labels(include_freq=True)),
        "sentences": [_floats(model.get_sentence_vector(line.rstrip("\n"))) for line in LINES],
    }
    return {**found, **of_words(model)}


def of_words(model: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return what the original says about words, and about the table."""
    return {
        "dimension": model.get_dimension(),
        "is_quantized": model.is_quantized(),
        "words": _listed(model.get_words(include_freq=True)),
        "vectors": [_floats(model.get_word_vector(word)) for word in WORDS],
        "subwords": [_listed(model.get_subwords(word)) for word in WORDS],
        "word_ids": [model.get_word_id(word) for word in WORDS],
        "lines": [list(map(list, model.f.getLine(line, "strict"))) for line in LINES],
        "neighbors": model.get_nearest_neighbors("bread", 4),
        "analogies": model.get_analogies("bread", "oven", "goal", 4),
        "row": _floats(model.get_input_vector(3)),
    }


def _floats(values: Any) -> list[float]:  # noqa: ANN401
    return [_rounded(value) for value in values]


def _rounded(value: float) -> float:
    return float(f"{value:.8g}")


def _listed(pair: Any) -> list[Any]:  # noqa: ANN401
    names, numbers = pair
    return [list(names), [int(number) for number in numbers]]


def main() -> None:
    """Write models and answers."""
    fasttext.FastText.eprint = lambda *_: None
    PLACE.mkdir(parents=True, exist_ok=True)
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as place:
        files = data(Path(place))
        (PLACE / "test.txt").write_bytes(
            files["one"].read_bytes()[:4_000] + b"goal\n\n__label__food"
        )
        for name, training, quantization in models(files):
            model = trained(training, quantization)
            path = PLACE / f"{name}.{'bin' if quantization is None else 'ftz'}"
            model.save_model(str(path))
            found[path.name] = answers(fasttext.load_model(str(path)), PLACE / "test.txt")
        text = Path(place, "text.txt")
        text.write_text(files["one"].read_text().replace("__label__", ""))
        for kind in ("skipgram", "cbow"):
            model = fasttext.train_unsupervised(
                str(text), model=kind, dim=4, bucket=60, minCount=1, thread=1, verbose=0
            )
            model.save_model(str(PLACE / f"{kind}.bin"))
            vectors = [_floats(model.get_sentence_vector(line.rstrip("\n"))) for line in LINES]
            found[f"{kind}.bin"] = {"sentences": vectors, **of_words(model)}
    described = {
        "lines": [line.encode().decode("latin-1") for line in LINES]
        + [line.decode("latin-1") for line in BYTES],
        "asked": ASKED,
        "words": WORDS,
        "models": found,
    }
    (PLACE / "expected.json").write_text(json.dumps(described, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
