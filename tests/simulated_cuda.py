"""A CUDA device on a machine without one: what is on it has a shape and a dtype, but no values.

Tensors on "cuda" are PyTorch's fake ones, those on the CPU are real: so code that works on both runs as it is, the
host's part with its values. Whatever the host does with the device is noted: copies, waits, and operators that take
tensors of both. The backward pass needs a real device, as PyTorch computes it on threads of the device.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from unittest.mock import patch

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import (
    DataDependentOutputException,
    DynamicOutputShapeException,
    FakeTensor,
    FakeTensorDeviceMismatchError,
    FakeTensorMode,
)
from torch.optim import optimizer
from torch.utils._pytree import tree_leaves, tree_map

Module = TypeVar("Module", bound=nn.Module)

# The driver copies less than this from pageable memory at once; for more it may wait for the device.
STAGED_BYTES = 64 * 1024
_ROOT = Path(__file__).resolve().parent.parent
# Operators whose kernel on CUDA waits for the device, because a shape or a Python number depends on values there.
_WAITING = frozenset(
    "_local_scalar_dense item is_nonzero equal nonzero argwhere masked_select unique unique2 _unique _unique2 "
    "unique_dim unique_consecutive unique_dim_consecutive bincount histc multinomial _ctc_loss _cudnn_ctc_loss nms "
    "linalg_inv_ex linalg_solve_ex linalg_eig linalg_eigh _linalg_eigh _linalg_svd geqrf".split()
)
_COPIES = frozenset("_to_copy copy_ copy _foreach_copy_ _foreach_copy".split())
_INDEXING = frozenset("index index_put index_put_ _unsafe_index _unsafe_index_put _index_put_impl_".split())


_REFUSALS = (DataDependentOutputException, DynamicOutputShapeException, FakeTensorDeviceMismatchError)


@dataclass(frozen=True)
class Event:
    """Something that the host did with the device.

    Attributes:
        kind: "wait": the host waits until all that is queued is done. "event": it waits for what was queued before an
            event. "pageable": a copy without waiting, but from memory that is not page-locked, and large. "mixed": an
            operator took tensors of the device and of the host; those of the host would have to be copied.
        what: the operator.
        place: the innermost line of the package, "alphaction/engine/inference.py:120 _extract".
        callers: names of the package's functions that were running.
    """

    kind: str
    what: str
    place: str
    callers: frozenset[str]

    def __str__(self) -> str:
        return f"{self.kind}: {self.what} at {self.place}"


class SimulatedCuda(FakeTensorMode):
    """Within it, "cuda" is a device. Use :func:`simulated_cuda`.

    Attributes:
        events: what happened, in order.
        copied: (bytes, whether the host did not wait) of each copy to the device.
    """

    def __init__(self) -> None:
        super().__init__()
        self.events: list[Event] = []
        self.copied: list[tuple[int, bool]] = []
        self._inner = self._building = False
        self._pinned: dict[int, Tensor] = {}  # address -> tensor, kept so that no other one gets its address

    @property
    def avoid_device_init(self) -> bool:
        """Whether PyTorch must not look for a GPU: never, so that a test is the same on a machine with one."""
        return True

    def of(self, *kinds: str) -> list[str]:
        """Return the events of some kinds, as text."""
        return [str(event) for event in self.events if event.kind in kinds]

    def build(self, make: Callable[[], Module]) -> Module:
        """Return the module that ``make`` returns, on the device; large ones take no time, as they have no values."""
        self._building = True
        try:
            return make().to("cuda")
        finally:
            self._building = False

    def note(self, kind: str, what: str) -> None:
        """Record an event at the current line of the package."""
        self.events.append(Event(kind, what, *_place()))

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Run an operator: for real if it concerns the host alone, else by its shapes."""
        kwargs = dict(kwargs or {})
        name = func.overloadpacket.__name__
        if name == "_local_scalar_dense" and isinstance(args[0], FakeTensor):
            if _on_device(args[0]):
                self.note("wait", str(func))
            return torch.zeros((), dtype=args[0].dtype).item()
        if self._inner or self._building or func.namespace == "prim":
            return super().__torch_dispatch__(func, types, args, kwargs)
        if func._can_decompose():
            # In inference mode operators that are made of others come whole.
            with self:
                return func.decompose(*args, **kwargs)
        tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        if not any(_on_device(tensor) for tensor in tensors) and not _asks_for_device(args, kwargs):
            return self._on_host(func, name, args, kwargs)
        self._judge(func, name, args, kwargs, tensors)
        self._inner = True
        try:
            fakes = tree_map(lambda x: self.from_tensor(x) if _is_real(x) else x, (args, kwargs))
            result = super().__torch_dispatch__(func, types, *fakes)
        except _REFUSALS as error:
            raise AssertionError(f"{func} at {_place()[0]}: {error}") from error
        finally:
            self._inner = False
        if name == "copy_" and not _on_device(args[0]):
            return args[0].zero_()
        return tree_map(lambda x: _unknown(x) if isinstance(x, FakeTensor) and not _on_device(x) else x, result)

    def _on_host(self, func: Any, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if name == "is_pinned":
            return self._is_pinned(args[0])
        if name == "_pin_memory":
            return self._pin(args[0].clone())
        pinned = kwargs.pop("pin_memory", False)
        result = func(*args, **kwargs)
        return self._pin(result) if pinned else result

    def _pin(self, tensor: Tensor) -> Tensor:
        self._pinned[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    def _is_pinned(self, tensor: Tensor) -> bool:
        return _is_real(tensor) and tensor.untyped_storage().data_ptr() in self._pinned

    def _judge(
        self, func: Any, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], tensors: list[Tensor]
    ) -> None:
        if name in _COPIES:
            self._judge_copy(name, args, kwargs, tensors)
        elif name in _WAITING or (name == "repeat_interleave" and kwargs.get("output_size") is None):
            self.note("wait", str(func))
        elif name != "fill_" and not all(_on_device(tensor) for tensor in tensors):
            # fill_ is "x[1:] = 0": the number is known to the host.
            self.note("mixed", str(func))
        if name in _INDEXING and any(isinstance(i, Tensor) and i.dtype in (torch.bool, torch.uint8) for i in args[1]):
            self.note("wait", f"{func} with a mask")

    def _judge_copy(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], tensors: list[Tensor]) -> None:
        if name == "_to_copy":
            source, device = args[0], kwargs.get("device")
            target_on_device = _on_device(source) if device is None else torch.device(device).type == "cuda"
            # To the host without waiting: PyTorch allocates page-locked memory by itself.
            pinned = not target_on_device or self._is_pinned(source) if not _on_device(source) else True
            non_blocking = bool(kwargs.get("non_blocking"))
        elif name in ("copy_", "copy"):
            target, source = args[:2]
            target_on_device = _on_device(target)
            non_blocking = bool(kwargs.get("non_blocking", args[2] if len(args) > 2 else False))
            host = source if target_on_device else target
            pinned = _on_device(host) or self._is_pinned(host)
        else:
            if len({_on_device(tensor) for tensor in tensors}) > 1:
                self.note("wait", name)
            return
        if target_on_device == _on_device(source):
            return
        size = source.numel() * source.element_size()
        if target_on_device:
            self.copied.append((size, non_blocking))
        direction = "to the device" if target_on_device else "to the host"
        if not non_blocking:
            self.note("wait", f"{name} {direction}")
        elif not pinned and (size > STAGED_BYTES or not target_on_device):
            self.note("pageable", f"{name} of {size} bytes {direction}")


