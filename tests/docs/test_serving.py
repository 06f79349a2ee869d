"""The page about the service: what it asks is answered, and its limits are those of the code."""

import json
import re
import shutil
import subprocess
import sys
from inspect import getsource

import httpx
import pytest
from pages import PYTHON, ROOT, blocks_of
from serving import serving

from wave_network.serve.app import create_app
from wave_network.serve.limits import Limits

PAGE = ROOT / "docs" / "serving.md"
TEXT = PAGE.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def served(sample_model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("served")
    shutil.copytree(sample_model, folder / "wave-model")
    with serving([folder / "wave-model"], folder / "log", workers=1) as service:
        yield service


def test_what_the_page_asks_is_answered(served):
    asking = [block for block in blocks_of(PAGE) if block.reason == "asks the service"]
    assert len(asking) == 3
    for block in asking:
        code = block.code.replace("http://localhost:8000", served.url)
        code = code.replace("localhost:8000", served.url)
        command = ["bash", "-euc", code.replace("curl", "curl --silent --fail")]
        if block.language in PYTHON:
            command = [sys.executable, "-c", code]
        elif not shutil.which("curl"):
            continue
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
        assert "Sports" in done.stdout or '"model": "wave-model"' in done.stdout


def test_shown_answers_have_the_fields_that_answers_have(served):
    shown = [block for block in blocks_of(PAGE) if block.reason == "answered by the service"]
    answer, line = (json.loads(block.code) for block in shown)
    found = httpx.post(f"{served.url}/v1/predict", json={"text": "Oil prices jump"}).json()
    assert [*answer] == [*found]
    assert [*answer["predictions"][0]] == [*found["predictions"][0]]
    requests = served.wait_until(lambda: served.events("request"))
    assert [*line] == [*requests[-1]]


def test_every_path_and_metric_is_described(served):
    paths = set(re.findall(r'Route\("([^"]+)"', getsource(create_app))) - {"/"}
    described = set(re.findall(r"`(?:GET|POST) (/[^`]+)`", TEXT))
    assert {path.replace("{name}", "NAME") for path in paths} == described
    metrics = set(re.findall(r"# TYPE (\w+) ", httpx.get(f"{served.url}/metrics").text))
    metrics = {name for name in metrics if not name.endswith("_created")}
    assert metrics == set(re.findall(r"`(wave_network_\w+)`", TEXT))


def test_the_limits_are_those_of_the_code():
    limits = Limits()
    for said in (
        f"more than {limits.body_bytes // 2**20} MiB, {limits.texts:,} texts, or "
        f"{limits.characters:,} characters",
        f"| 408 | the request did not arrive whole within {limits.request_seconds:.0f} seconds |",
        f"| 429 | {limits.waiting_texts:,} texts wait already",
        f"| 431 | the head of the request is longer than {limits.header_bytes // 2**10} KiB |",
        f"| 503 | the request waited {limits.answer_seconds:.0f} seconds, or "
        f"{limits.connections:,} connections are open |",
        f"After {limits.drain_seconds} seconds it ends",
        f"connection is closed after {limits.idle_seconds} seconds",
    ):
        assert said in TEXT
