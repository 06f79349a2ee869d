"""Compare the Wave LM with a GRU, a Transformer and an n-gram model: bits a byte, and speed.

    python benchmarks/wave_lm.py quality TRAIN [--size 1m|5m] [--seconds 300] [--test TEST]
        [--test-every N]
    python benchmarks/wave_lm.py ablation TRAIN [--steps 600]
    python benchmarks/wave_lm.py speed [--size 1m|5m]

`quality` and `ablation` hold out every fiftieth text of the training file, and learn a tokenizer
from the file; a test file is read only with `--test`, of which `--test-every 5` scores every fifth
text. In `quality` each network trains with one thread for as many steps as take it the same time:
the steps of all are timed first, in turns. From then on the load of the machine does not matter.
The learning rate of each is the best of several runs of a quarter of the steps, by the texts held
out; where it is the lowest or the highest, the next one is tried, too. All read the same rows by
the same tokenizer, and the n-gram model learns from all of them, once whole and once pruned to as
many n-grams as the Wave LM has parameters. Every text is scored from its start; the Transformer
sees at least half its window before each token. In `ablation` every variant takes the same steps.
`speed` generates around a position, with one thread, and random weights. Each result is a row of
`benchmarks/data/wave_lm.csv`.
"""

from __future__ import annotations

import argparse
import csv
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import log
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional as F

from conditions import HERE, commit, machine
from wave_network.baselines.kneser_ney import KneserNey
from wave_network.baselines.language_models import GRU_SIZES, GRULM, TransformerLM
from wave_network.config.wave_lm import SIZES, PretrainConfig, WaveLMConfig
from wave_network.data.documents import iter_documents
from wave_network.data.read_options import ReadOptions
from wave_network.models.tensor_spec import initial_tensors
from wave_network.models.wave_lm.network import WaveLM
from wave_network.models.wave_lm.numpy_network import NumpyWaveLM
from wave_network.models.wave_lm.tensors import tensor_specs
from wave_network.runtime.stream import Stream
from wave_network.text.byte_level import Ids
from wave_network.training.pretraining.corpus import Corpus, read_corpus
from wave_network.training.pretraining.examples import next_tokens
from wave_network.training.pretraining.steps import PretrainingSteps
from wave_network.training.pretraining.windows import Windows

Document = NDArray[np.int64]

RESULTS: Final = HERE / "data" / "wave_lm.csv"
CODE: Final = ("src", "benchmarks/wave_lm.py")
TIMED_STEPS: Final = 15
RATES: Final = (1e-3, 2e-3, 4e-3, 8e-3, 1.6e-2)
MOST_RATE: Final = 0.2
TRIAL_SHARE: Final = 0.25  # of the steps, for each learning rate
POSITIONS: Final = (100, 1_000, 10_000)
GENERATED: Final = 200
REPEATS: Final = 5
TOKENS_AT_ONCE: Final = 4_096  # when documents are scored, with padding
PADDING: Final = -100  # what torch's cross-entropy leaves out

COLUMNS: Final = (
    *("date", "commit", "machine", "threads", "load", "what", "data", "model", "size"),
    *("parameters", "seed", "learning_rate", "steps", "step_seconds"),
    *("train_seconds", "train_tokens"),
    *("held_out_bits_per_byte", "test_bits_per_byte", "position", "tokens_per_second"),
    "state_bytes",
)

ABLATIONS: Final[Mapping[str, Mapping[str, Any]]] = {
    "wave": {},
    "wave, interference": {"operation": "interference"},
    "wave, norm for memory": {"context": "norm"},
    "wave, no decay": {"decay": False},
    "wave, no local waves": {"local_tokens": 0},
    "wave, 1 layer": {"num_layers": 1},
    "wave, 2 layers": {"num_layers": 2},
    "wave, 8 layers": {"num_layers": 8},
}


@dataclass
class Trained:
    """A trained network, and what it took.

    Attributes:
        network: The network.
        row: Columns of the results.
    """

    network: nn.Module
    row: dict[str, Any]


