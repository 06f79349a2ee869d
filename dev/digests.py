"""Digests of what training, predicting, quantising and exporting give, to compare two commits.

Run it with each commit's package on one machine; equal lines mean equal bits:

    python dev/digests.py > before.json
    python dev/digests.py > after.json && diff before.json after.json

`--without-native` hides the compiled extension, so that the Python fallbacks do the work.
`--record` writes `tests/digests.json`, which the suite compares with on machines of the same kind.
Record anew only in a commit that means to change what is computed, and say so there.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import json
import platform
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import redirect_stdout
from importlib import metadata
from importlib.machinery import ExtensionFileLoader, ModuleSpec, PathFinder
from importlib.resources import files
from pathlib import Path
from typing import Any

RECORD = Path(__file__).resolve().parents[1] / "tests" / "digests.json"
RECORDED = ("small", "large", "paper", "multi-label")  # the last is a `tiny` one
LIBRARIES = ("numpy", "onnx", "safetensors", "scikit-learn", "scipy", "tokenizers", "torch")
CHECKSUMS = rb',\n  "checksums": {[^}]*}'
PRESETS = ("small", "tiny", "large", "paper")


class NoExtensions:
    """An importer that finds none of the package's compiled modules."""

    @staticmethod
    def find_spec(name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:  # noqa: ANN401
        """Refuse compiled modules of the package; leave all others to the usual importers."""
        if name.startswith("wave_network."):
            spec = PathFinder.find_spec(name, path)
            if spec is not None and isinstance(spec.loader, ExtensionFileLoader):
                raise ModuleNotFoundError(f"{name} is hidden", name=name)
        return None


def environment() -> dict[str, Any]:
    """What bits depend on beside the code: the processor's instructions and the libraries."""
    import torch
    from numpy._core._multiarray_umath import __cpu_features__ as features

    return {
        "machine": platform.machine(),
        "python": platform.python_version(),
        "compiler": platform.python_compiler(),
        "threads": torch.get_num_threads(),
        "libraries": {name: metadata.version(name) for name in LIBRARIES},
        "instructions": sorted(name for name, found in features.items() if found),
    }


def sample(part: str) -> tuple[list[str], list[str]]:
    """The texts and labels of a part of the bundled sample."""
    source = files("wave_network.data") / "sample" / f"{part}.csv"
    with source.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [row["text"] for row in rows], [row["label"] for row in rows]


def content(file: Path) -> bytes:
    """A file's bytes, without the temporary folder's name, other files' checksums, our version."""
    from wave_network import __version__

    name = str(file.parents[1]).encode()
    without = file.read_bytes().replace(name, b"").replace(__version__.encode(), b"")
    return re.sub(CHECKSUMS, b"", without)


def digest(*parts: bytes) -> str:
    """A short digest of bytes."""
    return hashlib.sha256(b"".join(parts)).hexdigest()[:16]


def of_engine(folder: Path, texts: list[str]) -> Iterator[tuple[str, str]]:
    """Digests of the torch-free engine's answers and explanations."""
    from wave_network import load

    engine = load(folder)
    yield "probabilities", digest(engine.predict_proba(texts).tobytes())
    yield "one text", digest(engine.predict_proba(texts[:1]).tobytes())
    shares = [token.attribution for text in texts[:20] for token in engine.explain(text).tokens]
    yield "explanations", digest(repr(shares).encode())


def of_torch(folder: Path, texts: list[str]) -> Iterator[tuple[str, str]]:
    """A digest of torch's logits."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    import wave_network.transformers  # noqa: F401

    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    inputs = AutoTokenizer.from_pretrained(folder)(texts, padding=True, return_tensors="pt")
    with torch.inference_mode():
        logits = model(inputs["input_ids"], inputs["attention_mask"]).logits
    yield "torch", digest(logits.numpy().tobytes())


def of_exports(folder: Path) -> Iterator[tuple[str, str]]:
    """Digests of the folders in few bits and of the ONNX graphs."""
    for bits in ("8", "4"):
        small = folder.with_name(f"{folder.name}-{bits}")
        command("quantize", str(folder), "--output", str(small), "--bits", bits)
        names = ("model.safetensors", "config.json", "tokenizer.json", "tokenizer_config.json")
        yield f"{bits} bits", digest(*(content(small / name) for name in names))
    for option in ((), ("--int8",)):
        exported = folder.with_name(f"{folder.name}-onnx{''.join(option)}")
        command("export", str(folder), "--output", str(exported), *option)
        yield f"onnx{''.join(option)}", digest(content(exported / "model.onnx"))


def command(*arguments: str) -> None:
    """Run a command of the package's command line, in this process."""
    from wave_network.cli import main as run

    before, sys.argv = sys.argv, ["wave-network", *arguments]
    try:
        with redirect_stdout(io.StringIO()):
            run()
    except SystemExit as ended:
        if ended.code:
            raise RuntimeError(f"{arguments} ended with {ended.code}") from ended
    finally:
        sys.argv = before


def trained(name: str, folder: Path) -> Any:  # noqa: ANN401
    """A model trained on the sample, and saved: a preset, or one of the other ways to train."""
    from wave_network import WaveClassifier

    texts, labels = sample("train")
    X, y = texts, labels  # noqa: N806
    options: dict[str, Any] = {"preset": name}
    more = {}
    oil = ["oil" in text.lower() for text in texts]
    if name == "paper":
        options["epochs"] = 1
        X, y = texts[:300], labels[:300]  # noqa: N806
    elif name.startswith("multi-label"):
        y = [[label, "oil"] if about else [label] for label, about in zip(y, oil, strict=True)]
        options = {"preset": "large" if "members" in name else "tiny"}
    elif name == "interference":
        options = {"preset": "tiny", "operation": "interference", "class_weight": "balanced"}
    elif name == "continued":
        first = folder.with_name("first")
        WaveClassifier(preset="tiny").fit(texts[:900], labels[:900]).save(first)
        options = {"base_model": str(first)}
        y = ["Oil" if about else label for label, about in zip(y, oil, strict=True)]
        X, y = texts[500:], y[500:]  # noqa: N806
    elif name == "distilled":
        options = {"preset": "tiny", "teacher": str(folder.with_name("small"))}
        X, y, more = texts[:300], labels[:300], {"unlabeled": texts[300:600]}  # noqa: N806
    WaveClassifier(**options).fit(X, y, **more).save(folder)


OTHERS = ("multi-label", "multi-label members", "interference", "continued", "distilled")


def digests(names: list[str]) -> Iterator[tuple[str, str]]:
    """All digests, by what they are of."""
    texts, _ = sample("test")
    with tempfile.TemporaryDirectory() as made:
        for name in names:
            folder = Path(made, name.replace(" ", "-"))
            trained(name, folder)
            for file in ("model.safetensors", "config.json", "tokenizer.json", "conformal.json"):
                if (folder / file).exists():
                    yield f"{name}: {file}", digest(content(folder / file))
            found = *of_engine(folder, texts), *of_torch(folder, texts[:50]), *of_exports(folder)
            yield from ((f"{name}: {what}", each) for what, each in found)


def main() -> None:
    """Print the digests as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=[*PRESETS, *OTHERS])
    parser.add_argument("--without-native", action="store_true")
    parser.add_argument("--record", action="store_true")
    parser.add_argument("--environment", action="store_true")
    arguments = parser.parse_args()
    if arguments.record:
        record = {"environment": environment(), "digests": dict(digests(list(RECORDED)))}
        RECORD.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
        return
    if arguments.environment:
        print(json.dumps(environment()))
        return
    if arguments.without_native:
        sys.meta_path.insert(0, NoExtensions)  # type: ignore[arg-type]
    print(json.dumps(dict(digests(arguments.names)), indent=1))


if __name__ == "__main__":
    main()
