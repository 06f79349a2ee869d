import re
from dataclasses import replace

import pytest
import yaml
from markdown_it import MarkdownIt

from wave_network._version import __version__
from wave_network.errors import printable
from wave_network.few_labels.english import ENGLISH
from wave_network.models.tensors import parameter_counts
from wave_network.persistence.card import Publication, render_card


def test_card_says_what_the_model_is(make_files):
    files = make_files()
    card = render_card(files)
    counts = parameter_counts(files.config)
    for phrase in (
        "A small model",
        f"{counts['total']:,} parameters ({counts['embedding']:,} of them embeddings)",
        "trained from scratch on 90 texts.",
        f"written by\nwave-network {__version__}: 1 layer(s), 8 wide, modulation, cls pooling",
        "It classifies texts into 3 classes: `World`, `Sports`, `Sci/Tech`.",
        "| validation | 0.7500 | 0.7000 | 0.5000 |",
        "The 10 validation texts chose the epoch (number 2 of 2)",
        "It reads only the first 24 tokens of a text.",
        "[Prediction(label=..., score=..., scores={...}, labels=...)]",
    ):
        assert phrase in card
    assert "| test |" not in card


def test_card_has_the_test_figures_where_there_are_any(make_files):
    files = make_files()
    test = {"accuracy": 0.91234, "macro_f1": 0.9, "loss": 0.25}
    card = render_card(replace(files, metrics={**files.metrics, "test": test}))
    assert "| test | 0.9123 | 0.9000 | 0.2500 |" in card
    lines = card.splitlines()
    table = [line for line in lines if line.startswith("| ")]
    assert [line.count("|") for line in table] == [5] * 4
    assert lines.index(table[-1]) == lines.index(table[0]) + 3  # one table, without gaps


def test_card_of_a_model_that_gives_any_number_of_labels(make_files):
    files = make_files(problem_type="multi_label_classification")
    figures = {"accuracy": 0.6, "micro_f1": 0.8, "macro_f1": 0.7, "loss": 0.5}
    card = render_card(replace(files, metrics={**files.metrics, "validation": figures}))
    for phrase in (
        "It is multi-label: a text gets any number of 3 labels: `World`, `Sports`, `Sci/Tech`.",
        "| data | micro F1 | macro F1 | subset accuracy | loss |",
        "| validation | 0.8000 | 0.7000 | 0.6000 | 0.5000 |",
        "chose the epoch (number 2 of 2) and the thresholds, so",
        "reaches their own thresholds",
    ):
        assert phrase in card
    assert "always answers" not in card


def test_card_of_a_model_that_learned_from_unlabelled_texts(make_files):
    files = make_files()
    metrics = {
        **files.metrics,
        "rows": {"train": 40},
        "unlabeled": {"texts": 900, "used": 800},
        "validation_method": "cross-validation",
        "calibration": {"temperature": 2.0, "before": {}, "after": {}},
    }
    card = render_card(replace(files, metrics=metrics))
    assert "trained from scratch on 40 labelled and 800 unlabelled texts." in card
    assert "The metrics are theirs, in a\ncross-validation: each of 10 labelled texts" in card
    assert "calibrated" not in card


def test_card_names_the_teacher(make_files):
    files = make_files()
    training = {**files.training, "teacher": "bert-news"}
    card = render_card(replace(files, training=training))
    assert "trained from scratch on 90 texts, with `bert-news` as its teacher." in card


def test_card_names_the_word_vectors_and_the_licence_of_those_in_the_package(make_files):
    files = make_files()
    card = render_card(replace(files, metrics={**files.metrics, "vectors": "my_vectors"}))
    assert "trained on 90 texts, with the word vectors `my_vectors`." in card
    card = render_card(replace(files, metrics={**files.metrics, "vectors": ENGLISH}))
    assert (
        "on 90 texts,\nwith the English word vectors of wave-network, which were distilled" in card
    )
    assert "all-MiniLM-L6-v2) (Apache-2.0)." in card
    assert render_card(replace(files, metrics={**files.metrics, "vectors": None})) == render_card(
        files
    )


