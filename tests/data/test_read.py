import csv
import importlib.util
import json
import os
import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import ClassLabel, Dataset, Features, LargeList, List, Value

from wave_network.data import (
    MultiLabel,
    SingleLabel,
    from_memory,
    joined_rows,
    labelling_type,
    read_dataset,
    read_splits,
    read_texts,
    texts_from_memory,
)
from wave_network.data.columns import Columns
from wave_network.data.hub import tidy
from wave_network.errors import DataError
from wave_network.scale import arrays

STRINGS = ("string", False)
INTEGERS = ("int64", False)
STRING_LISTS = ("string", True)
INTEGER_LISTS = ("int64", True)
PUBLISHED = Dataset.from_dict({"text": ["a", "null"], "label": [1, 2]})
TEXTS = ["null", "", "one\ntwo", "grün, 雨"]


def write(path, labels, texts=None):
    """A file of the format its ending says."""
    texts = texts or [f"text {index}" for index in range(len(labels))]
    rows = list(zip(texts, labels, strict=True))
    if path.suffix == ".parquet":
        pq.write_table(pa.table({"text": texts, "label": labels}), path)
    elif path.suffix == ".jsonl":
        lines = [json.dumps({"text": text, "label": label}) for text, label in rows]
        path.write_text("\n".join(lines))
    elif path.suffix == ".txt":
        lines = [f"__label__{label} {text}" for text, label in rows]
        path.write_text("\n".join(lines), encoding="utf-8")
    else:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, delimiter="\t" if path.suffix == ".tsv" else ",")
            writer.writerows([("text", "label"), *rows])
    return path


def kind(rows):
    """The type of the labels, and whether they are lists."""
    return rows["label"].kind_name, rows["label"].listed


def refusal(read, *arguments, **columns):
    with pytest.raises(DataError) as caught:
        read(*arguments, **columns)
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize("ending", [".csv", ".tsv", ".jsonl", ".parquet"])
def test_every_format_is_read_alike(tmp_path, ending, capfd):
    path = write(tmp_path / f"a{ending}", ["x", "y", "x", "null"], TEXTS)
    splits = read_splits(path)
    assert splits.validation is splits.test is None
    assert kind(splits.train) == STRINGS
    assert splits.train["text"][:] == TEXTS
    assert splits.train["label"][:] == ["x", "y", "x", "null"]
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("ending", [".csv", ".tsv", ".txt", ".jsonl", ".parquet"])
def test_integer_labels_stay_integers(tmp_path, ending):
    train = read_splits(write(tmp_path / f"a{ending}", [0, -7, 10, 0])).train
    assert kind(train) == INTEGERS
    assert train["label"][:] == [0, -7, 10, 0]
    assert train["text"][3] == "text 3"


@pytest.mark.parametrize(
    "labels",
    [
        ["01", "1"],
        ["1", "x"],
        ["-0", "0"],
        ["+1", "2"],
        ["1.0", "2"],
        ["1", "9223372036854775808"],
        ["１", "２"],
    ],
)
def test_labels_that_are_not_all_plain_integers_stay_strings(tmp_path, labels):
    train = read_splits(write(tmp_path / "a.csv", labels)).train
    assert kind(train) == STRINGS
    assert train["label"][:] == labels


