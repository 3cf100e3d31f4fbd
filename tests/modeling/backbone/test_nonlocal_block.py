"""Non-local blocks against attention written out.

Axes: B clips, C channels, T frames, H and W rows and columns, L positions, E inner channels.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from alphaction.config import load_cfg
from alphaction.modeling.backbone.nonlocal_block import NonLocalBlock, NonLocalOptions
from alphaction.modeling.backbone.norm import NormOptions
from alphaction.utils.errors import UserError


def block_of(group_frames=None, **options):
    norm = NormOptions(last_gamma=1.0)
    return NonLocalBlock(8, NonLocalOptions(init_std=0.5, norm=norm, **options), group_frames).eval()


def written_out(block, x):
    """Return the block's output position by position."""
    options = block.options
    source = F.max_pool3d(x, options.pool_size, stride=options.pool_size) if options.max_pool else x
    theta, phi, g = block.theta(x).flatten(2), block.phi(source).flatten(2), block.g(source).flatten(2)
    products = torch.einsum("bel,bem->blm", theta, phi)
    if options.scale:
        products = products / 2.0  # the root of E = 4
    weights = products.softmax(dim=2) if options.softmax else products / phi.shape[2]
    result = block.out(torch.einsum("blm,bem->bel", weights, g).reshape(theta.shape[:2] + x.shape[2:]))
    return x + (result if block.bn is None else block.bn(result))


@pytest.mark.parametrize("softmax", [True, False])
@pytest.mark.parametrize("scale", [True, False])
@pytest.mark.parametrize(("max_pool", "use_norm", "bias"), [(True, True, True), (False, False, False)])
def test_attention(softmax, scale, max_pool, use_norm, bias):
    block = block_of(softmax=softmax, scale=scale, max_pool=max_pool, use_norm=use_norm, bias=bias)
    x = torch.randn(2, 8, 3, 4, 5)
    torch.testing.assert_close(block(x), written_out(block, x), rtol=1e-4, atol=1e-5)


def dot_product_by_hand(block, x):
    """Return what R101's block of PySlowFast gives, with loops and NumPy: positions, their products, a plain mean."""
    weights = {name: value.double().numpy() for name, value in block.state_dict().items()}

    def linear(name, column):
        return weights[f"{name}.weight"][:, :, 0, 0, 0] @ column + weights[f"{name}.bias"]

    result = x.double().numpy().copy()
    batch, _, frames, rows, columns = x.shape
    for b in range(batch):
        clip = x[b].double().numpy()
        pooled = [
            clip[:, t : t + 2, i : i + 2, j : j + 2].max(axis=(1, 2, 3))
            for t in range(0, frames - 1, 2)
            for i in range(0, rows - 1, 2)
            for j in range(0, columns - 1, 2)
        ]
        keys, values = ([linear(name, column) for column in pooled] for name in ("phi", "g"))
        for place in np.ndindex(frames, rows, columns):
            query = linear("theta", clip[(slice(None), *place)])
            mixed = sum(float(query @ key) * value for key, value in zip(keys, values, strict=True)) / len(pooled)
            change = linear("out", mixed) - weights["bn.running_mean"]
            change = change / np.sqrt(weights["bn.running_var"] + 1e-5) * weights["bn.weight"] + weights["bn.bias"]
            result[(b, slice(None), *place)] += change
    return torch.from_numpy(result).float()


def test_dot_product_of_the_public_r101():
    block = block_of(softmax=False, scale=False, pool_size=(2, 2, 2))
    with torch.no_grad():
        for name, value in block.state_dict().items():
            if name.startswith("bn.running"):
                value.copy_(torch.rand_like(value) + 0.5)
            elif value.is_floating_point() and value.dim() == 1:
                value.copy_(torch.randn_like(value))
        x = torch.randn(2, 8, 5, 4, 7)  # an odd frame and column are left over
        expected = dot_product_by_hand(block, x)
        torch.testing.assert_close(block(x), expected, rtol=1e-4, atol=1e-5)
        for other in ({"pool_size": (1, 2, 2)}, {"scale": True}, {"softmax": True}, {"max_pool": False}):
            wrong = block_of(**({"softmax": False, "scale": False, "pool_size": (2, 2, 2)} | other))
            wrong.load_state_dict(block.state_dict())
            assert (wrong(x) - expected).abs().max() > 0.05, other


@pytest.mark.parametrize("shape", [(1, 4, 4), (2, 1, 4), (2, 4, 1)])
def test_maps_too_small_for_the_pooling(shape):
    block = block_of(pool_size=(2, 2, 2))
    with pytest.raises(UserError, match=r"NONLOCAL\.POOL_SIZE: pooling of \(2, 2, 2\).* has \(\d, \d, \d\)\."):
        block(torch.randn(1, 8, *shape))


def test_no_bias_means_no_bias():
    block = block_of(bias=False)
    assert not any(name.endswith("bias") and not name.startswith("bn") for name, _ in block.named_parameters())
    assert block.theta.stride == (1, 1, 1)


def test_groups_attend_within_themselves():
    block, whole = block_of(group_frames=4), block_of()
    whole.load_state_dict(block.state_dict())
    x = torch.randn(2, 8, 8, 4, 4)
    expected = torch.cat([whole(x[:, :, :4]), whole(x[:, :, 4:])], dim=2)
    torch.testing.assert_close(block(x), expected)
    assert (block(x) - whole(x)).abs().max() > 1e-3


def test_groups_that_do_not_divide_the_clip():
    with pytest.raises(UserError, match=r"4 frames.*stage 2 gets 6.*CONV3_GROUP_NL"):
        block_of(group_frames=4)(torch.randn(1, 8, 6, 4, 4))


def test_zero_start_is_the_identity():
    x = torch.randn(1, 8, 2, 4, 4)
    assert torch.equal(block_of(zero_init=True)(x), x)
    assert not torch.equal(block_of()(x), x)


def test_options_from_config():
    cfg = load_cfg(None)
    node = cfg.MODEL.NONLOCAL
    assert NonLocalOptions.from_config(node) == NonLocalOptions()
    node.NO_BIAS, node.USE_ZERO_INIT_CONV, node.CONV_INIT_STD = True, True, 0.1
    node.POOL_SIZE = (2, 3, 1)
    node.USE_MAXPOOL = node.USE_SOFTMAX = node.USE_SCALE = node.USE_BN = False
    node.FROZEN_BN, node.BN_MOMENTUM, node.BN_EPSILON, node.BN_INIT_GAMMA = True, 0.2, 1e-3, 0.5
    assert NonLocalOptions.from_config(node) == NonLocalOptions(
        init_std=0.1,
        zero_init=True,
        bias=False,
        max_pool=False,
        pool_size=(2, 3, 1),
        softmax=False,
        scale=False,
        use_norm=False,
        norm=NormOptions(frozen=True, momentum=0.2, eps=1e-3, last_gamma=0.5),
    )
