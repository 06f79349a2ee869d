import sys

from wave_network.export.graph import OPSET


def test_people_and_programs_are_told_what_was_written(wave, tiny_model, tmp_path):
    ended = wave("export", tiny_model, "--output", tmp_path / "a", "--int8", "--json")
    assert ended.code == 0
    (summary,) = ended.lines
    size = sum(path.stat().st_size for path in (tmp_path / "a").iterdir())
    assert summary == {
        "export": str(tmp_path / "a"),
        "format": "onnx",
        "opset": OPSET,
        "quantization": "int8",
        "size_bytes": size,
    }
    ended = wave("export", tiny_model, "--output", tmp_path / "b")
    assert ended.code == 0
    assert f"ONNX, opset {OPSET}, float32" in ended.out


def test_bad_options_are_one_line(invoke, tiny_model, tmp_path):
    message = invoke("export", tiny_model, "--output", tmp_path / "a", "--format", "gguf").message
    assert message == "--format must be onnx or web; got 'gguf'"
    message = invoke("export", tiny_model, "--output", tiny_model, "--overwrite").message
    assert message == f"{tiny_model} is not an export, so it is not replaced: choose another place"


def test_a_page_is_written_without_any_extra(wave, tiny_model, tmp_path):
    ended = wave("export", tiny_model, "--format", "web", "--output", tmp_path / "a", "--json")
    assert ended.code == 0
    (summary,) = ended.lines
    assert summary == {
        "export": str(tmp_path / "a"),
        "format": "web",
        "page": str(tmp_path / "a" / "index.html"),
        "quantization": None,
        "size_bytes": sum(path.stat().st_size for path in (tmp_path / "a").iterdir()),
    }
    ended = wave("export", tiny_model, "--format", "web", "--output", tmp_path / "b")
    assert f"python -m http.server --directory {tmp_path / 'b'}" in ended.out


def test_what_web_does_not_do_is_one_line(invoke, tiny_model, tmp_path):
    into = ("--format", "web", "--output", tmp_path / "a")
    message = invoke("export", tiny_model, *into, "--int8").message
    assert message == "--int8 is for --format onnx: quantize the model, and export the result"
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "mine.txt").write_text("x")
    message = invoke("export", tiny_model, *into, "--overwrite").message
    assert "is not an export to the web, so it is not replaced" in message
    assert (tmp_path / "a" / "mine.txt").exists()


def test_without_onnx_the_extra_is_named(wave, tiny_model, tmp_path):
    code = """
import sys
sys.modules["onnx"] = None
from wave_network.cli import main
main()
"""
    program = (sys.executable, "-c", code)
    message = wave("export", tiny_model, "--output", tmp_path / "a", program=program).message
    assert 'pip install "wave-network[onnx]"' in message
    assert not (tmp_path / "a").exists()
