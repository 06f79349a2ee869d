import json

import pytest

from wave_network.data import iter_texts, read_splits
from wave_network.data import json_values as module
from wave_network.data.rows import Row, iter_rows
from wave_network.errors import DataError

ROWS = [{"text": "good film", "label": "pos"}, {"label": "neg", "text": 'a "b" \\ 🌧\n', "id": 3}]


@pytest.fixture
def write(tmp_path):
    def write_file(content, name="a.json"):
        path = tmp_path / name
        path.write_text(content, encoding="utf-8", newline="")
        return path

    return write_file


def refusal(path):
    with pytest.raises(DataError) as caught:
        list(iter_rows(path))
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("block", [1, 2, 7, 2**16])
@pytest.mark.parametrize("ascii_only", [True, False])
@pytest.mark.parametrize("indent", [None, 2])
def test_arrays_and_objects_that_follow_each_other(write, monkeypatch, block, ascii_only, indent):
    monkeypatch.setattr(module, "_READ_AT_ONCE", block)
    monkeypatch.setattr("wave_network.data.streams._BUFFER", max(block, 4))
    whole = [json.dumps(row, ensure_ascii=ascii_only, indent=indent) for row in ROWS]
    expected = [Row(row["text"], row["label"]) for row in ROWS]
    forms = ["[" + ",".join(whole) + "]", " [ " + " ,\r\n".join(whole) + " ]\n", "\n".join(whole)]
    for form in (*forms, "\n\n".join(whole) + "\n\n", "\ufeff" + forms[0]):
        assert list(iter_rows(write(form))) == expected


def test_labels_of_an_array_keep_their_type(write):
    path = write('[{"text": "a", "label": 1}, {"text": "b", "label": 0}]')
    assert read_splits(path).train["label"][:] == [1, 0]
    path = write('[{"text": "a", "label": []}, {"text": "b", "label": [2]}]')
    assert read_splits(path).train["label"][:] == [[], [2]]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "has no rows"),
        ("[]", "has no rows"),
        ("[1]", "item 1 is a number: write an array of objects"),
        ('"text"', "item 1 is a string"),
        ('[{"text": "a", "label": "x"}, []]', "item 2 is a list"),
        ('{"text": ["a"], "label": ["x"]}', "is an object of columns.*orient='records'"),
        ('{"text": {"0": "a"}, "label": {"0": "x"}}', "is an object of columns"),
        ('{"data": [{"text": "a"}]}', "is an object of columns"),
        ('[{"text": "a", "label": "x"}', "item 1: not JSON .the array has no end"),
        ('[{"text": "a", "label": "x"},]', "item 2: not JSON"),
        ('[{"text": "a", "label": "x"} {', "item 1: not JSON .no comma after an item"),
        ('[{"text": "a", "label": "x"}] x', "not JSON .something follows the end"),
        ('[{"text": "a", "label": "x"}', "not JSON"),
        ('[{"text": "a', "not JSON .Unterminated string"),
        ("[" * 100_000, "item 1: not JSON .*recursion"),
        ('[{"text":' * 50_000, "item 1: not JSON .*recursion"),
        ('[{"text": "a", "label": ' + "9" * 10_000 + "}]", "item 1"),
        ('[{"text": "a"}]', "item 1: no field 'label', only 'text'"),
        ('[{"text": "\\ud800", "label": "x"}]', "half of a surrogate pair"),
    ],
)
def test_what_is_no_array_of_objects_is_refused(write, content, said):
    import re

    assert re.search(said, refusal(write(content)))


def test_a_large_array_on_one_line_takes_little_memory(write):
    import tracemalloc

    path = write(json.dumps([{"text": "a" * 1_000}] * 20_000))
    tracemalloc.start()
    assert sum(1 for _ in iter_texts(path)) == 20_000
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2_000_000


def test_what_is_not_json_is_found_without_reading_on(write, monkeypatch):
    read = []
    blocks = module.iter_blocks
    monkeypatch.setattr(
        module,
        "iter_blocks",
        lambda *given: (read.append(block) or block for block in blocks(*given)),
    )
    assert "not JSON" in refusal(write('[{"text" "a"}, ' + " " * 10_000_000))
    assert sum(map(len, read)) < 200_000