def test_card_says_that_a_refit_learnt_from_the_validation_texts_too(make_files):
    files = make_files()
    said = "then\ntrained on all 90."
    assert said not in render_card(files)
    assert said in render_card(replace(files, metrics={**files.metrics, "refit": True}))


def test_card_says_what_calibration_did(make_files):
    files = make_files()
    assert "calibrat" not in render_card(files)
    sides = {"before": {"loss": 0.3, "ece": 0.0456}, "after": {"loss": 0.2, "ece": 0.0123}}
    metrics = {**files.metrics, "calibration": {"temperature": 1.2346, **sides}}
    card = render_card(replace(files, metrics=metrics))
    assert "calibrated (temperature 1.235)" in card
    assert "loss from 0.3000 to 0.2000" in card
    assert "error from\n0.0456 to 0.0123." in card


def test_card_of_a_model_without_figures_claims_none(make_files):
    for bits in (32, 8, 4):
        card = render_card(replace(make_files(), metrics={}, table_bits=bits))
        assert "trained from scratch" not in card
        assert "metrics above" not in card
        assert "\n| " not in card
        said = f"stored in {bits} bits.\nThe effect of the rounding was not measured."
        assert (said in card) == (bits < 32)


def test_card_begins_with_metadata_that_the_hub_reads(make_files):
    _, header, body = render_card(make_files()).split("---\n", 2)
    assert yaml.safe_load(header) == {
        "library_name": "wave-network",
        "pipeline_tag": "text-classification",
        "tags": ["wave-network", "text-classification"],
    }
    assert body.lstrip().startswith("# ")


def test_card_lists_no_more_than_fifty_labels(make_files):
    card = render_card(make_files(labels=tuple(range(60))))
    assert "It classifies texts into 60 classes: `0`, `1`," in card
    assert "`49` and 10 more." in card
    assert "`50`" not in card


def test_braces_in_labels_are_text(make_files):
    assert "`{preset}`, `{0}`." in render_card(make_files(labels=("{preset}", "{0}")))


@pytest.mark.parametrize(
    "hostile",
    [
        "a`b",
        "``",
        "` `` ```",
        "`<script>alert(1)</script>`",
        "x\n\n# Heading\n\n- list",
        "x\r\r| a | b |\r| - | - |",
        "[a](javascript:alert(1)) ![b](http://c) <http://d>",
        "</code></p><h1>x",
        "**a** _b_ ~~c~~ &lt; \\",
        "\x1b]0;t\x07\u202e\u2028",
        "",
        " ",
    ],
)
def test_names_of_others_are_no_markup(make_files, hostile):
    def structure(name):
        files = make_files(labels=(f"A{name}", f"{name}B", "C"))
        training = {**files.training, "base_model": f"base {name}", "teacher": f"teacher {name}"}
        metrics = {**files.metrics, "vectors": f"vectors {name}"}
        changed = replace(files, preset=f"preset {name}", training=training, metrics=metrics)
        card = render_card(changed)
        return MarkdownIt("commonmark").enable("table").parse(card)

    tokens = structure(hostile)
    assert [token.type for token in tokens] == [token.type for token in structure("plain")]
    inline = [child for token in tokens for child in token.children or ()]
    assert not {child.type for child in inline} - {"text", "code_inline", "softbreak"}
    codes = [child.content for child in inline if child.type == "code_inline"]
    shown = printable(hostile)
    for name in (f"A{shown}", f"{shown}B", f"base {shown}", f"teacher {shown}", f"vectors {shown}"):
        assert name.strip() in [code.strip() for code in codes]
    words = "".join(child.content for child in inline if child.type == "text")
    assert f"A preset {shown} model" in words


def test_a_published_card_names_the_import_that_transformers_needs(make_files):
    card = render_card(make_files(), Publication("me/news", size_bytes=9))
    (block,) = re.findall(r"```python\n(import .+?)```", card, re.DOTALL)
    assert 'model="me/news"' in block
    imported = [line.split()[1] for line in block.splitlines() if "import" in line.split()]
    assert imported == ["wave_network.transformers", "transformers"]
    assert "transformers" not in render_card(make_files())
