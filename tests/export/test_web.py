"""The folder of a playground: the page, the engine and the model, and nothing that calls out."""

import json
import re

import pytest
from fasttext_models import PLACE
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from wave_network import load
from wave_network.config import LocalWaveConfig, ModelConfig
from wave_network.errors import ConfigError, OutputError
from wave_network.export.web import web_files, web_model_files, write_web
from wave_network.persistence.card import render_card
from wave_network.persistence.folder import write_model
from wave_network.text import TextTokenizer

POLICY = re.compile(r'Content-Security-Policy" content="(.+?)"')


def write(folder, files):
    write_model(folder, files, card=render_card(files), history=[])
    return folder


def tokenizer_with(model, pre_tokenizer, normalizer=None):
    tokenizer = Tokenizer(model)
    tokenizer.normalizer, tokenizer.pre_tokenizer = normalizer, pre_tokenizer
    return TextTokenizer(tokenizer, 16)


def test_it_holds_the_page_the_engine_and_the_model(sample_model, tmp_path):
    summary = write_web(sample_model, tmp_path / "page")
    names = {path.name for path in (tmp_path / "page").iterdir()}
    assert names >= {"index.html", "playground.js", "index.js", "icon.svg", "tokenizer.json"}
    assert not names & {"node.js", "README.md", "metrics.json", "history.jsonl"}
    assert summary["size_bytes"] == sum(p.stat().st_size for p in (tmp_path / "page").iterdir())
    assert load(tmp_path / "page").predict(["Oil"]) == load(sample_model).predict(["Oil"])


def test_every_file_that_is_named_is_there(sample_model):
    files = web_files()
    for name, content in files.items():
        text = content.decode()
        for other in re.findall(r'(?:from|src=|href=) ?"(?:\./)?([\w.-]+)"', text):
            assert other in files, (name, other)
    checksums = json.loads(web_model_files(sample_model)["config.json"])["checksums"]
    assert set(checksums) == set(web_model_files(sample_model)) - {"config.json"}


def test_the_page_runs_no_code_of_others():
    page = web_files()["index.html"].decode()
    (policy,) = POLICY.findall(page)
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert not re.search(r"<script(?! type=\"module\" src=)|<style|\sstyle=|\son\w+=", page)
    everything = b"".join(web_files().values()).decode()
    addresses = set(re.findall(r"https?://[\w./]+", everything))
    assert addresses == {"http://www.w3.org/2000/svg"}
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|eval\(|new Function", everything)


def test_a_model_without_checksums_gets_them(sample_model, tmp_path):
    folder = tmp_path / "old"
    folder.mkdir()
    for path in sample_model.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    config = json.loads((folder / "config.json").read_text("utf-8"))
    expected = config.pop("checksums")
    (folder / "config.json").write_text(json.dumps(config), "utf-8")
    assert json.loads(web_model_files(folder)["config.json"])["checksums"] == expected


def test_only_an_export_to_the_web_is_replaced(sample_model, tmp_path):
    write_web(sample_model, tmp_path / "page")
    with pytest.raises(OutputError, match="exists"):
        write_web(sample_model, tmp_path / "page")
    write_web(sample_model, tmp_path / "page", overwrite=True)
    (tmp_path / "page" / "mine.txt").write_text("x", "utf-8")
    with pytest.raises(OutputError, match=r"mine\.txt"):
        write_web(sample_model, tmp_path / "page", overwrite=True)
    with pytest.raises(OutputError, match="is not an export to the web"):
        write_web(sample_model, sample_model, overwrite=True)


def test_models_that_the_engine_does_not_read_are_refused(make_files, tmp_path):
    sentences = write(tmp_path / "a", make_files(levels=("sentence", "input")))
    with pytest.raises(ConfigError, match="sentence-level"):
        write_web(sentences, tmp_path / "page")
    unigram = tokenizer_with(
        models.Unigram([("<unk>", 0.0), ("oil", -1.0)], unk_id=0), pre_tokenizers.Metaspace()
    )
    with pytest.raises(ConfigError, match="with this tokenizer"):
        write_web(write(tmp_path / "b", make_files(tokenizer=unigram)), tmp_path / "page")
    digits = tokenizer_with(
        models.WordPiece({"[UNK]": 0, "oil": 1}, unk_token="[UNK]"),
        pre_tokenizers.Sequence([pre_tokenizers.BertPreTokenizer(), pre_tokenizers.Digits()]),
        normalizers.BertNormalizer(),
    )
    files = make_files(tokenizer=digits, config_class=LocalWaveConfig)
    with pytest.raises(ConfigError, match="with this tokenizer"):
        write_web(write(tmp_path / "c", files), tmp_path / "page")
    assert not (tmp_path / "page").exists()


def test_a_model_file_of_fasttext_is_converted(tmp_path):
    write_web(PLACE / "pruned.ftz", tmp_path / "page")
    texts = ["bake the bread", ""]
    found = load(tmp_path / "page").predict(texts)
    assert found == load(PLACE / "pruned.ftz").predict(texts)


@pytest.mark.parametrize("config_class", [ModelConfig, LocalWaveConfig])
def test_models_of_both_families_are_written(make_files, tmp_path, config_class):
    model = write(tmp_path / "model", make_files(config_class=config_class))
    assert write_web(model, tmp_path / "page")["quantization"] is None
