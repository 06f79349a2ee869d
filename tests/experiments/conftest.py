"""A data folder, a pretrained encoder and a study, each as small as the experiments can work on."""

import csv
import json
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
import torch
from rich.console import Console

from wave_network.experiments.study import Options, Study

ROWS = {"train": 200, "test": 80}


@pytest.fixture(scope="session")
def encoder_folder(tmp_path_factory) -> str:
    """A tiny BERT with random weights and a WordPiece vocabulary of the bundled sample."""
    from tokenizers import BertWordPieceTokenizer
    from transformers import BertConfig, BertModel

    from wave_network.data import read_splits

    folder = tmp_path_factory.mktemp("encoder")
    tokenizer = BertWordPieceTokenizer()
    texts = read_splits("sample").train["text"]
    tokenizer.train_from_iterator(texts, vocab_size=600, show_progress=False)
    tokenizer.save(str(folder / "tokenizer.json"))
    config = BertConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=24,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=48,
        max_position_embeddings=130,
    )
    torch.manual_seed(0)
    BertModel(config).save_pretrained(folder)
    assert json.loads((folder / "config.json").read_text())["model_type"] == "bert"
    return str(folder)


@pytest.fixture(scope="session")
def data_folder(tmp_path_factory) -> Path:
    """One data set, `ag_news`: some rows of the bundled sample, of all its classes."""
    from wave_network.data import read_splits

    folder = tmp_path_factory.mktemp("data")
    (folder / "ag_news").mkdir()
    splits = read_splits("sample")
    for name, count in ROWS.items():
        rows = getattr(splits, name)
        rows = rows.select(np.random.default_rng(0).permutation(len(rows))[:count])
        path = folder / "ag_news" / f"{name}.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["text", "label"])
            writer.writerows(zip(rows["text"], rows["label"], strict=True))
    return folder


@pytest.fixture
def options(tmp_path, data_folder, encoder_folder) -> Options:
    """One seed and one epoch, on the data folder, with an output folder of the test's own."""
    return Options(
        output=tmp_path / "out",
        data_dir=data_folder,
        datasets=("ag_news",),
        seeds=1,
        epochs=1,
        device="cpu",
        encoder=encoder_folder,
    )


@pytest.fixture
def study(options) -> Study:
    """A study that tells its progress to nobody."""
    return Study(options, Console(file=StringIO()))