@pytest.mark.parametrize("name", ["cooking.train", "cooking"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_fasttext_file_may_have_any_name(tmp_path, name, mark):
    (tmp_path / name).write_text(f"{mark}__label__1 a\n__label__2 b\n", encoding="utf-8")
    train = read_splits(tmp_path / name).train
    assert (train["text"][:], train["label"][:]) == (["a", "b"], [1, 2])
    assert read_texts(tmp_path / name)["text"][:] == ["a", "b"]


def test_other_column_names(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("id,text,body\n1,x,hello\n2,y,world\n")
    train = read_splits(path, text_column="body", label_column="text").train
    assert train[0] == {"text": "hello", "label": "x"}
    assert "both the text and the label" in refusal(read_splits, path, label_column="text")


def test_parquet_columns_may_swap_their_names(tmp_path):
    path = write(tmp_path / "a.parquet", ["x", "y"])
    train = read_splits(path, text_column="label", label_column="text").train
    assert train[0] == {"text": "x", "label": "text 0"}


@pytest.mark.parametrize(
    ("labels", "features"),
    [
        (pa.array(["x", "y"], pa.large_string()), STRINGS),
        (pa.array(["x", "y"]).dictionary_encode(), STRINGS),
        (pa.array([1, 0], pa.int8()), INTEGERS),
        (pa.array([1, 0], pa.uint64()), INTEGERS),
    ],
)
def test_parquet_types(tmp_path, labels, features):
    path = tmp_path / "a[1]*.parquet"
    texts = pa.array(["a", "b"], pa.large_string())
    pq.write_table(pa.table({"extra": [1.0, 2.0], "label": labels, "text": texts}), path)
    train = read_splits(path).train
    assert kind(train) == features
    assert train["text"][:] == ["a", "b"]
    assert train["label"][:] == labels.to_pylist()


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"text": ["a", None], "label": ["x", "y"]}, "row 2 has no text"),
        ({"text": ["a", "b"], "label": [None, 1]}, "row 1 has no label"),
        ({"text": ["a", "b"], "label": [b"x", b"y"]}, "'label' has binary: labels must be"),
        ({"text": ["a", "b"], "label": [1.0, 0.5]}, "row 2 has the label 0.5: labels must be"),
        ({"text": ["a", "b"], "label": [1.0, float("nan")]}, "row 2 has no label"),
        ({"text": ["a", "b"], "label": ["x", " "]}, "row 2 has no label"),
        ({"text": [1, 2], "label": ["x", "y"]}, "'text' has int64, not strings"),
        ({"text": ["a"], "label": [2**64 - 1]}, "cannot be read: .*18446744073709551615"),
        ({"body": ["a"], "label": ["x"]}, "no column 'text', only 'body', 'label'"),
        ({"text": pa.array([], pa.string()), "label": pa.array([], pa.string())}, "has no rows"),
    ],
)
def test_parquet_that_cannot_be_used(tmp_path, columns, said, capfd):
    path = tmp_path / "a.parquet"
    if columns["label"] == [2**64 - 1]:
        columns = {**columns, "label": pa.array(columns["label"], pa.uint64())}
    pq.write_table(pa.table(columns), path)
    message = refusal(read_splits, path)
    assert str(path) in message
    assert re.search(said, message)
    assert capfd.readouterr() == ("", "")


def test_damaged_parquet(tmp_path):
    path = tmp_path / "a.parquet"
    path.write_text("text,label\na,x\n")
    assert "is not a parquet file, or it is damaged" in refusal(read_splits, path)


def test_a_bad_row_far_down_is_reported_and_nothing_printed(tmp_path, capfd):
    path = write(tmp_path / "a.csv", ["x"] * 1_500 + [""])
    assert f"{path}:1502: no label" in refusal(read_splits, path)
    path.write_bytes(b"text,label\n" + b"a,x\n" * 500 + b"caf\xe9,y\n")
    assert f"{path}:502: not UTF-8" in refusal(read_splits, path)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("content", ["", "text,label\n"])
def test_empty_files(tmp_path, content):
    path = tmp_path / "a.csv"
    path.write_text(content)
    assert str(path) in refusal(read_splits, path)


def test_a_text_of_ten_megabytes(tmp_path):
    text = "word " * 2_000_000
    path = write(tmp_path / "a.csv", ["x", "y"], [text, "short"])
    assert read_splits(path).train[0]["text"] == text


def test_an_edited_file_is_read_anew(tmp_path):
    path = write(tmp_path / "a.csv", ["x", "y"])
    before = path.stat()
    assert read_splits(path).train["label"][:] == ["x", "y"]
    write(path, ["y", "x"])
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert read_splits(path).train["label"][:] == ["y", "x"]


def test_folder_of_splits(tmp_path):
    write(tmp_path / "train.csv", ["0", "1"])
    write(tmp_path / "validation.tsv", ["1"])
    write(tmp_path / "test.txt", ["0"])
    (tmp_path / "README.md").write_text("not data")
    splits = read_splits(tmp_path)
    assert [kind(split) for split in splits[:3]] == [INTEGERS] * 3
    assert [len(split) for split in splits[:3]] == [2, 1, 1]


def test_label_types_are_decided_over_all_splits(tmp_path):
    write(tmp_path / "train.csv", ["0", "1"])
    write(tmp_path / "test.csv", ["0", "other"])
    splits = read_splits(tmp_path)
    assert kind(splits.train) == kind(splits.test) == STRINGS


