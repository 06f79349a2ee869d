"""The whole service: replaced models and SIGTERM under load, and what the command says."""

import json
import os
import shutil
import signal
import threading
import time

import httpx
import pytest
from serving import post, read_all, reads_proc, serving

from wave_network import load
from wave_network.serve.models import ServedModel

TEXTS = [f"{word} number {number}" for number in range(25) for word in ("Oil", "Goal", "Planet")]


class Load(threading.Thread):
    """A client that asks without a pause, and checks that each answer is to its question."""

    def __init__(self, url, expected, first):
        super().__init__()
        self._url, self._expected, self._next = url, expected, first
        self.answered, self.wrong, self.versions, self.ended = 0, [], [], None
        self.stopped = threading.Event()

    def run(self):
        try:
            with httpx.Client(base_url=self._url, timeout=20) as client:
                while not self.stopped.is_set():
                    self._ask(client)
        except httpx.HTTPError as error:
            self.ended = error

    def _ask(self, client):
        self._next += 1
        texts = [TEXTS[(self._next * step) % len(TEXTS)] for step in range(1, self._next % 3 + 2)]
        answered = client.post("/v1/predict", json={"texts": texts})
        found = answered.json()
        version = found.get("version")
        expected = self._expected.get(version, {})
        labels = [(one["label"], one["score"]) for one in found.get("predictions", [])]
        right = [expected.get(text) for text in texts]
        if len(labels) != len(right) or not all(map(_same, labels, right)):
            self.wrong.append((answered.status_code, found, right))
        self.answered += 1
        if version not in self.versions:
            self.versions.append(version)


def _same(found, expected):
    return found[0] == expected[0] and abs(found[1] - expected[1]) < 2e-6


def answers_of(*folders):
    """What each model answers to each text, by the model's version."""
    expected = {}
    for folder in folders:
        found = load(folder).predict(TEXTS)
        expected[ServedModel(str(folder)).loaded.version] = {
            text: (one.label, one.score) for text, one in zip(TEXTS, found, strict=True)
        }
    return expected


def start_load(served, expected, count):
    clients = [Load(served.url, expected, first * 7) for first in range(count)]
    for client in clients:
        client.start()
    served.wait_until(lambda: all(client.answered > 3 for client in clients))
    return clients


def test_a_model_is_replaced_under_load_without_a_failure_or_a_mixture(
    sample_model, make_model, tmp_path
):
    folder = make_model("news", seed=4)
    expected = answers_of(folder, sample_model)
    with serving([folder], tmp_path / "log") as served:
        clients = start_load(served, expected, 4)
        shutil.copytree(sample_model, tmp_path / "next")
        exchanged(tmp_path / "next", folder)
        (event,) = served.wait_until(lambda: served.events("model replaced"))
        answered = [client.answered for client in clients]
        served.wait_until(
            lambda: all(c.answered > n + 3 for c, n in zip(clients, answered, strict=True))
        )
        (folder / "config.json").write_text("{")  # and a damaged one is not taken
        (kept,) = served.wait_until(lambda: served.events("model kept"))
        ready = httpx.get(f"{served.url}/readyz").json()
        for client in clients:
            client.stopped.set()
            client.join()
        assert served.stop() == 0
    assert [(client.ended, client.wrong) for client in clients] == [(None, [])] * 4
    assert [client.versions for client in clients] == [[*expected]] * 4
    assert event["version"] == kept["version"] == [*expected][1]
    assert "config.json" in kept["reason"]
    assert ready["models"]["news"]["reload"] == "failed: the log says why"


def exchanged(new, old):
    from wave_network.persistence.exchange import exchange

    exchange(new, old, old.with_name("spare"))


