"""Matrix products as convolutions against torch's own."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from alphaction.layers import Linear, attention, linear, products


@pytest.fixture
def calls(monkeypatch):
    """The number of products that ran as convolutions, all of which do that are not empty."""
    found = []
    monkeypatch.setattr(products, "_FEW_ROWS", 1)
    monkeypatch.setattr(products, "_SMALL_PRODUCT", 1)
    product = products._product
    monkeypatch.setattr(products, "_product", lambda *tensors: found.append(1) or product(*tensors))
    return found


as_convolution = pytest.mark.skipif(
    not (torch.backends.mkldnn.is_available() and torch.backends.cpu.get_cpu_capability().startswith("AVX")),
    reason="products stay products on this processor",
)


@as_convolution
@pytest.mark.parametrize("shape", [(5,), (2, 7), (2, 3, 4), (1, 1)])
@pytest.mark.parametrize("bias", [True, False])
def test_linear_equals_torch(calls, shape, bias):
    x, weight = torch.randn(*shape, 6), torch.randn(9, 6)
    leaves = [x, weight, *([torch.randn(9)] if bias else [])]
    results = []
    for function in (linear, F.linear):
        mine = [leaf.clone().requires_grad_() for leaf in leaves]
        y = function(*mine)
        y.backward(torch.linspace(-1, 1, y.numel()).view(y.shape))
        results.append([y, *(leaf.grad for leaf in mine)])
    for found, expected in zip(*results, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
    assert calls


@as_convolution
@pytest.mark.parametrize("scale", [None, 0.3])
def test_attention_equals_torch(calls, monkeypatch, scale):
    monkeypatch.setattr(products, "_QUERIES_AT_ONCE", 4)
    query, key, value = torch.randn(2, 3, 11, 5), torch.randn(2, 3, 7, 5), torch.randn(2, 3, 7, 5)
    expected = F.scaled_dot_product_attention(query, key, value, scale=scale)
    found = attention(query.transpose(2, 3).contiguous().transpose(2, 3), key, value, scale)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)
    assert len(calls) == 2 * 3 * 3 * 2  # clips, heads, blocks of queries, products


def test_what_stays_a_product(calls):
    x, weight = torch.randn(4, 6), torch.randn(9, 6)
    linear(x.double(), weight.double())
    assert linear(x[:0], weight).shape == (0, 9)
    assert linear(x.to("meta"), weight.to("meta")).shape == (4, 9)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert linear(x, weight).dtype == torch.bfloat16
    query = torch.randn(1, 1, 4, 6, requires_grad=True)
    assert attention(query, query, query).requires_grad
    assert attention(query[:0], query[:0], query[:0]).shape == (0, 1, 4, 6)
    layer = Linear(6, 9)
    program = torch.export.export(layer, (x,), dynamic_shapes=({0: torch.export.Dim("rows")},))
    assert [str(node.target) for node in program.graph.nodes if node.op == "call_function"] == ["aten.linear.default"]
    assert not calls


def test_small_products_stay_products(monkeypatch):
    monkeypatch.setattr(products, "_product", None)
    linear(torch.randn(12, 2304), torch.randn(1024, 2304))
    attention(*torch.randn(3, 1, 1, 64, 32))