@contextmanager
def simulated_cuda() -> Iterator[SimulatedCuda]:
    """Let "cuda" be a device that computes shapes only; yields what records what the host does with it."""
    device = SimulatedCuda()

    class StubEvent:
        """torch.cuda.Event without a device."""

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            pass

        def record(self, stream: Any = None) -> None:
            pass

        def wait(self, stream: Any = None) -> None:
            pass

        def query(self) -> bool:
            return True

        def synchronize(self) -> None:
            device.note("event", "Event.synchronize")

    class StubStream(StubEvent):
        """torch.cuda.Stream without a device: nothing runs, so the order is of no matter."""

        device = torch.device("cuda", 0)

        def wait_event(self, event: Any) -> None:
            pass

        def wait_stream(self, stream: Any) -> None:
            pass

        def record_event(self, event: Any = None) -> StubEvent:
            return event or StubEvent()

        def synchronize(self) -> None:
            device.note("wait", "Stream.synchronize")

    stubs: dict[str, Any] = {
        "Event": StubEvent,
        "Stream": StubStream,
        "current_stream": lambda *_: StubStream(),
        "default_stream": lambda *_: StubStream(),
        "stream": lambda *_: nullcontext(),
        "device": lambda *_: nullcontext(),
        "synchronize": lambda *_: device.note("wait", "torch.cuda.synchronize"),
        "is_available": lambda: True,
        "is_bf16_supported": lambda *_, **__: True,
        "is_current_stream_capturing": lambda: False,
        "current_device": lambda: 0,
        "device_count": lambda: 1,
        "set_device": lambda *_: None,
        "get_rng_state": lambda *_: torch.get_rng_state(),
        "set_rng_state": lambda *_: None,
        "get_device_capability": lambda *_: (9, 0),
    }
    # Optimizers would take fake tensors one by one, real ones all at once.
    types = [*optimizer._foreach_supported_types, FakeTensor]
    with (
        patch.multiple(torch.cuda, **stubs),
        patch.object(optimizer, "_foreach_supported_types", types),
        patch.object(nn.Module, "_apply", _convert),
        patch.object(Tensor, "record_stream", lambda *_: None),
        device,
    ):
        yield device


