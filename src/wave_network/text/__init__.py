"""Convert texts to packed token ids, with sentence boundaries if needed."""

from __future__ import annotations

from wave_network.text.batches import SentenceBatch, TokenBatch
from wave_network.text.sentences import split_sentences
from wave_network.text.tokenizer import TextTokenizer

__all__ = ["SentenceBatch", "TextTokenizer", "TokenBatch", "split_sentences"]
