"""Many inputs over all readers, by several processes: ``python -m tests.fuzz``."""

from __future__ import annotations

import argparse
import logging
import multiprocessing
import signal
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from pathlib import Path

from fuzz.judge import Verdict, input_of, limited_memory, short_hash, try_input
from fuzz.target import Target
from fuzz.targets import TARGETS

_BATCH = 50
"""Inputs that a process is given at once."""


@dataclass
class Tally:
    """What became of the inputs of one target."""

    inputs: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0
    slowest_input: int = 0
    findings: dict[str, tuple[int, int, Verdict]] = field(default_factory=dict)
    """Place -> how many inputs, the first of them, what it gave."""

    def add(self, number: int, verdict: Verdict) -> bool:
        """Count an input; returns whether it shows a fault that was not seen before."""
        self.inputs += 1
        self.kinds[verdict.kind] += 1
        if verdict.seconds > self.slowest:
            self.slowest, self.slowest_input = verdict.seconds, number
        if not verdict.is_finding:
            return False
        count, first, shown = self.findings.get(verdict.place, (0, number, verdict))
        self.findings[verdict.place] = (count + 1, first, shown)
        return count == 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status: 1 where a reader failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--inputs", type=int, default=20_000, help="in all, shared by the targets (default: 20000)")
    parser.add_argument("--minutes", type=float, help="stop after so many minutes")
    parser.add_argument("--processes", type=int, default=2, help="processes (default: 2)")
    parser.add_argument("--seed", type=int, default=1, help="number that decides all inputs (default: 1)")
    parser.add_argument("--target", action="append", default=[], metavar="T", help="only those that begin so")
    parser.add_argument("--input", type=int, help="replay this one input of --target, without catching anything")
    parser.add_argument("--file", type=Path, help="replay this file with --target, without catching anything")
    parser.add_argument("--output", type=Path, default=Path("output/fuzz"), help="folder for inputs that failed")
    parser.add_argument("--list", action="store_true", help="list the targets")
    options = parser.parse_args(arguments)
    chosen = {name: t for name, t in TARGETS.items() if not options.target or name.startswith(tuple(options.target))}
    if options.list or not chosen:
        print("\n".join(TARGETS))
        return 0 if options.list else 2
    if options.input is not None or options.file is not None:
        return _replay(next(iter(chosen.values())), options)
    campaign = _Campaign(chosen, options)
    campaign.run()
    return _report(campaign.tallies, options)


def _replay(target: Target, options: argparse.Namespace) -> int:
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        if options.file is not None:
            path = options.file
        else:
            name, content, beside = input_of(target, options.seed, options.input)
            try_input(target, Path(folder), name, content, beside)
            path = Path(folder) / name
            print(f"{path}: {len(content)} bytes: {content[:2000]!r}")
        print("read:", target.run(path))
    return 0