def test_sigterm_under_load_loses_no_request(sample_model, tmp_path):
    expected = answers_of(sample_model)
    with serving([sample_model], tmp_path / "log") as served:
        whole = post({"text": TEXTS[0]})
        slow, idle = served.connect(), served.connect()
        slow.sendall(whole[:-3])  # the rest is still coming when the signal arrives
        idle.sendall(whole)
        assert b" 200 OK" in idle.recv(10_000)
        clients = start_load(served, expected, 6)
        served.process.send_signal(signal.SIGTERM)
        served.wait_until(lambda: served.events("draining"))
        slow.sendall(whole[-3:])
        idle.sendall(whole)
        answers = [read_all(connection) for connection in (slow, idle)]
        slow.close()
        idle.close()
        assert served.process.wait(30) == 0
        for client in clients:
            client.join(30)
    for answered in answers:
        head = answered[answered.index(b"HTTP/1.1 ") :]  # a body of the first answer may remain
        assert head.startswith(b"HTTP/1.1 200 OK")
        assert b"connection: close" in head
    for client in clients:  # each ended because it could not connect again
        assert isinstance(client.ended, httpx.ConnectError), client.ended
        assert not client.wrong
    requests = [line for line in served.log if line["event"] == "request"]
    assert {line["status"] for line in requests} == {200}
    assert sum(client.answered for client in clients) + 3 == len(requests)


@pytest.mark.parametrize(
    ("number", "workers", "status"), [(signal.SIGTERM, 2, 0), (signal.SIGINT, 1, 130)]
)
def test_the_command_ends_as_it_is_told(sample_model, tmp_path, number, workers, status):
    keys = tmp_path / "keys"
    keys.write_text("# of the tests\n" + "k" * 16 + "\n")
    command = ["--port", "0", "--workers", str(workers), "--api-key-file", str(keys)]
    with serving([sample_model], tmp_path / "log", command=command) as served:
        ready(served)
        assert httpx.post(f"{served.url}/v1/predict", json={"text": "a"}).status_code == 401
        headers = {"Authorization": f"Bearer {'k' * 16}"}
        answered = httpx.get(f"{served.url}/v1/models", headers=headers)
        assert answered.json()["models"][0]["name"] == "model"
        assert served.stop(number) == status
    text = (tmp_path / "log").read_text()
    assert "k" * 16 not in text
    lines = [line for line in text.splitlines() if line != "wave-network: interrupted"]
    events = [json.loads(line)["event"] for line in lines]
    assert 1 <= events.count("draining") == events.count("stopped") <= workers


@reads_proc
def test_workers_share_a_port_and_their_metrics_and_are_replaced(sample_model, tmp_path):
    expected = answers_of(sample_model)
    with serving([sample_model], tmp_path / "log", workers=2) as served:
        ready(served)
        workers = children_of(served.process.pid)
        clients = start_load(served, expected, 4)
        for client in clients:
            client.stopped.set()
            client.join()
            assert (client.ended, client.wrong) == (None, [])
        total = sum(client.answered for client in clients)
        line = f'wave_network_requests_total{{endpoint="predict",status="200"}} {total}.0'
        for _ in range(4):  # whichever worker is asked
            assert line in httpx.get(f"{served.url}/metrics").text.splitlines()
        os.kill(workers[-1], signal.SIGKILL)
        (died,) = served.wait_until(lambda: served.events("worker died"))
        assert died["code"] == -signal.SIGKILL
        ready(served)
        workers = children_of(served.process.pid)
        served.process.kill()  # and nobody is left behind
        until = time.monotonic() + 20
        while any(map(is_running, workers)):
            assert time.monotonic() < until
            time.sleep(0.05)


def is_running(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def ready(served):
    def asked():
        try:
            return httpx.get(f"{served.url}/readyz", timeout=20).status_code == 200
        except httpx.TransportError:
            return False

    served.wait_until(asked)


def children_of(pid):
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat") as file:
                    fields = file.read().rpartition(")")[2].split()
                with open(f"/proc/{name}/cmdline") as file:
                    is_worker = "spawn_main" in file.read()
            except OSError:
                continue
            if int(fields[1]) == pid and is_worker:
                found.append(int(name))
    return sorted(found)
