"""Random bytes and broken requests: the service goes on, and its memory comes back.

`make serve-fuzz` sends many more than the suite.
"""

import contextlib
import json
import os
import random
import socket
import struct
import time

from serving import post, reads_proc, serving

REQUESTS = int(os.environ.get("WAVE_NETWORK_REQUESTS", "12")) * 10
LIMITS = {"request_seconds": 0.5, "idle_seconds": 1, "waiting_texts": 500, "body_bytes": 2**20}
WORDS = [
    *(b"{", b"}", b"[", b"]", b'"', b":", b",", b'"text"', b'"texts"', b'"top_k"', b"null", b"1e9"),
    *(b"\\ud800", b"\\u0000", b"\xff", b"\xed\xa0\x80", b"\x00", b"NaN", b"-0", b"\\", b"\r\n"),
    *(b"\xef\xbb\xbf", b"9" * 999, b"[" * 9_999, b"\xf0\x9f\x8e\x89", b" " * 99),
]


@reads_proc
def test_nothing_that_is_sent_ends_the_service_or_fills_its_memory(sample_model, tmp_path):
    chosen = random.Random(0)
    with serving([sample_model], tmp_path / "log", settings={"limits": LIMITS}) as served:
        for _ in range(20):
            send(served, chosen)
        before = memory_of(served)
        for number in range(REQUESTS):
            send(served, chosen)
            if number % 20 == 0:
                assert_answers(served)
        time.sleep(1.5)  # what never ended is given up
        assert_answers(served)
        assert memory_of(served) - before < 30e6
        statuses = {line["status"] for line in served.log if line["event"] == "request"}
        assert not served.events("failure")
        assert not [status for status in statuses if status >= 500]
        assert served.stop() == 0


def send(served, chosen):
    """Send something odd over a connection of its own, and perhaps do not wait for an answer."""
    body = b"".join(chosen.choices(WORDS, k=chosen.randrange(12)))
    if chosen.random() < 0.5:
        value = {chosen.choice(["text", "texts", "explain", "top_k"]): odd_value(chosen)}
        body = json.dumps({"text": "a", **value}).encode()
    content = post(body)
    kind = chosen.randrange(6)
    if kind == 0:  # a length that is not the body's
        content = post(body, Content_Length=chosen.choice([0, 1, len(body) + 9, 10**7, "x", -5]))
    elif kind == 1:  # bytes changed
        changed = bytearray(content)
        for _ in range(chosen.randrange(1, 9)):
            changed[chosen.randrange(len(changed))] = chosen.randrange(256)
        content = bytes(changed)
    elif kind == 2:
        content = chosen.randbytes(chosen.randrange(3_000))
    elif kind == 3:  # much, and not to its end
        content = post(b'{"text": "' + b"a" * 900_000)[: chosen.randrange(900_000)]
    with served.connect() as connection, contextlib.suppress(OSError):
        connection.sendall(content)
        if chosen.random() < 0.3:  # ended at once, with a reset
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif chosen.random() < 0.5:
            connection.settimeout(0.05)
            connection.recv(2**16)


def odd_value(chosen):
    values = [None, True, -1, 0.5, 1e308, "x", "\ud800", "\0", [], {}, ["a"] * 400, "a" * 99_999]
    return chosen.choice([*values, [values], {"a": values}, "\u202e\U0010ffff" * 999])


def assert_answers(served):
    answered = served.answer_to(post({"text": "a"}, Connection="close"))
    assert answered.startswith(b"HTTP/1.1 200 "), answered


def memory_of(served):
    with open(f"/proc/{served.process.pid}/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