def test_typed_and_untyped_splits_agree_where_they_can(tmp_path):
    write(tmp_path / "test.csv", ["0", "1"])
    write(tmp_path / "train.parquet", [0, 1])
    assert kind(read_splits(tmp_path).test) == INTEGERS
    write(tmp_path / "train.parquet", ["0", "1"])
    assert kind(read_splits(tmp_path).test) == STRINGS
    write(tmp_path / "train.parquet", [0, 1])
    write(tmp_path / "test.csv", ["a", "b"])
    message = refusal(read_splits, tmp_path)
    assert "the labels differ in type (int64 in " in message
    assert "string in " in message


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ([], "has no train.*only nothing"),
        (["a.csv", "b.md"], "has no train.*only 'a.csv', 'b.md'"),
        (["test.csv"], "has no train split, only 'test'"),
        (["train.csv", "train.jsonl"], "several files for train .'train.csv', 'train.jsonl'."),
    ],
)
def test_folders_that_cannot_be_used(tmp_path, names, said):
    for name in names:
        write(tmp_path / name, ["x", "y"])
    assert re.search(said, refusal(read_splits, tmp_path))


def test_missing_and_unknown_files(tmp_path):
    path = write(tmp_path / "train.csv", ["x", "y"])
    assert f"did you mean {path}?" in refusal(read_splits, tmp_path / "train.cvs")
    (tmp_path / "a.doc").write_text("")
    assert "unknown extension" in refusal(read_dataset, tmp_path / "a.doc")


def test_dataset_of_a_file_and_of_a_folder(tmp_path):
    write(tmp_path / "train.csv", ["x", "y"])
    path = write(tmp_path / "validation.csv", ["y"])
    dataset, name = read_dataset(path)
    assert (dataset["label"][:], name) == (["y"], "validation.csv")
    dataset, name = read_dataset(tmp_path)
    assert (dataset["label"][:], name) == (["y"], "validation")
    dataset, name = read_dataset(tmp_path, split_preference=("train",))
    assert (dataset["label"][:], name) == (["x", "y"], "train")
    message = refusal(read_dataset, tmp_path, split_preference=("test",))
    assert "has only 'train', 'validation', none of 'test'" in message


def test_bundled_sample():
    splits = read_splits("sample")
    assert len(splits.train) + len(splits.test) >= 1_200
    assert len(SingleLabel.learn(splits.train["label"]).classes) == 4
    assert read_dataset("sample")[1] == "test"


@pytest.mark.parametrize("name", ["hub:", "hub:imdb", "hub:../x/y", "hub:a/b/c"])
def test_names_that_are_none_on_the_hub(name):
    assert "write hub:OWNER/NAME" in refusal(read_splits, name)


def test_hub_that_cannot_be_reached(monkeypatch, capfd):
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", True)
    for read in (read_splits, read_dataset):
        message = refusal(read, "hub:no-such-owner/no-such-data")
        assert message.startswith("hub:no-such-owner/no-such-data cannot be loaded: ")
        assert "check the name and the network" in message
    assert capfd.readouterr() == ("", "")


def published(labels, feature, texts=("a", "b")):
    columns = {"body": list(texts), "class": labels, "id": [1, 2]}
    features = Features({"body": Value("string"), "class": feature, "id": Value("int8")})
    return Dataset.from_dict(columns, features=features)


NAMES = Columns("body", "class")


@pytest.mark.parametrize(
    ("labels", "feature", "features", "expected"),
    [
        ([1, 0], ClassLabel(names=["no", "yes"]), STRINGS, ["yes", "no"]),
        ([1, 0], Value("int16"), INTEGERS, [1, 0]),
        (["x", "y"], Value("large_string"), STRINGS, ["x", "y"]),
        ([[1, 0], []], List(ClassLabel(names=["no", "yes"])), STRING_LISTS, [["yes", "no"], []]),
        ([[], [2, 1]], List(Value("int16")), INTEGER_LISTS, [[], [2, 1]]),
        ([["x"], ["y"]], LargeList(Value("large_string")), STRING_LISTS, [["x"], ["y"]]),
    ],
)
def test_published_splits_are_tidied(labels, feature, features, expected):
    dataset = tidy(published(labels, feature), NAMES, "hub:a/b (train)")
    assert kind(dataset) == features
    assert dataset["text"][:] == ["a", "b"]
    assert dataset["label"][:] == expected


