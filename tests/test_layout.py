"""The rooms and their rules: what may import what, read from the code itself."""

import ast
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import wave_network

ROOT = Path(wave_network.__file__).parent
FACES = {"__init__", "__main__", "_version", "errors", "estimator", "model", "transformers"}
MOST_LINES = 400

MAY_IMPORT = {
    "_native": {"errors"},
    "config": {"errors"},
    "ops": set(),
    "huggingface.ids": {"errors"},
    "huggingface.download": {"errors", "huggingface"},
    "text": {"_native", "errors", "huggingface.download", "huggingface.ids"},
    # A labelling turns logits into probabilities by the same arithmetic on arrays as the models;
    # how temporary folders of killed runs are told from living ones is known in one place.
    "data": {
        *("config", "errors", "huggingface.ids", "models.numpy_ops", "persistence.leftovers"),
        "progress",
    },
    "few_labels": {
        *("_native", "_version", "config", "data", "errors", "huggingface", "models.numpy_ops"),
        *("persistence", "progress", "runtime", "text"),
    },
    "progress": {"errors"},
    "persistence.leftovers": set(),
    "models": {"_native", "config", "data.batch", "errors", "ops"},
    "evaluation": {"config", "data.labels", "data.targets", "errors", "models.numpy_ops"},
    "persistence": {
        *("_version", "config", "errors", "evaluation.metric_names", "evaluation.conformal"),
        "evaluation.out_of_scope",
        *("huggingface.download", "huggingface.ids", "text"),
        *("models.registry", "models.tensor_spec", "models.tensors"),
    },
    "runtime": {
        *("_native.threads", "config", "data", "errors", "evaluation.conformal", "models"),
        *("persistence", "text"),
        "evaluation.out_of_scope",
    },
    "few_labels.suggestions": {"config", "data", "errors", "progress", "runtime", "text"},
    # Word vectors are found in the vocabulary of a tokenizer; encoders are read for distilling.
    "few_labels.text_vectors": {"data.batch", "errors", "few_labels", "text"},
    "explain": {"errors", "models", "runtime"},
    "report": {
        *("_version", "config", "data", "errors", "evaluation", "explain", "models"),
        *("persistence", "progress", "runtime"),
    },
    "baselines": {"config", "data", "errors", "huggingface", "models", "text", "training"},
}
"""Each room (or module), and beside itself the rooms and modules that it may import."""

TORCH_FREE = (
    *("config", "data", "evaluation.conformal", "persistence", "runtime", "text"),
    "evaluation.out_of_scope",
    "few_labels.suggestions.suggest",
    *("models.registry", "models.attribution"),
    *(f"models.{family}.numpy_network" for family in ("wave", "local_wave")),
)


def modules():
    for path in sorted(ROOT.rglob("*.py")):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        yield name.removesuffix(".__init__") if name != "__init__" else "__init__", path


NAMES = {name for name, _ in modules()}


def imports_of(path):
    """Modules of ours that a file imports, also within functions, but not for types alone."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("wave_network"):
            base = node.module.removeprefix("wave_network").lstrip(".")
            for alias in node.names:
                inner = f"{base}.{alias.name}".lstrip(".")
                yield inner if inner in NAMES else base or "__init__"
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.startswith("wave_network."):
                    yield alias.name.removeprefix("wave_network.")


GRAPH = {name: set(imports_of(path)) - {name} for name, path in modules()}


def within(name, place):
    return name == place or name.startswith(f"{place}.")


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_a_room_imports_only_what_it_may(room):
    allowed = MAY_IMPORT[room] | {room}
    wrong = {
        (name, other)
        for name, others in GRAPH.items()
        if within(name, room)
        for other in others
        if not any(within(other, place) for place in allowed)
    }
    assert not wrong


def test_nothing_imports_the_command_line():
    importers = {name for name, others in GRAPH.items() if any(within(o, "cli") for o in others)}
    assert all(within(name, "cli") or name == "__main__" for name in importers)


def test_only_the_command_line_imports_the_experiments():
    importers = {
        name for name, others in GRAPH.items() if any(within(o, "experiments") for o in others)
    }
    assert all(within(name, "experiments") or within(name, "cli") for name in importers)


def test_no_module_imports_itself_by_way_of_others():
    # A package whose module only re-exports is no station on the way.
    try:
        TopologicalSorter(GRAPH).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def test_only_the_public_faces_stand_at_the_root():
    assert {path.stem for path in ROOT.glob("*.py")} == FACES


def test_no_module_is_long():
    lengths = {name: path.read_text(encoding="utf-8").count("\n") for name, path in modules()}
    assert not {name: length for name, length in lengths.items() if length > MOST_LINES}


def test_what_predicting_needs_imports_no_torch():
    names = [
        f"wave_network.{name}"
        for name in sorted(NAMES)
        if any(within(name, place) for place in TORCH_FREE)
    ]
    code = f"import sys, {', '.join(names)}; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
