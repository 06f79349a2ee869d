"""Labels in every form that people have them, from every source."""

import json
import logging

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import Dataset

from wave_network.data import MultiLabel, SingleLabel, read_dataset, read_splits
from wave_network.data.training_data import TrainingData, training_data_from_memory

TEXTS = ["sun", "snow", "rain", "hail"]


def jsonl(path, labels):
    rows = [{"text": text, "label": label} for text, label in zip(TEXTS, labels, strict=True)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def parquet(path, labels):
    pq.write_table(pa.table({"text": TEXTS, "label": labels}), path)
    return path


def csv(path, labels):
    pd.DataFrame({"text": TEXTS, "label": labels}).to_csv(path, index=False)
    return path


def from_file(write, ending):
    def read(labels, folder):
        splits = read_splits(write(folder / f"train{ending}", labels))
        return TrainingData(splits.train, classes=splits.classes)

    return read


def from_hub(labels, folder, monkeypatch):
    published = {"train": Dataset(pa.table({"text": TEXTS, "label": labels}))}
    monkeypatch.setattr("datasets.load_dataset", lambda name, revision: published)
    splits = read_splits("hub:a/b")
    return TrainingData(splits.train, classes=splits.classes)


def in_memory(convert):
    return lambda labels, folder: training_data_from_memory(TEXTS, convert(labels))


SOURCES = {
    "jsonl": from_file(jsonl, ".jsonl"),
    "parquet": from_file(parquet, ".parquet"),
    "list": in_memory(list),
    "pandas": in_memory(pd.Series),
    "polars": in_memory(lambda labels: pl.Series(labels, strict=False)),
}


@pytest.fixture(params=[*SOURCES, "hub"])
def read(request, tmp_path, monkeypatch):
    """Read labels by way of a source; give the labelling and the targets."""

    def of(labels):
        if request.param == "hub":
            data = from_hub(labels, tmp_path, monkeypatch)
        else:
            data = SOURCES[request.param](labels, tmp_path)
        labelling = data.labelling()
        return labelling, data.targets(labelling).tolist()

    return of


@pytest.mark.parametrize("kind", [int, bool, float])
def test_lists_of_0_and_1_for_each_class_are_read_as_such(read, kind, caplog):
    rows = [[1, 0, 0], [0, 0, 1], [0, 0, 0], [1, 0, 1]]  # no text has the second
    found = read([[kind(value) for value in row] for row in rows])
    assert found == (MultiLabel((0, 1, 2)), rows)
    (message,) = caplog.messages
    assert message.startswith(
        "the labels are lists of 0 and 1, all of length 3: read as one column"
    )


@pytest.mark.parametrize(
    "lists",
    [
        [[1, 0], [0], [1], [0, 1]],  # of different lengths
        [[0], [1], [0], [1]],
        [[0, 1]] * 4,  # every text has both
        [[1, 2], [2, 1], [0, 1], [0, 2]],
    ],
)
def test_lists_of_labels_that_are_numbers_stay_lists_of_labels(read, lists, caplog):
    classes = sorted({label for row in lists for label in row})
    labelling, targets = read(lists)
    assert labelling == MultiLabel(tuple(classes))
    assert targets == [[float(label in row) for label in classes] for row in lists]
    assert caplog.messages == []


def test_two_columns_of_one_class_each_are_columns(read):
    labelling, targets = read([[1, 0], [0, 1], [0, 1], [1, 0]])
    assert labelling == MultiLabel((0, 1))
    assert targets == [[1, 0], [0, 1], [0, 1], [1, 0]]


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        ([True, False, True, True], (False, True)),
        ([1.0, 3.0, 1.0, 3.0], (1.0, 3.0)),
        ([1, 3, 1, 3], (1, 3)),
        (["1.0", "3", "1.0", "3"], ("1.0", "3")),
    ],
)
def test_booleans_and_whole_floats_are_labels_as_they_are(read, labels, classes):
    labelling, targets = read(labels)
    assert labelling == SingleLabel(classes)
    assert {type(label) for label in labelling.classes} == {type(classes[0])}
    assert targets == [classes.index(label) for label in labels]


