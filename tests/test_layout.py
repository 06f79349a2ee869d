"""The rooms and their rules: what may import what, read from the code itself."""

import ast
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest
from absent import BEYOND_BASE

import wave_network

ROOT = Path(wave_network.__file__).parent
FACES = {
    "__init__",
    "__main__",
    "_version",
    "errors",
    "estimator",
    "model",
    "scikit_learn",
    "transformers",
}
MOST_LINES = 400

MAY_IMPORT = {
    "_native": {"errors"},
    "config": {"errors"},
    "ops": set(),
    "numerics": {"_native", "errors"},
    "huggingface.ids": {"errors"},
    "huggingface.download": {"errors", "huggingface"},
    "text": {"_native", "errors", "huggingface.download", "huggingface.ids"},
    # Arrays that may be larger than memory are a matter of NumPy and files alone.
    "scale.arrays": {"errors"},
    # A labelling turns logits into probabilities by the same arithmetic on arrays as the models.
    "data": {
        *("config", "errors", "huggingface.ids", "models.numpy_ops", "progress"),
        *("scale.arrays", "scale.cache"),
    },
    # What is kept on disk is written as model folders are: whole or not at all.
    "scale.cache": {
        "_version",
        "errors",
        "persistence.atomic",
        "persistence.leftovers",
        "persistence.paths",
    },
    "few_labels": {
        *("_native", "_version", "config", "data", "errors", "huggingface", "models.numpy_ops"),
        *("numerics", "persistence", "progress", "runtime", "scale.arrays", "text"),
    },
    "progress": {"errors"},
    "persistence.leftovers": set(),
    "models": {"_native", "config", "data.batch", "errors", "numerics", "ops"},
    "evaluation": {
        *("_native", "config", "data.labels", "data.targets", "data.training_data", "errors"),
        *("models.numpy_ops", "numerics"),
    },
    "persistence": {
        *("_version", "config", "errors", "evaluation.metric_names", "evaluation.conformal"),
        "evaluation.out_of_scope",
        *("huggingface.download", "huggingface.ids", "text"),
        *("models.registry", "models.tensor_spec", "models.tensors", "models.wave_lm.tensors"),
        "fasttext.file",
    },
    # The archived module's interface trains our models; what reads its files knows none of ours.
    "fasttext.file": {
        *("config", "errors", "models.fasttext", "models.tensor_spec"),
        *("text.fasttext_dictionary", "text.fasttext_tokenizer"),
    },
    "runtime": {
        *("_native.threads", "config", "data", "errors", "evaluation.conformal", "models"),
        *("numerics", "persistence", "text"),
        "evaluation.out_of_scope",
    },
    "few_labels.suggestions": {
        *("config", "data", "errors", "few_labels.words", "numerics", "progress"),
        *("runtime", "text"),
    },
    # Word vectors are found in the vocabulary of a tokenizer; encoders are read for distilling.
    "few_labels.text_vectors": {"data.batch", "errors", "few_labels", "numerics", "text"},
    "scale": {
        *("_native.threads", "_version", "config", "data", "errors", "huggingface.ids"),
        *("persistence", "progress", "runtime", "text", "training", "tuning"),
    },
    "explain": {"errors", "models", "runtime"},
    "serve": {
        *("_version", "config", "data.json_values", "data.values", "errors", "export.web"),
        *("persistence", "runtime"),
    },
    "report": {
        *("_version", "config", "data", "errors", "evaluation", "explain", "models"),
        *("persistence", "progress", "runtime"),
    },
    "baselines": {"config", "data", "errors", "huggingface", "models", "text", "training"},
}
"""Each room (or module), and beside itself the rooms and modules that it may import."""

LIGHT = (
    *("config", "data", "evaluation", "numerics", "persistence", "runtime", "text"),
    "few_labels.suggestions.suggest",
    "few_labels.teacher",
    "few_labels.archive",
    *("models.registry", "models.attribution"),
    *("fasttext.file", "fasttext.unsupervised", "models.fasttext", "training.vectors"),
    *(f"models.{family}.numpy_network" for family in ("wave", "local_wave", "wave_lm")),
    *(f"training.local_wave.{name}" for name in ("linear_part", "lsa")),
)
"""What predicting and the linear part need: NumPy, but not torch, SciPy or scikit-learn."""

