import signal
import threading

import pytest

from wave_network.training.interrupt import StopSignal


def test_a_request_is_taken_once():
    stop = StopSignal()
    assert not stop.take()
    stop.request()
    assert stop.take()
    assert not stop.take()


def test_before_there_is_something_to_keep_ctrl_c_raises(ctrl_c):
    stop = StopSignal()
    with pytest.raises(KeyboardInterrupt), stop.on_ctrl_c():
        ctrl_c()
    assert not stop.take()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_afterwards_it_makes_a_request_and_pressed_twice_raises(ctrl_c):
    stop = StopSignal()
    with stop.on_ctrl_c():
        stop.keep()
        ctrl_c()
        assert stop.take()
        ctrl_c()  # the request before was taken
        with pytest.raises(KeyboardInterrupt):
            ctrl_c()
    with pytest.raises(KeyboardInterrupt):
        ctrl_c()  # outside, it does what it always does


def test_what_may_be_thrown_away_is_broken_off_at_once(ctrl_c):
    stop, reached = StopSignal(), []
    with stop.on_ctrl_c():
        stop.keep()
        with stop.at_once():
            ctrl_c()
            reached.append("the end")
        assert stop.take()
        ctrl_c()
        assert stop.take()  # a request again, no error
    assert not reached
    with pytest.raises(KeyboardInterrupt), StopSignal().at_once():  # nothing to keep
        raise KeyboardInterrupt


def test_a_handler_of_somebody_else_stays():
    def handler(number, frame):
        raise AssertionError

    before = signal.signal(signal.SIGINT, handler)
    try:
        with StopSignal().on_ctrl_c():
            assert signal.getsignal(signal.SIGINT) is handler
    finally:
        signal.signal(signal.SIGINT, before)


def test_in_another_thread_no_handler_is_set(ctrl_c):
    found = []

    def body():
        with StopSignal().on_ctrl_c():
            found.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=body)
    thread.start()
    thread.join()
    assert found == [signal.default_int_handler]