def test_published_labels_may_be_joined():
    columns = NAMES._replace(separator="|")
    dataset = tidy(published(["x|y", ""], Value("string")), columns, "hub:a/b (train)")
    assert (kind(dataset), dataset["label"][:]) == (STRING_LISTS, [["x", "y"], []])


def test_published_texts_may_be_large_strings():
    dataset = published(["x", "y"], Value("string")).cast_column("body", Value("large_string"))
    assert kind(tidy(dataset, NAMES, "hub:a/b (train)")) == STRINGS


@pytest.mark.parametrize("labels", [[-1, -1], [None, None]])
def test_a_published_split_without_labels_is_left_out(labels):
    feature = ClassLabel(names=["no", "yes"])
    assert tidy(published(labels, feature), NAMES, "hub:a/b (test)") is None


@pytest.mark.parametrize(
    ("dataset", "said"),
    [
        (published([0, None], Value("int64")), "hub:a/b .train.: row 2 has no label"),
        (published([-1, 1], ClassLabel(names=["no", "yes"])), "row 1 has no label"),
        (published(["x", "y"], Value("string"), texts=("a", None)), "row 2 has no text"),
        (published([b"x", b"y"], Value("binary")), "'class' has binary: labels must be"),
        (published([["x"], None], List(Value("string"))), "row 2 has no label"),
        (published([[], ["x", None]], List(Value("string"))), "row 2 has no label"),
        (published([[b"x"], []], List(Value("binary"))), "'class' has binary: labels must be"),
        (published(["x", "y"], Value("string")).remove_columns("class"), "no column 'class'"),
        (
            published(["x", "y"], Value("string")).cast_column("body", Value("binary")),
            "'body' has binary, not strings",
        ),
    ],
)
def test_published_splits_that_cannot_be_used(dataset, said):
    assert re.search(said, refusal(tidy, dataset, NAMES, "hub:a/b (train)"))


@pytest.mark.parametrize("ending", [".jsonl", ".parquet"])
def test_a_column_of_lists_gives_any_number_of_labels(tmp_path, ending):
    train = write(tmp_path / f"train{ending}", [["x", "y"], [], ["y"]])
    write(tmp_path / f"test{ending}", [["x"]])
    splits = read_splits(tmp_path)
    assert kind(splits.train) == kind(splits.test) == STRING_LISTS
    assert splits.train["label"][:] == [["x", "y"], [], ["y"]]
    assert labelling_type(splits.train) is MultiLabel
    write(train, [[], [3, 1]])
    assert kind(read_dataset(train)[0]) == INTEGER_LISTS


@pytest.mark.parametrize("ending", [".csv", ".tsv", ".jsonl", ".parquet"])
def test_a_separator_splits_strings(tmp_path, ending):
    path = write(tmp_path / f"a{ending}", ["x; y", "", "y"])
    dataset, _ = read_dataset(path, label_separator=";")
    assert (kind(dataset), dataset["label"][:]) == (STRING_LISTS, [["x", "y"], [], ["y"]])
    write(path, ["7;8", "8"])
    dataset, _ = read_dataset(path, label_separator=";")
    untyped = ending in (".csv", ".tsv")
    assert dataset["label"][:] == ([[7, 8], [8]] if untyped else [["7", "8"], ["8"]])
    assert labelling_type(read_dataset(path)[0]) is SingleLabel


def test_integers_with_a_separator_are_lists_of_one(tmp_path):
    for ending in (".jsonl", ".parquet"):
        dataset, _ = read_dataset(write(tmp_path / f"a{ending}", [3, 4]), label_separator=",")
        assert (kind(dataset), dataset["label"][:]) == (INTEGER_LISTS, [[3], [4]])


def test_one_part_with_several_labels_makes_lists_of_all(tmp_path):
    (tmp_path / "train.txt").write_text("__label__1 a\n__label__1 __label__2 b\n")
    (tmp_path / "test.txt").write_text("__label__2 c\n")
    splits = read_splits(tmp_path)
    assert kind(splits.train) == kind(splits.test) == INTEGER_LISTS
    assert (splits.train["label"][:], splits.test["label"][:]) == ([[1], [1, 2]], [[2]])


