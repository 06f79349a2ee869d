import re
from pathlib import Path

import pytest
import typer

from wave_network.cli.app import build_app
from wave_network.config import PRESETS
from wave_network.errors import ConfigError
from wave_network.fasttext.arguments import OPTIONS, preset_ngrams, translate

SHAPE = {"labels": ("a", "b"), "vocab_size": 24_000, "cls_token_id": 1}


def test_what_has_a_counterpart_is_taken_and_everything_is_explained():
    command = (
        "./fasttext supervised -input 'my news.txt' -output model -lr 0.5 -epoch 25 -wordNgrams 2 "
        "-seed 3 -autotune-validation valid.txt -label __label__ -saveOutput -thread 4 "
        "-pretrainedVectors wiki.en.vec"
    )
    translation = translate(command)
    assert translation.parameters == {
        "data": "my news.txt",
        "output": Path("model"),
        "epochs": 25,
        "seed": 3,
        "validation": "valid.txt",
        "vectors": "wiki.en.vec",
        "threads": 4,
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
        ("-wordgrams 2", "'-wordgrams' is not an option of fasttext supervised"),
        ("news.txt", "'news.txt' is not an option of fasttext supervised"),
        ("-label #", "labels must start with __label__"),
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


def explained(option):
    ((_, explanation),) = translate(f"-{option} 2").explanations
    return explanation


def test_each_preset_reads_the_ngrams_that_it_is_said_to():
    said = explained("wordNgrams")
    names = {"pair": "bigrams", "skip-pair": "skip-bigrams", "triple": "trigrams"}
    read = dict(preset_ngrams())
    assert set(read) == set(PRESETS) - {"paper"}
    for name, kinds in read.items():
        assert kinds == PRESETS[name].config(**SHAPE, **PRESETS[name].model).linear_ngrams
        (listed,) = re.findall(rf"[(; ]{name}(?: and \w+)*: ([\w, -]+)", said)
        assert listed.split(", ") == [names[kind] for kind in kinds]
    assert "trigrams" in said
    assert "paper: none" in said
    assert not hasattr(PRESETS["paper"].config, "linear_ngrams")
    # With many labels too.
    many = {**SHAPE, "labels": tuple(range(1_000))}
    for name in read:
        config = PRESETS[name].config(**many, **PRESETS[name].model).with_sparse_linear_part()
        assert config.linear_buckets > 0


@pytest.mark.parametrize(
    ("option", "exception", "holds"),
    [
        ("minCount", "(paper: BERT's vocabulary)", lambda preset: preset.tokenizer is None),
        ("t", "(paper: neither)", lambda preset: preset.train.token_dropout > 0),
    ],
)
def test_what_is_said_of_all_presets_but_paper_holds(option, exception, holds):
    assert explained(option).endswith(exception)
    assert {name for name, preset in PRESETS.items() if not holds(preset)} == {"paper"}


def test_the_sizes_that_a_preset_is_said_to_set_are_the_presets():
    listed = re.search(r"\((.*)\)", explained("dim"))[1].replace(" or ", ", ").split(", ")
    assert set(listed) == set(PRESETS)
    assert explained("bucket") == explained("dim")


def test_options_named_in_explanations_exist():
    commands = typer.main.get_command(build_app()).commands
    for option in OPTIONS.values():
        command = "tune" if "tune" in option.explanation else "train"
        known = {name for item in commands[command].params for name in item.opts}
        assert set(re.findall(r"--[a-z-]+", option.explanation)) <= known
        if option.parameter is not None:
            assert option.parameter in {item.name for item in commands["train"].params}


def test_the_documentation_says_the_same_of_ngrams():
    page = Path(__file__).resolve().parents[2] / "docs" / "migrating-from-fasttext.md"
    (row,) = re.findall(r"^\| `-wordNgrams` \| (.*) \|$", page.read_text(encoding="utf-8"), re.M)
    assert row.replace("`", "") == explained("wordNgrams").replace("ignored", "nothing")