def main() -> None:
    """Run one of the comparisons."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("quality", "ablation", "speed"))
    parser.add_argument("train", nargs="?", type=Path)
    parser.add_argument("--test", type=Path)
    parser.add_argument("--test-every", type=int, default=1)
    parser.add_argument("--size", default="1m", choices=tuple(SIZES))
    parser.add_argument("--models", nargs="+", default=["kneser-ney", "wave", "gru", "transformer"])
    parser.add_argument("--rates", nargs="+", type=float, default=RATES)
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    if arguments.what == "speed":
        rows = speed(arguments.size)
    elif arguments.train is None:
        parser.error("give the file of the training texts")
    else:
        pieces = SIZES[arguments.size].pieces
        corpus = read_corpus([arguments.train], pieces, "text", ReadOptions())
        compare = quality if arguments.what == "quality" else ablation
        rows = compare(corpus, arguments)
    for row in rows:
        write(row | {"what": arguments.what, "size": arguments.size, "seed": arguments.seed})


def write(row: Mapping[str, Any]) -> None:
    """Print a result, and append it to the file."""
    whole = {
        "date": time.strftime("%Y-%m-%d"),
        "commit": commit(CODE),
        "machine": machine(),
        "threads": torch.get_num_threads(),
        "load": round(os.getloadavg()[0], 2),
        **row,
    }
    print({name: value for name, value in whole.items() if name not in ("commit", "machine")})
    new = not RESULTS.exists()
    with RESULTS.open("a", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        if new:
            writer.writeheader()
        writer.writerow(whole)


def quality(corpus: Corpus, arguments: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Train every model for the same time; yield its bits a byte."""
    torch.set_num_threads(1)
    test = None if arguments.test is None else encoded(corpus, arguments.test, arguments.test_every)
    networks = [name for name in arguments.models if name != "kneser-ney"]
    config = PretrainConfig(size=arguments.size, seed=arguments.seed)
    if len(networks) < len(arguments.models):
        same = parameters_of(build("wave", corpus, config))
        for max_ngrams in (None, same):
            yield {**ngrams(corpus, test, max_ngrams), "data": arguments.train.parent.name}
    times = step_times(networks, corpus, config)
    for name in networks:
        steps = arguments.seconds / times[name]
        rate = best_rate_of(name, corpus, config, arguments.rates, TRIAL_SHARE * steps)
        chosen = replace(config, learning_rate=rate, steps=max(1, round(steps)))
        trained = train(build(name, corpus, chosen), corpus, chosen)
        for column, ids in (("held_out", corpus.validation), ("test", test)):
            if ids is not None:
                found = bits_per_byte(trained.network, corpus, ids)
                trained.row[f"{column}_bits_per_byte"] = found
        row = {**trained.row, "step_seconds": round(times[name], 4)}
        yield {**row, "model": name, "data": arguments.train.parent.name}


def step_times(names: Sequence[str], corpus: Corpus, config: PretrainConfig) -> dict[str, float]:
    """Time steps of the networks in turns, so that all meet the same load; return the medians."""
    config = replace(config, steps=TIMED_STEPS)
    windows = Windows(corpus.training, config)
    trained = {
        name: PretrainingSteps(build(name, corpus, config), config, TIMED_STEPS) for name in names
    }
    times: dict[str, list[float]] = {name: [] for name in names}
    for step in range(TIMED_STEPS):
        for name, steps in trained.items():
            started = time.perf_counter()
            steps.step(next_tokens(windows.of(step)))
            times[name].append(time.perf_counter() - started)
    found = {name: float(np.median(seconds)) for name, seconds in times.items()}
    print({name: round(seconds, 4) for name, seconds in found.items()}, "s a step", flush=True)
    return found


