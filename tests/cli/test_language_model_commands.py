"""`pretrain`, `generate` and `score`."""

import json
import os
import signal

import pytest
from absent import BEYOND_BASE, COMMANDS, run_without
from cli_helpers import SCRIPT
from language_models import write_small

from wave_network.config.wave_lm import Size
from wave_network.persistence.folder import write_model
from wave_network.training.pretraining import loop
from wave_network.training.unfinished import unfinished_folder


@pytest.fixture
def lm(tmp_path):
    return write_small(tmp_path / "lm")


@pytest.fixture
def book(tmp_path):
    path = tmp_path / "book.txt"
    path.write_text("".join(f"Chapter {number}. It rained.\n" for number in range(300)))
    return path


@pytest.fixture
def _small(monkeypatch):
    small = Size(300, hidden_size=8, num_layers=1, feed_forward_size=8)
    monkeypatch.setattr("wave_network.training.pretraining.run.SIZES", {"1m": small})


@pytest.mark.usefixtures("_small")
def test_pretrain_generate_score(invoke, book, tmp_path):
    ended = invoke("pretrain", book, "--steps", "3", "--output", "new/lm")
    assert ended.code == 0
    assert "bits a byte" in ended.out
    assert "documents to train on: 1, " in ended.err
    assert "held out for validation: the end of the last document" in ended.err
    generated = invoke("generate", "new/lm", "Chapter", "--tokens", "9", "--seed", "1")
    assert generated.code == 0
    assert generated.out.startswith("Chapter")
    assert generated.out.endswith("\n")
    scored = invoke("score", "new/lm", "--input", book, "--json")
    (record,) = scored.lines
    assert record["documents"] == 1
    assert record["bytes"] == book.stat().st_size
    assert record["bits_per_byte"] == pytest.approx(record["bits"] / record["bytes"], rel=1e-4)
    assert set(record["surprises"][0]) == {"bits", "token", "before"}


@pytest.mark.usefixtures("_small")
def test_a_masked_model_scores_and_does_not_generate(invoke, book):
    options = ("--objective", "masked", "--steps", "3", "--output", "lm")
    ended = invoke("pretrain", book, *options)
    assert ended.code == 0
    assert "bits a byte of hidden tokens, both sides known" in ended.out
    scored = invoke("score", "lm", "--input", book, "--json")
    assert scored.lines[0]["bytes"] == book.stat().st_size
    refused = invoke("generate", "lm", "Chapter")
    assert "cannot continue a text; pretrain a causal one" in refused.message


@pytest.mark.usefixtures("_small")
def test_pretrain_prints_json(invoke, book):
    ended = invoke("pretrain", book, "--steps", "2", "--json")
    assert ended.code == 0
    (record,) = ended.lines
    assert record["model"] == "wave-lm"
    assert record["steps"] == 2
    assert record["validation"]["bits_per_byte"] > 0


@pytest.mark.usefixtures("_small")
def test_an_interrupted_pretraining_is_resumed(invoke, book, tmp_path, monkeypatch):
    options = ("--steps", "9", "--checkpoint-every", "1h")
    assert invoke("pretrain", book, "--steps", "9", "--output", "whole").code == 0
    take = loop.PretrainingRun._step

    def stopped(run):
        found = take(run)
        if run._done == 4:
            signal.raise_signal(signal.SIGTERM)
        return found

    monkeypatch.setattr(loop.PretrainingRun, "_step", stopped)
    ended = invoke("pretrain", book, *options, "--output", "lm")
    assert ended.code in (130, 143)
    monkeypatch.setattr(loop.PretrainingRun, "_step", take)
    assert "go on with: wave-network pretrain --resume lm" in ended.err
    refused = invoke("train", "--resume", "lm")
    assert "was begun by `wave-network pretrain`: resume it by that" in refused.message
    refused = invoke("pretrain", "--resume", "lm", "--steps", "3")
    assert "--steps does not go with --resume" in refused.message
    refused = invoke("pretrain", book, *options, "--output", "lm")
    assert "has an unfinished training" in refused.message
    assert invoke("pretrain", "--resume", "lm").code == 0
    assert not unfinished_folder(tmp_path / "lm").exists()
    first, second = (tmp_path / name / "model.safetensors" for name in ("lm", "whole"))
    assert first.read_bytes() == second.read_bytes()


