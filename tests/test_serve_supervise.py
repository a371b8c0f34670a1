"""How the launcher watches its child, with a child that is quick to start."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest
from emollm_vllm.process import api_server, launch, supervise
from process_fixtures import alive, ask, check_unavailable, until

CHILD = """
import os, select, socket, subprocess, sys, threading, time
from pathlib import Path
behaviour, folder, listening, control = sys.argv[1], Path(sys.argv[2]), *map(int, sys.argv[3:])
listener, told = socket.socket(fileno=listening), socket.socket(fileno=control)
helper = subprocess.Popen(["sleep", "1000"])
with (folder / "started").open("a") as file:
    file.write(f"{os.getpid()} {helper.pid}\\n")
if behaviour == "dies":
    sys.exit(3)
if behaviour == "refuses":
    told.sendall(b"refused\\n")
    time.sleep(1000)
while not (folder / "go").exists():
    time.sleep(0.02)
def live():
    while True:
        time.sleep(0.05)
        told.sendall(b"alive\\n")
listener.setblocking(False)
told.sendall(b"ready\\n")
if behaviour == "lives":
    threading.Thread(target=live, daemon=True).start()
while True:
    select.select([listener], [], [])
    try:
        connection, _ = listener.accept()  # does not block, as the socket does not for the parent
    except BlockingIOError:
        continue
    connection.setblocking(True)
    asked = connection.recv(65536)
    connection.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 5\\r\\nConnection: close\\r\\n\\r\\nchild")
    connection.close()
    if b"/dead" in asked:
        told.sendall(b"dead\\n")
"""


class Watched:
    """`Supervisor` in a process of its own, around CHILD."""

    def __init__(self, folder: Path, behaviour: str, restart: bool = True, hung_after: float = 0):
        self.folder, script = folder, folder / "child.py"
        script.write_text(CHILD)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        code = (f"import asyncio, os, sys; from emollm_vllm.process.launch import listen\n"
                f"from emollm_vllm.process import supervise\nsupervise.GIVE_UP = 2\n"
                f"command = [sys.executable, {str(script)!r}, {behaviour!r}, {str(folder)!r}]\n"
                f"s = supervise.Supervisor(listen('127.0.0.1', {port}), command, dict(os.environ), print, {restart}, "
                f"hung_after={hung_after})\n"
                f"sys.exit(asyncio.run(s.run()))")
        self.url = f"http://127.0.0.1:{port}"
        self.process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def started(self) -> list[list[int]]:
        """[process, its helper] of every child so far."""
        file = self.folder / "started"
        return [list(map(int, line.split())) for line in file.read_text().splitlines()] if file.exists() else []

    def ended(self) -> tuple[int, str]:
        """Exit code and stderr; nothing that was started is left."""
        _, said = self.process.communicate(timeout=60)
        assert not [p for pair in self.started() for p in pair if alive(p)]
        return self.process.returncode, said


@pytest.fixture
def watched(tmp_path):
    """Function (behaviour, restart=, hung_after=) -> Watched; ended after the test."""
    made = []

    def make(behaviour="serves", restart=True, hung_after=0):
        made.append(Watched(tmp_path, behaviour, restart, hung_after))
        return made[0]

    yield make
    for one in made:
        one.process.kill()
        for process in [p for pair in one.started() for p in pair if alive(p)]:
            os.kill(process, signal.SIGKILL)
        one.process.communicate()  # last, as the children hold its pipes


def until_up(url):
    """Until something listens; the first answer."""
    def answer():
        try:
            return ask(url)
        except OSError:
            return None
    return until(answer, 60)


def test_requests_are_answered_503_until_the_child_serves_and_after_it_dies(watched, tmp_path):
    server = watched()
    check_unavailable(until_up(server.url))
    check_unavailable(ask(server.url, {"a": "x" * 5_000_000}))  # a large body gets its answer, too
    (tmp_path / "go").touch()
    # The parent takes no connection any more, once it has heard that the child serves; until then both do.
    until(lambda: all(ask(server.url)[2] == "child" for _ in range(20)), 30)
    (tmp_path / "go").unlink()
    first = server.started()[0]
    os.kill(first[0], signal.SIGKILL)
    check_unavailable(until(lambda: ask(server.url), 30))
    until(lambda: not any(map(alive, first)), 30)  # the helper of a dead child does not stay behind
    (tmp_path / "go").touch()
    until(lambda: ask(server.url)[0] == 200, 30)
    assert ask(f"{server.url}/dead")[0] == 200  # its engine has died, it says
    until(lambda: len(server.started()) == 3, 30)
    server.process.send_signal(signal.SIGTERM)
    assert server.ended()[0] == 0


def test_no_request_is_lost_while_the_child_takes_over(watched, tmp_path):
    server = watched()
    until_up(server.url)
    answers, stop = [], threading.Event()

    def keep_asking():
        while not stop.is_set():
            try:
                answers.append(ask(server.url)[0])
            except OSError as error:
                answers.append(repr(error))

    asking = [threading.Thread(target=keep_asking) for _ in range(4)]
    for thread in asking:
        thread.start()
    (tmp_path / "go").touch()
    try:
        until(lambda: answers[-20:] == [200] * 20, 30)
    finally:
        stop.set()
        for thread in asking:
            thread.join()
    assert set(answers) == {200, 503}


def test_a_connection_that_was_just_taken_is_answered_though_the_door_closes():
    async def ask_while_closing(closing_last: bool) -> bytes | None:
        """What a client is told whose connection is taken in the very round of the loop in which the door closes; None where
        the door closed first, so that the connection waits for whoever is next."""
        loop, listener = asyncio.get_running_loop(), socket.create_server(("127.0.0.1", 0))
        listener.setblocking(False)
        door, beside = supervise.Door(listener, None), listener.dup()

        def close():
            loop.remove_reader(beside)
            door.close()

        if closing_last:  # which of two readers of one socket is told first is the kernel's to say
            await door.open("starting")
        loop.add_reader(beside, close)
        await door.open("starting")
        reader, writer = await asyncio.open_connection(*listener.getsockname())
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        await asyncio.sleep(0.02)
        try:
            listener.accept()[0].close()
            return None
        except BlockingIOError:
            return await asyncio.wait_for(reader.readline(), 10)
        finally:
            for one in (writer, beside, listener):
                one.close()

    async def often() -> set[bytes | None]:
        return {await ask_while_closing(bool(k % 2)) for k in range(20)}

    told = asyncio.run(often())
    assert told - {None} == {b"HTTP/1.1 503 Service Unavailable\r\n"}


def test_a_child_that_hangs_is_started_again(watched, tmp_path):
    server = watched("lives", hung_after=2)
    until_up(server.url)
    (tmp_path / "go").touch()
    until(lambda: ask(server.url)[0] == 200, 30)
    (tmp_path / "go").unlink()
    first = server.started()[0]
    os.kill(first[0], signal.SIGSTOP)  # it is there, and its socket still takes connections
    until(lambda: not any(map(alive, first)), 30)
    check_unavailable(ask(server.url))
    (tmp_path / "go").touch()
    until(lambda: ask(server.url)[0] == 200, 30)
    server.process.send_signal(signal.SIGTERM)
    code, said = server.ended()
    assert (code, len(server.started())) == (0, 2)
    assert "gave no sign of life for 4 s" in said


def test_a_child_that_never_serves_is_given_up(watched):
    code, said = watched("dies").ended()
    assert code == 1
    assert "starting it again in 1 s" in said
    assert "could not be started (2 of 2 tries)" in said


def test_without_restart_the_first_death_is_the_last(watched):
    server = watched("dies", restart=False)
    assert server.ended()[0] == 1
    assert len(server.started()) == 1


def test_a_child_that_refuses_is_not_asked_again(watched):
    server = watched("refuses")
    assert server.ended()[0] == 2
    assert len(server.started()) == 1


def test_ctrl_c_while_starting_stops_everything(watched):
    server = watched()
    until(server.started, 30)
    until_up(server.url)
    server.process.send_signal(signal.SIGINT)
    assert server.ended()[0] == 130


class Echo:
    """As much of vLLM's engine client as is watched, around `cat`, which answers as long as it runs."""

    def __init__(self, process):
        self.process = process
        self.engine_core = SimpleNamespace(resources=SimpleNamespace(engine_manager=SimpleNamespace(processes=[process])))

    @property
    def errored(self) -> bool:
        return self.process.returncode is not None

    async def collective_rpc(self, method):
        self.process.stdin.write(f"{method}\n".encode())
        return await self.process.stdout.readline()