def test_lists_that_cannot_be_labels(tmp_path):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": ["a", "b"], "label": [["x"], ["y", None]]}), path)
    assert "row 2 has no label" in refusal(read_splits, path)
    pq.write_table(pa.table({"text": ["a"], "label": [[0.5]]}), path)
    assert "row 1 has the label 0.5" in refusal(read_splits, path)
    assert "the label separator is empty" in refusal(read_splits, path, label_separator="")


@pytest.mark.parametrize(
    ("labels", "features", "expected"),
    [
        ([["x", "y"], []], STRING_LISTS, [["x", "y"], []]),
        ([("y", "x", "y"), {"y"}], STRING_LISTS, [["y", "x"], ["y"]]),
        ([{2, 1}, np.array([], dtype=int)], INTEGER_LISTS, [[1, 2], []]),
        (pd.Series([[], [1]]), INTEGER_LISTS, [[], [1]]),
        ([["x"], "y"], STRING_LISTS, [["x"], ["y"]]),
    ],
)
def test_label_lists_from_memory(labels, features, expected):
    dataset = from_memory(["a", "b"], labels)
    assert (kind(dataset), dataset["label"][:]) == (features, expected)


@pytest.mark.parametrize(
    ("texts", "labels", "features"),
    [
        (["a", "null"], ["x", "y"], STRINGS),
        (("a", "null"), (1, 2), INTEGERS),
        (np.array(["a", "null"]), np.array([1, 2], dtype=np.uint8), INTEGERS),
        (np.array(["a", "null"], dtype=object), np.array(["x", "y"]), STRINGS),
        (pd.Series(["a", "null"], index=[5, 7]), pd.Series(["x", "y"], dtype="category"), STRINGS),
        (iter(["a", "null"]), (label for label in (1, 2)), INTEGERS),
        (PUBLISHED["text"], PUBLISHED["label"], INTEGERS),
    ],
)
def test_from_memory(texts, labels, features):
    dataset = from_memory(texts, labels)
    assert kind(dataset) == features
    assert dataset["text"][:] == ["a", "null"]
    assert dataset["label"][:] == ([1, 2] if features is INTEGERS else ["x", "y"])


@pytest.mark.skipif(importlib.util.find_spec("polars") is None, reason="polars is not installed")
def test_from_polars():
    import polars as pl

    assert kind(from_memory(pl.Series(["a", "b"]), pl.Series([0, 1]))) == INTEGERS
    lists = from_memory(pl.Series(["a", "b"]), pl.Series([["x", "y"], []]))
    assert kind(lists) == STRING_LISTS
    assert lists["label"][:] == [["x", "y"], []]


@pytest.mark.parametrize(
    ("texts", "labels", "said"),
    [
        ("a text", ["x"], "the texts are 'a text': give a list of them"),
        (5, ["x"], "the texts are 5"),
        (["a"], "x", "the labels are 'x'"),
        ([], [], "there are no texts"),
        (["a", "b"], ["x"], "2 texts have 1 labels"),
        (["a", None], ["x", "y"], "text 1 is None"),
        (["a", b"b"], ["x", "y"], "text 1 is b'b' .bytes., not a string"),
        (pd.Series(["a", None], dtype=object), ["x", "y"], "text 1 is None"),
        (["a", "\ud800"], ["x", "y"], "text 1 has half of a surrogate pair"),
        (["a", "b"], ["x", None], "label 1 is missing .None."),
        (["a", "b"], ["x", 1], "label 1 is 1 and label 0 is 'x'"),
        (["a", "b"], [1.0, 2.5], "label 1 is 2.5 .float."),
        (["a", "b"], ["x", " "], "label 1 is ' '"),
        (["a"], [2**64], "more than 64 bits"),
        (["a", "b"], [["x"], [0.5]], "label 1 is 0.5 .float."),
        (["a", "b"], [["x"], [1]], "label 1 is 1 and label 0 is 'x'"),
        (["a"], [[2**64]], "more than 64 bits"),
    ],
)
def test_from_memory_names_what_is_wrong(texts, labels, said):
    assert re.search(said, refusal(from_memory, texts, labels))


