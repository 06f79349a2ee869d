"""Workers that cannot start are not started for ever; `test_server.py` has those that can."""

import io
import json
import socket

import pytest

from wave_network.errors import ConfigError
from wave_network.serve import workers as module
from wave_network.serve.log import Log
from wave_network.serve.server import Settings
from wave_network.serve.workers import Workers


def test_workers_that_cannot_start_are_given_up(tmp_path, capfd, monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr(module, "_QUICK", 60.0)  # whatever else the machine does
    settings = Settings((str(tmp_path / "nowhere"),))  # removed since the service looked
    with socket.create_server(("127.0.0.1", 0)) as listener:
        workers = Workers(1, settings, listener, Log(stream))
        with pytest.raises(ConfigError, match="workers end right after their start"):
            workers.run(lambda: None)
    died = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [(line["event"], line["code"]) for line in died] == [("worker died", 1)] * 3
    assert "nowhere does not exist" in capfd.readouterr().err
