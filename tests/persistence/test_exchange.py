"""Whatever interrupts a replacement, and when: the old folder or the new one is there, whole."""

import os
import signal
import subprocess
import sys
import threading
from textwrap import dedent

import pytest

from wave_network.errors import OutputError
from wave_network.persistence import atomic, exchange
from wave_network.persistence.atomic import replacing_file, replacing_folder
from wave_network.persistence.leftovers import hidden_prefix, make_folder

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="folders change places on Linux")


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def replace(path, content, **options):
    with replacing_folder(path, **options) as new:
        (new / "file").write_text(content)


@pytest.fixture
def in_two_steps(monkeypatch):
    """A system that cannot let folders change places at once."""
    monkeypatch.setattr(exchange, "_exchange_at_once", lambda *_: False)


@pytest.fixture(params=["at once", "in two steps"])
def either_way(request):
    if request.param == "in two steps":
        request.getfixturevalue("in_two_steps")
    elif sys.platform != "linux":
        pytest.skip("folders change places on Linux")


def test_folders_change_places(tmp_path, either_way):
    for name in "ab":
        (tmp_path / name).mkdir()
        (tmp_path / name / name).write_text("")
    exchange.exchange(tmp_path / "a", tmp_path / "b", tmp_path / "spare")
    assert names_in(tmp_path) == ["a", "b"]
    assert (names_in(tmp_path / "a"), names_in(tmp_path / "b")) == (["b"], ["a"])


@linux_only
def test_on_linux_the_target_is_never_missing(tmp_path):
    replace(tmp_path / "model", "0")
    missing, done = [], threading.Event()

    def watch():
        while not done.is_set():
            try:
                missing.append(not (tmp_path / "model" / "file").read_text())
            except FileNotFoundError:  # between looking the folder up and the file in it
                missing.append(not (tmp_path / "model").is_dir())

    watcher = threading.Thread(target=watch)
    watcher.start()
    for number in range(200):
        replace(tmp_path / "model", str(number))
    done.set()
    watcher.join()
    assert len(missing) > 50
    assert not any(missing)


@pytest.mark.parametrize("calls", range(1, 7))
@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError(5, "I/O error")])
def test_an_interrupt_right_after_or_instead_of_a_rename(
    tmp_path, monkeypatch, in_two_steps, calls, error
):
    """A signal is heeded as the call returns; some interrupt the repairs as well."""
    replace(tmp_path / "model", "old")
    rename, count = os.rename, 0

    def interrupted(*places):
        nonlocal count
        count += 1
        hit = count in (calls, calls + 1)
        if hit and error is not KeyboardInterrupt:
            raise error
        rename(*places)
        if hit:
            raise error

    monkeypatch.setattr(os, "rename", interrupted)
    try:
        replace(tmp_path / "model", "new")
    except (KeyboardInterrupt, OutputError):
        monkeypatch.undo()
        if not (tmp_path / "model").exists():  # interrupted twice: the next run puts it back
            with pytest.raises(OutputError, match="exists"):
                replace(tmp_path / "model", "newer", overwrite=False)
    assert (tmp_path / "model" / "file").read_text() in ("old", "new")
    monkeypatch.undo()
    replace(tmp_path / "model", "newest")
    assert names_in(tmp_path) == ["model"]


