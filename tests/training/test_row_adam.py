"""Rows alone are updated, and exactly as torch's own sparse Adam updates them."""

import copy

import pytest
import torch
from native import native_hidden, needs_native
from torch import nn

from wave_network import _native
from wave_network.training.row_adam import RowAdam


@pytest.fixture(autouse=True, params=[pytest.param(False, id="compiled", marks=needs_native), True])
def form(request):
    """Each test is of both forms."""
    with native_hidden(request.param):
        yield


def make_tables(count=2):
    torch.manual_seed(0)
    start = torch.randn(20, 5)
    return [
        nn.Embedding.from_pretrained(start.clone(), freeze=False, sparse=True) for _ in range(count)
    ]


@pytest.mark.parametrize("repeated", [False, True])
def test_it_equals_torchs_sparse_adam(repeated):
    ours, theirs = make_tables()
    options = {"lr": 0.1, "betas": (0.8, 0.95), "eps": 1e-6}
    optimizers = [
        RowAdam([ours.weight], **options),
        torch.optim.SparseAdam([theirs.weight], **options),
    ]
    for step in range(25):
        torch.manual_seed(step)
        ids = torch.randint(20, (8,))
        ids = ids if repeated else ids.unique()
        target = torch.randn(len(ids), 5)
        for table, optimizer in zip((ours, theirs), optimizers, strict=True):
            optimizer.zero_grad()
            ((table(ids) - target) ** 2).sum().backward()
            optimizer.step()
        torch.testing.assert_close(ours.weight, theirs.weight, rtol=1e-5, atol=1e-6)


def test_a_table_without_a_gradient_is_left_alone():
    used, unused = make_tables()
    before = unused.weight.detach().clone()
    optimizer = RowAdam([used.weight, unused.weight], lr=0.1)
    used(torch.tensor([1, 2])).sum().backward()
    optimizer.step()
    assert torch.equal(unused.weight, before)
    assert not torch.equal(used.weight, before)


def test_its_state_is_saved_and_restored():
    first, second = make_tables()
    optimizers = [RowAdam([table.weight], lr=0.1) for table in (first, second)]
    ids = torch.tensor([3, 4])

    def step(table, optimizer):
        optimizer.zero_grad()
        table(ids).square().sum().backward()
        optimizer.step()

    step(first, optimizers[0])
    second.load_state_dict(first.state_dict())
    optimizers[1].load_state_dict(copy.deepcopy(optimizers[0].state_dict()))
    for table, optimizer in zip((first, second), optimizers, strict=True):
        step(table, optimizer)
    assert torch.equal(first.weight, second.weight)


def test_tokens_that_never_occur_cost_no_memory():
    table = nn.Embedding(10_000, 4, sparse=True)
    optimizer = RowAdam([table.weight], lr=0.1)
    for ids in (range(100), range(50, 300), range(300)):
        optimizer.zero_grad()
        table(torch.tensor(ids)).sum().backward()
        optimizer.step()
    state = optimizer.state[table.weight]
    assert state["rows"] == 300
    assert 300 <= len(state["mean"]) == len(state["square"]) <= 320


def test_tables_that_the_compiled_form_cannot_read_are_updated_by_torch():
    torch.manual_seed(0)
    start = torch.randn(6, 4)
    tables = [start.clone(), start.double(), start.T.contiguous().T]
    for table in tables:
        table.requires_grad_()
        optimizer = RowAdam([table], lr=0.1)
        rows, values = torch.tensor([[1, 4]]), torch.ones(2, 4, dtype=table.dtype)
        table.grad = torch.sparse_coo_tensor(rows, values, table.shape, check_invariants=False)
        optimizer.step()
        optimizer.step()
    for table in tables[1:]:
        torch.testing.assert_close(table, tables[0], check_dtype=False)
    assert not torch.equal(tables[0], start)


@needs_native
@pytest.mark.parametrize(
    ("position", "value", "error"),
    [
        (0, torch.ones(5), TypeError),
        (0, torch.ones(5, 2, dtype=torch.float64), TypeError),
        (1, torch.tensor([0, 5]), ValueError),
        (1, torch.tensor([0, -1]), ValueError),
        (1, torch.tensor([0]), ValueError),
        (1, torch.tensor([0, 1], dtype=torch.int32), TypeError),
        (2, torch.ones(2, 3), ValueError),
        (3, torch.tensor([0, 3]), ValueError),
        (4, torch.ones(3, 1), ValueError),
        (5, torch.ones(2, 2), ValueError),
    ],
)
def test_what_would_reach_beyond_a_table_is_refused(form, position, value, error):
    if _native.compiled is None:
        return
    tensors = [
        torch.ones(5, 2),
        torch.tensor([1, 3]),
        torch.ones(2, 2),
        torch.tensor([2, 0]),
        torch.zeros(3, 2),
        torch.zeros(3, 2),
    ]
    numbers = {"beta1": 0.9, "beta2": 0.99, "epsilon": 1e-8, "rate": 0.1}
    update_rows = _native.compiled.update_rows
    update_rows(*(tensor.numpy() for tensor in tensors), **numbers)
    tensors[position] = value
    with pytest.raises(error, match=r"belong together|expected an array"):
        update_rows(*(tensor.numpy() for tensor in tensors), **numbers)
