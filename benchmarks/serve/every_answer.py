"""Ask `wave-network serve` a million questions, and check each answer against its own texts.

    python benchmarks/serve/every_answer.py MODEL TEXTS [--requests 1000000] [--connections 64]

TEXTS has a text on each line; a number is added to each, so that no two questions are the same. An
answer is right if its labels and scores are those that the engine gives in this process. Requests
have 1 to 3 texts each. Prints how many answers were lost, wrong or refused, and their times.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from servers import Running, running

from wave_network import load
from wave_network.runtime import Engine

_AT_ONCE: Final = 8_192  # questions that are prepared together
_TOLERANCE: Final = 2e-6
_TIMEOUT: Final = 30.0


class Client:
    """Asks questions over connections that stay open.

    Args:
        port: The server's port.
        connections: How many questions are asked at a time.

    Attributes:
        outcomes: How many answers were "right", "wrong", "lost", or had another status.
        seconds: The time of each answer.
    """

    def __init__(self, port: int, connections: int) -> None:
        self._port = port
        self._connections = connections
        self.outcomes: Counter[str] = Counter()
        self.seconds: list[float] = []

    async def ask(self, questions: Sequence[list[str]], answers: Sequence[list[Any]]) -> None:
        """Ask all, and compare what comes with the answers."""
        left = list(zip(questions, answers, strict=True))
        await asyncio.gather(*(self._connection(left) for _ in range(self._connections)))

    async def _connection(self, left: list[tuple[list[str], list[Any]]]) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        while left:
            texts, expected = left.pop()
            started = time.perf_counter()
            try:
                status, body = await asyncio.wait_for(_exchange(reader, writer, texts), _TIMEOUT)
            except (OSError, EOFError, TimeoutError, asyncio.TimeoutError):
                self.outcomes["lost"] += 1
                writer.close()
                reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
                continue
            self.seconds.append(time.perf_counter() - started)
            if status != 200:
                self.outcomes[str(status)] += 1
            else:
                right = is_right(json.loads(body)["predictions"], expected)
                self.outcomes["right" if right else "wrong"] += 1
        writer.close()


def is_right(found: Sequence[dict[str, Any]], expected: Sequence[tuple[Any, float]]) -> bool:
    """Whether each answer has the label and the score of its own text."""
    return len(found) == len(expected) and all(
        one["label"] == label and abs(one["score"] - score) < _TOLERANCE
        for one, (label, score) in zip(found, expected, strict=True)
    )


async def _exchange(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, texts: list[str]
) -> tuple[int, bytes]:
    body = json.dumps({"texts": texts}).encode()
    head = b"POST /v1/predict HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
    writer.write(head + b"Content-Length: %d\r\n\r\n" % len(body) + body)
    lines = (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")
    (length,) = (line[15:] for line in lines if line.lower().startswith(b"content-length:"))
    return int(lines[0].split()[1]), await reader.readexactly(int(length))


def ask_all(
    service: Running, engine: Engine, texts: Sequence[str], requests: int, connections: int
) -> Client:
    """Ask a number of questions of a server, and return what came of them."""
    client = Client(service.port, connections)
    for start in range(0, requests, _AT_ONCE):
        numbers = range(start, min(start + _AT_ONCE, requests))
        questions = [
            [
                f"{texts[(number * 3 + step) % len(texts)]} {number}"
                for step in range(number % 3 + 1)
            ]
            for number in numbers
        ]
        found = iter(engine.predict([text for question in questions for text in question]))
        answers = [[_label_and_score(next(found)) for _ in question] for question in questions]
        asyncio.run(client.ask(questions, answers))
        if numbers.stop % (_AT_ONCE * 16) == 0:
            print(f"{numbers.stop:,}: {dict(client.outcomes)}", flush=True)
    return client


def _label_and_score(prediction: Any) -> tuple[Any, float]:  # noqa: ANN401
    return prediction.label, prediction.score


def main() -> None:
    """Ask, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("texts", type=Path)
    parser.add_argument("--requests", type=int, default=1_000_000)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    texts = [line for line in options.texts.read_text(encoding="utf-8").split("\n") if line]
    with (
        tempfile.TemporaryDirectory() as folder,
        running("serve", options.model, options.workers, Path(folder, "log")) as service,
    ):
        started = time.perf_counter()
        engine = load(options.model)
        client = ask_all(service, engine, texts, options.requests, options.connections)
    times = sorted(client.seconds)
    print(f"{options.requests:,} requests in {time.perf_counter() - started:.0f} s")
    print(f"outcomes: {dict(client.outcomes)}")
    print(
        f"p50 {times[len(times) // 2] * 1e3:.1f} ms, p99 {times[len(times) * 99 // 100] * 1e3:.1f}"
    )


if __name__ == "__main__":
    main()
