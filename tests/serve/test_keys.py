"""Keys: what a file of them may hold, and which header has one of them."""

import hmac

import pytest

from wave_network.errors import ConfigError
from wave_network.serve import keys as module
from wave_network.serve.keys import Keys, read_keys

KEY = "0123456789abcdef"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "keys"


def test_keys_stand_on_lines_of_their_own(path):
    path.write_bytes(f"# ours\r\n{KEY}\r\n\r\n  {KEY}X  \n".encode())
    assert read_keys(path) == [KEY, f"{KEY}X"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "has no key: write one on each line"),
        (b"# none\n", "has no key"),
        (b"0123456789abcde\n", "line 1 is no safe key"),
        (f"{KEY}\nan other key of mine\n".encode(), "line 2 is no safe key"),
        ("é".encode() * 20, "line 1 is no safe key"),
        (b"\x00" * 20, "line 1 is no safe key"),
        (b"\xff" * 20, "line 1 is no safe key"),
        (b"a" * (2**20 + 1), "is larger than 1 MB"),
    ],
)
def test_a_file_without_safe_keys_is_refused(path, content, said):
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=said) as caught:
        read_keys(path)
    assert "mine" not in str(caught.value)


def test_what_is_no_file_is_refused(path):
    with pytest.raises(ConfigError, match=r"cannot be read: .*No such file"):
        read_keys(path)
    path.mkdir()
    with pytest.raises(ConfigError, match=r"keys cannot be read: it is not a file$"):
        read_keys(path)


def test_every_key_is_compared_whole(monkeypatch):
    compared = []

    def compare(one, other):
        compared.append((one, other))
        return hmac.compare_digest(one, other)

    monkeypatch.setattr(module, "compare_digest", compare)
    keys = Keys([KEY, f"{KEY}2", f"{KEY}3"])
    for given, known in ((KEY, True), (f"{KEY}3", True), ("", False), (KEY[:-1], False)):
        assert keys.accept(f"Bearer {given}".encode()) is known
    assert len(compared) == 12  # all three each time, the right one first or not
    assert {len(one) for pair in compared for one in pair} == {32}  # digests of one length
    assert KEY not in repr(vars(keys))
