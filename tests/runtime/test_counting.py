import numpy as np

from wave_network.runtime import Engine
from wave_network.runtime.counting import counted


def test_a_counting_engine_answers_the_same(make_files):
    engine = Engine(make_files())
    texts = ["a text", "", "word " * 50]
    counting, counts = counted(engine)
    np.testing.assert_array_equal(counting.predict_proba(texts), engine.predict_proba(texts))
    assert (counts.texts, counts.empty, counts.cut) == (3, 1, 1)
    engine.predict(texts)
    assert counts.texts == 3
