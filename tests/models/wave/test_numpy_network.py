import numpy as np
import pytest

from wave_network.models.wave.numpy_network import NumpyWaveNetwork

IDS = np.array([0, 5, 9, 5, 0, 7, 0], dtype=np.int32)
OFFSETS = np.array([0, 4, 6, 7])


def make_network(make_files, **options):
    files = make_files(vocab_size=12, cls_token_id=0, **options)
    return NumpyWaveNetwork(files.config, files.tensors)


@pytest.mark.parametrize("variants", ["linear", "embedding"])
@pytest.mark.parametrize("positions", ["none", "learned"])
def test_answers_stay_the_same_while_the_tables_fill(make_files, variants, positions):
    shape = {"variants": variants, "positions": positions}
    network = make_network(make_files, **shape)
    first = network.logits(IDS, OFFSETS)
    assert first.dtype == np.float32
    assert first.shape == (3, 3)
    np.testing.assert_array_equal(network.logits(IDS, OFFSETS), first)
    everything = np.arange(12)
    network.logits(np.insert(everything, 0, 0), np.array([0, 13]))
    np.testing.assert_array_equal(network.logits(IDS, OFFSETS), first)
    full = make_network(make_files, **shape)
    full.logits(np.insert(everything, 0, 0), np.array([0, 13]))
    np.testing.assert_allclose(full.logits(IDS, OFFSETS), first, rtol=1e-5, atol=1e-5)


def test_no_row_is_computed_twice(make_files):
    files = make_files(vocab_size=12, cls_token_id=0, variants="linear")
    network = NumpyWaveNetwork(files.config, files.tensors)
    first = network.logits(IDS, OFFSETS)
    files.tensors["embedding.weight"][:] = np.nan
    np.testing.assert_array_equal(network.logits(IDS, OFFSETS), first)


@pytest.mark.parametrize("num_layers", [1, 3])
def test_weights_and_ids_are_not_changed(make_files, num_layers):
    files = make_files(
        vocab_size=12, cls_token_id=0, variants="linear", positions="learned", num_layers=num_layers
    )
    before = {name: tensor.copy() for name, tensor in files.tensors.items()}
    for tensor in (*files.tensors.values(), IDS, OFFSETS):
        tensor.flags.writeable = False
    network = NumpyWaveNetwork(files.config, files.tensors)
    assert np.isfinite(network.logits(IDS, OFFSETS)).all()
    for name, tensor in files.tensors.items():
        np.testing.assert_array_equal(tensor, before[name])
    IDS.flags.writeable = OFFSETS.flags.writeable = True


def test_folding_the_linear_layer_equals_stored_variants(make_files):
    """Table columns that hold W E + b make the same model."""
    linear = make_files(vocab_size=12, cls_token_id=0, variants="linear")
    stored = make_files(vocab_size=12, cls_token_id=0, variants="embedding")
    tensors = dict(linear.tensors)
    weight, bias = (tensors.pop(f"layers.0.variants.{name}") for name in ("weight", "bias"))
    tensors["embedding.weight"] = tensors["embedding.weight"] @ weight.T + bias
    expected = NumpyWaveNetwork(linear.config, linear.tensors).logits(IDS, OFFSETS)
    found = NumpyWaveNetwork(stored.config, tensors).logits(IDS, OFFSETS)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
