"""The number of threads: affinity, control groups, and what a block asks for."""

import contextvars
import os
from threading import Thread

import pytest

from wave_network._native import threads


def written(folder, **files):
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)


def limit(tmp_path, membership):
    (tmp_path / "membership").write_text(membership)
    return threads.cgroup_limit(tmp_path / "membership", tmp_path / "groups")


@pytest.mark.parametrize(
    ("quota", "cores"), [("max", None), ("150000", 2), ("400000", 4), ("1000", 1), ("?", None)]
)
def test_limit_of_a_group_of_version_2(tmp_path, quota, cores):
    written(tmp_path / "groups" / "a" / "b", cpu__max=f"{quota} 100000\n")
    assert limit(tmp_path, "0::/a/b\n") == cores


def test_the_tightest_group_above_counts(tmp_path):
    written(tmp_path / "groups", cpu__max="700000 100000")
    written(tmp_path / "groups" / "a", cpu__max="300000 100000")
    written(tmp_path / "groups" / "a" / "b", cpu__max="max 100000")
    assert limit(tmp_path, "0::/a/b\n") == 3


@pytest.mark.parametrize(("quota", "cores"), [("-1", None), ("250000", 3)])
def test_limit_of_a_group_of_version_1(tmp_path, quota, cores):
    written(
        tmp_path / "groups" / "cpu", cpu__cfs_quota_us=f"{quota}\n", cpu__cfs_period_us="100000\n"
    )
    # The path is the host's; inside a container only the root is mounted.
    assert limit(tmp_path, "4:memory:/m\n3:cpu,cpuacct:/docker/x\n1:name=systemd:/\n") == cores


def test_no_groups_no_limit(tmp_path):
    assert threads.cgroup_limit(tmp_path / "none", tmp_path) is None


def test_available_is_at_most_the_affinity():
    assert 1 <= threads.available() <= (os.cpu_count() or 1)
    if hasattr(os, "sched_getaffinity"):
        assert threads.available() <= len(os.sched_getaffinity(0))


def test_using_holds_in_its_block_and_thread():
    seen = []
    with threads.using(3):
        assert threads.current() == 3
        with threads.using(None):
            assert threads.current() == 3
        with threads.using(lambda: 5):
            assert threads.current() == 5
        assert threads.current() == 3
        for run in (lambda task: task(), contextvars.copy_context().run):
            thread = Thread(target=run, args=[lambda: seen.append(threads.current())])
            thread.start()
            thread.join()
    assert threads.current() == threads.available()
    assert seen == [threads.available(), 3]


def test_no_threads_is_refused():
    with pytest.raises(ValueError, match="at least 1; got 0"), threads.using(0):
        pass
