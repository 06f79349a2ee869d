"""Generating and scoring, on a small model with random weights."""

import numpy as np
import pytest
from language_models import TEXTS, small_files

from wave_network.config.wave_lm import WaveLMConfig
from wave_network.data.documents import Piece
from wave_network.errors import ConfigError, ModelFolderError
from wave_network.models.numpy_ops import log_softmax
from wave_network.models.wave_lm.numpy_masked import NumpyMaskedLM
from wave_network.models.wave_lm.numpy_network import NumpyWaveLM
from wave_network.runtime.language_model import LanguageModel
from wave_network.runtime.sampling import Sampler
from wave_network.runtime.stream import Stream


@pytest.fixture(scope="module")
def model():
    return LanguageModel(small_files())


def text_of(model, prompt="The parcel", **options):
    return "".join(model.generate(prompt, **{"tokens": 40, **options}))


def test_a_seed_gives_the_same_text_and_another_one_another(model):
    assert text_of(model, seed=3) == text_of(model, seed=3)
    assert len({text_of(model, seed=seed) for seed in range(5)}) > 1


def test_the_prompt_matters(model):
    assert text_of(model, "The parcel", temperature=0) != text_of(
        model, "My invoice", temperature=0
    )


def test_temperature_0_takes_the_most_likely_token(model):
    assert text_of(model, temperature=0, seed=1) == text_of(model, temperature=0, seed=2)
    assert text_of(model, temperature=0) == text_of(model, top_p=1e-6)


def test_whole_characters_come_even_of_single_bytes(model):
    text = text_of(model, "", tokens=300, temperature=2.0, top_p=1.0)
    assert text == text.encode().decode()
    assert text


def test_generation_ends_where_another_document_would_begin():
    files = small_files()
    files.tensors["bias"][-1] = 1e4
    assert [*LanguageModel(files).generate("The parcel")] == []


def test_at_most_so_many_tokens_are_generated(model):
    assert len([*model.generate("", tokens=7, temperature=1.5)]) <= 8


@pytest.mark.parametrize("prompt", ["", "\0", "<doc>", "x" * 20_000, "\ud800", "\n\n", "雨" * 99])
def test_odd_prompts(model, prompt):
    assert isinstance(text_of(model, prompt, tokens=3), str)


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("tokens", 0, "tokens must be at least 1"),
        ("tokens", 1.5, "tokens must be a whole number"),
        ("temperature", -0.1, "temperature must be between 0.0 and 100.0"),
        ("temperature", float("nan"), "temperature must be a finite number"),
        ("top_p", 0, "top_p must be between 1e-06 and 1.0"),
        ("top_p", 1.1, "top_p must be between"),
        ("seed", -1, "seed must be at least 0"),
    ],
)
def test_options_out_of_range_are_refused_at_once(model, option, value, said):
    with pytest.raises(ConfigError, match=said):
        model.generate("a", **{option: value})


def test_a_score_is_the_probability_of_the_tokens(model):
    files = small_files()
    (ids,) = files.tokenizer.encode(TEXTS[:1])
    network = NumpyWaveLM(files.config, files.tensors)
    read = np.concatenate([[files.tokenizer.start], ids[:-1]])
    logits = network.logits(read, network.initial_state())
    bits = -log_softmax(logits)[np.arange(len(ids)), ids].sum() / np.log(2)
    score = model.score(TEXTS[0])
    assert score.bits == pytest.approx(bits, rel=1e-5)
    assert (score.documents, score.tokens) == (1, len(ids))
    assert score.bytes == len(TEXTS[0].encode())
    assert score.bits_per_byte == pytest.approx(bits / len(TEXTS[0]), rel=1e-5)


def test_a_long_text_scores_as_its_tokens_one_by_one(model):
    text = " ".join(TEXTS * 12)
    files = small_files()
    (ids,) = files.tokenizer.encode([text])
    stream, bits = Stream(NumpyWaveLM(files.config, files.tensors)), 0.0
    for token in ids:
        bits += float(stream.bits(np.array([token]))[0])
    assert model.score(text).bits == pytest.approx(bits, rel=1e-5)