def test_blanks_and_unicode_forms_do_not_make_other_labels(read, caplog):
    labelling, targets = read(["caf\u00e9", "cafe\u0301", " tea", "tea"])
    assert labelling == SingleLabel(("caf\u00e9", "tea"))
    assert targets == [0, 0, 1, 1]
    (message,) = caplog.messages
    assert "changed 2 labels, such as ' tea' to 'tea', which leaves 2 different ones" in message


@pytest.mark.parametrize(
    "labels",
    [
        ["['a', 'b']", "['a']", "[]", "['b']"],
        ['["a","b"]', '["a"]', "[]", '["b"]'],
        ["a,__label__b", "a", "a", "b"],
    ],
)
def test_lists_written_as_text_are_lists(read, labels, caplog):
    labelling, targets = read(labels)
    assert labelling == MultiLabel(("a", "b"))
    assert targets[:2] == [[1, 1], [1, 0]]
    assert targets[3] == [0, 1]
    assert labels[0] in caplog.text.replace('\\"', '"')


@pytest.mark.parametrize(
    "labels", [["[1, 0]", "[0, 0]", "[0, 1]", "[1, 1]"], ["[1 0]", "[0 0]"] * 2]
)
def test_columns_written_as_text_are_columns(read, labels):
    labelling, targets = read(labels)
    assert labelling == MultiLabel((0, 1))
    assert targets[:2] == [[1, 0], [0, 0]]


def test_text_that_is_a_list_in_some_rows_alone_is_one_label_and_said(read, caplog):
    labelling, _ = read(["['a', 'b']", "a", "b", "a"])
    assert labelling == SingleLabel(("['a', 'b']", "a", "b"))
    assert "look like lists, but not all are lists" in caplog.text
    caplog.clear()
    assert read(["[a]", "[b]", "[a]", "c"])[0].classes == ("[a]", "[b]", "c")
    assert caplog.messages == []


def test_a_csv_of_pandas_gives_its_labels_back(tmp_path, caplog):
    caplog.set_level(logging.WARNING)
    table = np.array([[1, 0, 0], [0, 0, 1], [0, 0, 0], [1, 0, 1]])
    for labels in (table.tolist(), list(table)):
        splits = read_splits(csv(tmp_path / "a.csv", labels))
        assert splits.classes == (0, 1, 2)
        assert splits.train["label"][:] == [[0], [2], [], [0, 2]]
    rows, _ = read_dataset(csv(tmp_path / "b.csv", [True, False, True, True]))
    assert SingleLabel((False, True)).encode(rows["label"]).tolist() == [1, 0, 1, 1]
    rows, _ = read_dataset(csv(tmp_path / "c.csv", [1.0, 2.0, 1.0, 2.0]))
    assert SingleLabel((1, 2)).encode(rows["label"]).tolist() == [0, 1, 0, 1]


def test_several_labels_joined_in_fasttext_s_notation(tmp_path):
    path = tmp_path / "train.txt"
    path.write_text(
        "__label__a,__label__b sun\n__label__c,__label__a __label__b snow\n__label__a x\n"
    )
    assert read_splits(path).train["label"][:] == [["a", "b"], ["c", "a", "b"], ["a"]]


def test_a_frame_s_columns_are_the_classes():
    table = {"warm": [1, 0, 0, 1], "cold": [0, 1, 1, 1]}
    for frame in (
        pd.DataFrame(table),
        pd.DataFrame(table).astype(bool),
        pd.DataFrame(table, dtype="Int64"),
        pd.DataFrame(table, dtype=float),
        pl.DataFrame(table),
    ):
        data = training_data_from_memory(TEXTS, frame)
        assert data.labelling() == MultiLabel(("warm", "cold"))
        assert data.targets(data.labelling()).T.tolist() == list(table.values())
    soft = pd.DataFrame({"warm": [0.5, 0, 1, 0.2], "cold": [0.5, 1, 0, 0.8]})
    assert training_data_from_memory(TEXTS, soft).labelling() == SingleLabel(("warm", "cold"))


def test_lists_of_0_and_1_take_the_names_of_classes():
    lists = [[1, 0], [0, 0], [0, 1], [1, 1]]
    data = training_data_from_memory(TEXTS, lists, weights=[1, 0, 1, 1], classes=["warm", "cold"])
    assert data.labelling() == MultiLabel(("warm", "cold"))
    assert data.targets(data.labelling()).tolist() == [[1, 0], [0, 1], [1, 1]]
