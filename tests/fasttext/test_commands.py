"""The archived program's command lines, taken literally: as tutorials and users write them."""

import io
import re
import shlex
import subprocess
import sys

import numpy as np
import pytest
from fasttext_models import MODELS, PLACE

from wave_network import fasttext
from wave_network.errors import ConfigError, WaveNetworkError
from wave_network.fasttext.commands import COMMANDS, run

INPUT = "bake the bread in the oven\na striker and a rocket\n"


@pytest.fixture(scope="module")
def place(tmp_path_factory, trained):
    """A folder with data and models, as after a tutorial's first steps."""
    folder = tmp_path_factory.mktemp("tutorial")
    lines = (PLACE / "test.txt").read_bytes()
    for name in ("cooking.train", "train.txt", "valid.txt", "test.txt"):
        (folder / name).write_bytes(lines)
    (folder / "lines.txt").write_text(INPUT)
    for name in ("subwords.bin", "pruned.ftz", "skipgram.bin"):
        (folder / name).write_bytes((PLACE / name).read_bytes())
    trained.save_model(folder / "model_cooking.bin")
    return folder


class Input:
    """Standard input: text, and its bytes."""

    def __init__(self, text):
        self.buffer = io.BytesIO(text.encode())
        self._lines = text.splitlines(keepends=True)

    def __iter__(self):
        return iter(self._lines)

    def isatty(self):
        return False


def ran(line, place, monkeypatch, text=INPUT):
    monkeypatch.chdir(place)
    monkeypatch.setattr(sys, "stdin", Input(text))
    return list(run(shlex.split(line)[1:]))


# How tutorials and users write them, and what the lines that are printed look like.
COMMAND_LINES = {
    "fasttext supervised -input cooking.train -output model": r"model: model\.bin.*",
    "./fasttext supervised -input train.txt -output m2 -lr 1.0 -epoch 2 -wordNgrams 2 -bucket 2000"
    " -dim 50 -loss hs": r"model: m2\.bin.*",
    "fasttext supervised -input train.txt -output m3 -epoch 1 -autotune-validation valid.txt"
    " -autotune-duration 600": r"model: m3\.bin.*",
    "fasttext skipgram -input train.txt -output vectors -dim 8 -epoch 5 -maxn 4": "vectors: "
    r"vectors\.bin \(a folder\) and vectors\.vec",
    "fasttext cbow -input train.txt -output vectors -dim 8 -minCount 2": r"vectors: .*",
    "fasttext nn vectors.bin 3": r"\S+ [\d.e+-]+",
    "fasttext analogies vectors.bin": r"\S+ [\d.e+-]+",
    "fasttext print-word-vectors vectors.bin": r"\w+( [\d.e+-]+){8}",
    "fasttext print-sentence-vectors vectors.bin": r"[\d.e+-]+( [\d.e+-]+){7}",
    "fasttext print-ngrams vectors.bin bread": r"[<>\w]+( [\d.e+-]+){8}",
    "fasttext test model_cooking.bin valid.txt": r"N\t\d+|[PR]@1\t[\d.]+",
    "fasttext test model_cooking.bin valid.txt 5": r"N\t\d+|[PR]@5\t[\d.]+",
    "fasttext test subwords.bin test.txt 1 0.5": r"N\t\d+|[PR]@1\t[\d.]+",
    "fasttext test subwords.bin - ": r"N\t0|[PR]@1\tnan",
    "fasttext test-label subwords.bin test.txt": r"F1-Score : [\d.-]+  Precision : [\d.-]+  "
    r"Recall : [\d.-]+   __label__\w+|N\t\d+|[PR]@1\t\d\.\d{3}",
    "fasttext predict model_cooking.bin lines.txt": r"__label__\w+",
    "fasttext predict model_cooking.bin -": r"__label__\w+",
    "fasttext predict subwords.bin - 2": r"__label__\w+ __label__\w+",
    "fasttext predict subwords.bin lines.txt -1 0.9": r"(__label__\w+)?",
    "fasttext predict-prob subwords.bin lines.txt": r"__label__\w+ [\d.e-]+",
    "fasttext predict-prob pruned.ftz lines.txt 3": r"(__label__\w+ [\d.e-]+ ?){3}",
    "fasttext predict-prob model_cooking.bin lines.txt 2": r"(__label__\w+ [\d.e-]+ ?){2}",
    "fasttext quantize -output model_cooking -input cooking.train -qnorm -retrain -epoch 1"
    " -cutoff 100000": r"model: model_cooking\.ftz.*",
    "fasttext print-word-vectors skipgram.bin": r"\w+( [\d.e+-]+){4}",
    "fasttext print-sentence-vectors subwords.bin": r"[\d.e+-]+( [\d.e+-]+){3}",
    "fasttext print-ngrams skipgram.bin bread": r"[<>\w]+( [\d.e+-]+){4}",
    "fasttext nn skipgram.bin 3": r"\S+ [\d.e+-]+",
    "fasttext analogies skipgram.bin 2": r"\S+ [\d.e+-]+",
    "fasttext dump subwords.bin dict": r"\d+|\S+ \d+ (word|label)",
    "fasttext dump skipgram.bin input": r"\d+ 4|[\d.e+-]+( [\d.e+-]+){3}",
}


