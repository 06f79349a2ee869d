"""`--overwrite` replaces what we wrote, and nothing of a user's."""

import os
import shutil
from pathlib import Path

import pytest

from wave_network.errors import OutputError
from wave_network.export.folder import check_export_output, export_onnx
from wave_network.persistence.folder import check_output, read_model, write_model
from wave_network.persistence.format import MODEL_FILES


def content_of(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


@pytest.fixture
def folder(tmp_path, make_files):
    write_model(tmp_path / "model", make_files(), card="", history=[])
    return tmp_path / "model"


@pytest.fixture
def exported(folder, tmp_path):
    pytest.importorskip("onnx")
    export_onnx(folder, tmp_path / "export")
    return tmp_path / "export"


def add(folder, name):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("the only copy")


@pytest.mark.parametrize("name", ["labelled.csv", "notes/a.txt", ".git/HEAD", "model.onnx"])
def test_a_model_folder_with_other_files_is_not_replaced(folder, make_files, name):
    add(folder, name)
    before = content_of(folder)
    message = rf"holds what is not of a model folder \('{name.split('/')[0]}'\)"
    with pytest.raises(OutputError, match=message):
        check_output(folder, overwrite=True)
    with pytest.raises(OutputError, match=message):
        write_model(folder, make_files(seed=1), card="", history=[], overwrite=True)
    assert content_of(folder) == before


def test_a_folder_of_the_name_of_one_of_our_files_is_not_replaced(folder):
    (folder / "README.md").unlink()
    add(folder, "README.md/a")
    with pytest.raises(OutputError, match=r"'README\.md'"):
        check_output(folder, overwrite=True)


def test_many_other_files_are_not_all_listed(folder):
    for number in range(1_000):
        add(folder, f"{number}.txt")
    with pytest.raises(OutputError, match=r"and 990 more") as caught:
        check_output(folder, overwrite=True)
    assert len(str(caught.value)) < 400


def test_what_file_managers_leave_everywhere_is_no_obstacle(folder, make_files):
    add(folder, ".DS_Store")
    write_model(folder, make_files(seed=1), card="", history=[], overwrite=True)
    assert read_model(folder).training["seed"] == 1


def test_all_that_we_write_may_be_replaced(sample_model, folder, tmp_path):
    names = {path.name for path in sample_model.iterdir()}
    assert names == MODEL_FILES
    copy = shutil.copytree(sample_model, tmp_path / "copy")
    check_output(copy, overwrite=True)


def test_an_export_is_replaced_by_another(exported, folder):
    export_onnx(folder, exported, overwrite=True)
    (exported / "model.onnx").unlink()  # whatever is missing
    export_onnx(folder, exported, overwrite=True)


@pytest.mark.parametrize("name", ["thesis.tex", ".git/HEAD"])
def test_an_export_with_other_files_is_not_replaced(exported, folder, name):
    add(exported, name)
    before = content_of(exported)
    with pytest.raises(OutputError, match="holds what is not of an export"):
        export_onnx(folder, exported, overwrite=True)
    assert content_of(exported) == before


def test_a_project_or_a_model_with_a_model_onnx_is_no_export(folder, tmp_path):
    add(tmp_path, "project/.git/HEAD")
    add(tmp_path, "project/src/thesis.tex")
    add(tmp_path, "project/model.onnx")
    add(folder, "model.onnx")
    for place in (tmp_path / "project", folder):
        before = content_of(place)
        with pytest.raises(OutputError, match="is not an export, so it is not replaced"):
            check_export_output(place, overwrite=True)
        assert content_of(place) == before


def test_an_export_is_no_model_folder(exported):
    with pytest.raises(OutputError, match="is not a model folder, so it is not replaced"):
        check_output(exported, overwrite=True)


@pytest.mark.parametrize("check", [check_output, check_export_output])
def test_a_mount_point_is_refused_before_the_work(tmp_path, monkeypatch, check):
    """A container's volume: nothing can be renamed onto it."""
    mount = tmp_path / "volume"
    mount.mkdir()
    monkeypatch.setattr(os.path, "ismount", lambda path: Path(path) == mount)
    with pytest.raises(OutputError, match=r"is a mount point.*such as .*volume/model"):
        check(mount, overwrite=True)
    check(mount / "model", overwrite=True)


def test_a_home_folder_is_meant_by_a_tilde(tmp_path, monkeypatch, make_files):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    check_output(Path("~/model"), overwrite=False)
    write_model(Path("~/model"), make_files(), card="", history=[])
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    assert read_model("~/model").training["seed"] == 0
    with pytest.raises(OutputError, match="exists"):
        check_output(Path("~/model"), overwrite=False)
    check_output(Path("~no-such-user-here/model"), overwrite=False)  # a folder of that name
