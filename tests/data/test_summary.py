"""What was read of data is put in words, and in JSON."""

from wave_network.data.class_summary import ClassSummary
from wave_network.data.summary import (
    DataSummary,
    TextSummary,
)
from wave_network.data.unlabelled_summary import UnlabelledSummary
from wave_network.errors import on_command_line

CLASSES = (ClassSummary("a", 3, "some text"), ClassSummary("b", 0, ""))


def test_what_is_notable_is_said():
    read = TextSummary(
        10, "t.csv", empty=1, cut=4, tokens=100, lost=60, longest=70, max_length=32, duplicates=2
    )
    assert list(read.notes()) == [
        "1 of 10 texts are empty; they are classified like all others",
        "4 of 10 texts with more than the 32 tokens that are read: 60.0% of all tokens are not"
        " read; to read more, train with max_length, up to 70",
        "2 of 10 texts equal to an earlier one",
    ]
    with on_command_line({}):
        assert "train with --max-length, up to 70" in list(read.notes())[1]
    assert read.truncated() == {"texts": 4, "tokens": 0.6}
    (note,) = TextSummary(10, None, cut=1, tokens=10_000, lost=5, max_length=32).notes()
    assert note.endswith("0.05% of all tokens are not read")
    assert list(TextSummary(10, None, tokens=100, max_length=32, in_training=0).notes()) == []


def test_lines_and_json_have_all_parts():
    summary = DataSummary(
        parts={
            "train": TextSummary(1_000, "t.csv", tokens=900, lost=90, cut=1, duplicates=3),
            "validation": TextSummary(100, "held out from t.csv", tokens=100, in_training=2),
            "test": TextSummary(1, "u.csv", in_training=1),
        },
        method="holdout",
        classes=CLASSES,
        left_out={"weight 0": 1},
        conflicting=4,
        unlabeled=UnlabelledSummary(7, taught=True),
        unseen={"validation": 0, "test": 1},
    )
    lines = list(summary.lines())
    assert lines[:4] == [
        "train       1,000 texts: t.csv",
        "validation  100 texts: held out from t.csv",
        "unlabelled  7 texts",
        "labels      2: 'a' (3 texts, such as 'some text'), 'b' (0 texts)",
    ]
    assert "note        1 row left out: weight 0" in lines
    assert "note        5 of 1,100 training texts equal to an earlier one" in lines
    assert "note        4 training texts also there with another label" in lines
    assert list(summary.test_lines()) == [
        "test        1 text: u.csv",
        "note        1 test text with labels that training never saw: counted as wrong",
        "note        1 of 1 test text also in the training data",
    ]
    values = summary.to_dict(examples=True)
    assert values["rows"] == {"train": 1_000, "validation": 100, "test": 1}
    assert values["classes"] == 2
    assert values["truncated"] == {"texts": 1, "tokens": 0.09}
    assert values["unlabeled"] == {"texts": 7}
    assert values["data"]["labels"][0] == {"label": "a", "texts": 3, "example": "some text"}
    assert values["data"]["test"]["source"] == "u.csv"
    assert "example" not in str(summary.to_dict(examples=False))


def test_a_model_that_is_not_validated_says_so():
    summary = DataSummary({"train": TextSummary(3, None)}, None, CLASSES)
    assert "validation  none: too few texts to hold some out" in summary.lines()
    assert next(summary.warnings()).startswith("too few texts to hold some out")
