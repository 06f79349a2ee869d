"""The reference against numbers worked out by hand from the paper's formulas."""

import math

import pytest
import torch
from torch.testing import assert_close

from wave_network.ops import naive

# Columns (3, 4), (0, 5), (-2, 2): G is 5, 5 and sqrt(8).
TEXT = torch.tensor([[3.0, 0.0, -2.0], [4.0, 5.0, 2.0]], dtype=torch.float64)
OTHER = torch.tensor([[1.0, 2.0, 1.0], [1.0, -2.0, 0.5]], dtype=torch.float64)


def tensor(values):
    return torch.tensor(values, dtype=torch.float64)


def test_token_magnitude_section_3_1_1():
    assert_close(naive.token_magnitude(TEXT), tensor([[3.0, 0.0, 2.0], [4.0, 5.0, 2.0]]))


def test_global_semantics_section_3_1_1():
    assert_close(naive.global_semantics(TEXT), tensor([5.0, 5.0, math.sqrt(8)]))


def test_phase_section_3_1_2():
    expected = [[math.acos(0.6), math.pi / 2, 3 * math.pi / 4], [math.acos(0.8), 0.0, math.pi / 4]]
    assert_close(naive.phase(TEXT), tensor(expected))


def test_cosine_of_phase_is_the_ratio_figure_5():
    assert_close(naive.phase(TEXT).cos(), TEXT / naive.global_semantics(TEXT))


def test_representation_is_token_plus_i_context_figure_4():
    context = tensor([[4.0, 5.0, 2.0], [3.0, 0.0, 2.0]])
    assert_close(naive.represent(TEXT), torch.complex(TEXT, context))


def test_interference_equations_3_and_4():
    wave = naive.interfere(naive.represent(TEXT), naive.represent(OTHER))
    context = tensor([[5.0, 7.0, 2.5], [4.0, 2.0, 3.0]])  # C + C'
    assert_close(wave, torch.complex(TEXT + OTHER, context))


def test_interference_term_equation_5():
    first, second = naive.represent(TEXT), naive.represent(OTHER)
    total = naive.interfere(first, second).abs() ** 2
    term = naive.interference_term(first, second)
    assert_close(total, first.abs() ** 2 + second.abs() ** 2 + term)
    assert_close(term, 2 * (first * second.conj()).real)


def test_modulation_equations_6_and_7():
    first, second = naive.represent(TEXT), naive.represent(OTHER)
    wave = naive.modulate(first, second)
    # Token 1, dimension 1: (3 + 4i)(1 + i) = -1 + 7i.
    assert_close(wave[0, 0], torch.tensor(-1.0 + 7.0j, dtype=torch.complex128))
    assert_close(wave, first * second)
    assert_close(wave.abs()[0], naive.global_semantics(TEXT) * naive.global_semantics(OTHER))


@pytest.mark.parametrize("function", [naive.phase, naive.represent])
def test_a_zero_column_is_not_guarded_against(function):
    assert torch.isnan(function(torch.zeros(3, 1)).real).all()