def test_score_prints_a_table(invoke, lm, book):
    ended = invoke("score", lm, "--input", book)
    assert ended.code == 0
    assert "bits a byte" in ended.out
    assert "most surprising tokens" in ended.out


def test_a_seed_gives_the_same_text(invoke, lm):
    asked = ("generate", lm, "The parcel", "--tokens", "30")
    ended = invoke(*asked)
    assert ended.code == 0
    assert ended.out == invoke(*asked).out
    assert ended.out != invoke(*asked, "--seed", "1").out


def test_generation_is_streamed_and_a_reader_that_leaves_ends_it_quietly(lm, wave):
    shell = f'"$0" "$@" generate {lm} "The parcel" --tokens 20000 --temperature 3 | head -c 10'
    ended = wave(program=("/bin/sh", "-c", shell, str(SCRIPT)))
    assert (ended.code, ended.out, ended.err) == (0, "The parcel", "")


def test_what_a_terminal_would_obey_is_escaped(invoke, lm):
    ended = invoke("generate", lm, "\x1b[31mred", "--tokens", "1")
    assert ended.out.startswith("\\x1b[31mred")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("pretrain",), "give the files of the texts"),
        (("pretrain", "none.txt"), "none.txt does not exist"),
        (("pretrain", "book.txt", "--size", "9m"), "--size must be one of 200k, 1m, 5m"),
        (("pretrain", "book.txt", "--objective", "span"), "--objective must be one of causal"),
        (("pretrain", "book.txt", "--epochs", "0"), "--epochs must be at least 1"),
        (("pretrain", "book.txt", "--encoding", "klingon"), "--encoding must be"),
        (("pretrain", "book.txt", "--output", "lm"), "lm exists"),
        (("pretrain", "book.txt", "--checkpoint-every", "often"), "is not a duration"),
        (("pretrain", "--resume", "none"), "no unfinished training of none"),
        (("pretrain", "empty.txt"), "too few to learn from"),
        (("generate", "none"), "none does not exist"),
        (("generate", "lm", "x", "--temperature", "-1"), "--temperature must be between"),
        (("generate", "lm", "x", "--top-p", "2"), "--top-p must be between"),
        (("generate", "lm", "x", "--tokens", "0"), "--tokens must be at least 1"),
        (("score", "lm", "--input", "none.txt"), "none.txt does not exist"),
        (("score", "lm", "--input", "rows.jsonl"), "text"),
        (("predict", "lm", "x"), "is a language model, not a classifier"),
        (("info", "lm"), "is a language model, not a classifier"),
    ],
)
def test_what_cannot_be_used_is_said(invoke, lm, book, tmp_path, arguments, said):
    (tmp_path / "rows.jsonl").write_text(json.dumps({"body": "a"}) + "\n")
    (tmp_path / "empty.txt").touch()
    before = sorted(os.listdir(tmp_path))
    assert said in invoke(*arguments).message
    assert sorted(os.listdir(tmp_path)) == before


def test_a_classifier_is_no_language_model(invoke, make_files, book, tmp_path):
    model = tmp_path / "classifier"
    write_model(model, make_files(), card="", history=[])
    assert "is a classifier, not a language model" in invoke("generate", model, "x").message
    assert "is a classifier" in invoke("score", model, "--input", book).message


def test_with_the_base_alone_all_run_but_pretrain_which_names_the_extra(tmp_path, lm, book):
    code = COMMANDS + (
        "print(run('generate', 'lm', 'The', '--tokens', '3')[0],"
        " run('score', 'lm', '--input', 'book.txt')[0], *run('pretrain', 'book.txt'))"
    )
    done = run_without(BEYOND_BASE, code, folder=tmp_path)
    assert done.stdout.startswith("0 0 2 ")
    assert '"torch" extra' in done.stdout
    assert done.stderr == ""
