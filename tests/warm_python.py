"""A ``python`` that starts at once: a server that has imported PyTorch and AlphAction forks for each command.

Most of the time of a short command line is the import of PyTorch (2 to 3 s). ``python`` in the folder that
:func:`serve_beside` yields takes the arguments of a real one and gives its output and exit status; the work is done by
a fork of the server, in the folder, environment and files of the caller. What it cannot show is whether a script
finds the package by itself, and what an interruption does to a group of processes: such tests start ``sys.executable``.

As a script: ``warm_python.py serve FOLDER`` is the server, and ``warm_python.py FOLDER ARGUMENTS...`` the client.
"""

from __future__ import annotations

import atexit
import functools
import gc
import importlib
import json
import os
import pkgutil
import runpy
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NoReturn

FOLDER = "ALPHACTION_TEST_PYTHON"
"""Variable of the environment that names the folder of the quick ``python`` of this run."""
_SOCKET = "socket"
_FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1)


@contextmanager
def serve_beside() -> Iterator[Path]:
    """Start a server that ends with the context or with this process; yields the folder that holds its ``python``.

    The server imports nothing before the first command.
    """
    root = Path(__file__).resolve().parents[1]
    path = os.pathsep.join(p for p in (str(root), os.environ.get("PYTHONPATH", "")) if p)
    env = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
    with tempfile.TemporaryDirectory(prefix="warm") as name:
        folder = Path(name)
        program = folder / "python"
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I -S "{Path(__file__).resolve()}" "{folder}" "$@"\n')
        program.chmod(0o755)
        command = [sys.executable, str(Path(__file__).resolve()), "serve", str(folder)]
        # Its standard input ends when this process does, which is its sign to end.
        server = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env, start_new_session=True
        )
        try:
            server.stdout.readline()  # the socket is there
            yield folder
        finally:
            server.stdin.close()
            server.stdout.close()
            server.wait(10)


def request(folder: Path, arguments: list[str]) -> int:
    """Let the server run ``python ARGUMENTS``; returns the exit status, as a shell has it."""
    with socket.socket(socket.AF_UNIX) as channel:
        channel.connect(str(folder / _SOCKET))
        message = {"arguments": arguments, "folder": os.getcwd(), "env": dict(os.environ)}
        text = json.dumps(message).encode()
        socket.send_fds(channel, [len(text).to_bytes(4, "big")], [0, 1, 2])
        channel.sendall(text)
        for number in _FORWARDED:
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, lambda number, _: channel.send(bytes([number])))
        status = channel.recv(4)
    return int.from_bytes(status, "big") if status else 1


def serve(folder: Path) -> list[str]:
    """Fork for each request; returns the arguments, in the fork alone. The server itself exits when stdin ends."""
    wake, waker = socket.socketpair()
    for end in (wake, waker):
        end.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(waker.fileno())
    running: dict[int, socket.socket] = {}
    with socket.socket(socket.AF_UNIX) as listener, selectors.DefaultSelector() as selector:
        listener.bind(str(folder / _SOCKET))
        listener.listen(64)
        for source in (listener, wake, sys.stdin):
            selector.register(source, selectors.EVENT_READ)
        print("ready", flush=True)
        while True:
            for key, _ in selector.select():
                if key.fileobj is sys.stdin:
                    for pid in running:
                        _kill(pid, signal.SIGKILL)
                    signal.set_wakeup_fd(-1)
                    sys.exit()
                elif key.fileobj is wake:
                    wake.recv(4096)
                    for channel in _ended(running):
                        selector.unregister(channel)
                        channel.close()
                elif key.fileobj is listener:
                    _preload()
                    channel = listener.accept()[0]
                    fork = _fork(channel)
                    if isinstance(fork, list):
                        return fork
                    running[fork] = channel
                    selector.register(channel, selectors.EVENT_READ, fork)
                else:
                    _kill(key.data, _received(key.fileobj))


