import gzip
import logging

import pytest

from wave_network.data import read_dataset, read_splits
from wave_network.data.folders import find_parts
from wave_network.errors import DataError


def write(path, *rows):
    rows = rows or [("a", "x"), ("b", "y")]
    content = "".join(f"{text},{label}\n" for text, label in [("text", "label"), *rows]).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def write_texts(folder, **texts):
    folder.mkdir(parents=True)
    for name, text in texts.items():
        (folder / f"{name}.txt").write_text(text, encoding="utf-8")


def refusal(folder, read=read_splits):
    with pytest.raises(DataError) as caught:
        read(folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("name", ["validation", "valid", "val", "dev"])
@pytest.mark.parametrize("ending", [".csv", ".csv.gz"])
def test_validation_data_has_several_names(tmp_path, name, ending):
    write(tmp_path / f"train{ending}")
    write(tmp_path / f"{name}{ending}", ("v", "x"))
    splits = read_splits(tmp_path)
    assert (splits.validation["text"][:], splits.test) == (["v"], None)
    assert read_dataset(tmp_path)[1] == "validation"


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["train.csv", "train.csv.gz"], "several files for train .'train.csv', 'train.csv.gz'."),
        (
            ["train.csv", "val.csv", "dev.csv"],
            "several files for validation .'dev.csv', 'val.csv'.",
        ),
        (
            ["train.csv", "train-0-of-1.csv"],
            "several files for train .'train.csv', 'train-0-of-1.csv'.",
        ),
        (["train-0-of-1.csv", "train-0-of-2.csv", "train-1-of-2.csv"], "several files for train"),
        (["train-0-of-3.csv", "train-2-of-3.csv"], "has 2 of 3 parts .*but no part 1"),
        (["train-1-of-99999999999999.csv"], "has 1 of 99999999999999 parts .*but no part 0"),
        (["train-1-of-1.csv", "train-0-of-1.csv"], "has 2 of 1 parts"),
        (["train-0-of-1.csv", "train-00-of-1.csv"], "the same part twice"),
        (["train.csv", "eval.csv"], "'eval.csv' may be for validation or for testing"),
        (["a.csv"], "no train.*only 'a.csv'"),
    ],
)
def test_what_is_not_clear_is_refused_with_its_names(tmp_path, names, said):
    import re

    for name in names:
        write(tmp_path / name)
    assert re.search(said, refusal(tmp_path))


def test_shards_are_joined_in_their_order(tmp_path):
    for number in range(11):
        write(tmp_path / f"train-{number}-of-11.csv", (f"text {number}", number))
    write(tmp_path / "test-00000-of-00001-a09b74b3ef9c3b56.csv.gz", ("t", "1"))
    splits = read_splits(tmp_path)
    assert splits.train["text"][:] == [f"text {number}" for number in range(11)]
    assert splits.train["label"][:] == list(range(11))
    assert splits.test["label"][:] == [1]


def test_shards_decide_together_on_the_type_of_their_labels(tmp_path):
    write(tmp_path / "train-0-of-2.csv", ("a", "1"))
    write(tmp_path / "train-1-of-2.csv", ("b", "x"))
    assert read_splits(tmp_path).train["label"][:] == ["1", "x"]


def test_other_data_files_are_named(tmp_path, caplog):
    for name in ("train.csv", "validation.csv", "test.csv", "eval.csv", "old.csv"):
        write(tmp_path / name)
    (tmp_path / "README.md").write_text("-")
    with caplog.at_level(logging.INFO):
        assert set(find_parts(tmp_path)) == {"train", "validation", "test"}
    assert caplog.messages == [f"{tmp_path}: not read: 'eval.csv', 'old.csv'"]


def test_a_folder_of_classes(tmp_path, caplog):
    write_texts(tmp_path / "neg", b="dull\n", a="long\r\nand loud")
    write_texts(tmp_path / "pos", c="grün", d="")
    (tmp_path / "pos" / "notes.md").write_text("-")
    (tmp_path / "list.txt").write_text("-")
    with caplog.at_level(logging.INFO):
        rows = read_splits(tmp_path).train
    assert rows["text"][:] == ["long\r\nand loud", "dull", "grün", ""]
    assert rows["label"][:] == ["neg", "neg", "pos", "pos"]
    said = [f"{tmp_path}: not read: 'list.txt'", f"{tmp_path / 'pos'}: not read: 'notes.md'"]
    assert caplog.messages == said
    assert read_dataset(tmp_path)[1] == tmp_path.name


def test_folders_of_classes_as_splits(tmp_path, caplog):
    for split in ("train", "test"):
        for label in ("neg", "pos"):
            write_texts(tmp_path / split / label, **{"0_1": f"{split} {label}"})
    write_texts(tmp_path / "train" / "unsup", a="unlabelled")
    (tmp_path / "train" / "labeledBow.feat").write_text("0:1")
    (tmp_path / "imdb.vocab").write_text("the")
    with caplog.at_level(logging.INFO):
        splits = read_splits(tmp_path)
    assert splits.train["text"][:] == ["train neg", "train pos"]
    assert splits.test["label"][:] == ["neg", "pos"]
    assert caplog.messages == [f"{tmp_path / 'train'}: not read: 'labeledBow.feat', 'unsup'"]
    assert read_dataset(tmp_path)[1] == "test"
    assert read_dataset(tmp_path / "test")[0]["text"][:] == ["test neg", "test pos"]
    write(tmp_path / "train.csv")
    assert "several files for train ('train', 'train.csv')" in refusal(tmp_path)


def test_names_of_classes_may_be_integers(tmp_path):
    for label in ("0", "10"):
        write_texts(tmp_path / label, a="text")
    assert read_splits(tmp_path).train["label"][:] == [0, 10]


def test_a_folder_with_one_folder_of_texts_is_no_data(tmp_path):
    write_texts(tmp_path / "notes", a="text")
    assert "no folder of .txt files for each class, only 'notes'" in refusal(tmp_path)


def test_a_text_of_a_class_that_cannot_be_read(tmp_path):
    write_texts(tmp_path / "neg", a="text")
    write_texts(tmp_path / "pos", a="text")
    (tmp_path / "pos" / "b.txt").write_bytes(b"caf\xe9")
    assert f"{tmp_path / 'pos' / 'b.txt'}:1: not UTF-8" in refusal(tmp_path)
    assert read_splits(tmp_path, encoding="latin1").train["text"][2] == "café"
    (tmp_path / "pos" / "b.txt").write_bytes(b"\x1f\x8b")
    assert "is compressed with gzip" in refusal(tmp_path)
