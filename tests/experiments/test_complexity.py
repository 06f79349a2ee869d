"""The formulas against what torch counts."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

from wave_network.baselines.encoder import EncoderClassifier
from wave_network.baselines.transformer import TransformerLayer
from wave_network.config import ModelConfig
from wave_network.data.batch import PackedBatch
from wave_network.errors import ConfigError
from wave_network.experiments import complexity, complexity_runs, complexity_tables, costs, counting
from wave_network.experiments.complexity import Sizes
from wave_network.experiments.costs import TEXTBOOK, WAVE, Batch
from wave_network.experiments.study import Study
from wave_network.experiments.textbook import TextbookNetwork
from wave_network.models.wave.network import WaveNetwork

D, CLASSES, VOCABULARY, HEADS = 16, 3, 50, 4
LENGTHS = [[10], [5, 9, 3], [40] * 7]
lengths_of_texts = pytest.mark.parametrize("lengths", LENGTHS, ids=str)


def packed(lengths):
    offsets = torch.tensor([0, *lengths]).cumsum(0)
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(VOCABULARY, (int(offsets[-1]),), generator=generator)
    batch = Batch(
        tokens=len(ids), texts=len(lengths), distinct=len(ids.unique()), longest=max(lengths)
    )
    return PackedBatch(ids, offsets), batch


def make_network(cls, **options):
    torch.manual_seed(0)
    config = ModelConfig(
        labels=tuple(range(CLASSES)),
        vocab_size=VOCABULARY,
        cls_token_id=0,
        max_length=64,
        hidden_size=D,
        **{"variants": "linear", "positions": "sinusoidal", **options},
    )
    return cls(config).train()


def parameters_of(model):
    return sum(parameter.numel() for parameter in model.parameters())


@lengths_of_texts
def test_formulas_of_our_wave_network(lengths):
    texts, batch = packed(lengths)
    model = make_network(WaveNetwork)
    assert costs.wave_matmul_flops(batch, D, CLASSES) == counting.matmul_flops(model, texts)
    assert costs.wave_elementwise(batch, D) == counting.elementwise_operations(model, texts)
    assert costs.wave_parameters(D, VOCABULARY, CLASSES) == parameters_of(model)
    kept, predicted = counting.kept_bytes(model, texts), costs.wave_kept_bytes(batch, D)
    # Imaginary parts may be a part of a larger tensor.
    assert predicted <= kept <= predicted + costs.FLOAT * 2 * batch.texts * D


@lengths_of_texts
def test_formulas_of_the_textbook_network(lengths):
    texts, batch = packed(lengths)
    model = make_network(TextbookNetwork)
    assert costs.textbook_matmul_flops(batch, D, CLASSES) == counting.matmul_flops(model, texts)
    assert costs.textbook_elementwise(batch, D) == counting.elementwise_operations(model, texts)
    assert costs.textbook_kept_bytes(batch, D) == counting.kept_bytes(model, texts)
    assert costs.wave_parameters(D, VOCABULARY, CLASSES) == parameters_of(model)


@pytest.mark.parametrize("positions", ["sinusoidal", "learned", "none"])
def test_textbook_network_is_the_network_with_mean_pooling(positions):
    texts, _ = packed([5, 9, 1, 3])
    textbook = make_network(TextbookNetwork, positions=positions)
    network = make_network(WaveNetwork, positions=positions, pooling="mean")
    torch.testing.assert_close(textbook(texts), network(texts))


@pytest.mark.parametrize("options", [{"num_layers": 2}, {"variants": "embedding"}])
def test_textbook_network_has_one_layer_and_linear_variants(options):
    with pytest.raises(ConfigError, match="one layer and linear variants"):
        make_network(TextbookNetwork, **options)


def transformer():
    table = torch.randn(VOCABULARY, D)
    return TransformerLayer(table, CLASSES, heads=HEADS, sep_token_id=None, max_length=64).train()


def bert(layers):
    from transformers import BertConfig, BertModel

    config = BertConfig(
        vocab_size=VOCABULARY,
        hidden_size=D,
        num_hidden_layers=layers,
        num_attention_heads=HEADS,
        intermediate_size=4 * D,
        max_position_embeddings=64,
    )
    encoder = BertModel(config)
    return EncoderClassifier(encoder, CLASSES, sep_token_id=None, max_length=64).train()


@pytest.mark.parametrize("n", [7, 40])
def test_formulas_of_the_transformer_layer(n):
    texts, _ = packed([n])
    model = transformer()
    with sdpa_kernel(SDPBackend.MATH):
        assert costs.encoder_matmul_flops(n, D, CLASSES, 1) == counting.matmul_flops(model, texts)
    assert costs.transformer_parameters(D, VOCABULARY, CLASSES) == parameters_of(model)
    # What torch keeps is its own affair: the formula is that of one version.
    kept = counting.kept_bytes(model, texts)
    assert costs.transformer_kept_bytes(n, D, HEADS) == pytest.approx(kept, rel=0.25)


@pytest.mark.parametrize("layers", [1, 3])
def test_formulas_of_bert(layers):
    n = 20
    texts, _ = packed([n])
    model = bert(layers)
    with sdpa_kernel(SDPBackend.MATH):
        flops = counting.matmul_flops(model, texts)
    assert costs.encoder_matmul_flops(n, D, CLASSES, layers) == flops
    assert costs.bert_parameters(D, VOCABULARY, CLASSES, layers, 64) == parameters_of(model)
    kept = counting.kept_bytes(model, texts)
    assert costs.bert_kept_bytes(n, D, HEADS, layers) == pytest.approx(kept, rel=0.25)


def test_fused_attention_keeps_no_weights():
    texts, _ = packed([40])
    kept = counting.kept_bytes(transformer().eval(), texts)  # without dropout it is fused
    assert kept < 0.7 * costs.transformer_kept_bytes(40, D, HEADS)


@pytest.mark.parametrize("name", [costs.FUSED, costs.FIRST])
@pytest.mark.parametrize(("n", "width"), [(40, 64), (100, 128)])
def test_formulas_of_the_layer_as_an_expert_would_run_it(name, n, width):
    text, model = Batch.single(n), complexity_runs.build(name, width, n).train()
    batch = PackedBatch(torch.arange(n), torch.tensor([0, n]))
    predicted = costs.predict(name, text, width)
    assert predicted.flops == counting.matmul_flops(model, batch)
    assert predicted.bytes == counting.kept_bytes(model, batch)
    assert predicted.parameters == parameters_of(model)


def test_where_one_begins_to_cost_more():
    sizes = [16, 64, 256]
    squares = [size**2 / 32 for size in sizes]
    assert complexity_tables.crossing(sizes, sizes, squares) == pytest.approx(32)
    assert complexity_tables.crossing(sizes, [1, 1, 1], squares) == 16  # always
    assert complexity_tables.crossing(sizes, squares, sizes) is None


def test_parameters_of_the_papers_sizes():
    assert costs.predict(WAVE, Batch.single(1), 768).parameters == 25_807_108
    assert costs.predict(TEXTBOOK, Batch.single(1), 768).parameters == 25_807_108
    # BERT base without its pooler, and a classifier of four classes.
    assert costs.predict("bert", Batch.single(1), 768).parameters == 108_891_648 + 4 * 769


def test_predicted_flops_of_papers_sizes():
    """papers: 0.60 GFLOP for a text of 128 tokens, and 22.3 for BERT."""
    text = Batch.single(128)
    assert costs.predict(TEXTBOOK, text, 768).flops == pytest.approx(0.60e9, rel=0.01)
    assert costs.predict("bert", text, 768).flops == pytest.approx(22.3e9, rel=0.01)


def test_kept_bytes_of_a_known_function():
    class Product(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.ones(5))

        def forward(self, batch):
            x = self.weight[batch.ids]  # keeps the ids, which are the batch's
            return x * x.exp()  # keeps both factors; exp keeps its result, which is one of them

    texts = PackedBatch(torch.arange(3), torch.tensor([0, 3]))
    assert counting.kept_bytes(Product(), texts) == 2 * 3 * costs.FLOAT


def test_median_seconds_waits_for_the_step():
    steps = []
    seconds = counting.median_seconds(lambda: steps.append(0), torch.device("cpu"))
    assert 0 < seconds < 0.1
    assert len(steps) >= 4


def test_growth_is_the_exponent():
    sizes = [16, 64, 256]
    assert complexity_tables.growth(sizes, [3 * size**2 for size in sizes]) == pytest.approx(2)
    assert complexity_tables.growth(sizes, [5.0] * 3) == pytest.approx(0, abs=1e-12)


def test_sizes_shrink_with_the_limit(options):
    whole, short = complexity.sizes_for(options), complexity.sizes_for(replace(options, limit=2000))
    assert (whole.lengths[0], whole.lengths[-1], whole.widths[-1]) == (16, 16_384, 1024)
    assert (short.lengths[-1], short.widths[-1]) == (512, 256)


def test_what_would_take_too_long_stands_as_formulas_alone(monkeypatch):
    monkeypatch.setattr(complexity_runs, "SMALL", 0)
    monkeypatch.setattr(complexity_runs, "MOST_SECONDS", 0)
    sizes = [(16, 64), (32, 64), (64, 64)]
    rows = complexity_runs.over_sizes(WAVE, sizes, torch.device("cpu"))
    assert ["seconds" in row for row in rows] == [True, False, False]
    assert all(row["flops_predicted"] > 0 for row in rows)


def test_measure_and_section(options, study, monkeypatch):
    monkeypatch.setattr(complexity, "sizes_for", lambda options: Sizes((128, 256, 512), (64, 128)))
    for name, value in {"WIDTH": 64, "LENGTH": 32, "BATCH_TEXTS": 4}.items():
        monkeypatch.setattr(complexity, name, value)
    study = Study(replace(options, models=("wave-modulation", "transformer")), study.console)
    complexity.measure(study)
    rows = study.rows("complexity")
    for row in rows:
        assert row.get("seconds", 1) > 0
        if row["part"] in ("length", "width"):
            assert row["flops"] == row["flops_predicted"]
            assert row["parameters"] == row["parameters_predicted"]
    parts = {part: sum(row["part"] == part for row in rows) for part in ("length", "width")}
    assert parts == {"length": 15, "width": 10}
    assert complexity_tables.deviation(rows, "flops") == 0
    assert complexity_tables.deviation(
        [{"flops": 11, "flops_predicted": 10}], "flops"
    ) == pytest.approx(0.1)
    section = complexity.section(study)
    assert [len(table.rows) for table in section.tables] == [6, 5, 3, 2, 7, 7, 4]
    assert len(section.plots) == 3
    assert any(text.startswith("FLOPs by formula: exactly as counted") for text in section.findings)
    waves, textbook = (row for row in rows if row["part"] == "batch" and "flops" in row)
    assert waves["flops"] < textbook["flops"]
    assert np.isfinite([row["seconds"] for row in rows if "seconds" in row]).all()
