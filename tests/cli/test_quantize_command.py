import json

import pytest


@pytest.mark.parametrize(("options", "bits"), [([], 8), (["--bits", 4], 4)])
def test_people_and_programs_get_sizes_and_costs(wave, tiny_model, tmp_path, few, options, bits):
    given = ["--data", few, *options, "--json"]
    ended = wave("quantize", tiny_model, "--output", tmp_path / "a", *given)
    assert ended.code == 0
    (summary,) = ended.lines
    assert summary["model"] == str(tmp_path / "a")
    assert summary["bits"] == bits
    assert summary["measured"]["texts"] == 60
    assert summary["size_bytes"]["after"] < summary["size_bytes"]["before"]
    answers = [
        [
            json.loads(line)["label"]
            for line in wave("predict", model, "red and blue").out.splitlines()
        ]
        for model in (tiny_model, tmp_path / "a")
    ]
    assert answers[0] == answers[1] == ["colour"]


def test_without_data_the_cost_is_said_to_be_unknown(wave, tiny_model, tmp_path):
    ended = wave("quantize", tiny_model, "--output", tmp_path / "a")
    assert ended.code == 0
    assert "not measured: give labelled data with --data" in ended.out


def test_an_output_that_exists_is_not_replaced(wave, tiny_model, tmp_path):
    wave("quantize", tiny_model, "--output", tmp_path / "a")
    assert "--overwrite" in wave("quantize", tiny_model, "--output", tmp_path / "a").message
    again = wave("quantize", tiny_model, "--output", tmp_path / "a", "--overwrite")
    assert again.code == 0


def test_a_model_in_8_bits_already_is_named(wave, tiny_model, tmp_path):
    wave("quantize", tiny_model, "--output", tmp_path / "a")
    message = wave("quantize", tmp_path / "a", "--output", tmp_path / "b").message
    said = "is in 8 bits already: give the model it was made from"
    assert message == f"{tmp_path / 'a'} {said}"


def test_other_bits_are_refused(wave, tiny_model, tmp_path):
    message = wave("quantize", tiny_model, "--output", tmp_path / "a", "--bits", 3).message
    assert message == "--bits must be one of 8, 4; got 3"