def run(code, tmp_path, **environment):
    """Run Python apart, with its own home and temporary folder."""
    folders = {"HOME": tmp_path / "home", "TMPDIR": tmp_path / "tmp"}
    for folder in folders.values():
        folder.mkdir()
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("HF_", "XDG"))
    }
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env={**kept, **environment, **{name: str(folder) for name, folder in folders.items()}},
        capture_output=True,
        text=True,
        check=False,
    )
    left = sorted(
        str(path.relative_to(tmp_path)) for folder in folders.values() for path in folder.rglob("*")
    )
    return result, left


def test_nothing_is_printed_and_nothing_is_left(tmp_path):
    path = write(tmp_path / "a.csv", ["0", "1"] * 200)
    other = write(tmp_path / "a.parquet", [0, 1])
    code = (
        "import sys\n"
        "from wave_network.data import read_splits\n"
        f"assert len(read_splits({str(path)!r}).train) == 400\n"
        f"assert len(read_splits({str(other)!r}).train) == 2\n"
        "assert 'torch' not in sys.modules\n"
    )
    result, left = run(code, tmp_path)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    assert left == []


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on the size of files")
def test_a_full_disk(tmp_path):
    path = write(tmp_path / "a.csv", ["x"] * 2_000)
    code = (
        "import resource\n"
        "from wave_network.data import read_splits\n"
        "from wave_network.scale import arrays\n"
        "from wave_network.errors import OutputError\n"
        "arrays.BYTES_IN_MEMORY = 10_000\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))\n"
        "try:\n"
        f"    read_splits({str(path)!r})\n"
        "except OutputError as error:\n"
        "    print(error)\n"
    )
    result, left = run(code, tmp_path)
    assert result.stderr == ""
    assert result.stdout.startswith(f"{path} cannot be copied to the temporary folder (")
    assert "set TMPDIR to another folder" in result.stdout
    assert result.stdout.count("\n") == 1
    assert left == []


@pytest.mark.parametrize(
    ("missing", "call", "said"),
    [
        ("datasets", "read_splits('hub:a/b')", 'data sets of the Hub needs the "hub" extra'),
        ("pyarrow", "read_splits('FILE.parquet')", 'reading parquet needs the "parquet" extra'),
    ],
)
def test_without_a_library_the_extra_is_named(tmp_path, missing, call, said):
    path = write(tmp_path / "a.parquet", ["x", "y"])
    code = f"""
import sys
sys.modules[{missing!r}] = None
from wave_network.data import read_splits
{call.replace("FILE.parquet", str(path))}
"""
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert said in result.stderr


TEXTS_ALONE = ["One, two", "", "null", "雨"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("more.csv", 'body,label\n"One, two",x\n,\nnull,\n雨,x\n'),
        ("more.tsv", "body\nOne, two\n\t\nnull\n雨\n".replace("\t", '""')),
        ("more.jsonl", "".join(json.dumps({"body": text}) + "\n" for text in TEXTS_ALONE)),
        ("more.txt", "".join(f"{text}\n" for text in TEXTS_ALONE)),
    ],
)
def test_texts_without_labels(tmp_path, name, content):
    (tmp_path / name).write_text(content, encoding="utf-8")
    found = read_texts(tmp_path / name, "body")
    assert found.column_names == ["text"]
    assert found["text"][:] == TEXTS_ALONE == texts_from_memory(iter(TEXTS_ALONE))["text"][:]


def test_texts_of_a_parquet_file(tmp_path):
    pq.write_table(pa.table({"body": TEXTS_ALONE}), tmp_path / "more.parquet")
    assert read_texts(tmp_path / "more.parquet", "body")["text"][:] == TEXTS_ALONE


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("more.csv", "body\ncat\n", "no column 'text'"),
        ("more.csv", "text\n", "has no rows"),
        ("more.csv", "text\ncat,dog\n", "more.csv:2: the header has 1 columns"),
        ("more.txt", "", "has no rows"),
        ("more.doc", "cat", "unknown extension"),
        ("more.csv", None, "does not exist"),
    ],
)
def test_texts_that_cannot_be_read(tmp_path, name, content, said):
    if content is not None:
        (tmp_path / name).write_text(content, encoding="utf-8")
    assert re.search(said, refusal(read_texts, tmp_path / name))


def test_texts_in_memory_that_are_none():
    assert "text 1 is None" in refusal(texts_from_memory, ["a", None])


