import pytest

from wave_network.data.read_options import ReadOptions, is_utf8
from wave_network.errors import ConfigError


@pytest.mark.parametrize("name", ["utf-8", "UTF8", "Windows-1252", "latin1", "utf-16", "shift_jis"])
def test_encodings_that_are_known(name):
    assert ReadOptions(name).encoding == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "foo",
        "base64",
        "rot13",
        "utf-7",
        "idna",
        "punycode",
        "undefined",
        "unicode_escape",
        "\0",
    ],
)
def test_encodings_that_are_not(name):
    with pytest.raises(ConfigError, match="encoding must be the name of a text encoding, such as"):
        ReadOptions(name)


def test_quoting_that_is_unknown():
    with pytest.raises(ConfigError, match="quoting must be auto, none or csv; got 'all'"):
        ReadOptions(quoting="all")


def test_utf8_by_any_name():
    assert all(map(is_utf8, ("utf-8", "U8", "utf_8_sig")))
    assert not is_utf8("latin1")
