"""A training step on CUDA: nothing is left on the host, and the host does not wait for the device.

Without a GPU the device is simulated: see ``tests/simulated_cuda.py``. The step runs as it is, but for the backward
pass, which needs a real device: gradients are made up. That the backward pass reads no values is tested on PyTorch's
"meta" device, where there are none.
"""

from __future__ import annotations

import math
from collections import Counter
from unittest.mock import patch

import pytest
import torch
from engine.cuda_world import backbone, build_shallow, config, devices_of_outputs, elsewhere, make_world
from simulated_cuda import fake_backward, simulated_cuda

from alphaction.engine.setup import autocast_for
from alphaction.memory import MemoryPool
from alphaction.modeling.roi_head import ActionLoss, FCPredictor
from alphaction.utils.device_copy import CopyStream
from alphaction.utils.host_copy import HostCopy
from benchmarks.speed.clips import full_memory, make_batch

IA = "MODEL.IA_STRUCTURE"
ADAMW = ("SOLVER.OPTIMIZER", "adamw", "SOLVER.CLIP_GRAD_NORM", 1.0)
PARALLEL = (f"{IA}.STRUCTURE", "parallel", f"{IA}.I_BLOCK_LIST", [["P", "O", "M"]] * 2, f"{IA}.MASK_ABSENT", True)
COLORS = ("INPUT.COLOR_JITTER", True, "INPUT.COLOR_ON_DEVICE", True)
NONLOCAL = tuple(part for stage in (3, 4) for part in (f"MODEL.BACKBONE.SLOWFAST.SLOW.CONV{stage}_NONLOCAL", True))
STEPS = {
    "R50 dense": ("resnet50_4x16f_denseserial.yaml", f"{IA}.PENALTY", True, "SOLVER.AMP", "bf16"),
    "tiny": ("tiny/toy.yaml", f"{IA}.PENALTY", True, *ADAMW),
    "tiny fp16": ("tiny/toy.yaml", *PARALLEL, f"{IA}.MEMORY_DTYPE", "float16", *COLORS, "SOLVER.AMP", "fp16"),
    "ViT checkpointing": backbone("ViT-Small", "MODEL.ACTIVATION_CHECKPOINTING", True, "SOLVER.AMP", "bf16"),
}
# One of each family; the others have more of the same layers.
FORWARD = {
    "R50": ("resnet50_4x16f_baseline.yaml", *NONLOCAL),
    **{name: backbone(name) for name in ("I3D-Resnet50", "Slow-Resnet50", "Swin3D-Tiny", "VJEPA2-Large")},
    "MViTv2-Small": backbone("MViTv2-Small", "MODEL.ACTIVATION_CHECKPOINTING", True),
}
LONG = ("Swin3D-Tiny", "VJEPA2-Large", "MViTv2-Small")
NETWORKS = STEPS | FORWARD
KNOWN = {
    # The gradient scaler asks whether it found an overflow; what it asks for was computed long before.
    "fp16": "wait: aten._local_scalar_dense.default at alphaction/engine/train_step.py:",
    "": "event: Event.synchronize at alphaction/utils/host_copy.py:",
}


def unknown_events(events: list[str], amp: str) -> Counter[str]:
    """Return the events that are not those of :data:`KNOWN`."""
    known = tuple(place for name, place in KNOWN.items() if name in ("", amp))
    return Counter(event for event in events if not event.startswith(known))


@pytest.mark.parametrize("name", STEPS)
def test_nothing_is_left_on_the_host_and_the_host_does_not_wait(name):
    with simulated_cuda() as device, fake_backward():
        world = make_world(config(*STEPS[name]), device.build)
        step = world.train_step()
        outputs, hooks = devices_of_outputs(world.model)
        step.run([world.batch.sent_by(CopyStream(world.runtime.device))])  # it may wait, once
        for hook in hooks:
            hook.remove()
        assert device.of("mixed") == []
        device.events.clear()
        parts = [world.batch] * (name == "tiny") + [world.batch.sent_by(CopyStream(world.runtime.device))]
        report = step.run(parts)
        step.remember()
        step.settle()

        assert unknown_events([str(event) for event in device.events], world.cfg.SOLVER.AMP) == {}
        assert {place: devices for place, devices in outputs.items() if devices - {"cuda:0"}} == {}
        assert len(outputs) > 20
        assert elsewhere([report, step.last_loss, step.good, step._read_memory(world.batch)]) == []
        weights = dict(world.model.named_parameters())
        assert elsewhere([weights, dict(world.model.named_buffers())]) == []
        # Of AdamW alone, the count of steps is the host's.
        state = [{k: v for k, v in kept.items() if k != "step"} for kept in step.optimizer.state.values()]
        assert len(state) == sum(weight.requires_grad for weight in weights.values())
        assert elsewhere(state) == []
        if world.pool is not None:
            assert len(world.pool.state_dict()["features"]) > 0
            assert str(world.pool.state_dict()["features"].device) == "cpu"


