"""How many requests `wave-network serve` answers a second, and how soon, beside plain handlers.

    python benchmarks/serve/load_test.py DATA [--seconds 10] [--workers 1,2]

Trains `small` and a TF-IDF pipeline on DATA, a data set as `wave-network train` reads it, starts
each server on this machine, and loads it with wrk: single texts and batches of 64, over 1, 8 and
64 connections. Rows go to `data/serve.csv`. wrk needs a part of the same cores.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

_HERE: Final = Path(__file__).resolve().parent
sys.path.append(str(_HERE.parent))

from peers import train_tfidf  # noqa: E402
from servers import SERVERS, Running, running  # noqa: E402

from conditions import HERE, Conditions, look_around  # noqa: E402
from records import Records  # noqa: E402
from wave_network import WaveClassifier  # noqa: E402
from wave_network.data import read_splits  # noqa: E402

OUTPUT: Final = HERE / "data" / "serve.csv"
_CODE: Final = ("src", "pyproject.toml", "constraints.txt", "benchmarks/serve")
_CONNECTIONS: Final = (1, 8, 64)
_BATCHES: Final = (1, 64)
_BODIES: Final = 2_000
_UNITS: Final = {"us": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4}


@dataclass(frozen=True)
class Loaded:
    """How a server fared.

    Attributes:
        data: The data set.
        server: One of `servers.SERVERS`.
        workers: Its processes.
        connections: Open connections, each with one request at a time.
        texts: Texts in a request.
        requests_per_second: Answers a second.
        p50_ms: Half of the answers came sooner.
        p99_ms: 99 % of the answers came sooner.
        errors: Answers with another status than 200, and connections that failed.
        cpu_us: CPU time of the server for a request, without the client's.
    """

    data: str
    server: str
    workers: int
    connections: int
    texts: int
    requests_per_second: float
    p50_ms: float
    p99_ms: float
    errors: int
    cpu_us: float


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data")
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--workers", default="1,2")
    parser.add_argument("--servers", default=",".join(SERVERS))
    parser.add_argument("--output", type=Path, default=OUTPUT)
    options = parser.parse_args()
    records = Records(options.output, (Conditions, Loaded))
    name = Path(options.data).name
    with tempfile.TemporaryDirectory() as folder:
        models, texts = _prepare(options.data, Path(folder))
        bodies = {count: _write_bodies(texts, count, Path(folder)) for count in _BATCHES}
        for server in options.servers.split(","):
            for workers in map(int, options.workers.split(",")):
                with running(server, models[server], workers, Path(folder, "log")) as service:
                    for count in _BATCHES:
                        for connections in _CONNECTIONS:
                            found = _load(service, bodies[count], connections, options.seconds)
                            loaded = Loaded(name, server, workers, connections, count, *found)
                            print(json.dumps(asdict(loaded)), flush=True)
                            records.append({**asdict(look_around(_CODE)), **asdict(loaded)})
    print(table([row for row in records.read() if row["data"] == name]))


def table(rows: Sequence[dict[str, object]]) -> str:
    """Format rows as a table in Markdown."""
    columns = list(Loaded.__annotations__)[1:]
    lines = ["| " + " | ".join(columns) + " |", "| --- " * len(columns) + "|"]
    lines += ["| " + " | ".join(str(row[name]) for name in columns) + " |" for row in rows]
    return "\n".join(lines)


def read_wrk(printed: str) -> tuple[float, float, float, int, int]:
    """Return requests a second, p50 and p99 in ms, errors, and the number of requests."""
    rate = re.search(r"Requests/sec:\s+([\d.]+)", printed)
    total = re.search(r"(\d+) requests in", printed)
    if rate is None or total is None:
        raise ValueError(f"wrk printed something else:\n{printed}")
    times = dict(re.findall(r"(50|99)%\s+([\d.]+\w+)", printed))
    failed = re.search(r"Non-2xx or 3xx responses: (\d+)", printed)
    broken = re.search(r"Socket errors: (.*)", printed)
    errors = int(failed[1]) if failed else 0
    errors += sum(map(int, re.findall(r"\d+", broken[1]))) if broken else 0
    p50, p99 = _milliseconds(times["50"]), _milliseconds(times["99"])
    return float(rate[1]), p50, p99, errors, int(total[1])


def _milliseconds(printed: str) -> float:
    number, unit = re.fullmatch(r"([\d.]+)(\w+)", printed).groups()  # type: ignore[union-attr]
    return round(float(number) * _UNITS[unit], 3)


def _load(
    service: Running, bodies: Path, connections: int, seconds: int
) -> tuple[float, float, float, int, float]:
    options = ["-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "20s", "--latency"]
    script = ["-s", str(_HERE / "bodies.lua"), service.url, "--", str(bodies)]
    before = service.cpu_seconds()
    done = subprocess.run(["wrk", *options, *script], capture_output=True, text=True, check=True)
    rate, p50, p99, errors, total = read_wrk(done.stdout)
    used = (service.cpu_seconds() - before) / max(1, total)
    return rate, p50, p99, errors, round(used * 1e6, 1)


def _prepare(data: str, folder: Path) -> tuple[dict[str, Path], list[str]]:
    """Train the models; return where they are by server, and the texts to ask about."""
    splits = read_splits(data)
    texts, labels = list(splits.train["text"]), list(splits.train["label"])
    order = random.Random(0).sample(range(len(texts)), len(texts))
    texts, labels = [texts[place] for place in order], [labels[place] for place in order]
    model, pipeline = folder / "small", folder / "tfidf.joblib"
    WaveClassifier("small").fit(texts, labels).save(model)
    print("TF-IDF:", train_tfidf(texts, labels, pipeline), flush=True)
    asked = splits.test["text"] if splits.test is not None else texts
    return {"serve": model, "engine": model, "tfidf": pipeline}, list(asked)[: _BODIES * 4]


def _write_bodies(texts: Sequence[str], count: int, folder: Path) -> Path:
    """Write bodies of requests with so many texts each."""
    choose = random.Random(0)
    path = folder / f"bodies-{count}"
    number = _BODIES if count == 1 else _BODIES // 10
    lines = (json.dumps({"texts": choose.sample(texts, count)}) for _ in range(number))
    path.write_text("\n".join(lines) + "\n", encoding="ascii")
    return path


if __name__ == "__main__":
    main()
