import hashlib
import json
import logging
import shutil
import subprocess
import sys
from textwrap import dedent

import numpy as np
import pytest

from wave_network.errors import OutputError
from wave_network.scale.cache import Cache, digest_of_arrays, digest_of_file, key_of

ARRAYS = {
    "ids": np.arange(1_000, dtype=np.int32),
    "weights": np.array([0.5, 2.0]),
    "table": np.arange(6, dtype=np.float32).reshape(2, 3),
    "none": np.empty(0, np.uint8),
}
KEY = key_of("some data")


def written(folder):
    return Cache(folder).write("ids", KEY, "ids", ARRAYS, {"texts": 7})


def entry_folder(folder):
    (entry,) = folder.iterdir()
    return entry


def check(entry):
    assert entry.facts == {"texts": 7}
    assert entry.arrays.keys() == ARRAYS.keys()
    for name, array in entry.arrays.items():
        assert array.dtype == ARRAYS[name].dtype
        assert np.array_equal(array, ARRAYS[name])


def test_an_entry_is_read_as_it_was_written(tmp_path):
    check(written(tmp_path / "cache"))
    cache = Cache(tmp_path / "cache")
    assert cache.read("ids", key_of("other data"), "ids") is None
    assert cache.read("texts", KEY, "texts") is None
    check(cache.read("ids", KEY, "ids"))
    size = sum(array.nbytes for array in ARRAYS.values())
    assert cache.summary() == {
        "folder": str(tmp_path / "cache"),
        "reused_bytes": size,
        "written_bytes": 0,
    }


def test_changes_of_an_array_do_not_reach_the_file(tmp_path):
    written(tmp_path / "cache").arrays["ids"][:] = 0
    check(Cache(tmp_path / "cache").read("ids", KEY, "ids"))


def cut(path):
    path.write_bytes(path.read_bytes()[:-1])


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def rewrite(path, old, new, *, signed=False):
    """Change a description; as somebody would who knows that it has a digest."""
    digest, text = path.read_text().split("\n")
    assert old in text
    text = text.replace(old, new)
    digest = hashlib.sha256(text.encode()).hexdigest() if signed else digest
    path.write_text(f"{digest}\n{text}")


DAMAGES = {
    "cut short": lambda entry: cut(entry / "ids.bin"),
    "changed": lambda entry: flip(entry / "ids.bin"),
    "missing": lambda entry: (entry / "table.bin").unlink(),
    "description cut short": lambda entry: cut(entry / "entry.txt"),
    "description missing": lambda entry: (entry / "entry.txt").unlink(),
    "description of nothing": lambda entry: (entry / "entry.txt").write_text("[]"),
    "another fact": lambda entry: rewrite(entry / "entry.txt", '"texts": 7', '"texts": 8'),
    "of other data": lambda entry: rewrite(entry / "entry.txt", KEY, key_of("x"), signed=True),
    "another path": lambda entry: rewrite(
        entry / "entry.txt", '"ids"', '"../../../secret"', signed=True
    ),
    "another type": lambda entry: rewrite(entry / "entry.txt", '"int32"', '"object"', signed=True),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_entry_is_not_used_and_made_again(damage, tmp_path, caplog):
    written(tmp_path / "cache")
    DAMAGES[damage](entry_folder(tmp_path / "cache"))
    cache = Cache(tmp_path / "cache")
    with caplog.at_level(logging.WARNING):
        assert cache.read("ids", KEY, "ids") is None
    assert "is damaged" in caplog.text
    assert cache.reused == 0
    check(written(tmp_path / "cache"))
    check(Cache(tmp_path / "cache").read("ids", KEY, "ids"))


def test_a_folder_with_other_files_is_refused_and_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("precious")
    with pytest.raises(OutputError, match=r"holds other files .*thesis\.txt.*cache"):
        Cache(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]
    with pytest.raises(OutputError, match="cannot be a cache"):
        Cache(tmp_path / "thesis.txt")


def test_an_entry_with_other_files_is_refused_and_left_alone(tmp_path):
    written(tmp_path / "cache")
    entry = entry_folder(tmp_path / "cache")
    cut(entry / "ids.bin")
    (entry / "thesis.txt").write_text("precious")
    with pytest.raises(OutputError, match=r"thesis\.txt"):
        written(tmp_path / "cache")
    assert (entry / "thesis.txt").read_text() == "precious"


def test_what_killed_runs_left_is_removed(tmp_path):
    written(tmp_path / "cache")
    entry = entry_folder(tmp_path / "cache")
    left = entry.with_name(f".{entry.name}.wave-network-abcd_123")
    shutil.copytree(entry, left / "new")
    Cache(tmp_path / "cache")
    assert entry_folder(tmp_path / "cache") == entry


FULL = """
    import resource, sys
    import numpy as np
    from wave_network.errors import OutputError
    from wave_network.scale.cache import Cache, key_of
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
    try:
        Cache(sys.argv[1]).write("ids", key_of(1), "ids", {"ids": np.zeros(99_999)}, {})
    except OutputError as error:
        print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on the size of files")
def test_a_full_disk_leaves_nothing(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", dedent(FULL), str(tmp_path / "cache")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith(f"cannot write {tmp_path / 'cache'}")
    assert list((tmp_path / "cache").iterdir()) == []


def test_digests_tell_arrays_and_files_apart(tmp_path):
    ones = np.ones(4, np.int32)
    different = [
        digest_of_arrays(ones),
        digest_of_arrays(ones[:2]),
        digest_of_arrays(ones.astype(np.int64)),
        digest_of_arrays(ones, None),
        digest_of_arrays(ones[:2], ones[:2]),
        digest_of_arrays(ones.reshape(2, 2)),
    ]
    assert len(set(different)) == len(different)
    assert digest_of_arrays(ones[::2]) == digest_of_arrays(ones[:2])
    (tmp_path / "a").write_text("x")
    (tmp_path / "b").write_text("x ")
    assert digest_of_file(tmp_path / "a") != digest_of_file(tmp_path / "b")
    assert json.loads(json.dumps(key_of("a"))) != key_of("b")
