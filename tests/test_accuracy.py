"""What the trained models reach on real data: the bundled sample, and the benchmark data."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from wave_network import load
from wave_network.data import read_dataset, read_splits
from wave_network.export.quantize import quantize_model

SCRIPT = Path(sys.executable).with_name("wave-network")


def train(*arguments):
    done = subprocess.run(
        [SCRIPT, "train", *map(str, arguments), "--json"],
        stdout=subprocess.PIPE,
        check=True,
        timeout=500,
    )
    return json.loads(done.stdout)


def evaluate(*arguments):
    done = subprocess.run(
        [SCRIPT, "evaluate", *map(str, arguments), "--json"],
        stdout=subprocess.PIPE,
        check=True,
        timeout=200,
    )
    return json.loads(done.stdout)


def test_the_default_on_the_bundled_sample(tmp_path):
    result = train("sample", "--output", tmp_path / "model")
    assert result["test"]["accuracy"] >= 0.85


@pytest.fixture(scope="module")
def small_on_ag_news(benchmark_data, tmp_path_factory):
    """A folder with `small`, and what its training printed."""
    folder = tmp_path_factory.mktemp("ag_news") / "model"
    return folder, train(benchmark_data / "ag_news", "--output", folder)


@pytest.mark.data
@pytest.mark.xfail(reason="1.0 to 1.2 points: how sums are rounded decides, see results")
def test_small_is_calibrated_within_a_point(small_on_ag_news):
    _, result = small_on_ag_news
    assert result["test"]["ece"] <= 0.01


@pytest.mark.data
def test_small_on_imdb(benchmark_data, tmp_path):
    result = train(benchmark_data / "imdb", "--output", tmp_path / "model")
    assert result["parameters"]["total"] <= 2_400_000
    assert result["test"]["accuracy"] >= 0.905


@pytest.mark.data
def test_small_on_chinese_reviews(benchmark_data, tmp_path):
    result = train(benchmark_data / "zh_reviews", "--output", tmp_path / "model")
    assert result["parameters"]["total"] <= 2_400_000
    # Three seeds give 0.852 to 0.856, a TF-IDF of characters 0.856; before, 0.834.
    assert result["test"]["accuracy"] >= 0.85


@pytest.mark.data
def test_small_on_ag_news(benchmark_data, small_on_ag_news, tmp_path):
    data = benchmark_data / "ag_news"
    folder, result = small_on_ag_news
    assert result["parameters"]["total"] <= 2_400_000
    assert result["test"]["accuracy"] >= 0.925

    measured = evaluate(folder, data, "--coverage", 0.95)
    assert measured["sets"]["coverage"] == pytest.approx(0.95, abs=0.01)
    assert measured["sets"]["mean_size"] < 1.2

    model = load(folder)
    texts = read_splits(str(data)).test[:1000]["text"]
    together = model.predict_proba(texts)
    backwards = model.predict_proba(texts[::-1])[::-1]
    alone = np.concatenate([model.predict_proba([text]) for text in texts])
    np.testing.assert_allclose(backwards, together, rtol=0, atol=1e-6)
    np.testing.assert_allclose(alone, together, rtol=0, atol=1e-6)

    for bits, size in ((8, 2_600_000), (4, 1_600_000)):
        small = quantize_model(
            folder,
            tmp_path / f"int{bits}",
            read_splits(str(data)).test,
            overwrite=False,
            bits=bits,
        )
        assert small["size_bytes"]["after"] <= size
        accuracy = small["measured"]["accuracy"]
        assert accuracy["after"] >= max(accuracy["before"] - 0.002, 0.92)


@pytest.mark.data
@pytest.mark.parametrize("name", ["ag_news", "imdb", "dbpedia14"])
def test_every_benchmark_folder_is_read(benchmark_data, name):
    splits = read_splits(str(benchmark_data / name))
    labels = set(splits.train["label"])
    assert labels == set(range(len(labels))) == set(splits.test["label"])
    assert all(splits.test["text"])


def write_pairs(source, path, count, seed):
    """Two articles joined are a text with the labels of both, which are one where they agree."""
    rows = read_dataset(source)[0]
    texts, labels = rows["text"][:], rows["label"][:]
    pairs = np.random.default_rng(seed).integers(len(texts), size=(count, 2)).tolist()
    with path.open("w", encoding="utf-8") as file:
        for one, other in pairs:
            row = {
                "text": f"{texts[one]} {texts[other]}",
                "label": sorted({labels[one], labels[other]}),
            }
            file.write(json.dumps(row) + "\n")


@pytest.mark.data
def test_small_gives_pairs_of_articles_both_labels(benchmark_data, tmp_path):
    articles = benchmark_data / "dbpedia14"
    data = tmp_path / "pairs"
    data.mkdir()
    write_pairs(articles / "train.parquet", data / "train.jsonl", 25_000, seed=0)
    write_pairs(articles / "test.parquet", data / "test.jsonl", 4_000, seed=1)
    result = train(data, "--output", tmp_path / "model")
    assert result["parameters"]["total"] <= 2_400_000
    assert result["test"]["micro_f1"] >= 0.95