@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl", "parquet"])
def test_weights_are_read_for_the_texts_to_train_on_alone(tmp_path, ending):
    columns = {"text": ["a", "b", "c"], "label": ["x", "y", "x"], "trust": [2, 0, 0.5]}
    frame = pd.DataFrame(columns)
    for name, table in (("train", frame), ("validation", frame.drop(columns="trust"))):
        path = tmp_path / f"{name}.{ending}"
        if ending == "parquet":
            table.to_parquet(path)
        elif ending == "jsonl":
            table.to_json(path, orient="records", lines=True)
        else:
            table.to_csv(path, sep="\t" if ending == "tsv" else ",", index=False)
    splits = read_splits(tmp_path, weight_column="trust")
    assert splits.train["text"][:] == ["a", "c"]  # a weight of 0 leaves the text out
    assert splits.train["label"][:] == ["x", "x"]
    assert splits.train["weight"].tolist() == [2.0, 0.5]
    assert splits.train["weight"].dtype == np.float64
    assert kind(splits.validation) == STRINGS
    assert kind(read_splits(tmp_path).train) == STRINGS


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", "text,label,w\na,x,1\nb,y,heavy\n", ":3: the weight is 'heavy', not a number"),
        ("a.csv", "text,label,w\na,x,1\nb,y,\n", ":3: the weight is '', not a number"),
        ("a.csv", "text,label,w\na,x,1\nb,y,-1\n", "weight 1 is -1.0"),
        ("a.csv", "text,label,w\na,x,nan\nb,y,1\n", "weight 0 is nan"),
        ("a.csv", "text,label,w\na,x,0\nb,y,0\n", "all weights are zero"),
        ("a.csv", "text,label\na,x\n", "no column 'w'.*with weight_column"),
        ("a.jsonl", '{"text": "a", "label": "x", "w": true}', ":1: the weight is True, not"),
        ("a.jsonl", '{"text": "a", "label": "x", "w": [1]}', ":1: the weight is \\[1\\], not"),
        ("a.jsonl", '{"text": "a", "label": "x"}', "no field 'w'.*with weight_column"),
        ("a.txt", "__label__x a\n", "has no columns, so no weights"),
    ],
)
def test_weights_that_cannot_be_used(tmp_path, name, content, said):
    (tmp_path / name).write_text(content)
    assert re.search(said, refusal(read_splits, tmp_path / name, weight_column="w"))


def test_parquet_weights_that_are_no_numbers(tmp_path):
    path = tmp_path / "a.parquet"
    table = pa.table({"text": ["a", "b"], "label": ["x", "y"], "w": ["1", "2"]})
    pq.write_table(table, path)
    assert "'w' has string, not numbers" in refusal(read_splits, path, weight_column="w")
    pq.write_table(table.set_column(2, "w", pa.array([1.0, None])), path)
    assert "row 2 has no weight" in refusal(read_splits, path, weight_column="w")


def test_weights_of_a_hub_split():
    rows = {"body": ["a", "b"], "queue": ["x", "y"], "trust": [1, 3]}
    found = tidy(Dataset.from_dict(rows), Columns("body", "queue", "trust"), "hub:o/n (train)")
    assert set(found.column_names) == {"text", "label", "weight"}
    assert found["weight"].tolist() == [1.0, 3.0]
    rows["trust"] = ["1", "3"]
    with pytest.raises(DataError, match="'trust' has string, not numbers"):
        tidy(Dataset.from_dict(rows), Columns("body", "queue", "trust"), "hub:o/n (train)")


@pytest.mark.parametrize(
    ("first", "second", "labels"),
    [
        (["x"], ["y", "x"], ["x", "y", "x"]),
        ([1], [2, 1], [1, 2, 1]),
        ([1], ["y"], ["1", "y"]),
        (["x"], [[], ["y", "x"]], [["x"], [], ["y", "x"]]),
        ([[1]], ["y"], [["1"], ["y"]]),
    ],
)
def test_joined_rows_have_labels_of_one_type(first, second, labels):
    parts = [from_memory([f"{label}" for label in part], part) for part in (first, second)]
    found = joined_rows(*parts)
    assert found["label"][:] == labels
    assert found["text"][:] == [f"{label}" for label in [*first, *second]]


def test_joined_rows_keep_their_weights():
    found = joined_rows(from_memory(["a"], ["x"], [2.0]), from_memory(["b"], [1], [0.5]))
    assert found["weight"].tolist() == [2.0, 0.5]
    assert found["label"][:] == ["x", "1"]


