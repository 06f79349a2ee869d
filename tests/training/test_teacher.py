import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
from fasttext_models import PLACE
from pretrained_damage import damage_weights, leave_out, pickle_the_weights
from transformers import BertForSequenceClassification, BertTokenizer, RobertaConfig
from transformers import RobertaForSequenceClassification as Roberta

from wave_network import load
from wave_network.errors import ConfigError, ModelFolderError
from wave_network.training.teacher import columns_of, read_teacher

CPU = "cpu"
TEXTS = ["red cat and blue dog", "", "a b c", "Red DOG " * 60, "what?", "p"] * 20


def edit(folder, name="config.json", **values):
    path = folder / name
    described = {**json.loads(path.read_text("utf-8")), **values}
    path.write_text(json.dumps(described), encoding="utf-8")


@pytest.fixture
def copy(bert_folder, tmp_path):
    return shutil.copytree(bert_folder, tmp_path / "copy")


def test_a_model_of_transformers_answers_as_it_does_by_itself(bert_folder):
    teacher = read_teacher(str(bert_folder), CPU)
    assert teacher.labels == ["World", "Sports", "Business"]
    found = teacher.predict_proba(TEXTS)
    assert found.dtype == np.float32
    model = BertForSequenceClassification.from_pretrained(bert_folder).eval()
    tokenizer = BertTokenizer.from_pretrained(bert_folder)
    for text, probabilities in zip(TEXTS[:6], found, strict=False):
        inputs = tokenizer(text, truncation=True, max_length=40, return_tensors="pt")
        expected = model(**inputs).logits.softmax(dim=1).detach().numpy()[0]
        np.testing.assert_allclose(probabilities, expected, atol=1e-6)
    np.testing.assert_allclose(found, np.tile(found[:6], (20, 1)), atol=1e-6)
    assert np.ptp(found, axis=0).max() > 0.1


def test_reading_it_draws_nothing(bert_folder, capfd):
    read_teacher(str(bert_folder), CPU).predict_proba(["a"])
    assert capfd.readouterr() == ("", "")


def test_a_family_whose_positions_start_later(copy):
    config = RobertaConfig(
        vocab_size=26,
        hidden_size=24,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=48,
        max_position_embeddings=12,
        pad_token_id=1,
        num_labels=2,
    )
    Roberta(config).save_pretrained(copy)
    assert read_teacher(str(copy), CPU).predict_proba(["a " * 100]).shape == (1, 2)


def test_of_a_huge_text_only_the_beginning_is_touched(bert_folder):
    teacher = read_teacher(str(bert_folder), CPU)
    found = teacher.predict_proba(["red cat " * 1_000_000, "red cat " * 100])
    np.testing.assert_allclose(found[0], found[1], atol=1e-6)


def test_a_wave_network_is_a_teacher(sample_model):
    teacher, texts = read_teacher(str(sample_model), CPU), ["Rain delays the final", "Shares fall"]
    engine = load(sample_model)
    assert teacher.labels == engine.labels
    np.testing.assert_array_equal(teacher.predict_proba(texts), engine.predict_proba(texts))


def damage_config(folder):
    (folder / "config.json").write_text("[]", encoding="utf-8")


def leave_the_tokenizer_out(folder):
    (folder / "vocab.txt").unlink()
    (folder / "tokenizer_config.json").unlink()


def leave_the_config_out(folder):
    (folder / "config.json").unlink()


