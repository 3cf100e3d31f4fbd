"""Mutated videos, and all that the commands do with a video: none may end in a traceback, a crash or a wait.

    python tests/fuzz/fuzz_videos.py --count 2000 --seed 1 [--videos FOLDER]

Each mutation is decided by its seed, so that a failure can be repeated: ``--count 1 --seed N --keep FILE``.
"""

from __future__ import annotations

import argparse
import logging
import multiprocessing
import random
import resource
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from alphaction.data.video.one_second_clips import OneSecondClipSource
from alphaction.data.video.sound import BrokenSoundError, Sound
from alphaction.data.video.whole_movies import MovieSource
from alphaction.utils.errors import UserError
from alphaction.workflows.detect.detect_videos import whole_seconds
from alphaction.workflows.predict.clip import open_clip
from alphaction.workflows.predict.video_options import VideoOptions
from alphaction.workflows.prepare.movies import cut_movie

# Container -> codec; a file of each is made, with sound where that is cheap.
KINDS = {
    "a.mp4": "libx264",
    "b.mov": "mpeg4",
    "c.avi": "mpeg4",
    "d.mkv": "libx264",
    "e.webm": "libvpx",
    "f.ts": "libx264",
    "g.mpg": "mpeg2video",
    "h.flv": "flv1",
    "i.h264": "libx264",
    "j.avi": "mjpeg",
    "k.wmv": "wmv2",
    "l.mkv": "mjpeg",
}
MEMORY = 6 << 30
"""Bytes of addresses that one process may have; libraries alone reserve more than a gigabyte."""
PATIENCE = 60.0
"""Seconds after which a mutation counts as a hang; ordinary ones take a hundredth of a second."""
_WORDS = [0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 65535 << 16]


def write_seeds(folder: Path, frames: int = 30) -> list[Path]:
    """Write a small video of each kind, tagged and with a sound, and return those that this ffmpeg can write."""
    written = []
    for name, codec in KINDS.items():
        try:
            _write(folder / name, codec, frames, sound=name in ("a.mp4", "d.mkv"))
        except (av.FFmpegError, ValueError):
            (folder / name).unlink(missing_ok=True)
            continue
        written.append(folder / name)
    return written


def _write(path: Path, codec: str, frames: int, sound: bool) -> None:
    with av.open(str(path), "w") as container:
        container.metadata["title"] = "a title that is long enough to be hit"
        stream = container.add_stream(codec, rate=10)
        stream.width, stream.height, stream.gop_size = 64, 48, 10
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        voice = container.add_stream("aac", rate=16000, layout="mono") if sound else None
        for number in range(frames):
            image = np.full((48, 64, 3), 8 * number % 256, np.uint8)
            image[:, : 2 * number] = 255 - image[:, : 2 * number]
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))
        if voice is not None:
            samples = np.sin(np.arange(1600 * frames) / 9, dtype=np.float32)[None]
            spoken = av.AudioFrame.from_ndarray(samples, format="fltp", layout="mono")
            spoken.sample_rate = 16000
            container.mux(voice.encode(spoken))
            container.mux(voice.encode(None))


def mutated(data: bytes, others: Sequence[bytes], draw: random.Random) -> bytes:
    """Return ``data`` with one to four faults: flipped bits, numbers of the header, cuts, holes, parts of others."""
    result = bytearray(data)
    for _ in range(draw.choice((1, 1, 2, 4))):
        if not result:
            break
        # Headers are a small part of a file, at either end, and most of what can go wrong.
        span = draw.choice((len(result), min(len(result), 1500), min(len(result), 200)))
        place = draw.randrange(span)
        if draw.random() < 0.3:
            place = len(result) - 1 - place
        kind = draw.randrange(8)
        if kind == 0:
            result[place] ^= 1 << draw.randrange(8)
        elif kind == 1:
            result[place] = draw.randrange(256)
        elif kind == 2:
            order, size = draw.choice(("big", "little")), draw.choice((2, 4, 8))
            word = (draw.choice(_WORDS) % (1 << 8 * size)).to_bytes(size, order)
            result[place : place + size] = word[: len(result) - place]
        elif kind == 3:
            del result[place:]
        elif kind == 4:
            del result[place : place + draw.randrange(1, 300)]
        elif kind == 5:
            length = min(draw.randrange(1, 2000), len(result) - place)
            result[place : place + length] = bytes(length)
        elif kind == 6:
            other = draw.choice(others)
            start = draw.randrange(len(other))
            part = other[start : start + draw.randrange(1, 400)]
            result[place : place + draw.choice((0, len(part)))] = part
        else:
            part = result[place : place + draw.randrange(1, 400)]
            result[place:place] = part * draw.choice((1, 1, 30))
    return bytes(result)


