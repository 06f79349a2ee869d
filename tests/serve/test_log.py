"""The log: a JSON object on each line, without what errors quote."""

import io
import json
import logging

import pytest

from wave_network.serve.log import Log, ServerNotes


@pytest.fixture
def stream():
    return io.StringIO()


def lines(stream):
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_an_event_is_one_line_whatever_it_holds(stream):
    Log(stream).write("request", status=200, path="a\nb\u2028\x1b[0m\ud800")
    (line,) = lines(stream)
    assert (line["event"], line["level"], line["status"]) == ("request", "info", 200)
    assert stream.getvalue().isascii()
    assert line["time"].endswith("+00:00")


def test_failures_and_notes_of_the_server_quote_nothing(stream):
    notes = logging.Logger("server")
    notes.addHandler(ServerNotes(Log(stream)))
    try:
        raise ValueError("confidential")
    except ValueError:
        notes.exception("confidential")
    notes.warning("Invalid HTTP request received.")
    notes.info("chatter")
    failure, note = lines(stream)
    assert (failure["event"], failure["error"], note["event"]) == (
        *("failure", "ValueError", "server"),
    )
    assert note["message"] == "Invalid HTTP request received."
    assert "confidential" not in stream.getvalue()


def test_a_log_that_nobody_reads_ends_nothing():
    stream = io.StringIO()
    stream.close()
    Log(stream).write("request")
