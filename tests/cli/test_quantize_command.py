import json


def test_people_and_programs_get_sizes_and_costs(wave, tiny_model, tmp_path, few):
    ended = wave("quantize", tiny_model, "--output", tmp_path / "a", "--data", few, "--json")
    assert ended.code == 0
    (summary,) = ended.lines
    assert summary["model"] == str(tmp_path / "a")
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
    assert message == f"{tmp_path / 'a'} is in 8 bits already"