class _Campaign:
    """Gives batches of inputs to processes and counts what they find; one that dies is a finding, and replaced."""

    def __init__(self, chosen: dict[str, Target], options: argparse.Namespace) -> None:
        self.tallies = {name: Tally() for name in chosen}
        self._options = options
        whole = sum(target.share for target in chosen.values())
        each = {name: max(1, round(options.inputs * target.share / whole)) for name, target in chosen.items()}
        self._waiting = [
            (name, first, min(first + _BATCH, count))
            for name, count in each.items()
            for first in range(0, count, _BATCH)
        ]
        self._waiting.sort(key=lambda job: -job[1] / each[job[0]])  # all targets advance alike
        self._workers: dict[Connection, tuple[multiprocessing.Process, tuple[str, int, int] | None]] = {}

    def run(self) -> None:
        """Run until every input was tried, the time is over, or somebody presses Ctrl-C."""
        begun = told = time.monotonic()
        for _ in range(self._options.processes):
            self._start()
        try:
            while self._workers:
                for channel in wait(list(self._workers), timeout=10):
                    self._take(channel)
                now = time.monotonic()
                if now - begun > 60 * (self._options.minutes or float("inf")):
                    break
                if now - told > 60:
                    told = now
                    print(f"{sum(tally.inputs for tally in self.tallies.values())} inputs", flush=True)
        except KeyboardInterrupt:
            print("interrupted")
        print(f"{time.monotonic() - begun:.0f} s with {self._options.processes} processes")

    def _start(self) -> None:
        context = multiprocessing.get_context("fork")
        ours, theirs = context.Pipe()
        process = context.Process(target=_work, args=(theirs, self._options.seed), daemon=True)
        process.start()
        theirs.close()
        self._workers[ours] = (process, None)
        self._give(ours)

    def _give(self, channel: Connection) -> None:
        process, _ = self._workers[channel]
        job = self._waiting.pop() if self._waiting else None
        self._workers[channel] = (process, job)
        channel.send(job)
        if job is None:
            del self._workers[channel]
            process.join()

    def _take(self, channel: Connection) -> None:
        """Take a verdict, or notice that a process was ended by the watchdog, or crashed."""
        process, job = self._workers[channel]
        name, first, last = job
        try:
            number, verdict = channel.recv()
        except EOFError:
            process.join()
            del self._workers[channel]
            verdict = Verdict("hang", f"the process ended with {process.exitcode}", 0.0, f"death {first}")
            _note(self.tallies[name], name, first, verdict, self._options)
            if first + 1 < last:
                self._waiting.append((name, first + 1, last))
            self._start()
            return
        if number < 0:
            self._give(channel)
            return
        self._workers[channel] = (process, (name, number + 1, last))
        _note(self.tallies[name], name, number, verdict, self._options)


def _note(tally: Tally, name: str, number: int, verdict: Verdict, options: argparse.Namespace) -> None:
    if not tally.add(number, verdict):
        return
    file, content, _ = input_of(TARGETS[name], options.seed, number)
    options.output.mkdir(parents=True, exist_ok=True)
    kept = options.output / f"{name.replace('/', '_').replace(' ', '_')}-{short_hash(content)}-{Path(file).name}"
    kept.write_bytes(content)
    replay = f"python -m tests.fuzz --target '{name}' --seed {options.seed} --input {number}"
    print(f"FOUND {name}: {verdict.kind} {verdict.place}\n  {kept}\n  {replay}\n{verdict.text}", flush=True)


def _work(channel: Connection, seed: int) -> None:
    """Take batches and send a verdict for each input, then -1 for the end of the batch."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first process ends this one
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")  # those of a reader are recorded by the judge
    sys.stdout = open("/dev/null", "w", encoding="utf-8")  # noqa: SIM115
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder, limited_memory():
        while (job := channel.recv()) is not None:
            name, first, last = job
            for number in range(first, last):
                verdict = try_input(TARGETS[name], Path(folder) / "in_put", *input_of(TARGETS[name], seed, number))
                channel.send((number, verdict))
            channel.send((-1, None))


def _report(tallies: dict[str, Tally], options: argparse.Namespace) -> int:
    print(f"{'target':32} {'inputs':>8} {'read':>8} {'refused':>8} {'findings':>9} {'slowest':>9}")
    for name, tally in tallies.items():
        found = sum(count for count, _, _ in tally.findings.values())
        kinds = tally.kinds
        print(
            f"{name:32} {tally.inputs:8} {kinds['read']:8} {kinds['refused']:8} {found:9} {tally.slowest:7.2f} s"
            f"  (input {tally.slowest_input})"
        )
    faults = {(name, place): of for name, tally in tallies.items() for place, of in tally.findings.items()}
    total, refused = sum(t.inputs for t in tallies.values()), sum(t.kinds["refused"] for t in tallies.values())
    print(f"{total} inputs, {refused} refused, {len(faults)} faults; seed {options.seed}")
    for (name, place), (count, first, verdict) in sorted(faults.items(), key=lambda item: item[0][1]):
        last = verdict.text.strip().splitlines()[-1][:160]
        print(f"  {name}: {place}: {count} inputs, the first {first}: {last}")
    return 1 if faults else 0
