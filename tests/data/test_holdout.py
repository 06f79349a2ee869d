import numpy as np
import pytest

from wave_network.data.holdout import stratified_holdout
from wave_network.scale import arrays


def whole(labels, fraction, generator):
    """The same by sorting all texts at once."""
    order = generator.permutation(len(labels))
    order = order[np.argsort(labels[order], kind="stable")]
    _, starts, counts = np.unique(labels[order], return_index=True, return_counts=True)
    quotas = np.minimum(np.round(fraction * counts), counts - 1)
    places = np.arange(len(labels)) - np.repeat(starts, counts)
    chosen = places < np.repeat(quotas, counts)
    if 2 * (quotas > 0).sum() < (counts > 1).sum():
        free = np.flatnonzero(places > 0)
        share = min(round(fraction * len(labels)) / len(free), 1)
        chosen[:] = False
        ends = np.floor(np.arange(len(free) + 1) * share + generator.random())
        chosen[free] = np.diff(ends) > 0
    held_out = np.zeros(len(labels), np.bool_)
    held_out[order[chosen]] = True
    return held_out


@pytest.mark.parametrize(
    ("texts", "classes"), [(10, 2), (900, 4), (900, 400), (40, 40), (500, 499)]
)
@pytest.mark.parametrize("fraction", [0.1, 0.35])
def test_blocks_of_texts_are_held_out_as_all_at_once(texts, classes, fraction, monkeypatch):
    monkeypatch.setattr(arrays, "AT_ONCE", 64)
    labels = np.random.default_rng(texts).integers(classes, size=texts)
    found = stratified_holdout(labels, fraction, np.random.default_rng(5))
    assert np.array_equal(found, whole(labels, fraction, np.random.default_rng(5)))
