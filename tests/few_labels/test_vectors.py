import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
from fake_hub import fake_hub
from language_models import write_small
from tiny_encoder import WORDS, bert_tokenizer

from wave_network.errors import DataError, ModelFolderError
from wave_network.few_labels.encoders import write_distilled
from wave_network.few_labels.vector_folders import read_vector_folder, write_vector_folder
from wave_network.few_labels.vector_table import frequency_weights
from wave_network.few_labels.vectors import MOST_NUMBERS, read_vectors


def test_the_set_in_the_package():
    vectors = read_vectors("auto")
    assert vectors.name == "english"
    assert isinstance(vectors.words, tuple)
    assert vectors.vectors.shape == (len(vectors.words), 128)
    assert not vectors.cased


def test_a_vec_file_is_centred_and_weighted(tmp_path):
    rows = np.random.default_rng(0).normal(size=(50, 6)) + 3
    lines = [f"w{place} {' '.join(map(str, row))}\n" for place, row in enumerate(rows)]
    (tmp_path / "a.vec").write_text("".join(lines), encoding="utf-8")
    found = read_vectors(str(tmp_path / "a.vec"))
    assert found.name == str(tmp_path / "a.vec")
    assert found.words == tuple(f"w{place}" for place in range(50))
    unweighted = found.vectors / frequency_weights(50)[:, None]
    centred = rows - rows.mean(axis=0)
    np.testing.assert_allclose(unweighted @ unweighted.T, centred @ centred.T, atol=1e-3)


def test_wide_vectors_are_reduced(tmp_path):
    rows = np.random.default_rng(0).normal(size=(40, MOST_NUMBERS + 50)).round(3)
    lines = [f"w{place} {' '.join(map(str, row))}\n" for place, row in enumerate(rows)]
    (tmp_path / "a.vec").write_text("".join(lines), encoding="utf-8")
    assert read_vectors(str(tmp_path / "a.vec")).vectors.shape == (40, MOST_NUMBERS)
    wide = np.random.default_rng(0).normal(size=(22, MOST_NUMBERS + 50)).astype(np.float32)
    (tmp_path / "folder").mkdir()
    write_vector_folder(tmp_path / "folder", bert_tokenizer(), wide, "an encoder")
    assert read_vectors(str(tmp_path / "folder")).vectors.shape == (len(WORDS), MOST_NUMBERS)


def test_an_encoder_is_distilled_as_the_command_does(encoder_folder, tmp_path):
    write_distilled(str(encoder_folder), tmp_path / "vectors", 128)
    written, found = read_vectors(str(tmp_path / "vectors")), read_vectors(str(encoder_folder))
    assert written.words == found.words == tuple(WORDS)
    np.testing.assert_allclose(written.vectors, found.vectors, atol=1e-3)
    assert not found.cased


def test_a_folder_without_a_description_is_read_as_vectors(encoder_folder, tmp_path):
    write_distilled(str(encoder_folder), tmp_path / "vectors", 8)
    (tmp_path / "vectors" / "config.json").unlink()
    assert read_vectors(str(tmp_path / "vectors")).words == tuple(WORDS)


def test_vectors_and_encoders_on_the_hub(encoder_folder, tmp_path):
    write_distilled(str(encoder_folder), tmp_path / "vectors", 8)
    code = "\n".join(
        [
            "import sys, numpy as np",
            "from wave_network.few_labels.vectors import read_vectors",
            "for name in sys.argv[1:]:",
            "    found = read_vectors(f'hub:{name}')",
            "    print(found.name, len(found.words), found.vectors.shape[1])",
        ]
    )
    with fake_hub() as hub:
        for name, folder in (("a/vectors", tmp_path / "vectors"), ("a/encoder@v1", encoder_folder)):
            hub.repositories[name] = {path.name: path.read_bytes() for path in folder.iterdir()}
        done = subprocess.run(
            [sys.executable, "-c", code, "a/vectors", "a/encoder@v1"],
            env={**os.environ, **hub.env(tmp_path / "home")},
            capture_output=True,
            text=True,
            check=True,
        )
    assert done.stdout.splitlines() == ["hub:a/vectors 16 8", "hub:a/encoder@v1 16 24"]


def wave_network_model(folder):
    (folder / "config.json").write_text(json.dumps({"model_type": "wave-network"}), "utf-8")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("missing", "no vectors at missing: there is no such file or folder"),
        ("owner/name", r"no such file or folder \(if it is on the Hub: hub:owner/name\)"),
        ("hub:name", "is no repository on the Hub: give hub:OWNER/NAME"),
        ("zero\0byte", "no vectors at zero|cannot be read"),
        ("", "has no tokenizer.json"),
    ],
)
def test_a_source_that_is_none(tmp_path, monkeypatch, source, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelFolderError, match=message):
        read_vectors(source)


def test_a_model_of_ours_is_no_source(tmp_path):
    wave_network_model(tmp_path)
    with pytest.raises(ModelFolderError, match="is a Wave Network model, not word vectors"):
        read_vectors(str(tmp_path))
    lm = write_small(tmp_path / "lm")
    with pytest.raises(ModelFolderError, match=r"is a language model, .* it has read as unlabeled"):
        read_vectors(str(lm))


def test_a_file_of_something_else(tmp_path):
    (tmp_path / "a.csv").write_text("text,label\na,b\n", "utf-8")
    with pytest.raises(DataError, match="holds no word vectors"):
        read_vectors(str(tmp_path / "a.csv"))


def test_reading_vectors_needs_neither_torch_nor_scipy(encoder_folder, tmp_path):
    write_distilled(str(encoder_folder), tmp_path / "vectors", 8)
    shutil.copyfile(tmp_path / "vectors" / "tokenizer.json", tmp_path / "tokenizer.json")
    (tmp_path / "a.vec").write_text("the 1 2\ncat 2 1\n", "utf-8")
    code = "\n".join(
        [
            "import sys",
            "from wave_network.few_labels.vectors import read_vectors",
            "for source in sys.argv[1:]: read_vectors(source)",
            "sys.exit(any(name in sys.modules for name in ('torch', 'scipy', 'sklearn')))",
        ]
    )
    sources = ["auto", str(tmp_path / "vectors"), str(tmp_path / "a.vec")]
    subprocess.run([sys.executable, "-c", code, *sources], check=True)


def test_the_written_vectors_are_what_is_read(encoder_folder, tmp_path):
    write_distilled(str(encoder_folder), tmp_path / "vectors", 8)
    table = read_vector_folder(tmp_path / "vectors")
    np.testing.assert_array_equal(read_vectors(str(tmp_path / "vectors")).vectors, table.vectors)
