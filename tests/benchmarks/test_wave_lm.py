"""The comparison of language models, with networks that have learnt nothing."""

import csv
import json
import re
import sys

import numpy as np
import pytest
import torch

from wave_network.baselines.language_models import GRULM, TransformerLM
from wave_network.config.wave_lm import Size
from wave_network.data.read_options import ReadOptions
from wave_network.training.pretraining.corpus import read_corpus

SMALL = Size(300, hidden_size=8, num_layers=1, feed_forward_size=8)


@pytest.fixture
def benchmark(tmp_path, monkeypatch):
    import wave_lm

    monkeypatch.setattr(wave_lm, "RESULTS", tmp_path / "results.csv")
    monkeypatch.setattr(wave_lm, "SIZES", {"1m": SMALL})
    monkeypatch.setattr(wave_lm, "GRU_SIZES", {"1m": 8})
    monkeypatch.setattr(wave_lm, "POSITIONS", (3, 9))
    monkeypatch.setattr(wave_lm, "GENERATED", 3)
    monkeypatch.setattr(wave_lm, "TIMED_STEPS", 2)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["wave_lm.py", *map(str, arguments)])
        threads = torch.get_num_threads()
        wave_lm.main()
        torch.set_num_threads(threads)
        with (tmp_path / "results.csv").open() as file:
            return [*csv.DictReader(file)]

    return run


@pytest.fixture
def texts(tmp_path):
    path = tmp_path / "news" / "train.jsonl"
    path.parent.mkdir()
    rows = [{"text": f"It rained on day {number}, as on all days."} for number in range(120)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_quality(benchmark, texts, capsys):
    options = ("--seconds", "0.1", "--rates", "1e-9", "0.01")
    rows = benchmark("quality", texts, *options, "--test", texts, "--test-every", "7")
    ngrams = ["kneser-ney, 5-grams", "kneser-ney, 5-grams, pruned"]
    assert [row["model"] for row in rows] == [*ngrams, "wave", "gru", "transformer"]
    for row in rows:
        assert row["data"] == "news"
        assert row["learning_rate"] == "" or 0.01 <= float(row["learning_rate"]) < 0.2  # chosen
        assert 0 < float(row["held_out_bits_per_byte"]) < 8
        assert 0 < float(row["test_bits_per_byte"]) < 8
    assert capsys.readouterr().out.count("rate 1e-09: ") == 3


def test_every_seventh_text_is_encoded(texts, scripts):
    from wave_lm import encoded

    corpus = read_corpus([texts], 300, "text", ReadOptions())
    ids = encoded(corpus, texts, 7)
    found = corpus.tokenizer.decode(ids[ids != corpus.tokenizer.start])
    assert [int(day) for day in re.findall(b"day ([0-9]+)", found)] == [*range(0, 120, 7)]


def test_ablation(benchmark, texts):
    rows = benchmark("ablation", texts, "--steps", "1")
    assert [row["model"] for row in rows][:3] == [
        "wave",
        "wave, interference",
        "wave, norm for memory",
    ]
    assert {row["steps"] for row in rows} == {"1"}


def test_speed(benchmark):
    rows = benchmark("speed")
    states = {(row["model"], row["position"]): int(row["state_bytes"]) for row in rows}
    assert states["wave", "3"] == states["wave", "9"]
    assert states["transformer with cache", "9"] == 3 * states["transformer with cache", "3"]
    assert all(float(row["tokens_per_second"]) > 0 for row in rows)


@pytest.mark.parametrize("lengths", [[1], [2], [5, 1], [9], [16, 3], [17, 16], [40, 39, 9]])
def test_windows_score_each_token_once(lengths, scripts):
    from wave_lm import bits_of_windows

    random = np.random.default_rng(0)
    batch = [random.integers(0, 300, length) for length in lengths]
    uniform = lambda ids: torch.zeros(*ids.shape, 300)  # noqa: E731
    tokens = sum(lengths) - len(lengths)
    assert bits_of_windows(uniform, batch, 8) == pytest.approx(tokens * np.log2(300))


@torch.no_grad()
def test_documents_are_scored_together_as_each_alone(scripts):
    from wave_lm import batches, scorer

    random = np.random.default_rng(0)
    documents = [random.integers(0, 300, length) for length in (9, 30, 2, 7, 1, 30)]
    (batch,) = batches(documents)
    for network in (GRULM(301, SMALL, 8, 0), TransformerLM(301, SMALL, 8, 0)):
        score = scorer(network)
        assert score(batch) == pytest.approx(sum(score([each]) for each in documents), rel=1e-6)


def test_batches_hold_every_document_and_few_tokens(scripts, monkeypatch):
    import wave_lm

    monkeypatch.setattr(wave_lm, "TOKENS_AT_ONCE", 20)
    documents = [np.arange(length) for length in (3, 50, 10, 9, 2, 3)]
    found = [sorted(map(len, batch)) for batch in wave_lm.batches(documents)]
    assert found == [[50], [9, 10], [2, 3, 3]]


@torch.no_grad()
def test_short_documents_are_scored_whole(scripts):
    from wave_lm import scorer

    ids = np.random.default_rng(0).integers(0, 300, 9)
    for network in (GRULM(301, SMALL, 8, 0), TransformerLM(301, SMALL, 8, 0)):
        logits = network(torch.from_numpy(ids[:-1])[:, None])[:, 0].log_softmax(1)
        bits = -logits[np.arange(8), ids[1:]].sum() / np.log(2)
        assert scorer(network)([ids]) == pytest.approx(float(bits), rel=1e-5)
