"""`predict --explain`: JSON for programs, colours for people, a page for everyone."""

import json
import os
import pty
import subprocess

import pytest
from cli_helpers import SCRIPT

from wave_network import load

TEXTS = ["cat and <b>dog</b>", "", "комета, 彗星, 🌠 e\u0301"]


def test_each_line_gains_its_explanation(wave, tiny_model):
    plain = wave("predict", tiny_model, *TEXTS, "--top-k", "2")
    ended = wave("predict", tiny_model, *TEXTS, "--top-k", "2", "--explain")
    assert ended.code == 0
    assert ended.err == "1 of 3 texts are empty; they are classified like all others\n"
    expected = load(tiny_model).iter_explain(TEXTS)
    for text, before, line, explanation in zip(
        TEXTS, plain.lines, ended.lines, expected, strict=True
    ):
        assert {key: line[key] for key in before} == before
        assert list(line) == [*before, "log_odds", "baseline", "explanation"]
        assert [token["token"] for token in line["explanation"]] == [
            text[token["start"] : token["end"]] for token in line["explanation"]
        ]
        total = sum(token["attribution"] for token in line["explanation"])
        assert total == pytest.approx(line["log_odds"] - line["baseline"], abs=0.02)
        for found, token in zip(line["explanation"], explanation.tokens, strict=True):
            assert found.pop("token") == token.token
            assert found == pytest.approx({name: token._asdict()[name] for name in found}, rel=1e-5)
    assert ended.lines[1]["explanation"] == []
    assert set(ended.lines[0]["explanation"][0]) == {
        *("token", "start", "end", "attribution", "energy")
    }


def test_a_file_is_explained_into_a_file_and_a_page(invoke, tiny_model, tmp_path):
    lines = tmp_path / "lines.txt"
    lines.write_text("".join(f"{number} red and blue\n" for number in range(150)), "utf-8")
    ended = invoke(
        *("predict", tiny_model, "--input", lines, "--output", "out.jsonl"),
        *("--explain-html", "page.html"),
    )
    assert ended == (0, "", f"predicted 150 texts: {lines}\n")
    records = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [record["text"] for record in records] == lines.read_text().splitlines()
    assert all(record["explanation"] for record in records)
    page = (tmp_path / "page.html").read_text("utf-8")
    assert page.count("<article>") == 150
    assert page.endswith("</html>\n")


def test_a_page_shows_markup_and_does_not_obey_it(invoke, tiny_model, tmp_path):
    assert invoke("predict", tiny_model, "<script>x</script>", "--explain-html", "p.html").code == 0
    page = (tmp_path / "p.html").read_text("utf-8")
    assert "<script" not in page
    assert "&lt;" in page


def test_a_page_that_exists_is_not_replaced(invoke, tiny_model, tmp_path):
    page = tmp_path / "page.html"
    page.write_text("mine")
    ended = invoke("predict", tiny_model, "cat", "--explain-html", page)
    assert "page.html exists: choose another --explain-html, or" in ended.message
    assert page.read_text() == "mine"
    assert invoke("predict", tiny_model, "cat", "--explain-html", page, "--overwrite").code == 0
    assert page.read_text() != "mine"


def test_one_file_cannot_be_both(invoke, tiny_model, tmp_path):
    ended = invoke("predict", tiny_model, "cat", "--output", "x", "--explain-html", "x")
    assert ended.message == "--output and --explain-html both name x: give them two files"
    assert list(tmp_path.iterdir()) == []


def test_on_a_terminal_the_text_is_in_colours(tiny_model):
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
    environment.pop("NO_COLOR", None)
    command = [SCRIPT, "predict", tiny_model, "cat and dog", "--explain"]
    subprocess.run(command, stdout=theirs, env=environment, check=True, timeout=60)
    os.close(theirs)
    output = os.read(ours, 65536).decode()
    os.close(ours)
    assert "animal" in output
    assert "48;2;0;114;178" in output  # something supports it, on blue
    assert "supports" in output
    assert '"explanation"' not in output