INTERRUPTED = """
    import random, signal, sys
    from pathlib import Path

    from wave_network.persistence import atomic, exchange

    model, way, rounds = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    atomic.sync = lambda _: None  # quicker, and more interrupts fall into the rest
    if way == "in two steps":
        exchange._exchange_at_once = lambda *_: False

    def replace(content):
        with atomic.replacing_folder(model) as new:
            (new / "file").write_text(content)

    def interrupt(*_):
        raise KeyboardInterrupt

    signal.signal(signal.SIGALRM, interrupt)
    draw = random.Random(0)
    replace("0")
    interrupted = 0
    for number in range(1, rounds + 1):
        try:
            signal.setitimer(signal.ITIMER_REAL, draw.uniform(1e-6, 1.5e-3))
            replace(str(number))
            signal.setitimer(signal.ITIMER_REAL, 0)
        except KeyboardInterrupt:
            interrupted += 1
        assert (model / "file").read_text() in (str(number - 1), str(number))
        replace(str(number))
    print(interrupted)
"""


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="timers are POSIX's")
@pytest.mark.parametrize("way", ["at once", "in two steps"])
def test_interrupts_at_random_moments_lose_nothing(tmp_path, way):
    if way == "at once" and sys.platform != "linux":
        pytest.skip("folders change places on Linux")
    model, rounds = tmp_path / "model", 400
    ended = subprocess.run(
        [sys.executable, "-c", dedent(INTERRUPTED), str(model), way, str(rounds)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert int(ended.stdout) > rounds / 10
    replace(model, "last")  # the next run
    assert names_in(tmp_path) == ["model"]


def test_everything_is_on_the_disk_before_it_takes_its_place(tmp_path, monkeypatch):
    replace(tmp_path / "model", "old")
    events = []
    sync, place = atomic.sync, atomic.exchange
    monkeypatch.setattr(atomic, "sync", lambda path: (events.append(path.name), sync(path)))
    monkeypatch.setattr(
        atomic, "exchange", lambda *paths: (events.append("exchange"), place(*paths))
    )
    replace(tmp_path / "model", "new")
    assert events == ["file", "new", "exchange", tmp_path.name]
    events.clear()
    with replacing_file(tmp_path / "text", overwrite=False) as file:
        file.write("x")
    assert len(events) == 2
    assert events[1] == tmp_path.name


# What appears while the work is done


def test_without_overwrite_a_folder_that_appears_stays(tmp_path):
    def work():
        with replacing_folder(tmp_path / "model", overwrite=False) as new:
            (new / "file").write_text("new")
            (tmp_path / "model").mkdir()
            (tmp_path / "model" / "thesis.txt").write_text("the only copy")

    with pytest.raises(OutputError, match="model exists: choose another"):
        work()
    assert names_in(tmp_path) == ["model"]
    assert names_in(tmp_path / "model") == ["thesis.txt"]


@pytest.mark.parametrize("links", [True, False])
def test_without_overwrite_a_file_that_appears_stays(tmp_path, monkeypatch, links):
    if not links:  # as on some file systems

        def link(*_):
            raise PermissionError(1, "Operation not permitted")

        monkeypatch.setattr(os, "link", link)
    with replacing_file(tmp_path / "out", overwrite=False) as file:
        file.write("first")
    (tmp_path / "out").unlink()

    def work():
        with replacing_file(tmp_path / "out", overwrite=False) as file:
            file.write("new")
            (tmp_path / "out").write_text("another run's")

    with pytest.raises(OutputError, match="out exists: choose another"):
        work()
    assert names_in(tmp_path) == ["out"]
    assert (tmp_path / "out").read_text() == "another run's"


def test_what_appears_at_the_last_moment_is_put_back(tmp_path, monkeypatch, either_way):
    """Another process changes what is there between the check and the exchange."""

    def check(folder):
        if (folder / "thesis.txt").exists():
            raise OutputError(f"{folder} holds a thesis")

    def exchange_late(new, target, spare):
        (target / "thesis.txt").write_text("the only copy")
        monkeypatch.setattr(atomic, "exchange", place)
        place(new, target, spare)

    replace(tmp_path / "model", "old")
    place = atomic.exchange
    monkeypatch.setattr(atomic, "exchange", exchange_late)
    with pytest.raises(OutputError, match=rf"^{tmp_path}/model holds a thesis$"):
        replace(tmp_path / "model", "new", check=check)
    assert names_in(tmp_path) == ["model"]
    assert names_in(tmp_path / "model") == ["file", "thesis.txt"]
    assert (tmp_path / "model" / "file").read_text() == "old"


# What killed runs leave behind


needs_locks = pytest.mark.skipif(sys.platform == "win32", reason="nothing is locked there")


@needs_locks
@pytest.mark.parametrize("target", ["model", "n" * 255])
def test_what_killed_runs_left_is_removed_and_nothing_else(tmp_path, target):
    target = tmp_path / target
    prefix = hidden_prefix(target)
    dead = tmp_path / f"{prefix}abcdefgh"
    (dead / "new").mkdir(parents=True)
    (tmp_path / f"{prefix}12345678").write_text("a file half written")
    living, lock = make_folder(tmp_path, prefix)
    of_the_user = [f"{prefix}notes", f".{target.name[:40]}.abcdefgh", "wave-network-data"]
    for name in of_the_user:
        (tmp_path / name).mkdir()
    replace(target, "new")
    assert names_in(tmp_path) == sorted([*of_the_user, living.name, target.name])
    lock.close()
    with replacing_file(tmp_path / target.name[:200] / "x", overwrite=False) as file:
        file.write("")
    replace(target, "newer")
    assert living.name not in names_in(tmp_path)


@needs_locks
def test_a_folder_that_was_moved_away_and_never_replaced_is_put_back(tmp_path):
    dead = tmp_path / f"{hidden_prefix(tmp_path / 'model')}abcdefgh"
    (dead / "new").mkdir(parents=True)
    (dead / "old").mkdir()
    (dead / "old" / "file").write_text("old")
    with pytest.raises(OutputError, match="exists"):
        replace(tmp_path / "model", "new", overwrite=False)
    assert (tmp_path / "model" / "file").read_text() == "old"
    assert names_in(tmp_path) == ["model"]


def test_a_link_among_them_is_not_followed(tmp_path):
    (tmp_path / "precious").mkdir()
    link = tmp_path / f"{hidden_prefix(tmp_path / 'model')}abcdefgh"
    link.symlink_to(tmp_path / "precious")
    replace(tmp_path / "model", "new")
    assert (tmp_path / "precious").is_dir()
