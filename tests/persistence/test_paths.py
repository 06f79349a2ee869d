import os
from pathlib import Path

import pytest

from wave_network.errors import OutputError
from wave_network.persistence.paths import check_apart, check_utf8


def test_one_file_by_two_paths_is_found(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    here = Path("a.txt")
    Path("folder").symlink_to(tmp_path)
    for other in (tmp_path / "a.txt", Path("folder/a.txt"), Path("folder/folder/a.txt")):
        with pytest.raises(OutputError, match=r"output and input_file both name a\.txt"):
            check_apart({"output": here}, {"input_file": str(other)})
        with pytest.raises(OutputError, match=r"output and page both name a\.txt"):
            check_apart({"output": here, "page": other}, {})
    here.write_text("x")
    os.link(here, "b.txt")
    with pytest.raises(OutputError, match="both name"):
        check_apart({"output": here}, {"input_file": "b.txt"})


def test_different_files_and_what_is_not_given_are_apart(tmp_path):
    check_apart({"output": tmp_path / "a", "page": None}, {"data": "sample", "training": None})
    check_apart({"output": tmp_path / "a"}, {"data": "x", "training": "x"})  # both are only read


def test_a_path_that_is_not_utf_8_is_named():
    check_utf8("café", "output")
    with pytest.raises(OutputError, match=r"output: the path .* is not UTF-8"):
        check_utf8(os.fsdecode(b"caf\xe9"), "output")