@pytest.mark.filterwarnings("ignore:Detected call of `lr_scheduler.step")
def test_a_step_that_is_not_finite_is_undone_on_the_device():
    with simulated_cuda() as device, fake_backward():
        world = make_world(config("tiny/toy.yaml", "SOLVER.AMP", "fp16"), device.build)
        step = world.train_step()
        step.run([world.batch])
        device.events.clear()
        with patch.object(HostCopy, "wait", lambda self: torch.tensor([0.0, 0.0, math.inf])):
            step.settle()
        assert step.bad_steps.total == 1
        assert device.of("mixed", "wait") == []
        assert elsewhere([dict(world.model.named_buffers())]) == []


@pytest.mark.parametrize("name", [pytest.param(name, marks=[pytest.mark.slow] * (name in LONG)) for name in FORWARD])
def test_the_networks_of_every_family(name):
    if name.startswith("VJEPA2"):
        pytest.importorskip("transformers")
    with simulated_cuda() as device:
        world = make_world(config(*FORWARD[name]), device.build)
        batch = world.batch.to("cuda")
        with autocast_for("bf16", world.runtime.device):
            assert elsewhere([world.model.train()(batch)]) == []
        assert device.events == []


class TestPlantedMistakes:
    """What the tests above are for."""

    def run(self, *overrides):
        with simulated_cuda() as device, fake_backward():
            world = make_world(config("tiny/toy.yaml", *overrides), device.build)
            step = world.train_step()
            step.run([world.batch])
            return device

    def test_a_tensor_without_a_device(self, monkeypatch):
        def forgetful(values, clip_index, num_clips, slots, priority=None):
            return torch.zeros(num_clips, slots, values.shape[1]), torch.zeros(num_clips, slots, dtype=torch.bool)

        monkeypatch.setattr("alphaction.modeling.interaction.structure.pad_by_clip", forgetful)
        with pytest.raises(AssertionError, match=r"at alphaction/.*same device"):
            self.run()

    def test_an_index_on_the_host(self, monkeypatch):
        real = MemoryPool.read
        monkeypatch.setattr(
            "alphaction.engine.train_step.MemoryPool.read",
            lambda pool, *a, **k: real(pool, *a, **{**k, "device": "cpu"}),
        )
        with pytest.raises(AssertionError, match="same device"):
            self.run()

    def test_a_buffer_that_is_not_registered(self, monkeypatch):
        real = FCPredictor.forward
        kept = {}

        def forward(self, features):
            return real(self, features) * kept.setdefault("scale", torch.tensor(1.0))

        monkeypatch.setattr(FCPredictor, "forward", forward)
        assert self.run().of("mixed")[0].startswith("mixed: aten.mul.Tensor at alphaction/")

    def test_a_number_that_is_read(self, monkeypatch):
        real = ActionLoss.forward

        def forward(self, logits, labels, boxes_per_process=None):
            return real(self, logits, labels, float(boxes_per_process))

        monkeypatch.setattr(ActionLoss, "forward", forward)
        assert any("_local_scalar_dense" in event for event in self.run().of("wait"))

    def test_a_batch_in_memory_that_is_not_page_locked(self):
        with simulated_cuda() as device:
            make_batch(config("tiny/toy.yaml"), 2, 3).to("cuda")
            assert [event.split(" of ")[0] for event in device.of("pageable")] == ["pageable: _to_copy"] * 2


@pytest.mark.parametrize("name", NETWORKS)
def test_the_backward_pass_reads_no_values(name):
    """On "meta" there are none: .item(), .tolist(), nonzero and masks as indices raise there."""
    if name.startswith("VJEPA2"):
        pytest.importorskip("transformers")
    cfg = config(*NETWORKS[name], "MODEL.ACTIVATION_CHECKPOINTING", False)
    with torch.device("meta"):
        model = build_shallow(cfg)
    batch = make_batch(cfg, 2, 3, (64, 96))
    pool = full_memory(cfg, model, batch.keyframes)
    memory = None if pool is None else pool.read(batch.keyframes, penalty=True, seed=0, device="meta")
    output = model.train()(batch.to("meta"), memory)
    sum(output.losses.values()).backward()
    gradients = [parameter.grad for parameter in model.parameters() if parameter.requires_grad]
    assert all(gradient is not None and gradient.is_meta for gradient in gradients)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("name", [name for name in NETWORKS if name != "tiny fp16"])
def test_on_a_gpu_no_operation_of_a_step_waits(name):
    """What the simulation cannot show: PyTorch itself refuses what waits, also in the backward pass."""
    if name.startswith("VJEPA2"):
        pytest.importorskip("transformers")
    world = make_world(config(*NETWORKS[name]), lambda build: build().to("cuda"))
    step = world.train_step()
    for _ in range(2):
        step.run([world.batch])
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("error")
    try:
        for _ in range(2):
            report = step.run([world.batch])
    finally:
        torch.cuda.set_sync_debug_mode("default")
    step.settle()
    assert math.isfinite(report["loss"].item())
    assert step.bad_steps.total == 0
