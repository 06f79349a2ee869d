"""Work beside training steps: what it leaves of the threads."""

from threading import Event
from time import sleep

from wave_network._native import threads
from wave_network.training.interrupt import StopSignal
from wave_network.training.threads import in_background


def test_there_is_one_thread_less_until_the_work_is_done():
    begun, go, seen = Event(), Event(), []

    def work():
        seen.append(threads.current())
        begun.set()
        go.wait(10)
        return 7

    with threads.using(3), in_background(work, StopSignal()) as result:
        begun.wait(10)
        assert threads.current() == 2
        go.set()
        assert result() == 7
        assert threads.current() == 3
    assert seen == [1]


def test_work_that_is_waited_for_has_all_threads():
    def work():
        for _ in range(1_000):
            if threads.current() == 3:
                break
            sleep(0.01)
        return threads.current()

    with threads.using(3), in_background(work, StopSignal()) as result:
        assert result() == 3


def test_with_one_thread_the_work_waits():
    with threads.using(1), in_background(threads.current, StopSignal()) as result:
        assert threads.current() == 1
        assert result() == 1