def best_rate_of(
    name: str, corpus: Corpus, config: PretrainConfig, rates: Sequence[float], steps: float
) -> float:
    """Choose the learning rate of a network by short runs, until the best has worse neighbours."""
    if len(rates) == 1:
        return rates[0]
    found: dict[float, float] = {}
    waiting = list(rates)
    while waiting:
        rate = waiting.pop(0)
        trial = replace(config, learning_rate=rate, steps=max(1, round(steps)))
        network = train(build(name, corpus, trial), corpus, trial).network
        found[rate] = bits_per_byte(network, corpus, corpus.validation)
        print(f"{name}, rate {rate}: {found[rate]:.4f} bits a byte", flush=True)
        best = min(found, key=lambda rate: found[rate])
        if not waiting and best in (min(found), max(found)):
            following = best / 2 if best == min(found) else 2 * best
            waiting = [following] if following < MOST_RATE else []
    return best


def ablation(corpus: Corpus, arguments: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Train variants of the Wave LM for the same steps; yield their bits a byte."""
    config = PretrainConfig(size=arguments.size, steps=arguments.steps, seed=arguments.seed)
    for name, changes in ABLATIONS.items():
        shape = replace(SIZES[arguments.size].shape(corpus.tokenizer.start), **changes)
        trained = train(WaveLM(shape, arguments.seed), corpus, config)
        trained.row["held_out_bits_per_byte"] = bits_per_byte(
            trained.network, corpus, corpus.validation
        )
        yield {**trained.row, "model": name, "data": arguments.train.parent.name}


def build(name: str, corpus: Corpus, config: PretrainConfig) -> nn.Module:
    """Build a network with random weights."""
    size, pieces = SIZES[config.size], corpus.tokenizer.start
    vocab_size = pieces + 1
    if name == "wave":
        return WaveLM(size.shape(pieces), config.seed)
    if name == "gru":
        return GRULM(vocab_size, size, GRU_SIZES[config.size], config.seed)
    if name == "transformer":
        return TransformerLM(vocab_size, size, config.window, config.seed)
    raise SystemExit(f"unknown model {name}")


def train(network: nn.Module, corpus: Corpus, config: PretrainConfig) -> Trained:
    """Train for the steps of a configuration."""
    windows = Windows(corpus.training, config)
    steps = PretrainingSteps(network, config, windows.steps)
    started = time.perf_counter()
    for step in range(windows.steps):
        steps.step(next_tokens(windows.of(step)))
    return Trained(
        network,
        {
            "parameters": parameters_of(network),
            "learning_rate": config.learning_rate,
            "steps": windows.steps,
            "train_seconds": round(time.perf_counter() - started, 1),
            "train_tokens": windows.steps * windows.of(0)[1:].size,
        },
    )


def parameters_of(network: nn.Module) -> int:
    """Return the number of parameters."""
    return sum(parameter.numel() for parameter in network.parameters())


def ngrams(corpus: Corpus, test: Ids | None, max_ngrams: int | None) -> dict[str, Any]:
    """Train an n-gram model; return its bits a byte."""
    started = time.perf_counter()
    model = KneserNey(corpus.training, corpus.tokenizer.start, max_ngrams=max_ngrams)
    row = {
        "model": "kneser-ney, 5-grams" + ("" if max_ngrams is None else ", pruned"),
        "parameters": model.size(),
        "train_seconds": round(time.perf_counter() - started, 1),
        "train_tokens": len(corpus.training),
    }
    for name, ids in (("held_out", corpus.validation), ("test", test)):
        if ids is not None:
            row[f"{name}_bits_per_byte"] = model.bits(ids).sum() / corpus.bytes_of(ids)
    return row


def encoded(corpus: Corpus, path: Path, every: int) -> Ids:
    """Return one document of a file in `every`, as ids."""
    parts: list[Ids] = []
    start, document = np.array([corpus.tokenizer.start], np.uint16), -1
    for piece in iter_documents(path):
        document += piece.first
        if document % every:
            continue
        parts += [start] if piece.first else []
        parts += corpus.tokenizer.encode([piece.text])
    return np.concatenate(parts)


@torch.no_grad()
def bits_per_byte(network: nn.Module, corpus: Corpus, ids: Ids) -> float:
    """Score documents from their start, each on its own."""
    starts = np.flatnonzero(ids == corpus.tokenizer.start)
    documents = np.split(ids.astype(np.int64), starts)[1:]
    return sum(map(scorer(network), batches(documents))) / corpus.bytes_of(ids)


def batches(documents: Sequence[Document]) -> Iterator[list[Document]]:
    """Group documents of similar length."""
    batch: list[Document] = []
    for document in sorted(documents, key=len, reverse=True):
        if batch and len(batch[0]) * (len(batch) + 1) > TOKENS_AT_ONCE:
            yield batch
            batch = []
        batch.append(document)
    yield batch


def scorer(network: nn.Module) -> Callable[[Sequence[Document]], float]:
    """Return what gives the bits of documents, each with its start."""
    if isinstance(network, WaveLM):
        tensors = {name: tensor.numpy() for name, tensor in network.state_dict().items()}
        steps = NumpyWaveLM(network.config, tensors)
        return lambda batch: float(
            sum(Stream(steps).bits(ids[1:]).sum(dtype=np.float64) for ids in batch)
        )
    if isinstance(network, TransformerLM):
        return partial(bits_of_windows, network, window=network.window)
    return lambda batch: bits_of_windows(network, batch, max(map(len, batch)))


def bits_of_windows(network: nn.Module, batch: Sequence[Document], window: int) -> float:
    """Return the bits of the tokens of documents, read by windows that overlap by half.

    Shorter documents are padded at their end, which no token before it sees.
    """
    longest = max(map(len, batch))
    ids = torch.full((longest, len(batch)), PADDING)  # (time, documents)
    for lane, document in enumerate(batch):
        ids[: len(document), lane] = torch.from_numpy(document)
    bits, scored, begin = 0.0, 0, 0
    while scored < longest - 1:
        part = ids[begin : begin + window + 1]
        logits, following = network(part[:-1].clamp(min=0)), part[1:]
        new = slice(scored - begin, None)
        loss = F.cross_entropy(logits[new].flatten(0, 1), following[new].flatten(), reduction="sum")
        bits += float(loss) / log(2)
        scored = begin + len(part) - 1
        begin = scored - window // 2
    return bits


def speed(size: str) -> Iterator[dict[str, Any]]:
    """Measure tokens a second around some positions, and the bytes of the state."""
    torch.set_num_threads(1)
    chosen = SIZES[size]
    shape = chosen.shape(chosen.pieces)
    wave = NumpyWaveLM(shape, initial_tensors(tensor_specs(shape), 0))
    room = max(POSITIONS) + GENERATED
    transformer = TransformerLM(shape.vocab_size, chosen, room, 0)
    for position in POSITIONS:
        yield {
            "model": "wave",
            "position": position,
            "tokens_per_second": round(best_rate(partial(wave_tokens, wave, position))),
            "state_bytes": wave.initial_state().size_bytes,
        }
        yield {
            "model": "transformer with cache",
            "position": position,
            "tokens_per_second": round(
                best_rate(partial(transformer.steps, position + GENERATED, position))
            ),
            "state_bytes": cache_bytes(shape, position),
        }


def wave_tokens(wave: NumpyWaveLM, position: int) -> Iterator[int]:
    """Read as many tokens, then generate the most likely ones."""
    stream = Stream(wave)
    stream.read(np.arange(position) % wave.config.start_id)
    while True:
        token = int(stream.logits.argmax())
        stream.read(np.array([token]))
        yield token


def best_rate(begin: Callable[[], Iterator[Any]]) -> float:
    """Return the tokens a second of the best of some runs; the first token is not timed."""
    rates = []
    for _ in range(REPEATS):
        tokens = begin()
        next(tokens)
        started = time.perf_counter()
        for _ in range(GENERATED - 1):
            next(tokens)
        rates.append((GENERATED - 1) / (time.perf_counter() - started))
    return max(rates)


def cache_bytes(shape: WaveLMConfig, position: int) -> int:
    """Return the bytes of the keys and values of so many tokens."""
    return 4 * 2 * shape.num_layers * shape.hidden_size * position


if __name__ == "__main__":
    main()
