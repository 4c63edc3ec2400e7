"""A real redis-server for tests: on a free port of the loopback interface, in a process of its own."""

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Self

import pytest

PROGRAM = shutil.which("redis-server")
needs_redis = pytest.mark.skipif(PROGRAM is None, reason="redis-server is not installed")


class RedisServer:
    """A server that keeps nothing on disk; it may be killed, halted and started again.

    >>> with RedisServer(tmp_path) as server: open_cache(server.url)
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *words: str) -> None:
        """Start it, empty, and wait until it answers."""
        assert PROGRAM is not None
        assert self._process is None
        self._process = subprocess.Popen(
            [
                *(PROGRAM, "--bind", "127.0.0.1", "--port", str(self.port), "--save", ""),
                *("--dir", str(self._folder), *words),
            ],
            stdout=subprocess.DEVNULL,
        )
        until = time.monotonic() + 20
        while True:
            try:
                with socket.create_connection(("127.0.0.1", self.port), 1) as probe:
                    probe.sendall(b"PING\r\n")
                    if probe.recv(16).startswith(b"+PONG"):
                        return
            except OSError:
                pass
            assert time.monotonic() < until, "redis-server does not start"
            time.sleep(0.02)

    def kill(self) -> None:
        """End it without a word, as the kernel does."""
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(signal.SIGKILL)
            process.wait(10)

    def halt(self) -> None:
        """It hangs: connections stay open and nothing is answered."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        """It answers again."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGCONT)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