@pytest.mark.parametrize("end", [signal.SIGSTOP, signal.SIGKILL])
def test_a_child_tells_that_its_engine_lives_hangs_or_has_died(monkeypatch, capsys, end):
    async def run():
        heard, told = socket.socketpair()
        monkeypatch.setattr(api_server, "_control", [told])
        words, writer = await asyncio.open_connection(sock=heard)
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec("cat", stdin=pipe, stdout=pipe)
        watching = asyncio.create_task(api_server.watch(Echo(process), 1.0))
        assert [await words.readline() for _ in range(8)] == [b"alive\n"] * 8  # for longer than the limit
        process.send_signal(end)
        while (word := await words.readline()) == b"alive\n":
            pass
        await watching
        told.close()
        writer.close()
        return word, await process.wait()

    assert asyncio.run(run()) == (b"dead\n", -signal.SIGKILL)
    assert ("gave no sign of life for 1 s" in capsys.readouterr().err) == (end == signal.SIGSTOP)


def test_the_head_of_the_503_can_be_asked_for_alone():
    async def run():
        with launch.listen("127.0.0.1", 0) as listener:
            door = supervise.Door(listener, None)
            await door.open("starting")
            reader, writer = await asyncio.open_connection(*listener.getsockname())
            writer.write(b"HEAD /health HTTP/1.1\r\nHost: x\r\n\r\n")
            answer = await reader.read()
            writer.close()
            door.close()
            return answer

    head, _, body = asyncio.run(run()).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 503 ") and b"Retry-After: " in head
    assert body == b""  # a HEAD has none