@pytest.mark.parametrize("line", COMMAND_LINES)
def test_a_command_line_runs_literally(line, place, monkeypatch):
    text = "bread oven goal\n" if "analogies" in line else INPUT
    lines = ran(line, place, monkeypatch, text)
    assert lines
    assert not [one for one in lines if not re.fullmatch(COMMAND_LINES[line], one)]


def test_what_is_printed_is_what_the_interface_returns(place, monkeypatch):
    model = fasttext.load_model(place / "subwords.bin")
    labels, probabilities = model.predict(INPUT.splitlines(), k=2)
    printed = ran("fasttext predict-prob subwords.bin - 2", place, monkeypatch)
    assert printed == [
        " ".join(f"{name} {score:g}" for name, score in zip(*answer, strict=True))
        for answer in zip(labels, probabilities, strict=True)
    ]
    count, precision, _ = model.test(place / "test.txt")
    printed = ran("fasttext test subwords.bin test.txt", place, monkeypatch)
    assert printed[:2] == [f"N\t{count}", f"P@1\t{precision:.3g}"]
    printed = ran("fasttext print-sentence-vectors subwords.bin", place, monkeypatch)
    vectors = [model.get_sentence_vector(line) for line in INPUT.splitlines()]
    np.testing.assert_allclose(
        [list(map(float, line.split())) for line in printed], vectors, rtol=1e-4
    )


def test_a_line_without_a_known_word_prints_an_empty_line(place, monkeypatch):
    content = (PLACE / "softmax.bin").read_bytes().replace(b"</s>", b"</S>")
    (place / "endless.bin").write_bytes(content)
    assert ran("fasttext predict endless.bin -", place, monkeypatch, "unseen\nbread\n") == [
        "",
        "__label__food",
    ]


def test_dump_counts_the_dictionary(place, monkeypatch):
    printed = ran("fasttext dump subwords.bin dict", place, monkeypatch)
    words, labels = MODELS["subwords.bin"]["words"], MODELS["subwords.bin"]["labels"]
    assert printed[0] == str(len(words[0]) + len(labels[0])) == str(len(printed) - 1)
    assert printed[1] == f"{words[0][0]} {words[1][0]} word"
    assert printed[-1] == f"{labels[0][-1]} {labels[1][-1]} label"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("fasttext", "'' is not a command of fasttext"),
        ("fasttext superwised", "'superwised' is not a command"),
        ("fasttext skipgram -input missing.txt -output b", "missing.txt cannot be opened"),
        ("fasttext skipgram -input train.txt -output subwords", "subwords.bin is not a folder"),
        ("fasttext cbow -input train.txt", "give -output"),
        ("fasttext cbow -foo 1", "'-foo' is not an option of fasttext cbow"),
        ("fasttext supervised -input train.txt", "give -output"),
        ("fasttext supervised -output model", "give -input"),
        ("fasttext supervised -input train.txt -foo 1", "'-foo' is not an option"),
        ("fasttext supervised -input missing.txt -output m", "missing.txt does not exist"),
        ("fasttext quantize -input train.txt", "give -output"),
        ("fasttext quantize -output nowhere", r"nowhere\.bin does not exist"),
        ("fasttext quantize -output subwords", "wave-network convert"),
        ("fasttext predict subwords.bin", "give MODEL FILE"),
        ("fasttext predict subwords.bin missing.txt", "missing.txt cannot be opened"),
        ("fasttext predict subwords.bin lines.txt many", "K must be a number; got 'many'"),
        ("fasttext predict subwords.bin lines.txt 1 nan", "THRESHOLD must be a number"),
        ("fasttext predict subwords.bin lines.txt 0", "k needs to be 1 or higher!"),
        ("fasttext test skipgram.bin test.txt", "needs to be supervised"),
        ("fasttext nn", "give MODEL"),
        ("fasttext print-ngrams skipgram.bin", "give MODEL WORD"),
        ("fasttext print-word-vectors a b", "give MODEL"),
        ("fasttext analogies skipgram.bin", "three words each"),
        ("fasttext dump subwords.bin args", "give MODEL and dict"),
    ],
)
def test_what_is_refused(line, message, place, monkeypatch):
    with pytest.raises(WaveNetworkError, match=message):
        ran(line, place, monkeypatch)


def test_a_file_of_fasttext_is_not_replaced_by_a_folder(place, monkeypatch):
    before = (place / "subwords.bin").read_bytes()
    with pytest.raises(WaveNetworkError, match=r"subwords\.bin"):
        ran("fasttext supervised -input train.txt -output subwords -epoch 1", place, monkeypatch)
    assert (place / "subwords.bin").read_bytes() == before


def test_an_unknown_command_lists_all():
    with pytest.raises(ConfigError, match=", ".join(COMMANDS)):
        list(run(["help"]))


def test_options_after_the_command_are_not_ours(place):
    # `-thread` has an h, and -h is an option of ours.
    command = [sys.executable, "-m", "wave_network", "fasttext", "predict", "-thread", "x", "-h"]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=place)
    assert ended.returncode == 2
    assert ended.stderr == "wave-network: K must be a number; got '-h'\n"
