import pytest

from wave_network.errors import ConfigError
from wave_network.tuning.limits import parse_duration, parse_size


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("10m", 600), ("1.5h", 5400), ("1h30m", 5400), ("1 h 2 s", 3602), ("10M", 600)],
)
def test_durations(text, seconds):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    ("text", "size"),
    [("2MB", 2_000_000), ("500kB", 500_000), ("1.5 mb", 1_500_000), ("3k", None), ("2000", 2000)],
)
def test_sizes(text, size):
    if size is None:
        with pytest.raises(ConfigError, match="is not a size"):
            parse_size(text)
    else:
        assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "10", "m", "0m", "-5m", "10 minutes", "ten", "9" * 400 + "h"])
def test_what_is_no_duration(text):
    with pytest.raises(ConfigError, match="is not a duration: write 90s"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["", "MB", "0MB", "-1MB", "2 apples", "0.1"])
def test_what_is_no_size(text):
    with pytest.raises(ConfigError, match="is not a size: write 2MB"):
        parse_size(text)