def fake_backward() -> Any:
    """Return a context in which ``backward`` gives every parameter that is trained a gradient of unknown values."""

    def backward(self: Tensor, *args: Any, **kwargs: Any) -> None:
        seen, open_nodes = set(), [self.grad_fn]
        while open_nodes:
            node = open_nodes.pop()
            if node is None or node in seen:
                continue
            seen.add(node)
            leaf = getattr(node, "variable", None)
            if leaf is not None and leaf.grad is None:
                leaf.grad = torch.empty_like(leaf)
            open_nodes += [following for following, _ in node.next_functions]

    return patch.object(Tensor, "backward", backward)


def _convert(module: nn.Module, function: Callable[[Tensor], Tensor]) -> nn.Module:
    """Do what ``module.to(...)`` and its like do, which PyTorch's own way does not with fake tensors."""
    done: dict[int, Tensor] = {}
    for part in module.modules():
        for name, weight in part._parameters.items():
            if weight is not None:
                converted = nn.Parameter(function(weight.detach()), weight.requires_grad)
                part._parameters[name] = done.setdefault(id(weight), converted)
        for name, buffer in part._buffers.items():
            if buffer is not None:
                part._buffers[name] = done.setdefault(id(buffer), function(buffer))
    return module


def _on_device(value: Any) -> bool:
    return isinstance(value, Tensor) and value.device.type == "cuda"


def _is_real(value: Any) -> bool:
    return isinstance(value, Tensor) and not isinstance(value, FakeTensor)


def _asks_for_device(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    devices = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, torch.device)]
    return any(device.type == "cuda" for device in devices)


def _unknown(fake: FakeTensor) -> Tensor:
    """Return a real tensor on the host like ``fake``."""
    return torch.zeros(fake.shape, dtype=fake.dtype)


def _place() -> tuple[str, frozenset[str]]:
    """Return the innermost line of the package, and its functions that are running."""
    inside = [frame for frame in traceback.extract_stack() if Path(frame.filename).is_relative_to(_ROOT / "alphaction")]
    if not inside:
        return "outside of the package", frozenset()
    last = inside[-1]
    path = Path(last.filename).relative_to(_ROOT).as_posix()
    return f"{path}:{last.lineno} {last.name}", frozenset(frame.name for frame in inside)