def uses(path: Path, scratch: Path) -> dict[str, Callable[[], Any]]:
    """Return what commands do with a video, each as a function: training, the checks, detection, cutting, prediction.

    Args:
        path: the video, alone in its folder.
        scratch: an empty folder.
    """
    movies = MovieSource(path.parent)

    def half(size: tuple[int, int]) -> tuple[int, int]:
        scale = 32 / min(size)
        return round(size[0] * scale), round(size[1] * scale)

    def clip() -> None:
        for second in (0, 1.5):
            movies.read(path.stem, second, range(-8, 8), 25, half)

    def one_second() -> None:
        folder = scratch / "clips" / "film"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"0{path.suffix}").write_bytes(path.read_bytes())
        source = OneSecondClipSource(scratch / "clips")
        source.check("film", np.array([0]))
        source.read("film", 0, range(-4, 4), 0, half)

    def sound() -> None:
        heard = Sound.of(path, 0.0, 2.0, "mp4")
        if heard is not None:
            heard.close()

    return {
        "probe": lambda: movies.probe(path.stem),
        "check": lambda: _raise(movies.check(path.stem, np.array([0, 1, 2])).problems),
        "clip": clip,
        "one_second": one_second,
        "seconds": lambda: whole_seconds(movies, path.stem),
        "cut": lambda: cut_movie(path, scratch / "cut", scratch / "keyframes", end=2),
        "predict": lambda: open_clip(VideoOptions(video=path, output=scratch / "out.mp4")),
        "sound": sound,
    }


def _raise(problems: Sequence[str]) -> None:
    if problems:
        raise UserError(problems[0])


def faults(path: Path, scratch: Path) -> Iterator[str]:
    """Yield what is wrong with the way in which a file is refused: another error, or a message without its name."""
    try:
        jobs = uses(path, scratch)
    except UserError as error:
        problem = str(error)
        jobs = {"open": lambda: _raise([problem])}
    for name, job in jobs.items():
        try:
            job()
        except UserError as error:
            if path.stem not in str(error) and "film" not in str(error):
                yield f"{name}: the message does not name the file: {error}"
        except BrokenSoundError:
            pass  # its caller names the file
        except Exception as error:
            place = traceback.extract_tb(error.__traceback__)[-1]
            yield f"{name}: {type(error).__name__}: {error} ({Path(place.filename).name}:{place.lineno})"


def attack(seed: int, originals: Sequence[tuple[str, bytes]], keep: Path | None = None) -> list[str]:
    """Make the mutation ``seed``, do all that is done with a video, and return the faults."""
    draw = random.Random(seed)
    name, data = originals[seed % len(originals)]
    content = mutated(data, [other for _, other in originals], draw)
    if keep is not None:
        keep.write_bytes(content)
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch, "videos", f"mutant{Path(name).suffix}")
        path.parent.mkdir()
        path.write_bytes(content)
        return [f"seed {seed} ({name}): {fault}" for fault in faults(path, Path(scratch))]


def _work(seeds: Sequence[int], originals: Sequence[tuple[str, bytes]], results: Any) -> None:
    logging.getLogger("alphaction").setLevel(logging.CRITICAL)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    for seed in seeds:
        results.put((seed, None))
        started = time.monotonic()
        results.put((seed, (attack(seed, originals), time.monotonic() - started)))


def attack_many(
    seeds: Sequence[int], originals: Sequence[tuple[str, bytes]], say: Callable[[str], None] = print
) -> Counter[str]:
    """Attack in another process, which may crash or hang; return how often each kind of fault occurred."""
    counts, left, context = Counter(), list(seeds), multiprocessing.get_context("fork")
    longest = 0.0
    while left:
        results = context.SimpleQueue()
        worker = context.Process(target=_work, args=(left, originals, results), daemon=True)
        worker.start()
        current, since = left[0], time.monotonic()
        while left:
            if not results._reader.poll(1.0):
                late = time.monotonic() - since > PATIENCE
                if worker.is_alive() and not late:
                    continue
                if not late and results._reader.poll(0.2):
                    continue
                kind = "hang" if late else f"crash (status {worker.exitcode})"
                say(f"seed {current}: {kind}")
                counts[kind.split()[0]] += 1
                left.remove(current)
                break
            seed, result = results.get()
            current, since = seed, time.monotonic()
            if result is not None:
                found, seconds = result
                longest = max(longest, seconds)
                left.remove(seed)
                counts["mutations"] += 1
                counts["mutations with a fault"] += bool(found)
                for line in found:
                    say(line)
        worker.kill()
        worker.join()
    say(f"longest: {longest:.1f} s")
    return counts


def main() -> int:
    """Attack as many times as asked; status 1 if anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=2000, help="mutations")
    parser.add_argument("--seed", type=int, default=0, help="the first one")
    parser.add_argument("--videos", type=Path, nargs="*", default=[], help="more originals: files")
    parser.add_argument("--keep", type=Path, help="write the mutation here (--count 1)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        paths = [*write_seeds(Path(folder)), *args.videos]
        originals = [(path.name, path.read_bytes()) for path in paths]
    if args.keep:
        print(*attack(args.seed, originals, args.keep), sep="\n")
        return 0
    counts = attack_many(range(args.seed, args.seed + args.count), originals)
    print(", ".join(f"{kind}: {number}" for kind, number in counts.items()))
    return 1 if set(counts) & {"hang", "crash"} or counts["mutations with a fault"] else 0


if __name__ == "__main__":
    sys.exit(main())