def test_many_files_keep_few_open(tmp_path, monkeypatch):
    monkeypatch.setattr(arrays, "BYTES_IN_MEMORY", 100)
    for number in range(40):
        texts = [f"{'a' * 20} {number}", f"{'b' * 20} {number}"]
        write(tmp_path / f"train-{number:02}-of-40.csv", ["x", "y"], texts)
    before = len(os.listdir("/proc/self/fd")) if os.path.exists("/proc/self/fd") else 0
    train = read_splits(tmp_path).train
    assert train["text"][-2:] == [f"{'a' * 20} 39", f"{'b' * 20} 39"]
    assert train["label"][:] == ["x", "y"] * 40
    if before:
        assert len(os.listdir("/proc/self/fd")) - before < 10


def test_files_that_match_a_pattern_are_joined(tmp_path, caplog):
    write(tmp_path / "part-b.csv", ["1", "0"], ["b0", "b1"])
    write(tmp_path / "part-a.csv", ["0", "1"], ["a0", "a1"])
    write(tmp_path / "part-c.parquet", ["x", "0"], ["c0", "c1"])
    write(tmp_path / "other.csv", ["9"], ["o"])
    with caplog.at_level("INFO"):
        splits = read_splits(tmp_path / "part-*.csv")
    assert splits.train[:] == {"text": ["a0", "a1", "b0", "b1"], "label": [0, 1, 1, 0]}
    assert splits.sources == {"train": f"{tmp_path / 'part-*.csv'} (train)"}
    assert "part-*.csv: 2 files" in caplog.text
    # Labels are of one type in all files: one has a string.
    mixed = read_splits(f"{tmp_path}/part-?.*").train
    assert mixed["label"][:] == ["0", "1", "1", "0", "x", "0"]
    assert len(read_dataset(f"{tmp_path}/part-[ab].csv")[0]) == 4
    assert read_texts(f"{tmp_path}/part-*.csv")["text"][:] == ["a0", "a1", "b0", "b1"]
    for read in (read_splits, read_texts):
        with pytest.raises(DataError, match=r"no file matches .*nothing-\*\.csv"):
            read(tmp_path / "nothing-*.csv")
        (tmp_path / "part-d.csv").mkdir(exist_ok=True)
        with pytest.raises(DataError, match=r"part-d\.csv is a folder"):
            read(tmp_path / "part-*.csv")


def test_a_file_may_be_named_like_a_pattern(tmp_path):
    write(tmp_path / "a[1].csv", ["x", "y"])
    write(tmp_path / "a1.csv", ["z", "z"])
    assert read_splits(tmp_path / "a[1].csv").train["label"][:] == ["x", "y"]


def test_files_with_weights_are_joined(tmp_path):
    for number in range(2):
        path = tmp_path / f"part-{number}.csv"
        path.write_text(f"text,label,w\na,x,{number + 1}\nb,y,0.5\n")
    train = read_splits(tmp_path / "part-*.csv", weight_column="w").train
    assert train["weight"].tolist() == [1.0, 0.5, 2.0, 0.5]


@pytest.mark.parametrize("feature", [ClassLabel(names=["cold", "warm"]), List(Value("string"))])
def test_data_of_the_hub_are_read_in_parts(feature, monkeypatch):
    monkeypatch.setattr("wave_network.data.hub._ROWS_AT_ONCE", 3)
    plain = isinstance(feature, ClassLabel)
    labels = [0, 1, 1, 0, 1, 0, 0, 1] if plain else [["a"], [], ["b", "a"], ["a"]] * 2
    rows = {"text": [f"text {i}" for i in range(8)], "label": labels, "weight": [*range(8)]}
    features = Features({"text": Value("string"), "label": feature, "weight": Value("int64")})
    columns = Columns("text", "label", "weight")
    found = tidy(Dataset.from_dict(rows, features), columns, "hub:a/b (train)")
    assert found["text"][:] == rows["text"]
    named = [feature.names[label] for label in labels] if plain else labels
    assert found["label"][:] == named
    assert found["weight"].tolist() == rows["weight"]
    rows["label"][7] = None
    with pytest.raises(DataError, match="row 8"):
        tidy(Dataset.from_dict(rows, features), columns, "hub:a/b (train)")
