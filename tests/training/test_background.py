"""Work beside training steps: what it leaves of the threads."""

from threading import Event

from wave_network._native import threads
from wave_network.training.interrupt import StopSignal
from wave_network.training.threads import in_background


def test_there_is_one_thread_less_until_the_work_is_done():
    go, seen = Event(), []

    def work():
        go.wait(10)
        seen.append(threads.current())
        return 7

    with threads.using(3), in_background(work, StopSignal()) as result:
        assert threads.current() == 2
        go.set()
        assert result() == 7
        assert threads.current() == 3
    assert seen == [1]


def test_with_one_thread_the_work_waits():
    with threads.using(1), in_background(threads.current, StopSignal()) as result:
        assert threads.current() == 1
        assert result() == 1