@pytest.mark.parametrize(
    "damage",
    [
        damage_config,
        damage_weights,
        leave_out("classifier.weight"),
        pickle_the_weights,
        leave_the_tokenizer_out,
        leave_the_config_out,
    ],
)
def test_a_damaged_folder_is_refused(copy, damage):
    damage(copy)
    with pytest.raises(ModelFolderError) as caught:
        read_teacher(str(copy), CPU)
    assert str(copy) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_code_in_the_folder_is_never_run(copy, tmp_path):
    program = f"open({str(tmp_path / 'run')!r}, 'w').close()\nclass Mine: pass\n"
    (copy / "mine.py").write_text(program, encoding="utf-8")
    auto_map = {"AutoConfig": "mine.Mine", "AutoModelForSequenceClassification": "mine.Mine"}
    edit(copy, model_type="mine", auto_map=auto_map)
    with pytest.raises(ModelFolderError, match="has no classifier that can be loaded"):
        read_teacher(str(copy), CPU)
    edit(copy, model_type="bert", auto_map={})
    edit(copy, "tokenizer_config.json", auto_map={"AutoTokenizer": ["mine.Mine", None]})
    assert read_teacher(str(copy), CPU).predict_proba(["a"]).shape == (1, 3)  # by BERT's own
    assert not (tmp_path / "run").exists()


def test_what_picks_no_single_class_is_refused(copy):
    edit(copy, problem_type="multi_label_classification")
    with pytest.raises(ConfigError, match="is not a single-label classifier"):
        read_teacher(str(copy), CPU)


@pytest.mark.parametrize("source", ["no folder", "no/such/folder", "hub:name"])
def test_what_is_nowhere_is_refused(source):
    with pytest.raises(ModelFolderError, match=f"no teacher at {source}: there is no such folder"):
        read_teacher(source, CPU)


@pytest.mark.parametrize("prefix", ["", "hub:"])
def test_a_hub_id_that_cannot_be_had_is_refused(monkeypatch, prefix):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(
        ModelFolderError, match=r"config\.json of no-such-owner/teacher cannot be downloaded"
    ):
        read_teacher(f"{prefix}no-such-owner/teacher", CPU)


@pytest.mark.parametrize(
    ("teacher", "classes", "expected"),
    [
        (("World", "Sports"), ("Sports", "World"), [1, 0]),
        (("POSITIVE", "NEGATIVE"), ("negative", "positive"), [1, 0]),
        (("a", "A"), ("A", "a"), [1, 0]),
        (("LABEL_0", "LABEL_1", "LABEL_2"), (0, 1, 2), [0, 1, 2]),
        (("LABEL_1", "LABEL_0"), ("0", "1"), [1, 0]),
        (("10", "9"), (9, 10), [1, 0]),
        ((9, 10), ("10", "9"), [1, 0]),
    ],
)
def test_classes_are_found_by_their_names(teacher, classes, expected):
    assert columns_of(teacher, classes).tolist() == expected


@pytest.mark.parametrize(
    ("teacher", "classes"),
    [
        (("World", "Sports"), ("World", "Business")),
        (("World", "Sports", "Business"), ("World", "Business")),
        (("World", "Sports"), ("World", "Sports", "Business")),
        (("LABEL_0", "LABEL_1"), ("World", "Sports")),
        (("LABEL_0", "LABEL_1"), (1, 2)),
        (("a", "A"), ("a", "b")),
    ],
)
def test_other_classes_are_refused(teacher, classes):
    with pytest.raises(ConfigError, match=r"the teacher has the classes .*, the data .*id2label"):
        columns_of(teacher, classes)


def test_the_absence_of_transformers_names_the_extra(bert_folder):
    code = """
import sys
sys.modules["transformers"] = None  # importing it fails
from wave_network.errors import MissingExtraError
from wave_network.training.teacher import read_teacher
try:
    read_teacher(sys.argv[1], "cpu")
except MissingExtraError as error:
    print(error)
"""
    command = [sys.executable, "-c", code, str(bert_folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == (
        'a pretrained classifier needs the "transformers" extra: pip install '
        '"wave-network[transformers]"\n'
    )


def test_a_model_file_of_fasttext_teaches():
    teacher = read_teacher(str(PLACE / "subwords.bin"), CPU)
    assert columns_of(teacher.labels, ["Food", "sport", "space", "music"]).tolist() == [0, 3, 1, 2]
    np.testing.assert_array_equal(
        teacher.predict_proba(["bake bread"]),
        load(PLACE / "subwords.bin").predict_proba(["bake bread"]),
    )
    with pytest.raises(ConfigError, match="is a multi-label model"):
        read_teacher(str(PLACE / "ova.bin"), CPU)
