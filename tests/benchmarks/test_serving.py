"""The load test reads what wrk prints, and the check of every answer finds what is wrong."""

import sys
from collections import Counter

import pytest
from serving import reads_proc

from wave_network import load

PRINTED = """Running 2s test @ http://127.0.0.1:1/v1/predict
  1 threads and 8 connections
  Latency Distribution
     50%  950.00us
     75%    1.20ms
     90%    2.00ms
     99%    1.27s
  {total} requests in 2.00s, 1.44MB read
{errors}Requests/sec:   4004.05
"""


@pytest.fixture(autouse=True)
def serve_scripts(scripts, monkeypatch):
    monkeypatch.syspath_prepend(scripts / "serve")
    monkeypatch.setattr(sys, "path", [*sys.path])  # the script adds to it


def test_what_wrk_prints_is_read():
    from load_test import read_wrk

    assert read_wrk(PRINTED.format(total=8_008, errors="")) == (4004.05, 0.95, 1270.0, 0, 8_008)
    errors = "  Socket errors: connect 0, read 3, write 1, timeout 2\n"
    errors += "  Non-2xx or 3xx responses: 7\n"
    assert read_wrk(PRINTED.format(total=8_008, errors=errors))[3] == 13
    with pytest.raises(ValueError, match="something else"):
        read_wrk("unable to connect")


@reads_proc
def test_each_answer_is_checked_against_its_own_text(sample_model, tmp_path):
    from every_answer import ask_all, is_right
    from servers import running

    with running("serve", sample_model, 1, tmp_path / "log") as service:
        client = ask_all(service, load(sample_model), ["Oil prices", "A goal"], 300, 8)
        assert client.outcomes == Counter(right=300)
        assert service.cpu_seconds() > 0
    found = [{"label": "a", "score": 0.5}, {"label": "b", "score": 0.7}]
    assert is_right(found, [("a", 0.5), ("b", 0.7)])
    assert not is_right(found, [("b", 0.7), ("a", 0.5)])
    assert not is_right(found, [("a", 0.5)])
