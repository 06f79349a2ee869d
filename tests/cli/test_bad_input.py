"""What bad input gets: one clear line, exit code 2, no traceback, and nothing written or lost."""

import gzip
import json
import random
import shutil
import subprocess
import sys
from contextlib import contextmanager

import pytest
from cli_helpers import SCRIPT, labelled_rows, write_csv

GOOD = "text,label\n" + "".join(f"{text.replace(',', '')},{y}\n" for text, y in labelled_rows())

# The file's name and content, options, and what the one line says.
UNUSABLE_DATA = {
    "missing file": ("few.csv", None, (), ["few.csv does not exist"]),
    "unknown extension": ("few.docx", GOOD, (), ["unknown extension", ".csv"]),
    "unknown text column": (
        "few.csv",
        GOOD,
        ("--text-column", "body"),
        ["no column 'body'", "'text', 'label'", "--text-column"],
    ),
    "unknown label column": (
        "few.csv",
        GOOD,
        ("--label-column", "topic"),
        ["no column 'topic'", "--label-column"],
    ),
    "latin-1": (
        "few.csv",
        GOOD.encode() + b"caf\xe9,animal\n",
        (),
        ["few.csv:62: not UTF-8", "--encoding windows-1252"],
    ),
    "utf-16": (
        "few.csv",
        GOOD.encode("utf-16-le"),
        (),
        ["few.csv: not UTF-8, but probably UTF-16", "--encoding utf-16-le"],
    ),
    "unknown encoding": ("few.csv", GOOD, ("--encoding", "utf-9"), ["--encoding must be", "utf-9"]),
    "unknown quoting": ("few.csv", GOOD, ("--quoting", "all"), ["--quoting must be", "'all'"]),
    "compressed": ("few.csv", gzip.compress(b"text"), (), ["compressed with gzip: add .gz"]),
    "empty file": ("few.csv", "", (), ["few.csv is empty"]),
    "a header alone": ("few.csv", "text,label\n", (), ["few.csv has no rows"]),
    "a row too short": ("few.csv", GOOD + "cat\n", (), ["few.csv:62:", "columns"]),
    "an open quote": (
        "few.csv",
        GOOD + '"a, b",animal\n"cat,animal\n',
        (),
        ["few.csv:63:", "quotes", "--quoting none"],
    ),
    "swallowed rows": (
        "few.csv",
        GOOD + '"a, b",animal\n"' + GOOD + 'cat",animal\n',
        (),
        ["few.csv:63:", "look like rows", "--quoting none", "--quoting csv"],
    ),
    "no label": ("few.csv", GOOD + "cat,\n", (), ["few.csv:62: no label"]),
    "broken json": ("few.jsonl", '{"text": "cat"\n', (), ["few.jsonl:1: not JSON"]),
    "json without the field": ("few.jsonl", '{"body": "cat"}\n', (), ["no field 'text'"]),
    "not parquet": ("few.parquet", "PAR1 but not really", (), ["few.parquet is not a parquet"]),
    "no fastText label": ("few.txt", "cat and dog\n", (), ["few.txt:1: no label", "__label__"]),
}
UNUSABLE_FOR_TRAINING = {
    "a single class": ("few.csv", "text,label\ncat,animal\ndog,animal\n", (), ["only one class"]),
}
UNKNOWN_LABEL = ("few.csv", GOOD + "salt,mineral\n", (), ["'mineral'", "not in the training data"])

