"""Damaged and hostile model folders: each is refused in one line, or gives finite answers.

`WAVE_NETWORK_FUZZ_CALLS` sets how many folders of each kind are tried.
"""

import json
import math
import os
import shutil
import time
from contextlib import suppress
from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
from folder_edits import right_checksums

from wave_network.config import LocalWaveConfig
from wave_network.errors import WaveNetworkError
from wave_network.persistence.folder import read_history, read_model, write_model
from wave_network.runtime import Engine

FOLDERS = int(os.environ.get("WAVE_NETWORK_FUZZ_CALLS", "60"))
SEED = int(os.environ.get("WAVE_NETWORK_FUZZ_SEED", "0"))
TEXTS = ["", "a plain text", "\U0001f1e9" * 50, "a b " * 100, "\x00\ufeff"]
VALUES = (
    *(None, True, 0, 1, -1, 2, 0.5, 7, 255, 256, 2**31, 2**63, -(2**63), 10**30, 10**400),
    *(
        1e308,
        -1e308,
        1e-300,
        math.nan,
        math.inf,
        "",
        "x",
        "\ud800",
        "a\n\x1b[0m",
        "[UNK]",
        "9" * 400,
    ),
    *([], {}, [None], [[]], {"": 0}, ["a"] * 300, "9" * 400, "x" * 10_000),
)
HISTORY = [{"epoch": 1, "train_loss": 1.5, "validation": {"accuracy": 0.5, "loss": 0.7}}]


@pytest.fixture
def make_folder(tmp_path, make_files):
    """Makes a model folder of each kind."""

    def make(kind):
        if kind == "wave":
            files = make_files(variants="linear")
        else:
            files = make_files(config_class=LocalWaveConfig)
        if kind == "quantized":
            files = replace(files, table_bits=4)
        write_model(tmp_path / kind, files, card="", history=HISTORY)
        return tmp_path / kind

    return make


def changed_bytes(content, random):
    held = bytearray(content)
    for _ in range(random.integers(1, 5)):
        place = int(random.integers(len(held) + 1))
        kind = random.integers(4)
        if kind == 0 and place < len(held):
            held[place] = int(random.integers(256))
        elif kind == 1:
            del held[place : place + int(random.integers(1, 50))]
        elif kind == 2:
            held[place:place] = bytes(random.integers(256, size=random.integers(1, 9)).tolist())
        elif place < len(held):
            held[place] ^= 1 << int(random.integers(8))
    return bytes(held[: random.integers(len(held) + 1)] if random.random() < 0.1 else held)


def places_in(value, path=()):
    """Yield the path of every value within a JSON value."""
    yield path
    children = value.items() if isinstance(value, dict) else ()
    children = enumerate(value[:40]) if isinstance(value, list) else children
    for key, child in children:
        yield from places_in(child, (*path, key))


def changed_json(content, random):
    whole = json.loads(content)
    for _ in range(random.integers(1, 4)):
        places = [path for path in places_in(whole) if path]
        *path, last = places[random.integers(len(places))]
        parent = whole
        for key in path:
            parent = parent[key]
        if random.random() < 0.2:
            del parent[last]
        else:
            parent[last] = deepcopy(VALUES[random.integers(len(VALUES))])
        if not whole:
            break
    return json.dumps(whole).encode()


def changed_floats(content, random):
    """Safetensors, some of whose numbers are no longer finite or are huge."""
    held = bytearray(content)
    start = 8 + int.from_bytes(content[:8], "little")
    values = np.array([math.nan, math.inf, -math.inf, 3e38, -3e38, 1e-45, 0], "<f4")
    for _ in range(random.integers(1, 4)):
        place = start + 4 * int(random.integers((len(held) - start) // 4))
        held[place : place + 4] = values[random.integers(len(values))].tobytes()
    return bytes(held)


def damage(folder, random):
    names = sorted(path.name for path in folder.iterdir() if path.suffix in (".json", ".jsonl"))
    name = "model.safetensors" if random.random() < 0.3 else names[random.integers(len(names))]
    content = (folder / name).read_bytes()
    if name == "model.safetensors" and random.random() < 0.4:
        content = changed_floats(content, random)
    elif name.endswith(".json") and random.random() < 0.8:
        content = changed_json(content, random)
    else:
        content = changed_bytes(content, random)
    (folder / name).write_bytes(content)
    if random.random() < 0.02:
        (folder / name).unlink()
    return name


def outcome(folder):
    """The message with which the folder is refused; None if its answers are right in form."""
    try:
        engine = Engine(read_model(folder))
        read_history(folder)
        answers = engine.predict_proba(TEXTS)
        explanations = [explained.to_dict() for explained in engine.iter_explain(TEXTS)]
        engine.waves(TEXTS[1])
    except WaveNetworkError as error:
        return str(error)
    assert np.isfinite(answers).all()
    json.dumps(explanations, allow_nan=False)
    return None


@pytest.mark.parametrize("kind", ["wave", "local", "quantized"])
def test_a_damaged_folder_is_refused_or_harmless(make_folder, tmp_path, kind):
    whole, refused = make_folder(kind), 0
    for number in range(FOLDERS):
        random = np.random.default_rng((SEED, number))
        folder = tmp_path / "damaged"
        shutil.copytree(whole, folder)
        name = damage(folder, random)
        if random.random() < 0.7:
            with suppress(ValueError, AttributeError, TypeError, RecursionError, OSError):
                right_checksums(folder)  # fails if config.json itself is damaged
        started = time.perf_counter()
        try:
            message = outcome(folder)
        except Exception as error:
            raise AssertionError((number, name)) from error
        assert time.perf_counter() - started < 20, (number, name)
        if message is not None:
            refused += 1
            assert "\n" not in message, (number, name)
        shutil.rmtree(folder)
    assert refused > FOLDERS / 5
