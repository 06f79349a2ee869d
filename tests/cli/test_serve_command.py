"""`serve` says at once what is wrong; `tests/serve` runs it."""

import socket

import pytest


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--port", "70000"], "'--port'"),
        (["--workers", "0"], "--workers must be from 1 to 256; got 0"),
        (["--host", "no such host"], "--host 'no such host' is no address"),
        (["--host", "192.0.2.1"], "cannot listen on 192.0.2.1:8000: "),  # of no machine
        (["--api-key-file", "nowhere"], "--api-key-file nowhere cannot be read"),
        (["MODEL"], "two models are named 'model'"),
        (["nowhere"], "nowhere does not exist: give a folder that `train` wrote"),
        (["--port", "0", "--workers", "2", "nowhere"], "nowhere does not exist"),
    ],
)
def test_what_cannot_be_served_is_said_in_a_line(invoke, tiny_model, options, said):
    model = str(tiny_model)
    options = [option.replace("MODEL", f"{model}/") for option in options]
    if "--host" not in options and "--port" not in options:
        options += ["--port", "0"]
    ended = invoke("serve", model, *options)
    assert said in ended.message


def test_a_port_that_is_taken_is_named(invoke, tiny_model):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = invoke("serve", tiny_model, "--port", port)
    said = f"cannot listen on 127.0.0.1:{port}: Address already in use; choose another --port"
    assert said in ended.message
