"""fastText's models as ONNX graphs."""

import numpy as np
import onnxruntime
import pytest
from fasttext_models import PLACE

from wave_network import load
from wave_network.errors import ConfigError
from wave_network.export.onnx import build_onnx
from wave_network.models.numpy_ops import sigmoid, softmax
from wave_network.persistence.folder import read_model

TEXTS = ["bake the bread in the oven", "", "unseen wörds", "goal song goal", "a rocket"]


@pytest.mark.parametrize("name", ["subwords.bin", "pruned.ftz", "quantised.ftz", "ova.bin"])
def test_the_graph_gives_the_same_probabilities(name):
    files = read_model(PLACE / name)
    batch = files.tokenizer.encode(TEXTS)
    lengths = np.diff(batch.offsets)
    mask = (np.arange(lengths.max() + 2) < lengths[:, None]).astype(np.int64)
    ids = np.full(mask.shape, 3)  # padding may have any id
    ids[mask > 0] = batch.ids
    ids[:, -1], mask[:, -1] = files.config.vocab_size, 1  # an unknown word has no row
    model = build_onnx(files, table_bits=32)
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    (logits,) = session.run(None, {"input_ids": ids, "attention_mask": mask})
    found = sigmoid(logits) if files.config.is_multi_label else softmax(logits)
    expected = load(PLACE / name).predict_proba(TEXTS)
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("name", ["hs.bin", "ns.bin"])
def test_other_probabilities_are_refused(name):
    with pytest.raises(ConfigError, match=f"the loss {name[:2]} cannot be exported to ONNX"):
        build_onnx(read_model(PLACE / name), table_bits=32)
