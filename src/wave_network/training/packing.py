"""Encode the texts of a training run, through a cache on disk if there is one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wave_network.config import ClassifierConfig
from wave_network.data import Table
from wave_network.data.batch import PackedTexts
from wave_network.data.targets import Targets
from wave_network.progress.stages import tracked
from wave_network.scale.arrays import ArrayWriter, OffsetWriter
from wave_network.scale.cache import Cache, digest_of_arrays, key_of
from wave_network.text import TextTokenizer
from wave_network.text.batches import SentenceBatch, TokenBatch
from wave_network.text.counts import CountingTokenizer, TextCounts
from wave_network.training.examples import Examples


def pack_examples(
    examples: Examples,
    tokenizer: TextTokenizer,
    config: ClassifierConfig,
    counts: TextCounts | None = None,
    cache: Cache | None = None,
) -> PackedTexts:
    """Encode examples, and count their texts.

    Args:
        examples: Texts with their targets and weights.
        tokenizer: The tokenizer.
        config: Says whether sentences are read.
        counts: Receives the texts.
        cache: Where the ids are taken from, or added; it needs `counts`.
    """
    if cache is not None and counts is not None:
        texts = _packed_through(cache, examples.rows, tokenizer, counts, config.reads_sentences)
    else:
        used = tokenizer if counts is None else CountingTokenizer(tokenizer, counts)
        texts = pack(examples.rows, used, sentences=config.reads_sentences)
    return replace(texts, labels=examples.targets, weights=examples.weights)


def pack(
    rows: Table,
    tokenizer: TextTokenizer,
    labels: Targets | None = None,
    *,
    sentences: bool = False,
) -> PackedTexts:
    """Tokenise texts in parts; many ids are in a temporary file.

    Args:
        rows: The texts, column `text`.
        tokenizer: The tokenizer.
        labels: The targets, if there are any.
        sentences: Number the sentences, too.
    """
    ids, offsets, numbers = ArrayWriter(np.int32), OffsetWriter(), ArrayWriter(np.int32)
    sentence_count = 0
    for part in tracked(rows["text"].parts(), total=len(rows), units_in=len):
        batch: TokenBatch | SentenceBatch
        if sentences:
            batch = tokenizer.encode_sentences(part)
            sentence_lengths = np.diff(batch.sentence_offsets)
            names = np.arange(len(sentence_lengths), dtype=np.int32) + sentence_count
            numbers.append(np.repeat(names, sentence_lengths))
            sentence_count += len(sentence_lengths)
        else:
            batch = tokenizer.encode(part)
        ids.append(batch.ids)
        offsets.append(np.diff(batch.offsets))
    return PackedTexts(
        ids=ids.finish(),
        offsets=offsets.finish(),
        labels=labels,
        sentences=numbers.finish() if sentences else None,
    )


def _packed_through(
    cache: Cache, rows: Table, tokenizer: TextTokenizer, counts: TextCounts, sentences: bool
) -> PackedTexts:
    """Encode texts, unless the cache has their ids by this tokenizer."""
    texts = rows["text"]
    digest = digest_of_arrays(texts.data, texts.offsets, texts.places)
    key = key_of("ids", digest, tokenizer.identity, sentences)
    what = f"ids of {len(texts):,} texts"
    entry = cache.read("ids", key, what)
    if entry is not None:
        counts.restore(entry.facts, texts, entry.arrays["offsets"])
    else:
        packed = pack(rows, CountingTokenizer(tokenizer, counts), sentences=sentences)
        arrays: dict[str, NDArray[Any]] = {"ids": packed.ids, "offsets": packed.offsets}
        if packed.sentences is not None:
            arrays["sentences"] = packed.sentences
        entry = cache.write("ids", key, what, arrays, counts.facts())
    return PackedTexts(**entry.arrays)
