"""Connections of clients that break the rules, or never finish: each ends, and others go on."""

import os
import socket
import time

import pytest
from serving import post, read_all, reads_proc, serving

LIMITS = {
    "body_bytes": 200_000,
    "header_bytes": 4_096,
    "request_seconds": 1.0,
    "idle_seconds": 1,
    "connections": 40,
}


@pytest.fixture(scope="module")
def served(sample_model, tmp_path_factory):
    log = tmp_path_factory.mktemp("log") / "log"
    with serving([sample_model], log, settings={"limits": LIMITS}) as service:
        yield service


@pytest.fixture(autouse=True)
def still_answers(served):
    """Whatever a test does, the service answers after it."""
    yield
    answered = served.answer_to(post({"text": "a"}, Connection="close"))
    assert answered.startswith(b"HTTP/1.1 200 ")


def first_line(answered):
    return answered.partition(b"\r\n")[0].decode()


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),  # TLS
        (b"GET / HTTP/9.9\r\n\r\n", 400),
        (b"GET /\xff HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"nonsense\r\n\r\n", 400),
        (post({"text": "a"}, Content_Length="-1"), 400),
        (post({"text": "a"}, Content_Length="1e3"), 400),
        (post({"text": "a"}, Content_Length="9" * 40), 400),
        (post({"text": "a"}, Transfer_Encoding="chunked"), 400),  # and a length
        (post(b"zz\r\n", Transfer_Encoding="chunked", Content_Length=None), 400),
        (post(b"", Content_Length=200_001), 413),
        (post({"text": "\ud800"}, Connection="close"), 422),
        (post(b"\xff\x00", Connection="close"), 400),
        (post({"text": "a"}, Upgrade="h2c", Connection="Upgrade, close"), 400),
        (b"POST /v1/predict HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 415),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 300_000, 431),
        (b"GET /" + b"a" * 300_000, 431),
        (b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 100_000, 431),
    ],
    ids=range(17),
)
def test_broken_requests_are_refused(served, sent, status):
    assert first_line(served.answer_to(sent)).startswith(f"HTTP/1.1 {status} ")


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"POST /v1/pre",
        b"POST /v1/predict HTTP/1.1\r\nHost: a\r\n",
        post(b'{"text": "a"', Content_Length=100),
        post(b"5\r\n{", Transfer_Encoding="chunked", Content_Length=None),
    ],
    ids=["nothing", "line", "headers", "body", "chunk"],
)
def test_a_request_that_never_ends_is_ended(served, sent):
    before = time.monotonic()
    assert first_line(served.answer_to(sent)) == "HTTP/1.1 408 Request Timeout"
    assert 0.9 < time.monotonic() - before < 10


def test_a_byte_now_and_then_is_no_progress(served):
    with served.connect() as connection:
        before = time.monotonic()
        with pytest.raises(OSError):  # noqa: PT011
            send_slowly(connection, post({"text": "a" * 1_000}))
        assert time.monotonic() - before < 10


def send_slowly(connection, content):
    for byte in content:
        connection.sendall(bytes([byte]))
        time.sleep(0.05)


def test_a_client_that_ends_in_the_middle_is_noted(served):
    with served.connect() as connection:
        connection.sendall(post(b'{"text": "a"', Content_Length=100))
    served.wait_until(lambda: any(line.get("status") == 499 for line in served.log))


@reads_proc
def test_a_huge_body_is_answered_and_its_rest_thrown_away(served):
    before = memory_of(served)
    huge = b'{"text": "' + b"a" * 50_000_000
    assert b" 413 " in served.answer_to(post(huge, Connection="close"))[:20]
    with served.connect() as connection:  # as a client that reads while it sends would see it
        connection.sendall(post(huge[:1_000_000], Content_Length=len(huge)))
        assert connection.recv(100).startswith(b"HTTP/1.1 413 ")
    assert memory_of(served) - before < 20e6


def memory_of(served):
    with open(f"/proc/{served.process.pid}/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_requests_one_after_another_on_a_connection_are_answered_in_order(served):
    asked = [{"texts": ["a"] * (number % 5 + 1)} for number in range(30)]
    pipeline = b"".join(map(post, asked)) + post({"text": "last"}, Connection="close")
    bodies = served.answer_to(pipeline).split(b"HTTP/1.1 200 OK")[1:]
    counts = [body.count(b'"label"') for body in bodies]
    assert counts == [len(one["texts"]) for one in asked] + [1]


def test_an_upgrade_is_refused_in_words_that_help(served):
    answered = served.answer_to(post({"text": "a"}, Upgrade="h2c", Connection="Upgrade, close"))
    assert b"send HTTP/1.1 without the header Upgrade" in answered
    assert not [line for line in served.events("server") if "pip install" in line["message"]]


def test_an_idle_connection_is_closed(served):
    with served.connect() as connection:
        connection.sendall(post({"text": "a"}))
        assert read_all(connection).startswith(b"HTTP/1.1 200 ")


def test_a_connection_too_many_is_refused(served):
    connections = [served.connect() for _ in range(LIMITS["connections"])]
    try:
        time.sleep(0.2)
        with served.connect() as one_more:
            assert one_more.recv(100).startswith(b"HTTP/1.1 503 ")
    finally:
        for connection in connections:
            connection.close()
    served.wait_until(lambda: b" 200 " in served.answer_to(b"GET /healthz HTTP/1.0\r\n\r\n"))


@reads_proc
def test_an_answer_that_nobody_reads_does_not_stay(served):
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2_048)
        connection.connect(served.address)
        question = {"texts": ["many words of a text " * 20] * 400, "explain": True}
        connection.sendall(post(question))
        served.wait_until(lambda: served.events("request")[-1].get("texts") == 400)
        connections = lambda: len(os.listdir(f"/proc/{served.process.pid}/fd"))  # noqa: E731
        before = connections()
        served.wait_until(lambda: connections() < before)
