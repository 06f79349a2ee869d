import os
import stat
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from wave_network.errors import OutputError
from wave_network.persistence.atomic import check_new, replacing_file, replacing_folder

LONG_NAME = "n" * 255
posix_only = pytest.mark.skipif(sys.platform == "win32", reason="limits of POSIX systems")


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def make_folder(path, content="old"):
    path.mkdir(parents=True)
    (path / "file").write_text(content)
    return path


def replace_folder(path, content="new"):
    with replacing_folder(path) as new:
        (new / "file").write_text(content)


def replace_file(path, content="new", overwrite=True):
    with replacing_file(path, overwrite=overwrite) as file:
        file.write(content)


@pytest.mark.parametrize("existing", [False, True])
def test_folder_takes_its_place(tmp_path, existing):
    if existing:
        make_folder(tmp_path / "a")
        (tmp_path / "a" / "more").mkdir()
    replace_folder(tmp_path / "a")
    assert names_in(tmp_path) == ["a"]
    assert names_in(tmp_path / "a") == ["file"]
    assert (tmp_path / "a" / "file").read_text() == "new"


def test_nothing_shows_until_the_block_ends(tmp_path):
    make_folder(tmp_path / "a")
    with replacing_folder(tmp_path / "a") as new:
        (new / "file").write_text("new")
        assert (tmp_path / "a" / "file").read_text() == "old"
        # Made beside it, so that renaming it crosses no file system, and hidden.
        assert [name for name in names_in(tmp_path) if not name.startswith(".")] == ["a"]
        assert tmp_path in new.parents
    assert (tmp_path / "a" / "file").read_text() == "new"


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, OSError(5, "I/O error")])
@pytest.mark.parametrize("existing", [False, True])
def test_an_error_leaves_everything_as_it_was(tmp_path, error, existing):
    if existing:
        make_folder(tmp_path / "a")
        (tmp_path / "b").write_text("old")
    before = names_in(tmp_path)
    expected = OutputError if isinstance(error, OSError) else error

    def fail_midway(manager):
        with manager as new:
            if not hasattr(new, "write"):
                (new / "file").write_text("half")
            else:
                new.write("half")
            raise error

    with pytest.raises(expected):
        fail_midway(replacing_folder(tmp_path / "a"))
    with pytest.raises(expected):
        fail_midway(replacing_file(tmp_path / "b", overwrite=True))
    assert names_in(tmp_path) == before
    if existing:
        assert (tmp_path / "a" / "file").read_text() == "old"
        assert (tmp_path / "b").read_text() == "old"


def test_the_old_folder_comes_back_if_the_new_one_cannot_take_its_place(tmp_path):
    make_folder(tmp_path / "a")
    with (
        pytest.raises(OutputError, match="nothing was changed"),
        replacing_folder(tmp_path / "a") as new,
    ):
        new.rmdir()  # so that there is nothing to rename
    assert names_in(tmp_path) == ["a"]
    assert (tmp_path / "a" / "file").read_text() == "old"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_disk_is_called_that(tmp_path):
    with (
        pytest.raises(OutputError) as caught,
        replacing_file(tmp_path / "a", overwrite=False),
        open("/dev/full", "w") as full,
    ):
        full.write("x")
    message = f"cannot write {tmp_path / 'a'}: the disk is full; nothing was changed"
    assert str(caught.value) == message
    assert names_in(tmp_path) == []


