import json
from datetime import date
from decimal import Decimal

from wave_network.data.json_text import json_text


def test_every_value_of_a_parquet_file_has_a_form():
    value = {"day": date(2020, 1, 2), "price": Decimal("1.50"), "raw": b"a\xff", "n": [1, None]}
    expected = {"day": "2020-01-02", "price": "1.50", "raw": "a\\xff", "n": [1, None]}
    assert json.loads(json_text(value)) == expected


def test_numbers_that_are_not_finite_are_null():
    value = {"a": float("nan"), "b": [float("inf"), 1.5], "c": (1, {"d": -float("inf")})}
    expected = {"a": None, "b": [None, 1.5], "c": [1, {"d": None}]}
    assert json.loads(json_text(value)) == expected


def test_characters_stay_as_they_are():
    assert json_text({"é": "新聞\n"}) == '{"é": "新聞\\n"}'
