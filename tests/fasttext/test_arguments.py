import re
from pathlib import Path

import pytest

from wave_network.errors import ConfigError
from wave_network.fasttext.arguments import OPTIONS, translate


def test_what_has_a_counterpart_is_taken_and_everything_is_explained():
    command = (
        "./fasttext supervised -input 'my news.txt' -output model -lr 0.5 -epoch 25 -wordNgrams 2 "
        "-seed 3 -autotune-validation valid.txt -label __label__ -saveOutput -thread 4"
    )
    translation = translate(command)
    assert translation.parameters == {
        "data": "my news.txt",
        "output": Path("model"),
        "epochs": 25,
        "seed": 3,
        "validation": "valid.txt",
    }
    given = [given for given, _ in translation.explanations]
    assert given[0] == "-input my news.txt"
    assert given[2:5] == ["-lr 0.5", "-epoch 25", "-wordNgrams 2"]
    assert "-saveOutput" in given
    assert all(becomes for _, becomes in translation.explanations)
    assert translate(command.removeprefix("./fasttext supervised ")) == translation


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("-input", "-input has no value"),
        ("-epoch many", "-epoch many is not a whole number"),
        ("-wordgrams 2", "'-wordgrams' is no option of fasttext supervised"),
        ("news.txt", "'news.txt' is no option of fasttext supervised"),
        ("-label #", "mark labels by __label__"),
        ("-input 'news.txt", "No closing quotation"),
    ],
)
def test_what_is_no_such_command_line(command, message):
    with pytest.raises(ConfigError, match=re.escape(message)):
        translate(command)


def test_the_documentation_explains_every_option():
    page = Path(__file__).resolve().parents[2] / "docs" / "migrating-from-fasttext.md"
    explained = re.findall(r"`-([\w-]+)`", page.read_text(encoding="utf-8"))
    assert set(OPTIONS) <= set(explained)
