"""Loading models for the archived module's interface."""

import subprocess
import sys

import numpy as np
import pytest
from fasttext_models import LINES, MODELS, PLACE

from wave_network import fasttext
from wave_network.errors import ModelFolderError
from wave_network.fasttext.converting import convert_model

NEEDS_UTF8 = [line[:-1].decode() for line in LINES[:4]]


def test_a_file_that_is_none_and_one_that_is_not_there(tmp_path):
    (tmp_path / "other.bin").write_bytes(b"not a model")
    with pytest.raises(ValueError, match=r"other\.bin has wrong file format!"):
        fasttext.load_model(tmp_path / "other.bin")
    with pytest.raises(ModelFolderError, match="does not exist"):
        fasttext.load_model(str(tmp_path / "nowhere.bin"))


@pytest.mark.parametrize("name", ["subwords.bin", "pruned.ftz", "hs.bin", "output.ftz"])
def test_a_converted_model_gives_the_same_answers(name, tmp_path):
    convert_model(PLACE / name, tmp_path / "folder")
    file, folder = fasttext.load_model(PLACE / name), fasttext.load_model(tmp_path / "folder")
    for labels in zip(file.predict(NEEDS_UTF8, 3), folder.predict(NEEDS_UTF8, 3), strict=True):
        np.testing.assert_equal(*labels)
    assert folder.get_words() == file.get_words()
    assert folder.test(PLACE / "test.txt") == file.test(PLACE / "test.txt")
    with pytest.raises(ValueError, match="copy the folder"):
        folder.save_model(tmp_path / "again.bin")


def test_tokenize():
    assert fasttext.tokenize("a b\tc\n d __label__x") == ["a", "b", "c", "</s>", "d", "__label__x"]
    assert fasttext.tokenize("</s> é\0x") == ["</s>", "é", "x"]
    assert fasttext.tokenize("") == []


def test_the_names_of_the_module():
    assert set(fasttext.__all__) <= set(dir(fasttext))
    assert all(getattr(fasttext, name) for name in fasttext.__all__)
    assert (fasttext.EOS, fasttext.BOW, fasttext.EOW) == ("</s>", "<", ">")
    with pytest.raises(AttributeError, match="skipgram"):
        fasttext.skipgram  # noqa: B018


def test_packages_that_import_the_archived_module_find_it():
    code = (
        "import sys\n"
        "from wave_network import fasttext as ours\n"
        "sys.modules['fasttext'] = ours\n"
        "import fasttext\n"
        "fasttext.FastText.eprint = lambda *args: None\n"
        "from fasttext import load_model\n"
        "from fasttext.FastText import _FastText, tokenize, train_supervised\n"
        f"model = fasttext.FastText.load_model({str(PLACE / 'hs.bin')!r})\n"
        "assert isinstance(model, _FastText) and isinstance(model, fasttext.FastText._FastText)\n"
        "assert tokenize('a b') == ['a', 'b'] and train_supervised is ours.train_supervised\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_importing_the_package_and_reading_a_file_loads_no_training():
    code = (
        "import sys, wave_network\n"
        "assert not any(name.startswith('wave_network.fasttext') for name in sys.modules)\n"
        "from wave_network import fasttext\n"
        f"fasttext.load_model({str(PLACE / 'hs.bin')!r}).predict('bread')\n"
        "assert not any(name.startswith('wave_network.training') for name in sys.modules)\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_model_is_loaded():
    assert len(MODELS) == 11