@posix_only
def test_a_file_that_may_not_grow_leaves_the_old_ones(tmp_path):
    """RLIMIT_FSIZE stands for a full disk: writes fail in the middle of a file."""
    make_folder(tmp_path / "a")
    (tmp_path / "b").write_text("old")
    program = """
        import resource, sys
        from pathlib import Path

        from wave_network.persistence.atomic import replacing_file, replacing_folder
        from wave_network.errors import OutputError

        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
        folder = Path(sys.argv[1])
        for target in (folder / "a", folder / "b"):
            try:
                if target.is_dir():
                    with replacing_folder(target) as new:
                        (new / "file").write_text("x" * 100_000)
                else:
                    with replacing_file(target, overwrite=True) as file:
                        file.write("x" * 100_000)
            except OutputError as error:
                print(error)
    """
    found = subprocess.run(
        [sys.executable, "-c", dedent(program), str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
    )
    first, second = found.stdout.splitlines()
    assert first.startswith(f"cannot write {tmp_path / 'a'}: ")
    assert second.startswith(f"cannot write {tmp_path / 'b'}: ")
    assert names_in(tmp_path) == ["a", "b"]
    assert (tmp_path / "a" / "file").read_text() == "old"
    assert (tmp_path / "b").read_text() == "old"


@pytest.mark.parametrize("path", ["a", "a/", "x/y/z", "./a", "x/../a"])
def test_relative_paths(tmp_path, monkeypatch, path):
    monkeypatch.chdir(tmp_path)
    check_new(Path(path), overwrite=False)
    replace_folder(Path(path))
    assert (tmp_path / path / "file").read_text() == "new"
    with pytest.raises(OutputError, match="exists: choose another place"):
        check_new(Path(path), overwrite=False)
    check_new(Path(path), overwrite=True)


def test_new_things_have_usual_permissions(tmp_path):
    before = os.umask(0o027)
    try:
        replace_folder(tmp_path / "a")
        replace_file(tmp_path / "b")
        assert os.umask(0o027) == 0o027
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o750
    assert stat.S_IMODE((tmp_path / "b").stat().st_mode) == 0o640


def test_file_takes_its_place_as_utf8_with_unix_lines(tmp_path):
    path = tmp_path / "deep" / "b.txt"
    replace_file(path, "ß\n雨\n", overwrite=False)
    assert path.read_bytes() == "ß\n雨\n".encode()
    with pytest.raises(OutputError, match="exists"):
        replace_file(path, "other", overwrite=False)
    assert path.read_bytes() == "ß\n雨\n".encode()
    replace_file(path, "other")
    assert path.read_text() == "other"
    assert names_in(path.parent) == ["b.txt"]


@pytest.mark.parametrize("name", ["folder", "fifo"])
def test_a_file_replaces_nothing_but_files(tmp_path, name):
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(OutputError, match="is not a file, so it is not replaced"):
        replace_file(tmp_path / name)
    assert names_in(tmp_path) == ["fifo", "folder"]


def test_a_link_stays_and_what_it_points_to_is_written(tmp_path):
    make_folder(tmp_path / "elsewhere" / "v1")
    (tmp_path / "elsewhere" / "file").write_text("old")
    (tmp_path / "current").symlink_to(tmp_path / "elsewhere" / "v1")
    (tmp_path / "link").symlink_to("elsewhere/file")
    replace_folder(tmp_path / "current")
    replace_file(tmp_path / "link")
    assert (tmp_path / "current").is_symlink()
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "elsewhere" / "v1" / "file").read_text() == "new"
    assert (tmp_path / "elsewhere" / "file").read_text() == "new"
    assert names_in(tmp_path) == ["current", "elsewhere", "link"]
    assert names_in(tmp_path / "elsewhere") == ["file", "v1"]


def test_a_link_to_nothing_yet_is_followed(tmp_path):
    (tmp_path / "current").symlink_to(tmp_path / "big" / "v2")
    check_new(tmp_path / "current", overwrite=False)
    replace_folder(tmp_path / "current")
    assert (tmp_path / "big" / "v2" / "file").read_text() == "new"
    assert (tmp_path / "current").is_symlink()


def test_check_new_makes_nothing(tmp_path):
    check_new(tmp_path / "x" / "y" / "model", overwrite=False)
    assert names_in(tmp_path) == []


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_place_that_cannot_be_written_to_is_found_out_before(tmp_path, overwrite):
    (tmp_path / "file").write_text("x")
    for path in (tmp_path / "file" / "model", tmp_path / "file" / "x" / "model"):
        with pytest.raises(OutputError, match=r"cannot write to .*file") as caught:
            check_new(path, overwrite=overwrite)
        assert "\n" not in str(caught.value)
    with pytest.raises(OutputError, match="File name too long"):
        check_new(tmp_path / (LONG_NAME + "n"), overwrite=overwrite)


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere"
)
def test_a_folder_without_permission(tmp_path):
    (tmp_path / "locked").mkdir(mode=0o500)
    with pytest.raises(OutputError, match="Permission denied"):
        check_new(tmp_path / "locked" / "model", overwrite=False)


@posix_only
def test_the_longest_name_that_the_system_takes(tmp_path):
    check_new(tmp_path / LONG_NAME, overwrite=False)
    replace_folder(tmp_path / LONG_NAME)
    replace_folder(tmp_path / LONG_NAME, "newer")
    assert names_in(tmp_path) == [LONG_NAME]
    assert (tmp_path / LONG_NAME / "file").read_text() == "newer"
