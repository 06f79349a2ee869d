"""What waits is counted, bounded, and given back."""

import pytest

from wave_network.serve.limits import Limits
from wave_network.serve.refusal import RefusedError
from wave_network.serve.waiting import Place, Waiting


@pytest.fixture
def waiting():
    return Waiting(Limits(waiting_texts=10, waiting_bytes=300_000))


def test_texts_and_bytes_of_large_bodies_are_bounded_together(waiting):
    with Place(waiting) as one, Place(waiting) as other:
        assert one.add_bytes(100_000) == 100_000
        assert one.add_bytes(100_000) == 200_000
        one.add_texts(7)
        assert (waiting.texts, waiting.bytes) == (7, 200_000)
        with pytest.raises(RefusedError, match="too many large requests wait already") as caught:
            other.add_bytes(100_001)
        assert (caught.value.status, caught.value.headers) == (429, {"Retry-After": "1"})
        with pytest.raises(RefusedError, match="7 texts wait already"):
            other.add_texts(4)
        other.add_texts(3)
    assert (waiting.texts, waiting.bytes) == (0, 0)


def test_small_bodies_count_for_nothing_but_as_a_part_of_large_ones(waiting):
    with Place(waiting) as place:
        place.add_bytes(60_000)
        assert waiting.bytes == 0
        place.add_bytes(60_000)
        assert waiting.bytes == 120_000


def test_a_place_is_free_again_whatever_happens(waiting):
    def fail():
        with Place(waiting) as place:
            place.add_texts(10)
            place.add_bytes(250_000)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert (waiting.texts, waiting.bytes) == (0, 0)
