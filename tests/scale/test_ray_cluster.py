"""Connecting to a Ray cluster: never starting one, and saying how to."""

import socket

import pytest

from wave_network.errors import ConfigError
from wave_network.scale.ray_cluster import connect


def test_an_address_where_nothing_listens_is_refused_at_once(monkeypatch):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    monkeypatch.setenv("RAY_ADDRESS", f"127.0.0.1:{port}")
    with pytest.raises(ConfigError, match=rf"no Ray cluster answers at .*:{port} .*ray start"):
        connect()


def test_an_address_of_no_form_is_refused(monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", "nonsense")
    with pytest.raises(ConfigError, match=r"RAY_ADDRESS=nonsense: Invalid address.*ray start"):
        connect()
