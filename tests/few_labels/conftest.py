import pytest
from tiny_encoder import write_encoder


@pytest.fixture(scope="session")
def encoder_folder(tmp_path_factory):
    """A tiny BERT. Never change it."""
    return write_encoder(tmp_path_factory.mktemp("encoder"))


@pytest.fixture
def said(monkeypatch):
    """The lines that are said."""
    from wave_network.progress.stages import NOBODY, shower

    lines = []

    class Listening(type(NOBODY)):
        def say(self, line):
            lines.append(line)

    token = shower.set(Listening())
    yield lines
    shower.reset(token)