def _kill(pid: int, number: int) -> None:
    """Send a signal to a command and what it has started."""
    with suppress(ProcessLookupError):  # it may have ended meanwhile
        os.killpg(pid, number)


def _received(channel: socket.socket) -> int:
    """Return the signal that a client passes on; if it is gone, the one that kills."""
    try:
        text = channel.recv(1)
    except OSError:
        return signal.SIGKILL
    return text[0] if text else signal.SIGKILL


def _ended(running: dict[int, socket.socket]) -> Iterator[socket.socket]:
    """Send the exit status of each command that has ended to its client."""
    while running:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            return
        code = os.waitstatus_to_exitcode(status)
        channel = running.pop(pid)
        with suppress(OSError):  # the client may be gone
            channel.sendall((code if code >= 0 else 128 - code).to_bytes(4, "big"))
        yield channel


def _fork(channel: socket.socket) -> list[str] | int:
    """Return the id of the process that takes the request, and in that process its arguments."""
    length, files, _, _ = socket.recv_fds(channel, 4, 3)
    text, size = b"", int.from_bytes(length, "big")
    while len(text) < size:
        text += channel.recv(size - len(text))  # a signal may follow
    asked = json.loads(text)
    pid = os.fork()
    # In both processes, since neither may rely on the other being first.
    with suppress(OSError):
        os.setpgid(pid, pid)
    if pid:
        for file in files:
            os.close(file)
        return pid
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    channel.close()
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    os.chdir(asked["folder"])
    os.environ.clear()
    os.environ.update(asked["env"])
    return asked["arguments"]


@functools.cache
def _preload() -> None:
    """Import what takes long, once."""
    for name in ("torch.distributed.run", "torch.utils.tensorboard", "torchvision"):
        importlib.import_module(name)
    import alphaction

    for module in pkgutil.walk_packages(alphaction.__path__, "alphaction."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    os.fsync = lambda file: None  # as in conftest.py
    gc.freeze()  # a collection in a fork would copy all of it


def run(folder: Path, arguments: list[str]) -> None:
    """Do in this process what ``python ARGUMENTS`` would do in a new one."""
    sys.executable = str(folder / "python")
    sys.stdout.reconfigure(line_buffering=True)
    paths = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    sys.path[:] = ["", *filter(None, paths), *(path for path in sys.path[1:] if path not in paths)]
    if arguments[0] == "-c":
        sys.argv = ["-c", *arguments[2:]]
        exec(compile(arguments[1], "<string>", "exec"), {"__name__": "__main__"})
    elif arguments[0] == "-m":
        sys.path[0] = os.getcwd()
        sys.argv = arguments[1:]
        sys.modules.pop(arguments[1], None)  # runpy warns of a module that is imported already
        runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
    else:
        sys.path[0] = os.path.dirname(os.path.abspath(arguments[0]))
        sys.argv = arguments
        runpy.run_path(arguments[0], run_name="__main__")


def run_and_exit(folder: Path, arguments: list[str]) -> NoReturn:
    """Run and end as Python does, but without tearing down what the server has imported, which takes half a second."""
    status = 0
    try:
        run(folder, arguments)
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
        if status and not isinstance(end.code, int):
            print(end.code, file=sys.stderr)
    except KeyboardInterrupt:
        traceback.print_exc()
        status = 128 + signal.SIGINT
    except BaseException:
        traceback.print_exc()
        status = 1
    threading._shutdown()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    if sys.argv[2:3] == ["-u"]:  # of torchrun; what is run writes line by line anyway
        del sys.argv[2]
    if sys.argv[1] == "serve":
        run_and_exit(Path(sys.argv[2]), serve(Path(sys.argv[2])))
    elif len(sys.argv) > 2 and (sys.argv[2] in ("-c", "-m") or not sys.argv[2].startswith("-")):
        sys.exit(request(Path(sys.argv[1]), sys.argv[2:]))
    else:
        os.execv(sys.executable, [sys.executable, *sys.argv[2:]])
