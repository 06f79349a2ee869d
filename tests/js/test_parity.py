"""The JavaScript engine answers as the Python package does, for every kind of model and any text.

`make js-parity` sets WAVE_NETWORK_JS_TEXTS: so many texts, with models that every preset trained.
"""

import json
import os
import sys
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from fasttext_models import CLASSIFIERS, LINES, PLACE
from hostile_texts import LANGUAGES, hostile_texts
from js_cases import write_cases
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from wave_network import WaveClassifier
from wave_network.config import LocalWaveConfig, ModelConfig
from wave_network.export.quantize import quantize_model
from wave_network.fasttext.converting import convert_model
from wave_network.persistence.card import render_card
from wave_network.persistence.folder import write_model
from wave_network.text import TextTokenizer

LONG = int(os.environ.get("WAVE_NETWORK_JS_TEXTS", "0"))
TEXTS = LONG or 200
PRESETS = ("tiny", "small", "large", "paper") if LONG else ("tiny",)
MULTI = {"problem_type": "multi_label_classification", "thresholds": (0.3, 0.5, 0.9)}
LINEAR = {"linear_size": 9_000, "linear_ngrams": ("pair", "skip-pair", "triple")}
SHAPES = [
    *(
        (LocalWaveConfig, {"operation": operation, "members": members, **more})
        for operation, members, more in product(
            ("modulation", "interference"), (1, 3), ({}, LINEAR | MULTI)
        )
    ),
    (LocalWaveConfig, LINEAR),
    (LocalWaveConfig, {"labels": tuple(range(9)), "linear_size": 9_000, "sparse_linear_size": 700}),
    (ModelConfig, {"positions": "sinusoidal", "variants": "linear"}),
    (ModelConfig, {"operation": "interference", "readout": "magnitude", **MULTI}),
    (ModelConfig, {"operation": "interference", "readout": "real", "positions": "learned"}),
    (ModelConfig, {"readout": "imaginary", "variants": "linear"}),
    (ModelConfig, {"pooling": "mean", "variants": "linear", "num_layers": 2}),
    (ModelConfig, {"positions": "learned", "variants": "linear", "num_layers": 3}),
]
ROWS = [line.split("\t", 1) for line in LANGUAGES.read_text("utf-8").splitlines()[1:]]


def texts_of(*languages):
    return [text for language, text in ROWS if language in languages or not languages]


def bert_like():
    """A tokenizer with BERT's steps, and pieces that continue words."""
    letters = sorted({*"".join(texts_of("en", "ja", "fi")).lower()})
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *letters, *("##" + x for x in letters), "##ing"]
    tokenizer = Tokenizer(models.WordPiece({w: i for i, w in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.add_special_tokens(words[:4])
    return TextTokenizer(tokenizer, 32)


TOKENIZERS = {
    "words": lambda: TextTokenizer.train(texts_of("en", "de"), 900, 48),
    "characters": lambda: TextTokenizer.train(texts_of(), 2_500, 48),
    "spaces": lambda: TextTokenizer.train(texts_of("ko"), 600, 48),
    "cased": lambda: TextTokenizer.train(texts_of(), 900, 48, cased=True),
    "bert": bert_like,
}


def write(folder, files):
    thresholds = None if files.config.is_multi_label else np.linspace(0.9, 0.1, 999).tolist()
    files = replace(files, temperature=1.3, conformal_thresholds=thresholds)
    write_model(folder, files, card=render_card(files), history=[])
    return folder


def agree(node, *cases, timeout=120):
    """Compare the answers, and print what was found."""
    done = node("parity.js", *cases, timeout=timeout)
    sys.stdout.write(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_every_kind_of_model_answers_alike(node, make_files, tmp_path):
    texts = hostile_texts(13 + 30, seed=2)[13:]
    tokenizers = {name: make() for name, make in TOKENIZERS.items()}
    cases = []
    for number, (config_class, options) in enumerate(SHAPES):
        name = list(tokenizers)[number % len(tokenizers)]
        files = make_files(number, tokenizers[name], config_class, **options)
        folder = write(tmp_path / f"{number}-{name}", files)
        explained = options.get("pooling") != "mean" and options.get("num_layers", 1) == 1
        cases.append(tmp_path / f"{number}.jsonl")
        write_cases(cases[-1], folder, texts, texts if explained else [])
    agree(node, *cases)


@pytest.mark.parametrize("form", TOKENIZERS)
def test_every_form_of_tokenizer_gives_the_same_ids(node, make_files, tmp_path, form):
    files = make_files(0, TOKENIZERS[form](), LocalWaveConfig)
    write_cases(
        tmp_path / "cases.jsonl", write(tmp_path / "model", files), hostile_texts(400, seed=3)
    )
    (found,) = agree(node, tmp_path / "cases.jsonl")
    assert found["texts"] == 400
    assert found["ids"] == 0


def test_models_of_fasttext_answer_alike(node, tmp_path):
    texts = hostile_texts(LONG or 100, seed=5)[0 if LONG else 13 :]
    texts += [line.decode() for line in LINES[:14]]
    folders = [tmp_path / name for name in CLASSIFIERS]
    for folder in folders:
        convert_model(PLACE / folder.name, folder)
    for bits in (8, 4):
        folders.append(tmp_path / f"subwords.{bits}")
        source = tmp_path / "subwords.bin"
        quantize_model(source, folders[-1], None, overwrite=False, bits=bits)
    cases = [tmp_path / f"{folder.name}.jsonl" for folder in folders]
    for path, folder in zip(cases, folders, strict=True):
        write_cases(path, folder, texts, texts[-14:])
    for found in agree(node, *cases, timeout=3_600):
        assert (found["ids"], found["explanations"] > 10) == (0, True)


@pytest.mark.parametrize("preset", PRESETS)
def test_trained_models_answer_alike_in_32_8_and_4_bits(node, tmp_path, preset):
    texts = hostile_texts(TEXTS, seed=4)
    model = WaveClassifier(preset=preset, seed=0, epochs=2)
    model.fit(texts_of(), [language for language, _ in ROWS]).save(tmp_path / "32")
    for bits in (32, 8, 4):
        folder, cases = tmp_path / str(bits), tmp_path / f"{bits}.jsonl"
        if bits < 32:
            quantize_model(tmp_path / "32", folder, None, overwrite=False, bits=bits)
        these = texts if LONG or bits == 32 else texts[13:]  # the first are long
        write_cases(cases, folder, these, texts[13 : 40 + TEXTS // 20])
        (found,) = agree(node, cases, timeout=3_600)
        assert found["texts"] == len(these)
        assert found["explanations"] > 10