BAD_OPTIONS = {
    ("--epochs", "0"): ["--epochs must be at least 1; got 0"],
    ("--epochs", "many"): ["'--epochs'", "integer", "train --help"],
    ("--learning-rate", "-1"): ["--learning-rate must be above 0, not -1"],
    ("--learning-rate", "nan"): ["--learning-rate", "nan"],
    ("--batch-size", "0"): ["--batch-size must be at least 1"],
    ("--patience", "0"): ["--patience must be at least 1"],
    ("--max-length", "1"): ["--max-length must be at least 2"],
    ("--seed", "-1"): ["--seed must be between 0 and"],
    ("--teacher", "nowhere"): ["no teacher at nowhere", "no such folder"],
    ("--teacher", "nowhere", "--distillation-weight", "1.5"): [
        "--distillation-weight must be",
        "0.0 and 1.0",
    ],
    ("--distillation-weight", "0.5"): ["--distillation-weight needs --teacher or --from"],
    ("--replay", "few.csv"): ["--replay is for continued training", "--from"],
    ("--from", "nowhere"): ["nowhere does not exist"],
    ("--from", "x", "--unlabeled", "few.csv"): ["x does not exist"],
    ("--unlabeled", "nowhere.csv"): ["nowhere.csv does not exist"],
    ("--teacher", "x", "--unlabeled", "nowhere.csv"): ["nowhere.csv does not exist"],
    ("--preset", "huge"): ["--preset must be one of small, tiny, large, paper; got 'huge'"],
    ("--operation", "addition"): ["--operation must be one of modulation, interference; got"],
    ("--device", "tpu"): ["--device must be one of auto, cpu, cuda, mps; got 'tpu'"],
    ("--tokenizer", "nowhere"): ["no tokenizer at nowhere"],
    ("--epoch", "3"): ["No such option: --epoch", "--epochs", "(see "],
    ("--text-column", "label"): ["'label' cannot be both the text and the label"],
    ("--output", "few.csv/model"): ["cannot write to few.csv"],
}


def parametrized(cases):
    return pytest.mark.parametrize(
        ("name", "content", "options", "fragments"), cases.values(), ids=cases
    )


def write(path, content):
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())


def assert_refused(ended, fragments, tmp_path, files):
    message = ended.message
    for fragment in fragments:
        assert fragment in message
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(files)


@parametrized({**UNUSABLE_DATA, **UNUSABLE_FOR_TRAINING})
def test_data_that_cannot_be_learnt_from(invoke, tmp_path, name, content, options, fragments):
    write(tmp_path / name, content)
    ended = invoke("train", name, *options)
    assert_refused(ended, fragments, tmp_path, [name] if content is not None else [])


@parametrized({**UNUSABLE_DATA, "a label unseen in training": UNKNOWN_LABEL})
def test_data_that_cannot_be_evaluated_on(
    invoke, tmp_path, tiny_model, name, content, options, fragments
):
    write(tmp_path / name, content)
    first, *rest = invoke("evaluate", tiny_model, name, *options).err.splitlines()
    line = rest[-1] if first.startswith("evaluating on ") else first
    for fragment in fragments:
        assert fragment in line
    assert line.startswith("wave-network: ")


@parametrized({name: case for name, case in UNUSABLE_DATA.items() if "label" not in name})
def test_files_that_cannot_be_predicted_from(
    invoke, tmp_path, tiny_model, name, content, options, fragments
):
    write(tmp_path / name, content)
    ended = invoke("predict", tiny_model, "--input", name, *options, "--output", "out.jsonl")
    assert_refused(ended, fragments, tmp_path, [name] if content is not None else [])


@pytest.mark.parametrize(("option", "fragments"), BAD_OPTIONS.items(), ids=" ".join)
def test_options_that_cannot_be_used(invoke, few, tmp_path, option, fragments):
    assert_refused(invoke("train", few, *option), fragments, tmp_path, ["few.csv"])


