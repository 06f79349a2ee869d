"""Pretrain a small language model on the bundled news, let it write, and let it judge texts.

python examples/language_model.py

It learns for seconds from news items of 20,000 tokens, so that what it writes only resembles
English. The page "A language model" of the documentation has the commands for more text and time.
"""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory

from wave_network import LanguageModel, pretrain
from wave_network.config.wave_lm import PretrainConfig
from wave_network.data import read_splits

CONFIG = PretrainConfig(size="200k", steps=80, window=64, batch_size=4, learning_rate=0.015)
NEWS = "Oil prices rose on Tuesday as the government said that production would fall."
OTHER = "Colourless green ideas sleep furiously, zxqv and brrr, qua bimbling wug."


def main() -> None:
    """Pretrain, generate and score."""
    with TemporaryDirectory() as folder:
        texts = Path(folder, "news.jsonl")
        rows = read_splits("sample").train["text"]
        texts.write_text("".join(json.dumps({"text": text}) + "\n" for text in rows), "utf-8")
        summary = pretrain([texts], Path(folder, "lm"), config=CONFIG)
        print(f"held-out texts: {summary['validation']['bits_per_byte']:.2f} bits a byte")
        model = LanguageModel.load(Path(folder, "lm"))
    print("".join(["Oil prices", *model.generate("Oil prices", tokens=40, seed=1)]))
    news, other = model.score(NEWS), model.score(OTHER)
    print(f"news: {news.bits_per_byte:.2f} bits a byte, other: {other.bits_per_byte:.2f}")
    print(f"most surprising: {other.surprises[0].token!r} after {other.surprises[0].before!r}")


if __name__ == "__main__":
    main()
