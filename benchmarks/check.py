"""Check that our models' predictions are right; if a check fails, no timing counts.

    python benchmarks/check.py DATA --models small,tiny

Each model is trained on up to 2,000 rows for one epoch, and classifies up to 500 test texts and
some odd ones: alone, in a batch and in reverse order (equal to 1e-6), with torch and with the
torch-free engine (to 1e-5). The tokenizer caches words; its ids must be those of the plain
tokenizer in the model's folder. Prints one line per check; the exit code is 1 if one fails.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from models import WAVES, Wave, preferred_tokenizer

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from wave_network.data import Table
    from wave_network.runtime import Engine

TRAINING_TEXTS: Final = 2_000
TEST_TEXTS: Final = 500
ODD_TEXTS: Final = (
    "",
    " ",
    "a",
    "\n\t\n",
    "two  spaces\nand a line",
    "[CLS] [PAD] <s> __label__0",
    "É世界🙂 नमस्ते สวัสดี a\u00a0b",
    "x" * 5_000,
    "again and " * 3_000,
)
BATCH_TOLERANCE: Final = 1e-6
ENGINE_TOLERANCE: Final = 1e-5

Finding = tuple[str, float, float]
"""What was compared, the largest difference, and the largest that passes."""


def main() -> None:
    """Check every model; exit with 1 if a check fails."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("data", metavar="DATA", help="as for wave-network train")
    parser.add_argument("--models", default="small", help="with commas between them")
    parser.add_argument("--tokenizer", help="a copy of what the paper preset takes from the Hub")
    options = parser.parse_args()
    failed = False
    for name in options.models.split(","):
        if name not in WAVES:
            parser.error(f"{name!r} is not one of {', '.join(WAVES)}")
        for what, difference, tolerance in check(options.data, name, options.tokenizer):
            right = difference <= tolerance
            failed |= not right
            verdict = "right" if right else "WRONG"
            print(f"{verdict}  {name}: {what}: differs by {difference:.2g} (<= {tolerance:g})")
    sys.exit(int(failed))


def check(data: str, name: str, tokenizer: str | None = None) -> Iterator[Finding]:
    """Train a model briefly, and compare its predictions.

    Args:
        data: As for `wave-network train`.
        name: One of `WAVES`.
        tokenizer: For a model that would take its own from the Hub.
    """
    from wave_network.data import read_splits

    splits = read_splits(data)
    train = _some(splits.train, TRAINING_TEXTS)
    texts = [*_some(splits.test or splits.train, TEST_TEXTS)["text"], *ODD_TEXTS]
    model = Wave(
        name, seed=0, epochs=1, tokenizer=tokenizer if preferred_tokenizer(name) else None
    ).fit(train["text"], train["label"])
    yield from compare_answers(model, texts)


def compare_answers(model: Wave, texts: Sequence[str]) -> Iterator[Finding]:
    """Compare the model's predictions made in different ways.

    Args:
        model: Trained.
        texts: At least two.
    """
    engine = model.engine
    together = engine.predict_proba(texts)
    alone = np.concatenate([engine.predict_proba([text]) for text in texts])
    yield "alone and in a batch", _difference(alone, together), BATCH_TOLERANCE
    backwards = engine.predict_proba(texts[::-1])[::-1]
    yield "in reverse order", _difference(backwards, together), BATCH_TOLERANCE
    yield "torch and the engine", _difference(_by_torch(model, texts), together), ENGINE_TOLERANCE
    plain = _plain_ids(model, texts)
    for state in ("before", "after"):  # the second time all words are in the cache
        ids = _cached_ids(engine, texts)
        different = sum(one != other for one, other in zip(ids, plain, strict=True))
        yield f"texts with other ids than the plain tokenizer's, {state} caching", different, 0


def _some(rows: Table, count: int) -> dict[str, list[str]]:
    order = np.random.default_rng(0).permutation(len(rows))[:count]
    some: dict[str, list[str]] = rows.select(np.sort(order))[:]
    return some


def _difference(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    if one.shape != other.shape or not np.isfinite(one).all():
        return float("inf")
    return float(np.abs(one - other).max())


def _by_torch(model: Wave, texts: Sequence[str]) -> NDArray[np.float32]:
    import torch

    from wave_network.data.batch import PackedTexts
    from wave_network.models.registry import build_model
    from wave_network.persistence.folder import read_model

    files = read_model(model.folder)
    network = build_model(files.config).eval()
    network.load_state_dict({k: torch.from_numpy(v) for k, v in files.tensors.items()})
    with torch.inference_mode():
        logits = network(PackedTexts(*files.tokenizer.encode(texts)).to_torch())
    calibrated: torch.Tensor = logits / (files.temperature or 1.0)
    return calibrated.softmax(dim=1).numpy()


def _cached_ids(engine: Engine, texts: Sequence[str]) -> list[list[int]]:
    ids, offsets = engine.tokenizer.encode(texts)
    return [part.tolist() for part in np.split(ids, offsets[1:-1])]


def _plain_ids(model: Wave, texts: Sequence[str]) -> list[list[int]]:
    """The ids from the tokenizers library and the folder's tokenizer file, text by text."""
    from tokenizers import Tokenizer

    from wave_network.persistence.tokenizers import text_tokenizer
    from wave_network.text.tokenizer import CHARACTERS_PER_TOKEN

    own = text_tokenizer(model.engine.tokenizer)
    tokenizer = Tokenizer.from_file(str(model.folder / "tokenizer.json"))
    tokenizer.encode_special_tokens = True
    cls, most = own.cls_token_id, own.max_length - 1
    rows = []
    for text in texts:
        clipped = text[: CHARACTERS_PER_TOKEN * own.max_length]
        ids = tokenizer.encode(clipped, add_special_tokens=False).ids
        rows.append([cls, *(index for index in ids if index != cls)][: most + 1])
    return rows


if __name__ == "__main__":
    main()