WITH_EXTRAS = (
    *("model", "ops", "transformers"),
    *("models.local_wave.autograd", "models.local_wave.network", "models.wave.network"),
    *("models.wave_lm.network", "training.pretraining.loop", "training.pretraining.steps"),
    *("models.torch_logits", "models.torch_network", "models.torch_random"),
    "scale.ray_scoring",
    *("scale.ray_reports", "scale.ray_training", "scale.ray_tuning"),
    *("training.device", "training.encoder_teacher", "training.losses", "training.optimizer"),
    *("training.row_adam", "training.torch_model", "training.torch_replica"),
    *("training.torch_steps", "training.torch_worker"),
    *("few_labels.encoders", "export.graph", "export.onnx", "report.page"),
    *(f"serve.{name}" for name in ("app", "endpoints", "metrics", "protocol", "server", "service")),
    *("serve.start", "serve.workers"),
    *("tuning.progress", "tuning.run", "tuning.space", "tuning.study"),
    *(f"baselines.{name}" for name in ("bag", "encoder", "language_models", "padding")),
    *("baselines.transformer", "baselines.transformer_classifier"),
    *("experiments.complexity_runs", "experiments.counting", "experiments.models"),
    *("experiments.predictions", "experiments.running", "experiments.textbook"),
)
"""What needs a package of an extra to be imported; the base imports these only inside functions."""

MAY_USE = {
    "torch": {
        *("baselines", "data.batch", "experiments", "few_labels.encoders", "model", "models"),
        *("ops", "training", "transformers"),
    },
    "accelerate": {"training.model", "training.processes", "training.torch_replica"},
    "transformers": {
        *("baselines", "huggingface.pretrained", "training.encoder_teacher", "transformers"),
    },
    "datasets": {"data.hub"},
    "pyarrow": {"cli.predict", "cli.suggest", "data"},
    "scipy": {"numerics.svm"},
    "sklearn": {
        *("baselines", "experiments.baselines", "numerics.svm", "scikit_learn"),
        "training.model",  # asks whether it is there
    },
    "starlette": {"serve"},
    "uvicorn": {"serve"},
    "prometheus_client": {"serve"},
    "ray": {"scale"},
    "pandas": set(),
    "polars": set(),
}
"""Which rooms and modules import a package of an extra at all, also inside functions."""


def modules():
    for path in sorted(ROOT.rglob("*.py")):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        yield name.removesuffix(".__init__") if name != "__init__" else "__init__", path


NAMES = {name for name, _ in modules()}


def imports_of(path, *, within_functions=True):
    """Modules of ours that a file imports, but not for types alone."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in statements(tree, within_functions=within_functions):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("wave_network"):
            base = node.module.removeprefix("wave_network").lstrip(".")
            for alias in node.names:
                inner = f"{base}.{alias.name}".lstrip(".")
                yield inner if inner in NAMES else base or "__init__"
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.startswith("wave_network."):
                    yield alias.name.removeprefix("wave_network.")


def packages_of(path, *, within_functions=True):
    """Packages that a file imports, but not for types alone."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in statements(tree, within_functions=within_functions):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]


def statements(node, *, within_functions):
    """All statements that run when a module is imported; or those inside functions, too."""
    for inner in ast.iter_child_nodes(node):
        if isinstance(inner, ast.If) and ast.unparse(inner.test) == "TYPE_CHECKING":
            continue
        if isinstance(inner, ast.FunctionDef) and not within_functions:
            continue
        yield inner
        yield from statements(inner, within_functions=within_functions)


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


def test_what_predicting_and_the_linear_part_need_is_light():
    names = [
        f"wave_network.{name}"
        for name in sorted(NAMES)
        if any(within(name, place) for place in LIGHT)
    ]
    heavy = "{'torch', 'scipy', 'sklearn'}"
    code = f"import sys, {', '.join(names)}; sys.exit(bool({heavy} & {{*sys.modules}}))"
    subprocess.run([sys.executable, "-c", code], check=True)


def needs_extra(name):
    return any(within(name, place) for place in WITH_EXTRAS)


def test_modules_of_the_base_need_no_extra_to_be_imported():
    wrong = {}
    for name, path in modules():
        if needs_extra(name):
            continue
        ours = set(filter(needs_extra, imports_of(path, within_functions=False)))
        packages = set(packages_of(path, within_functions=False)) & BEYOND_BASE
        if ours | packages:
            wrong[name] = ours | packages
    assert not wrong


@pytest.mark.parametrize("package", MAY_USE)
def test_a_package_of_an_extra_is_imported_only_where_it_may(package):
    users = {name for name, path in modules() if package in packages_of(path)}
    assert not {
        name for name in users if not any(within(name, place) for place in MAY_USE[package])
    }
