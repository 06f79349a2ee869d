"""What `pip install wave-network` alone does: train, evaluate, predict, explain, quantize, suggest.

Packages of the extras count as not installed here, whether they are or not.
"""

import json
from textwrap import dedent

import pytest
from absent import BEYOND_BASE, COMMANDS, run_without
from native import needs_native

pytestmark = needs_native

WORDS = {"sport": "ball goal team", "money": "bank loan rate", "science": "star atom cell"}
ROWS = [
    (f"the {word} {number} is here", label)
    for number in range(40)
    for label, words in WORDS.items()
    for word in words.split()
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with data in the formats that the base reads."""
    folder = tmp_path_factory.mktemp("base")
    lines = {
        "rows.csv": ["text,label", *map(",".join, ROWS)],
        "rows.tsv": ["text\tlabel", *map("\t".join, ROWS)],
        "rows.jsonl": [json.dumps({"text": text, "label": label}) for text, label in ROWS],
        "rows.txt": [f"__label__{label} {text}" for text, label in ROWS],
        "archive.txt": [f"also {text}" for text, _ in ROWS],
    }
    for name, content in lines.items():
        (folder / name).write_text("\n".join(content) + "\n", encoding="utf-8")
    return folder


def test_every_command_of_the_base(folder):
    code = """
    quick = ("--epochs", 2, "--vectors", "none")
    model = "from-rows.csv"
    for command in (
        ("train", "sample", "--epochs", 2, "--output", "of-sample"),
        ("train", "rows.csv", *quick, "--preset", "tiny", "--output", model),
        ("train", "rows.tsv", *quick, "--preset", "large", "--validation", "rows.csv"),
        ("train", "rows.jsonl", *quick, "--unlabeled", "archive.txt", "--output", "semi"),
        ("train", "rows.txt", "--epochs", 1, "--from", model, "--output", "continued"),
        ("evaluate", model, "rows.jsonl", "--coverage", 0.9, "--json"),
        ("predict", model, "the ball"),
        ("predict", model, "--input", "rows.csv", "--keep-columns", "--output", "out.csv"),
        ("predict", model, "--input", "archive.txt", "--out-of-scope", "--output", "out.jsonl"),
        ("predict", model, "the ball", "--explain"),
        ("quantize", model, "--data", "rows.csv", "--output", "small"),
        ("suggest", model, "--input", "archive.txt", "--count", 2),
        ("suggest", "--input", "archive.txt", "--count", 2),
        ("vectors", "rows.csv", "--min-count", 1, "--output", "vectors"),
        ("fasttext", "skipgram", "-input", "archive.txt", "-output", "words", "-minCount", 1),
        ("info", model),
        ("--version",),
    ):
        ended = run(*command)
        assert ended[0] == 0, (command, ended)
    assert "sport" in run("predict", "small", "the ball")[1]
    print(sorted(set(sys.modules) & BEYOND_BASE))
    """
    given = f"{COMMANDS}\nBEYOND_BASE = {set(BEYOND_BASE)}\n"
    done = run_without(BEYOND_BASE, given + dedent(code), folder=folder)
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr


def test_the_classifier_in_python(folder):
    code = """
    import numpy as np
    from wave_network import WaveClassifier, load, suggest

    rows = [line.strip().split(",") for line in list(open("rows.csv"))[1:]]
    texts, labels = [text for text, _ in rows], [label for _, label in rows]

    def check(model):
        assert np.mean(model.predict(texts) == np.array(labels)) > 0.9

    first = WaveClassifier(epochs=2).fit(texts, labels)
    check(first)
    first.score(texts, labels), first.explain(texts[0])
    first.save("model")
    check(WaveClassifier.load("model"))
    assert load("model").predict(texts[:1])[0].label == labels[0]
    check(WaveClassifier(epochs=2).fit(texts[:27], labels[:27], unlabeled=texts[27:]))
    check(WaveClassifier("tiny", teacher="model", epochs=4).fit(texts, labels))

    more = [f"rain and wind {i}" for i in range(100)]
    continued = WaveClassifier(base_model="model", epochs=2)
    continued.fit(texts + more, labels + ["weather"] * 100)
    assert np.mean(continued.predict(more) == "weather") > 0.9

    several = WaveClassifier("tiny", epochs=2).fit(texts, [[label, "all"] for label in labels])
    assert np.shape(several.predict_proba(texts)) == (len(texts), 4)
    assert len(suggest(texts, 2)) == 2
    """
    done = run_without(BEYOND_BASE, dedent(code), folder=folder)
    assert done.returncode == 0, done.stderr
