"""Every example runs and answers well; the examples are the documentation's longest code."""

import runpy
from pathlib import Path

import matplotlib as mpl
import nbformat
import pytest

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
PRINTED = {
    "distillation.py": ["student", "test accuracy"],
    "intents.py": ["set_timer    set a timer for the eggs", "weather      will it snow"],
    "japanese.py": ["良い  親切で美味しい店でした", "悪い  態度が悪くて残念でした"],
    "language_model.py": ["held-out texts: 3.", "news: 2.", "other: ", "most surprising: "],
    "news.py": ["test accuracy: ", "Business", "Sports"],
    "support_tickets.py": [
        "billing   The invoice for my subscription is wrong",
        "delivery  The courier lost my parcel",
        "account   My password does not work and I cannot log in",
    ],
    "ten_labels.py": ["10 labels with the archive", "20 labels alone", "next: "],
}


def test_every_example_is_run_and_listed():
    assert sorted(path.name for path in EXAMPLES.glob("*.py")) == list(PRINTED)
    listed = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    for path in [*EXAMPLES.glob("*.py"), *EXAMPLES.glob("*.ipynb")]:
        assert f"]({path.name})" in listed


@pytest.mark.parametrize("name", PRINTED)
def test_an_example(name, capsys):
    runpy.run_path(str(EXAMPLES / name), run_name="__main__")
    printed = capsys.readouterr().out
    for text in PRINTED[name]:
        assert text in printed


@pytest.mark.parametrize("path", list(EXAMPLES.glob("*.ipynb")), ids=lambda path: path.name)
def test_a_notebook_runs_from_top_to_bottom_and_is_stored_without_output(path, capsys, monkeypatch):
    monkeypatch.setitem(mpl.rcParams, "backend", "agg")
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    names = {"__name__": "__main__"}
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert not cell.outputs
            exec(compile(cell.source, f"{path.name}, {cell.id}", "exec"), names)
    assert "test accuracy" in capsys.readouterr().out
    assert names["accuracy"] > 0.7
    assert names["explanation"].label == "Business"
