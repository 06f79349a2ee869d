"""The counts and times of `complexity`: each model over text length and width."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Final

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from wave_network import ops
from wave_network.baselines.encoder import EncoderClassifier
from wave_network.baselines.transformer import TransformerLayer
from wave_network.config import ModelConfig, get_preset
from wave_network.data.batch import PackedBatch
from wave_network.experiments import counting
from wave_network.experiments.costs import (
    BERT_LENGTH,
    CLASSES,
    FIRST,
    FUSED,
    HEAD_WIDTH,
    TEXTBOOK,
    VOCABULARY,
    WAVE,
    Batch,
    predict,
)
from wave_network.experiments.models import input_embedding
from wave_network.experiments.study import Row
from wave_network.experiments.textbook import TextbookNetwork
from wave_network.models.wave.network import WaveNetwork

MOST_SECONDS: Final = 20.0
MOST_BYTES: Final = 4 * 2**30
SMALL: Final = 30 * 10**9
"""FLOPs that are affordable anywhere, however slow a small text was for its size."""


def over_sizes(name: str, sizes: Sequence[tuple[int, int]], device: torch.device) -> list[Row]:
    """What the formulas say of one text of each size, and what is counted and timed.

    Sizes that would take or keep too much, judged by the next smaller one, have the formulas alone.

    Args:
        name: A model of `costs.predict`.
        sizes: Length and width of each, rising.
        device: Where to measure.
    """
    longest = max(length for length, _ in sizes)
    rows: list[Row] = []
    model: nn.Module | None = None
    for length, width in sizes:
        predicted = asdict(predict(name, Batch.single(length), width))
        row: Row = {"length": length, "width": width}
        row.update({f"{measure}_predicted": value for measure, value in predicted.items()})
        if _affordable(name, row, rows):
            if model is None or width != rows[-1]["width"]:
                model = build(name, width, longest).to(device).train()
            batch = PackedBatch(torch.arange(length), torch.tensor([0, length])).to(device)
            row.update(_measured(model, batch, device))
        rows.append(row)
    return rows


def _affordable(name: str, row: Row, smaller: Sequence[Row]) -> bool:
    if name == "bert" and row["length"] > BERT_LENGTH:
        return False
    if row["bytes_predicted"] > MOST_BYTES:
        return False
    if not smaller or row["flops_predicted"] <= SMALL:
        return True
    if "seconds" not in smaller[-1]:
        return False
    ratio = row["flops_predicted"] / smaller[-1]["flops_predicted"]
    return bool(ratio * smaller[-1]["seconds"] <= MOST_SECONDS)


def _measured(model: nn.Module, batch: PackedBatch, device: torch.device) -> Row:
    def step() -> None:
        model(batch).sum().backward()
        model.zero_grad()

    return {
        "flops": counting.matmul_flops(model, batch),
        "elementwise": counting.elementwise_operations(model, batch),
        "bytes": counting.kept_bytes(model, batch),
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "seconds": counting.median_seconds(step, device),
    }


def build(name: str, width: int, longest: int) -> nn.Module:
    """A model with random weights, as the cost does not depend on their values.

    Args:
        name: A model of `costs.predict`.
        width: d; BERT base has its own.
        longest: Tokens of the longest text; BERT base has its own.
    """
    torch.manual_seed(0)
    model: nn.Module
    if name == "bert":
        model = EncoderClassifier.random_base(CLASSES, max_length=BERT_LENGTH)
        model.sep_token_id = None  # the text is to have the length asked for
    elif name in ("transformer", FUSED, FIRST):
        model = TransformerLayer(
            0.1 * torch.randn(VOCABULARY, width),
            CLASSES,
            heads=width // HEAD_WIDTH,
            sep_token_id=None,
            max_length=longest,
            only_first=name == FIRST,
        )
        if name == FUSED:
            _leave_dropout_out(model)
    else:
        shape = {**get_preset("paper").model, "hidden_size": width, "max_length": longest}
        config = ModelConfig(
            labels=tuple(range(CLASSES)), vocab_size=VOCABULARY, cls_token_id=0, **shape
        )
        model = TextbookNetwork(config) if name == TEXTBOOK else WaveNetwork(config)
    # The table's gradient is to cost what the text needs, and not what the vocabulary does.
    input_embedding(model).sparse = True
    return model


def _leave_dropout_out(model: TransformerLayer) -> None:
    """Let torch fuse the attention: with dropout it stores the n by n weights."""
    model.layer.self_attn.dropout = 0.0
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0


def mixing(name: str, lengths: Sequence[int], width: int, device: torch.device) -> list[Row]:
    """Forward and backward of what lets tokens see each other, and nothing else.

    Args:
        name: `WAVE` for two waves and their product, else fused attention without projections.
        lengths: Tokens of the text.
        width: d.
        device: Where to measure.
    """
    rows: list[Row] = []
    for length in lengths:
        offsets = torch.tensor([0, length], device=device)
        heads = width // HEAD_WIDTH
        shape = (2, length, width) if name == WAVE else (3, 1, heads, length, HEAD_WIDTH)
        inputs = [x.requires_grad_() for x in torch.randn(shape, device=device)]

        def step(inputs: list[torch.Tensor] = inputs, offsets: torch.Tensor = offsets) -> None:
            if name == WAVE:
                wave = ops.modulate(*(ops.represent(x, offsets) for x in inputs))
                torch.autograd.backward(wave, [torch.ones_like(part) for part in wave])
            else:
                query, key, value = inputs
                mixed = F.scaled_dot_product_attention(query, key, value)
                torch.autograd.backward(mixed, torch.ones_like(mixed))
            for x in inputs:
                x.grad = None

        seconds = counting.median_seconds(step, device)
        rows.append({"length": length, "width": width, "seconds": seconds})
    return rows


def batch_of_texts(texts: int, length: int, width: int) -> list[Row]:
    """A batch in which tokens repeat by Zipf's law, as words do: what sharing them saves.

    Args:
        texts: T.
        length: Tokens of each text.
        width: d.
    """
    shares = 1 / np.arange(1, VOCABULARY + 1)
    ids = np.random.default_rng(0).choice(VOCABULARY, texts * length, p=shares / shares.sum())
    packed = PackedBatch(torch.from_numpy(ids).long(), torch.arange(texts + 1) * length)
    batch = Batch(tokens=len(ids), texts=texts, distinct=len(np.unique(ids)), longest=length)
    rows: list[Row] = []
    for name in (WAVE, TEXTBOOK, "transformer", "bert"):
        predicted = predict(name, batch, width)
        row: Row = {
            "model": name,
            "texts": texts,
            "length": length,
            "width": width,
            "distinct": batch.distinct,
            "flops_predicted": predicted.flops,
            "bytes_predicted": predicted.bytes,
        }
        if name in (WAVE, TEXTBOOK):
            model = build(name, width, length).train()
            row["flops"] = counting.matmul_flops(model, packed)
            row["bytes"] = counting.kept_bytes(model, packed)
        rows.append(row)
    return rows