def test_documents_are_scored_on_their_own(model):
    pieces = [Piece(TEXTS[0], True), Piece(TEXTS[1][:9], True), Piece(TEXTS[1][9:], False)]
    together = model.score_documents(pieces)
    assert together.documents == 2
    first, second = model.score(TEXTS[0]), model.score_documents(pieces[1:])
    assert together.bits == pytest.approx(first.bits + second.bits, rel=1e-6)


def test_the_most_surprising_tokens(model):
    score = model.score(" ".join(TEXTS * 3))
    bits = [surprise.bits for surprise in score.surprises]
    assert bits == sorted(bits, reverse=True)
    assert len(bits) == 20
    worst = score.surprises[0]
    assert worst.before + worst.token in " ".join(TEXTS * 3)


@pytest.fixture(scope="module")
def masked():
    return LanguageModel(small_files(objective="masked"))


def test_a_masked_model_scores_each_token_hidden(masked):
    files, text = small_files(objective="masked"), " ".join(TEXTS * 12)  # more than one part
    (ids,) = files.tokenizer.encode([text])
    network, bits = NumpyMaskedLM(files.config, files.tensors), np.empty(len(ids))
    for begin in range(0, len(ids), 256):
        part = ids[begin : begin + 256]
        for turn in range(7):
            shown = np.concatenate([[files.config.start_id], part])[:, None]
            shown[1 + turn :: 7] = files.config.mask_id
            chances = log_softmax(network.logits(shown, shown == files.config.mask_id))
            of_turn = part[turn::7]
            bits[begin + turn : begin + len(part) : 7] = -chances[
                np.arange(len(of_turn)), of_turn
            ] / np.log(2)
    score = masked.score(text)
    assert len(ids) > 256
    assert score.bits == pytest.approx(bits.sum(), rel=1e-5)
    assert (score.tokens, score.bytes) == (len(ids), len(text.encode()))
    assert score.surprises[0].bits == pytest.approx(bits.max(), rel=1e-4)


def test_a_masked_model_does_not_generate(masked):
    with pytest.raises(ConfigError, match="pretrain a causal one"):
        masked.generate("The parcel")


@pytest.mark.parametrize("text", ["", "a", "\ud800", "雨" * 600])
def test_a_masked_model_scores_odd_texts(masked, text):
    assert np.isfinite(masked.score(text).bits_per_byte)


def test_no_text_has_no_bits(model):
    score = model.score("")
    assert (score.documents, score.tokens, score.bits, score.bits_per_byte) == (0, 0, 0.0, 0.0)


def test_weights_that_overflow_are_reported():
    files = small_files()
    files.tensors["norm.weight"] *= np.float32(3e38)
    model = LanguageModel(files)
    with pytest.raises(ModelFolderError, match="not finite"):
        model.score("a text")


def test_the_state_is_as_large_after_a_thousand_tokens_as_at_the_start():
    files = small_files()
    stream = Stream(NumpyWaveLM(files.config, files.tensors))
    size = stream.state.size_bytes
    stream.read(np.tile(files.tokenizer.encode(["a text "])[0], 400))
    assert stream.state.size_bytes == size
    assert isinstance(files.config, WaveLMConfig)


def test_the_sampler_keeps_the_most_likely_tokens_alone():
    logits = np.log(np.array([0.1, 0.6, 0.3], np.float32))
    drawn = [Sampler(1.0, 0.85, seed)(logits) for seed in range(200)]
    assert set(drawn) == {1, 2}
    assert drawn.count(1) > drawn.count(2) > 30
    assert {Sampler(1.0, 0.5, seed)(logits) for seed in range(50)} == {1}
    assert {Sampler(1.0, 1.0, seed)(logits) for seed in range(200)} == {0, 1, 2}


def test_the_sampler_draws_by_probability():
    logits = np.log(np.array([0.1, 0.6, 0.3], np.float32))
    choose = Sampler(1.0, 1.0, 0)
    counts = np.bincount([choose(logits) for _ in range(4_000)]) / 4_000
    np.testing.assert_allclose(counts, [0.1, 0.6, 0.3], atol=0.03)
    sharp = Sampler(0.5, 1.0, 0)
    counts = np.bincount([sharp(logits) for _ in range(4_000)]) / 4_000
    np.testing.assert_allclose(counts, np.array([0.01, 0.36, 0.09]) / 0.46, atol=0.03)
