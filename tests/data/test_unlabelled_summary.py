import pytest

from wave_network.data.unlabelled_summary import Gain, UnlabelledSummary

USED = UnlabelledSummary(30_000, sampled=20_000, used=19_950, gain=Gain(0.52, 0.874))


@pytest.mark.parametrize(
    ("summary", "said"),
    [
        (UnlabelledSummary(1, taught=True), "1 text"),
        (USED, "30,000 texts: accuracy 52% -> 87% in cross-validation"),
        (
            UnlabelledSummary(700, sampled=700, gain=Gain(0.83, 0.82)),
            "700 texts: left out, they did not help in cross-validation (accuracy 83% -> 82%)",
        ),
        (
            UnlabelledSummary(700, sampled=700, used=700),
            "700 texts: used, though too few labelled texts can tell whether they help",
        ),
        (
            UnlabelledSummary(7, sampled=7),
            "7 texts: left out, too few that are neither empty nor repeated",
        ),
    ],
)
def test_one_line_says_what_became_of_them(summary, said):
    assert str(summary) == said
    assert any(said in note for note in summary.notes()) == ("left out" in said)


def test_what_was_left_out_is_said():
    summary = UnlabelledSummary(
        30_000, False, 20_000, 19_950, 48, 2, Gain(0.5, 0.75), in_validation=3, in_test=4, marked=5
    )
    assert list(summary.notes()) == [
        "5 texts with the label -1 taken as unlabelled; if it is a class, give the labels as"
        " strings",
        "learning from a random sample of the 30,000 unlabelled texts: 20,000",
        "48 of 20,000 unlabelled texts equal to an earlier one: left out",
        "2 of 20,000 unlabelled texts equal to a labelled one: left out",
        "3 validation texts also among the unlabelled ones",
    ]
    assert list(summary.test_notes()) == ["4 test texts also among the unlabelled ones"]
    assert summary.to_dict() == {
        "texts": 30_000,
        "used": 19_950,
        "duplicates": 48,
        "in_training": 2,
        "in_validation": 3,
        "in_test": 4,
        "accuracy": {"without": 0.5, "with": 0.75},
    }
    assert UnlabelledSummary(7, taught=True).to_dict() == {"texts": 7}
