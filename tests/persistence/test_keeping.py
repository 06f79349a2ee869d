"""A trained model is never thrown away because its place cannot be written to."""

import signal
import tempfile
from pathlib import Path

import pytest

from wave_network.errors import OutputError
from wave_network.persistence import keeping
from wave_network.persistence.folder import read_model, write_model
from wave_network.persistence.keeping import write_trained


def write(folder, files, **options):
    write_trained(folder, files, card="", history=[], **options)


def test_it_goes_where_it_belongs(tmp_path, make_files):
    write(tmp_path / "model", make_files())
    write(tmp_path / "model", make_files(seed=1), overwrite=True)
    assert read_model(tmp_path / "model").training["seed"] == 1
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_where_something_appeared_meanwhile_it_is_kept_beside(tmp_path, make_files):
    for seed, name in enumerate(("model", "model-2", "model-3")):
        if seed == 0:
            write(tmp_path / name, make_files(seed=seed))
            continue
        message = rf"model exists: .*; the model is kept in {tmp_path}/{name}$"
        with pytest.raises(OutputError, match=message):
            write(tmp_path / "model", make_files(seed=seed))
    for seed, name in enumerate(("model", "model-2", "model-3")):
        assert read_model(tmp_path / name).training["seed"] == seed


def test_on_a_full_disk_it_is_kept_in_the_temporary_folder(tmp_path, monkeypatch, make_files):
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))

    def on_a_full_disk(folder, files, **options):
        if tmp_path / "tmp" not in folder.parents:
            raise OutputError(f"cannot write {folder}: the disk is full; nothing was changed")
        write_model(folder, files, **options)

    monkeypatch.setattr(keeping, "write_model", on_a_full_disk)
    with pytest.raises(OutputError, match=r"the disk is full; the model is kept in ") as caught:
        write(tmp_path / "model", make_files())
    place = Path(str(caught.value).partition("kept in ")[2])
    assert tmp_path / "tmp" in place.parents
    assert read_model(place).training["seed"] == 0

    def on_no_disk(folder, files, **options):
        raise OutputError(f"cannot write {folder}: the disk is full; nothing was changed")

    monkeypatch.setattr(keeping, "write_model", on_no_disk)
    with pytest.raises(OutputError, match="no other place can take the model"):
        write(tmp_path / "model", make_files())


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="signals are POSIX's")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_while_it_is_written_waits(tmp_path, monkeypatch, make_files, number):
    def impatient(*arguments, **options):
        signal.raise_signal(number)
        write_model(*arguments, **options)

    def end(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(keeping, "write_model", impatient)
    before = signal.signal(number, end)
    try:
        with pytest.raises(KeyboardInterrupt):
            write(tmp_path / "model", make_files())
        assert signal.getsignal(number) is end
    finally:
        signal.signal(number, before)
    assert read_model(tmp_path / "model").training["seed"] == 0
