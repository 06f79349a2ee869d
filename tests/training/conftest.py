"""A teacher of `transformers`, as small as one can be."""

import json

import pytest


@pytest.fixture(scope="session")
def bert_folder(tmp_path_factory):
    """A BERT classifier with random weights: three classes, 40 positions. Never change it."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification

    folder = tmp_path_factory.mktemp("bert")
    words = [*"abcdefghijklmnop", "red", "blue", "cat", "dog", "and"]
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words]
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=24,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=48,
        max_position_embeddings=40,
        initializer_range=0.5,  # so that the texts' answers differ
        id2label={0: "World", 1: "Sports", 2: "Business"},
    )
    BertForSequenceClassification(config).save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(vocabulary), encoding="utf-8")
    described = {"tokenizer_class": "BertTokenizer", "do_lower_case": True}
    (folder / "tokenizer_config.json").write_text(json.dumps(described), encoding="utf-8")
    return folder
