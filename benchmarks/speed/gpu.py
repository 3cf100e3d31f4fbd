"""A GPU: training steps and inference in all precisions, share of its peak, largest batch.

Times are for clips that are on the host already, of a whole training step or of both passes of inference. "of the
peak" compares the operations a second with those of a large matrix product of the same precision, measured first.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from yacs.config import CfgNode

from alphaction.utils.device import choose_device
from alphaction.utils.errors import UserError
from alphaction.utils.messages import counted, suggest
from alphaction.utils.numbers import POSITIVE
from alphaction.utils.options import option
from benchmarks.speed.clips import padded
from benchmarks.speed.device_sweep import (
    MODES,
    NETWORKS,
    Job,
    clips_for,
    count_flops,
    fits,
    give_back_memory,
    largest,
    matrix_peaks,
    network_config,
    top_kernels,
)
from benchmarks.speed.measure import Case, Comparison, Listing, added_memory_mb, compare, three_digits

WORK = ("train", "infer")
SMALLEST = (
    *("--device", "cpu", "--networks", "tiny", "--modes", "fp32", "--size", "32x48", "--clips", "1"),
    *("--persons", "1", "--most-clips", "1", "--matrix", "64", "--profile"),
)


def _size(text: str) -> tuple[int, int]:
    parts = text.lower().split("x")
    if len(parts) != 2 or not all(part.isdecimal() and int(part) > 0 for part in parts):
        raise ValueError(text)
    return int(parts[0]), int(parts[1])


_size.__name__ = "HEIGHTxWIDTH"  # what argparse calls it in its message


@dataclass(frozen=True)
class Options:
    """Flags of the part."""

    device: str = option("cuda", choices=("cuda", "cpu"), help="cpu is for trying the part out (default: %(default)s)")
    networks: tuple[str, ...] = option(
        tuple(name for name in NETWORKS if name != "tiny"), metavar="NAME", help=f"some of {', '.join(NETWORKS)}"
    )
    modes: tuple[str, ...] = option(
        tuple(MODES), metavar="NAME", help=f"the first is what others are compared with; some of {', '.join(MODES)}"
    )
    work: tuple[str, ...] = option(WORK, metavar="WORK", help="train, infer or both (default: both)")
    size: tuple[int, int] = option(
        (256, 455), parse=_size, metavar="HxW", help="of the frames in pixels, padded to 16 (default: 256x455)"
    )
    clips: int = option(8, within=POSITIVE, metavar="N", help="clips of a batch (default: %(default)s)")
    persons: int = option(4, within=POSITIVE, metavar="N", help="persons of a clip (default: %(default)s)")
    most_clips: int = option(
        512, within=POSITIVE, metavar="N", help="where the search for the largest batch ends (default: %(default)s)"
    )
    matrix: int = option(
        8192, within=POSITIVE, metavar="N", help="rows of the matrices that show the peak (default: %(default)s)"
    )
    profile: bool = option(False, help="list the kernels that take the most time in the fastest mode")


def run(options: Options, repetitions: int) -> Iterator[Comparison | Listing]:
    """Yield the peaks, then a comparison of modes for each network and work, then the largest batches.

    Raises:
        UserError: if there is no GPU, or a name is none.
    """
    for flag, names, known in (
        ("--networks", options.networks, NETWORKS),
        ("--modes", options.modes, MODES),
        ("--work", options.work, WORK),
    ):
        for name in names:
            if name not in known:
                raise UserError(f'{flag}: there is no "{name}". {suggest(name, known)}')
    device = choose_device(options.device, "--device")
    peaks = matrix_peaks(device, options.matrix, repetitions)
    rows = [("precision", "TFLOP/s"), *((name, three_digits(peak / 1e12)) for name, peak in peaks.items())]
    yield Listing(f"matrix product of {options.matrix} x {options.matrix}, the best of {repetitions + 1}", tuple(rows))
    for network in options.networks:
        cfg = network_config(network)
        for work in options.work:
            yield from _modes(network, cfg, work, options, device, peaks, repetitions)
        if "train" in options.work:
            yield _largest_batches(network, options, device)


def _modes(
    network: str,
    cfg: CfgNode,
    work: str,
    options: Options,
    device: torch.device,
    peaks: dict[str, float],
    repetitions: int,
) -> Iterator[Comparison | Listing]:
    batch = clips_for(cfg, options.clips, options.persons, padded(options.size), device)
    jobs: dict[str, Job] = {}
    left_out = []
    facts = {}

    def try_out(name: str) -> None:
        job = Job(cfg, MODES[name], work, device, batch)
        job.run()  # compiles, and takes what stays taken
        facts[name] = {"peak memory": f"{three_digits(added_memory_mb(job.run, device.type))} MiB"}
        jobs[name] = job

    for name in options.modes:
        if not fits(lambda: try_out(name), device):  # noqa: B023
            left_out.append(name)
    title = f"{network}, {work}: {counted(options.clips, 'clip')} of {options.size[0]}x{options.size[1]}, {device}"
    if left_out:
        title += f"; not enough memory for {', '.join(left_out)}"
    if not jobs:
        yield Listing(title, (("mode", "clips"), *((name, "0") for name in left_out)))
        return
    eager = next((job for job in jobs.values() if not job.mode.compiled), None)
    flops = count_flops(eager) / options.clips if eager is not None else None
    cases = [Case(name, job.run, options.clips, facts[name]) for name, job in jobs.items()]
    comparison = compare(title, "clip", cases, repetitions=repetitions, device=device.type)
    yield _with_rates(comparison, flops, peaks)
    if options.profile:
        best = min(comparison.timings, key=lambda timing: statistics.median(timing.wall)).name
        kernels = top_kernels(jobs[best], repetitions)
        yield Listing(f"{title}: where {best} spends its time", (("kernel", "share"), *_shares(kernels)))
    jobs.clear()
    give_back_memory(device)


def _shares(kernels: list[tuple[str, float]]) -> Iterator[tuple[str, str]]:
    return ((name if len(name) <= 90 else f"{name[:87]}...", f"{share:.1%}") for name, share in kernels)


def _with_rates(comparison: Comparison, flops: float | None, peaks: dict[str, float]) -> Comparison:
    """Add clips a second, and the share of the peak if the operations of a clip are known."""
    timings = []
    for timing in comparison.timings:
        seconds = statistics.median(timing.wall)
        facts = {"clips/s": three_digits(1 / seconds), **timing.facts}
        if flops is not None:
            precision = MODES[timing.name].precision
            facts["GFLOP"] = three_digits(flops / 1e9)
            facts["of the peak"] = f"{flops / seconds / peaks[precision]:.1%} of {precision}"
        timings.append(replace(timing, facts=facts))
    return replace(comparison, timings=tuple(timings))


def _largest_batches(network: str, options: Options, device: torch.device) -> Listing:
    """Return how many clips a training step can have, with and without checkpointing, in the last mode."""
    mode = options.modes[-1]
    rows = [("activations", "most clips")]
    for words, checkpointing in (("kept", False), ("computed again (checkpointing)", True)):
        cfg = network_config(network, checkpointing)

        def fitting(clips: int, cfg: CfgNode = cfg) -> bool:
            def step() -> None:
                batch = clips_for(cfg, clips, options.persons, padded(options.size), device)
                job = Job(cfg, replace(MODES[mode], compiled=False), "train", device, batch)
                job.run()
                job.run()  # with the optimizer's state

            return fits(step, device)

        most = largest(fitting, options.most_clips)
        rows.append((words, f"{most}{' or more' if most == options.most_clips else ''}"))
    return Listing(f"{network}: largest batch of a training step, {mode} without compilation, {device}", tuple(rows))
