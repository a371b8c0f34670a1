"""Keep one vLLM server alive on a socket that is never closed, and answer 503 while there is none.

The parent owns the listening socket. A child, leader of its own process group, runs vLLM on that very socket and says so
over a socket pair: "ready" when it serves, "alive" now and then, "dead" when its engine is gone or has hung, "refused" when
it can never start. The parent takes connections itself whenever no child does. When the parent goes, the child sees the
socket pair close and goes too.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import ssl
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from emollm_vllm.door.errors import Refusal, unavailable_error

GIVE_UP = 5  # deaths in a row without having served
LONGEST_PAUSE = 60  # s between two starts
STEADY = 60  # s of serving after which the next pause is a short one again
STOP_SECONDS = 20  # that a child has to end by itself
LAST_WORDS = 1.0  # s in which a child whose engine died may still answer its open requests
EXPECTED_START = 45  # s, until one start was measured
DRAINED = 128 * 2**20  # bytes of a request that are read and dropped, so that its sender gets to see the answer
BACKLOG = 2048  # connections that wait to be taken
STDERR = 2  # file descriptor; stdout is for data, and there is none
USAGE = 2  # exit code of a child that cannot use its arguments


class Door:
    """Answers every request on the socket with 503 while it is open."""

    def __init__(self, listener: socket.socket, tls: ssl.SSLContext | None):
        self.listener, self.tls, self.server = listener, tls, None
        self.since, self.expected, self.state = time.monotonic(), EXPECTED_START, "starting"

    async def open(self, state: str) -> None:
        self.state, self.since = state, time.monotonic()
        if self.server is None:
            # A copy of the socket: closing the copy leaves the socket listening.
            self.server = await asyncio.start_server(self._answer, sock=self.listener.dup(), ssl=self.tls, backlog=BACKLOG)

    def close(self) -> None:
        if self.server is None:
            return
        loop, server, self.server = asyncio.get_running_loop(), self.server, None
        for listening in server.sockets:
            loop.remove_reader(listening.fileno())
        # A connection that was just taken is served from the loop's next round on: closed before that, asyncio drops it
        # without a word, and its client waits in vain.
        loop.call_soon(server.close)

    def note_start(self) -> None:
        """The child serves: remember how long that took."""
        self.expected = time.monotonic() - self.since
        self.close()

    def _refusal(self) -> Refusal:
        left = max(5, round(self.expected - (time.monotonic() - self.since)))
        return unavailable_error(f"the server is {self.state}; ask again in about {left} s", left)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, TimeoutError, asyncio.LimitOverrunError, asyncio.IncompleteReadError):
            async with asyncio.timeout(30):
                head = await reader.readuntil(b"\r\n\r\n")
                refusal = self._refusal()
                body = b"" if head.startswith(b"HEAD ") else refusal.body
                headers = {"Content-Type": "application/json", "Content-Length": len(refusal.body), "Connection": "close",
                           **refusal.headers}
                lines = "".join(f"{k}: {v}\r\n" for k, v in headers.items())
                writer.write(f"HTTP/1.1 503 Service Unavailable\r\n{lines}\r\n".encode() + body)
                await writer.drain()
                await _drop(reader, writer, head)
        writer.close()


async def _drop(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: bytes) -> None:
    """Read the rest of a request away: a socket closed on unread bytes would take the answer with it."""
    if b"content-length:" not in head.lower() and b"transfer-encoding:" not in head.lower():
        return
    if writer.can_write_eof():
        writer.write_eof()
    read = 0
    while read < DRAINED and (chunk := await reader.read(2**20)):
        read += len(chunk)


@dataclass
class Supervisor:
    listener: socket.socket
    command: list[str]  # of a child; the numbers of the listening and the control socket are appended
    environment: dict[str, str]
    on_ready: Callable[[float], None]  # called with the seconds that the start took
    restart: bool = True
    tls: ssl.SSLContext | None = None
    hung_after: float = 0  # s without a sign of life after which a child ends its engine; 0: never

    async def run(self) -> int:
        """Until a signal or until there is no hope. Returns the exit code: 0 SIGTERM, 130 SIGINT, 1 gave up, 2 usage."""
        loop = asyncio.get_running_loop()
        self.stopped: asyncio.Future[int] = loop.create_future()
        self.group, self.door = 0, Door(self.listener, self.tls)
        for number, code in ((signal.SIGTERM, 0), (signal.SIGINT, 130)):
            loop.add_signal_handler(number, self._stop, code)
        pause, failures, state = 1, 0, "starting"
        while True:
            await self.door.open(state)
            served, refused = await self._one_child()
            if self.stopped.done() or refused:
                self.door.close()
                return self.stopped.result() if self.stopped.done() else USAGE
            failures = 0 if served else failures + 1
            if not self.restart or failures == GIVE_UP:
                self.door.close()
                _say("the server has stopped" if served else f"the server could not be started ({failures} of {GIVE_UP} tries"
                     f"{'' if self.restart else ', --no-restart'}); the lines above say why")
                return 1
            pause = 1 if served > STEADY or pause == 0 else pause
            _say(f"the server has died; starting it again in {pause} s")
            await asyncio.wait({self.stopped}, timeout=pause)
            if self.stopped.done():
                self.door.close()
                return self.stopped.result()
            pause, state = min(2 * pause, LONGEST_PAUSE), "being started again"

    def _stop(self, code: int) -> None:
        if not self.stopped.done():
            self.stopped.set_result(code)
        elif self.group:
            _kill(self.group)  # asked twice: at once

    async def _one_child(self) -> tuple[float, bool]:
        """Start a child and stay until it is gone, with all its processes. Returns the seconds it served, and whether it
        refused to start."""
        ours, theirs = socket.socketpair()
        inherited = (self.listener.fileno(), theirs.fileno())
        child = await asyncio.create_subprocess_exec(
            *self.command, *map(str, inherited), pass_fds=inherited, stdin=asyncio.subprocess.DEVNULL,
            stdout=STDERR, start_new_session=True, env=self.environment)
        theirs.close()
        self.group = child.pid
        reader, writer = await asyncio.open_connection(sock=ours)
        try:
            served, word = await self._follow(child, reader)
        finally:
            if not self.stopped.done():
                await self.door.open("being started again")
            await self._end(child, gently=self.stopped.done())
            writer.close()
        return served, word == b"refused" or (child.returncode == USAGE and not served)

    async def _follow(self, child: asyncio.subprocess.Process, reader: asyncio.StreamReader) -> tuple[float, bytes]:
        """Listen to the child until it is dead, refuses, or everything is to stop. Returns seconds served, last word."""
        gone, ready = asyncio.ensure_future(child.wait()), 0.0
        try:
            while (word := await self._word(gone, reader, bool(ready))) in (b"ready", b"alive"):
                if word == b"ready":
                    ready = time.monotonic()
                    self.door.note_start()
                    self.on_ready(self.door.expected)
            return (time.monotonic() - ready if ready else 0.0), word
        finally:
            gone.cancel()

    async def _word(self, gone: asyncio.Future, reader: asyncio.StreamReader, serving: bool) -> bytes:
        """The child's next word; empty when it has gone, when everything is to stop, or when it serves and says nothing."""
        line = asyncio.ensure_future(reader.readline())
        # The child itself notices a hung engine, within the limit; twice that is for when the child has hung. Two waits, as
        # the first is over at once when the whole machine was stopped.
        for _ in range(2):
            await asyncio.wait({gone, line, self.stopped}, return_when=asyncio.FIRST_COMPLETED,
                               timeout=self.hung_after if serving and self.hung_after else None)
        if line.done():
            return line.result().strip()
        line.cancel()
        if not gone.done() and not self.stopped.done():
            _say(f"the server gave no sign of life for {2 * self.hung_after:g} s, so it is ended")
        return b""

    async def _end(self, child: asyncio.subprocess.Process, gently: bool) -> None:
        """End a child and everything it started."""
        with contextlib.suppress(ProcessLookupError):
            if gently:
                child.send_signal(signal.SIGTERM)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STOP_SECONDS if gently else LAST_WORDS):
                await child.wait()
        _kill(self.group)
        await child.wait()
        for _ in range(100):
            if not _is_alive(self.group):
                break
            await asyncio.sleep(0.05)
        self.group = 0


def _kill(group: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)


def _is_alive(group: int) -> bool:
    """Whether any process of the group is left. Orphans that fell to us (as process 1 of a container) are buried."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(-group, os.WNOHANG)
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def _say(text: str) -> None:
    print(f"emollm: {text}", file=sys.stderr, flush=True)