@pytest.mark.parametrize(
    ("arguments", "fragments"),
    [
        (("predict",), ["Missing argument 'MODEL'"]),
        (("predict", "MODEL"), ["give either texts", "--input"]),
        (("predict", "MODEL", "cat", "--input", "few.csv"), ["give either texts", "--input"]),
        (("predict", "MODEL", "cat", "--top-k", "0"), ["--top-k"]),
        (("predict", "MODEL", "caf\udce9"), ["text 1 is not UTF-8"]),
        (("predict", "MODEL", "-5"), ["No such option: -5"]),
        (("predict", "MODEL", "--input", "."), [". is a folder"]),
        (("evaluate", "MODEL", "."), ["no train.*"]),
        (("evaluate", "MODEL"), ["Missing argument 'DATA'"]),
        (("info",), ["Missing argument 'MODEL'"]),
        (("info", "few.csv"), ["few.csv is a file, not a model folder"]),
        (("info", "nowhere"), ["nowhere does not exist", "`train`"]),
        (("info", "."), ["config.json is missing", "not a model folder"]),
        (("info", "hub:no/such/name"), ["hub:no/such/name"]),
        (("train", "hub:nonsense"), ["hub:OWNER/NAME"]),
        (("trian",), ["No such command 'trian'"]),
        (("--colour",), ["No such option: --colour"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_commands_that_make_no_sense(invoke, few, tmp_path, tiny_model, arguments, fragments):
    words = [tiny_model if word == "MODEL" else word for word in arguments]
    assert_refused(invoke(*words), fragments, tmp_path, ["few.csv"])


@pytest.mark.parametrize(
    ("program", "arguments"),
    [
        ("train", ("nowhere.csv",)),
        ("predict", ("nowhere", "cat")),
        ("train", ("--epochs", "0")),
        ("evaluate", ("--wrong",)),
    ],
)
def test_a_process_of_its_own_ends_the_same_way(wave, tmp_path, program, arguments):
    assert_refused(wave(program, *arguments), [], tmp_path, [])


def test_test_labels_unseen_in_training_are_found_before_training(invoke, few, tmp_path):
    test = write_csv(tmp_path / "test.csv", [("salt", "mineral")])
    for option in ("--test", "--validation"):
        ended = invoke("train", few, "--preset", "tiny", option, test)
        fragments = ["'mineral'", "not in the training data", "'animal', 'colour'"]
        assert_refused(ended, fragments, tmp_path, ["few.csv", "test.csv"])


def test_a_teacher_of_other_classes_is_refused(invoke, few, tmp_path, number_model):
    ended = invoke("train", few, "--teacher", number_model)
    fragments = ["the teacher has the classes 3, 20, the data 'animal', 'colour'", "id2label"]
    assert_refused(ended, fragments, tmp_path, ["few.csv"])


def test_training_that_diverges_writes_no_model(invoke, few, tmp_path):
    ended = invoke(
        "train",
        few,
        "--preset",
        "tiny",
        "--epochs",
        1,
        "--batch-size",
        8,
        "--learning-rate",
        "1e30",
    )
    assert (ended.code, ended.out) == (2, "")
    assert "diverged" in ended.err.splitlines()[-1]
    assert "lower the learning rate" in ended.err.splitlines()[-1]
    assert [path.name for path in tmp_path.iterdir()] == ["few.csv"]


def test_an_existing_output_is_refused_before_training(invoke, few, tmp_path):
    folder = tmp_path / "wave-model"
    folder.mkdir()
    (folder / "config.json").write_text("precious")
    message = invoke("train", few, "--preset", "tiny").message  # not even one epoch was reported
    assert "wave-model exists" in message
    assert "--overwrite" in message
    assert (folder / "config.json").read_text() == "precious"


def test_overwrite_replaces_nothing_but_a_model_folder(invoke, few, tmp_path):
    folder = tmp_path / "thesis"
    folder.mkdir()
    (folder / "chapter.tex").write_text("precious")
    message = invoke("train", few, "--output", folder, "--overwrite").message
    assert "not a model folder" in message
    assert (folder / "chapter.tex").read_text() == "precious"
    assert "not a model folder" in invoke("train", few, "--output", few, "--overwrite").message
    assert few.read_text().startswith("text,label")


def without(folder, name):
    (folder / name).unlink()


def cut(folder, name):
    path = folder / name
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def scrambled(folder, name):
    (folder / name).write_bytes(random.Random(0).randbytes(2_000))


@pytest.mark.parametrize("damage", [without, cut, scrambled])
@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json"])
@pytest.mark.parametrize("command", ["predict", "evaluate", "info"])
def test_a_damaged_model_folder(invoke, few, tmp_path, tiny_model, command, name, damage):
    folder = tmp_path / "model"
    shutil.copytree(tiny_model, folder)
    damage(folder, name)
    operands = {"predict": ["cat"], "evaluate": [few], "info": []}[command]
    assert name in invoke(command, folder, *operands).message


@pytest.mark.parametrize(
    ("change", "fragment"),
    [
        ({"model_type": "bert"}, "does not describe a Wave Network model"),
        ({"format_version": 99}, "pip install --upgrade wave-network"),
        ({"model": {"labels": ["a", "b"], "gears": 5}}, "unknown model field 'gears'"),
        ({"model": None}, "damaged"),
    ],
)
def test_a_foreign_model_folder(invoke, tmp_path, tiny_model, change, fragment):
    folder = tmp_path / "model"
    shutil.copytree(tiny_model, folder)
    description = json.loads((folder / "config.json").read_text("utf-8"))
    (folder / "config.json").write_text(json.dumps({**description, **change}))
    assert fragment in invoke("predict", folder, "cat").message


def test_files_of_two_models_in_one_folder(invoke, tmp_path, tiny_model, sample_model):
    for name in ("tokenizer.json", "model.safetensors"):
        folder = tmp_path / name
        shutil.copytree(tiny_model, folder)
        shutil.copyfile(sample_model / name, folder / name)
        assert name in invoke("predict", folder, "cat").message


def test_a_defect_exits_with_1_and_asks_for_a_report(wave, tmp_path, tiny_model):
    (tmp_path / "safetensors").mkdir()
    (tmp_path / "safetensors" / "__init__.py").write_text("raise RuntimeError('broken install')")
    ended = wave("predict", tiny_model, "cat", env={"PYTHONPATH": str(tmp_path)})
    assert (ended.code, ended.out) == (1, "")
    assert "RuntimeError: broken install" in ended.err
    assert ended.err.splitlines()[-1].endswith("please report it with the lines above")


@pytest.fixture
def disk_that_takes():
    """Limit how much any file can hold, as a disk does that is nearly full."""
    resource = pytest.importorskip("resource")

    # Not for longer than needed: the test runner may be writing to a file, too.
    @contextmanager
    def limit(size):
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    return limit


def test_a_disk_that_fills_up_while_predicting(invoke, disk_that_takes, tmp_path, tiny_model):
    target = tmp_path / "out.jsonl"
    target.write_text("precious")
    with disk_that_takes(20_000):
        ended = invoke("predict", tiny_model, *["cat"] * 999, "--output", target, "--overwrite")
    assert f"cannot write {target}" in ended.message
    assert "nothing was changed" in ended.message
    assert target.read_text() == "precious"
    assert [path.name for path in tmp_path.iterdir()] == ["out.jsonl"]


def test_a_disk_that_fills_up_while_a_model_is_written(
    invoke, disk_that_takes, few, tmp_path, tiny_model
):
    folder = tmp_path / "model"
    shutil.copytree(tiny_model, folder)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    arguments = ("--preset", "tiny", "--epochs", 1, "--output", folder, "--overwrite")
    with disk_that_takes(30_000):
        ended = invoke("train", few, *arguments)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.splitlines()[-1].startswith(f"wave-network: cannot write {folder}")
    assert "Traceback" not in ended.err
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["few.csv", "model"]


def test_a_disk_too_full_for_the_working_copy(invoke, disk_that_takes, few, tmp_path, monkeypatch):
    monkeypatch.setattr("wave_network.scale.arrays.BYTES_IN_MEMORY", 0)
    with disk_that_takes(100):
        message = invoke("train", few).message
    assert "cannot be copied to the temporary folder" in message
    assert "TMPDIR" in message
    assert [path.name for path in tmp_path.iterdir()] == ["few.csv"]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /dev/full")
def test_standard_output_on_a_full_disk(tiny_model):
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [SCRIPT, "predict", tiny_model, "cat"],
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=60,
            check=False,
        )
    (line,) = done.stderr.decode().splitlines()
    assert done.returncode == 2
    assert "the disk is full" in line


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 4 bytes"),
        RuntimeError("CUDA out of memory. Tried to allocate 20.00 GiB"),
    ],
    ids=lambda error: f"{type(error).__name__} {error}",
)
def test_too_little_memory_is_no_bug(invoke, monkeypatch, tiny_model, error):
    def use_it_up(_):
        raise error

    monkeypatch.setattr("wave_network.persistence.folder.read_model", use_it_up)
    assert "there is not enough memory" in invoke("info", tiny_model).message
