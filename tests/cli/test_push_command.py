"""Publishing by the Hub's real client, at a Hub of our own on this machine."""

import json
import sys

import pytest
import yaml
from cli_helpers import write_csv
from fake_hub import fake_hub

from wave_network.models.tensors import parameter_counts
from wave_network.persistence.folder import read_model


@pytest.fixture
def hub():
    with fake_hub() as running:
        yield running


def test_what_is_pushed_is_read_again(wave, tiny_model, hub, tmp_path):
    options = ("--license", "mit", "--trained-on", "hub:me/zoo@v1", "--json")
    env = hub.env(tmp_path / "writer")
    ended = wave("push", tiny_model, "me/animals", *options, env=env)
    assert ended.code == 0, ended.err
    (summary,) = ended.lines
    assert summary == {"repository": "me/animals", "url": f"{env['HF_ENDPOINT']}/me/animals"}
    pushed = hub.repositories["me/animals"]
    for path in tiny_model.iterdir():
        assert path.name == "README.md" or pushed[path.name] == path.read_bytes()
    assert set(pushed) == {path.name for path in tiny_model.iterdir()}

    card = pushed["README.md"].decode()
    metadata = yaml.safe_load(card.split("---")[1])
    assert metadata["license"] == "mit"
    assert metadata["datasets"] == ["me/zoo"]
    size = sum(len(content) for name, content in pushed.items() if name != "README.md")
    files = read_model(tiny_model)
    for phrase in (
        f"- Size: {size:,} bytes",
        "- Licence: mit",
        "- Training data: hub:me/zoo@v1",
        'wave-network predict hub:me/animals "a text"',
        'load("hub:me/animals")',
        f"| validation | {files.metrics['validation']['accuracy']:.4f} |",
        f"{parameter_counts(files.config)['total']:,} parameters",
        "## Limits",
    ):
        assert phrase in card

    reader = hub.env(tmp_path / "reader")
    there = wave("predict", "hub:me/animals", "red and blue", env=reader)
    here = wave("predict", tiny_model, "red and blue")
    assert (there.code, there.out) == (0, here.out), there.err
    assert json.loads(there.out)["label"] == "colour"


def test_a_revision_is_read_if_it_is_named(wave, tiny_model, number_model, hub, tmp_path):
    """A model that is retrained in its repository does not change what is pinned."""
    for name, model in (("me/zoo", tiny_model), ("me/zoo@v1", number_model)):
        hub.repositories[name] = {path.name: path.read_bytes() for path in model.iterdir()}
    env = hub.env(tmp_path / "reader")
    for _ in ("downloaded", "from the cache"):
        (newest,) = wave("predict", "hub:me/zoo", "red and blue", env=env).lines
        (pinned,) = wave("predict", "hub:me/zoo@v1", "red and blue", env=env).lines
        assert (newest["label"], pinned["label"]) == ("colour", 20)
    assert "cannot download hub:me/zoo@v2" in wave("info", "hub:me/zoo@v2", env=env).message
    data = write_csv(tmp_path / "numbers.csv", [("red", 20), ("cat", 3)] * 20)
    taught = wave(
        *("train", data, "--teacher", "hub:me/zoo@v1", "--preset", "tiny", "--epochs", 1),
        env=env,
    )
    assert taught.code == 0, taught.err


def test_a_card_says_what_its_publisher_did_not(wave, tiny_model, hub, tmp_path):
    ended = wave("push", tiny_model, "me/animals", env=hub.env(tmp_path))
    assert ended.code == 0
    assert "wave-network predict hub:me/animals" in ended.out
    card = hub.repositories["me/animals"]["README.md"].decode()
    assert "- Training data: not stated" in card
    assert "- Licence: not stated" in card
    assert "license" not in yaml.safe_load(card.split("---")[1])


def test_a_token_that_is_not_valid(wave, tiny_model, hub, tmp_path):
    ended = wave("push", tiny_model, "me/animals", env=hub.env(tmp_path, token="hf_other"))
    assert "cannot push to me/animals: the token is not valid" in ended.message


def test_no_token(wave, tiny_model, tmp_path):
    env = {"HF_HOME": str(tmp_path), "HF_TOKEN": ""}
    message = wave("push", tiny_model, "me/animals", env=env).message
    assert "there is no token: log in with `hf auth login`, or set HF_TOKEN" in message


def test_no_network(wave, tiny_model, hub, tmp_path):
    env = {**hub.env(tmp_path), "HF_ENDPOINT": "http://127.0.0.1:9"}
    message = wave("push", tiny_model, "me/animals", env=env).message
    assert "cannot push to me/animals: the Hub does not answer (" in message
    assert "): check the network" in message


def test_a_name_that_the_hub_would_not_take(wave, tiny_model, hub, tmp_path):
    ended = wave("push", tiny_model, "me/a b", env=hub.env(tmp_path))
    assert "cannot push to me/a b: " in ended.message
    assert hub.repositories == {}


def test_what_is_no_model_is_not_pushed(wave, hub, tmp_path):
    message = wave("push", tmp_path / "none", "me/animals", env=hub.env(tmp_path)).message
    assert "does not exist: give a folder that `train` wrote" in message


def test_a_classifier_pushes_itself(wave, tiny_model, hub, tmp_path):
    code = """
import sys
from wave_network import WaveClassifier
classifier = WaveClassifier.load(sys.argv[1])
print(classifier.push_to_hub("me/animals", license="mit", trained_on="a list of words"))
"""
    env = hub.env(tmp_path)
    ended = wave(tiny_model, env=env, program=(sys.executable, "-c", code))
    assert ended.out == f"{env['HF_ENDPOINT']}/me/animals\n", ended.err
    pushed = hub.repositories["me/animals"]
    assert pushed["model.safetensors"] == (tiny_model / "model.safetensors").read_bytes()
    assert b"- Training data: a list of words" in pushed["README.md"]
