"""No request makes the server open a connection or a file that its operator did not allow.

A trap listens on this machine and must not see one connection. Addresses go through every door of a server without
allowed hosts, and in this process through the connector with a list of allowed hosts.
"""

import asyncio
import base64
import contextlib
import gzip
import os
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import httpx
import pytest
from serve_fixtures import WHY, asked, check_refusal, encoded, good, image, text, video

from emollm.schema import InputError

pytestmark = pytest.mark.timeout(900)
ALLOWED = "media.example"


def _data(content: str, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(content.encode()).decode()}"


PLAIN = "http://127.0.0.1:PORT/a.png"
# PORT is the trap's.
ADDRESSES = [
    PLAIN, "https://127.0.0.1:PORT/", "http://127.1:PORT/", "http://127.0.1:PORT/", "http://2130706433:PORT/",
    "http://0x7f000001:PORT/", "http://0x7f.0.0.1:PORT/", "http://0177.0.0.1:PORT/", "http://017700000001:PORT/",
    "http://0.0.0.0:PORT/", "http://0:PORT/", "http://127.127.127.127:PORT/", "http://127.0.0.1.:PORT/",
    "http://localhost:PORT/", "http://LOCALHOST:PORT/", "http://localhost.:PORT/", "http://[::1]:PORT/", "http://[::]:PORT/",
    "http://[::ffff:127.0.0.1]:PORT/", "http://[::ffff:7f00:1]:PORT/", "http://[0:0:0:0:0:0:0:1]:PORT/",
    "http://[::1%25lo]:PORT/", "http://[::127.0.0.1]:PORT/", "http://[64:ff9b::7f00:1]:PORT/",
    "http://\u2460\u2461\u2466.\u24ea.\u24ea.\u2460:PORT/", "http://127\u30020\u30020\u30021:PORT/",
    "http://\uff4c\uff4f\uff43\uff41\uff4c\uff48\uff4f\uff53\uff54:PORT/", "http://xn--localhost-:PORT/",
    "http://%31%32%37.0.0.1:PORT/", "http://127.0.0.1:PORT%2f@media.example/", "http://user:pass@127.0.0.1:PORT/",
    "http://127.0.0.1:PORT\\@media.example/", "http://media.example\\@127.0.0.1:PORT/",
    "\thttp://127.0.0.1:PORT/", " http://127.0.0.1:PORT/", "ht\ntp://127.0.0.1:PORT/", "http://127.0\t.0.1:PORT/",
    "http://127.0.0.1:PORT/\r\nHost: media.example", "http:127.0.0.1:PORT/", "http:/127.0.0.1:PORT/", "http:///127.0.0.1:PORT/",
    "http:\\\\127.0.0.1:PORT/", "//127.0.0.1:PORT/", "HTTP://127.0.0.1:PORT/", "hTTpS://127.0.0.1:PORT/",
    "http+unix://%2Fvar%2Frun%2Fdocker.sock/info", "unix:///var/run/docker.sock", "httpx://127.0.0.1:PORT/",
    "ftp://127.0.0.1:PORT/a.png", "gopher://127.0.0.1:PORT/_GET", "dict://127.0.0.1:PORT/info", "ldap://127.0.0.1:PORT/",
    "tftp://127.0.0.1:PORT/a", "ws://127.0.0.1:PORT/", "rtsp://127.0.0.1:PORT/a", "rtmp://127.0.0.1:PORT/a",
    "jar:http://127.0.0.1:PORT/a!/b", "concat:http://127.0.0.1:PORT/a|http://127.0.0.1:PORT/b", "tcp://127.0.0.1:PORT",
    "view-source:http://127.0.0.1:PORT/", "http://169.254.169.254/latest/meta-data/", "http://[fd00:ec2::254]/",
    "http://metadata.google.internal/", "http://127.0.0.1.nip.io:PORT/", "/etc/passwd", "../../../../etc/passwd",
    "file:///etc/passwd", "FILE:///etc/passwd", "file:/etc/passwd", "file:etc/passwd", "file://localhost/etc/passwd",
    "file://127.0.0.1:PORT/a", "file:///proc/self/environ", "file:///dev/zero", "file:///%2e%2e/etc/passwd",
    "file://////127.0.0.1/c$/a", "data://127.0.0.1:PORT/", "data:http://127.0.0.1:PORT/a.png",
    "data:text/html,<img src=http://127.0.0.1:PORT/>", "DATA:image/png;url=http://127.0.0.1:PORT/;base64,",
    _data("<svg xmlns='http://www.w3.org/2000/svg'><image href='http://127.0.0.1:PORT/'/></svg>", "image/svg+xml"),
    _data("#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:PORT/a.ts\n", "application/vnd.apple.mpegurl"),
    _data("#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:PORT/a.ts\n", "video/mp4"),
    _data("ffconcat version 1.0\nfile http://127.0.0.1:PORT/a.mp4\n", "video/mp4"),
    _data("<?xml version='1.0'?><MPD><BaseURL>http://127.0.0.1:PORT/</BaseURL></MPD>", "video/mp4"),
    _data("file:///etc/passwd", "image/jpeg"), _data("http://127.0.0.1:PORT/", "image/jpeg"),
]
# Only with a list of allowed hosts; none of them is on it.
NEARLY = [
    "http://media.example@127.0.0.1:PORT/", "http://media.example:80@127.0.0.1:PORT/", "http://127.0.0.1:PORT/?media.example",
    "http://127.0.0.1:PORT/#media.example", "http://127.0.0.1:PORT#media.example", "http://127.0.0.1:PORT?@media.example/",
    "http://127.0.0.1:PORT/media.example", "http://media.example.evil.test/", "http://xmedia.example/", "http://a.media.example/",
    "http://media.example%00.evil.test/", "http://media.example%2f.evil.test/", "http://media.example;@127.0.0.1:PORT/",
    "http://media.example,127.0.0.1:PORT/", "http://media.example 127.0.0.1:PORT/", "http://mediaXexample/",
    "http://media\u3002example/", "http://media.example./", "http://media.example:PORT@127.0.0.1:PORT/",
    "http://media.example#@127.0.0.1:PORT/", "http://media.example?@127.0.0.1:PORT/", "http://media.example/@127.0.0.1:PORT/",
    "http://media.example:123456/", "http://media.example:/", "http://-media.example/", "http://.media.example/",
    "http://\u043cedia.example/", "http://media.example\u2100/", "http://media.example\u00ad/", "ftp://media.example/a.png",
    "file://media.example/etc/passwd", "http://media.example:80:80/", "http://[media.example]/", "http://media_example/"]


@pytest.fixture(scope="module")
def trap():
    """Listens on every address of this machine, IPv6 too where there is any, and writes down who comes."""
    family = socket.AF_INET6 if socket.has_dualstack_ipv6() else socket.AF_INET
    listener = socket.create_server(("", 0), family=family, dualstack_ipv6=family == socket.AF_INET6)
    seen = []

    def wait() -> None:
        while True:
            try:
                connection, whence = listener.accept()
            except OSError:
                return
            seen.append(whence)
            connection.close()

    threading.Thread(target=wait, daemon=True).start()
    yield SimpleNamespace(port=listener.getsockname()[1], seen=seen)
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


def at(address: str, port: int) -> str:
    """The address with the trap's port, in data as well."""
    head, mark, data = address.partition(";base64,")
    if mark and data:
        return f"{head}{mark}{base64.b64encode(base64.b64decode(data).replace(b'PORT', str(port).encode())).decode()}"
    return address.replace("PORT", str(port))


def test_the_trap_works():
    """A trap that sees nothing because it is not there would prove nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            assert listener.accept()[1][0] == "127.0.0.1"
    assert len(set(ADDRESSES)) == len(ADDRESSES) >= 60


# --- through the doors of a server without allowed hosts -------------------------------------------------------------

DOORS = {
    "picture": ("/v1/chat/completions", lambda u: asked(image(u), text())),
    "clip": ("/v1/chat/completions", lambda u: asked(video(u), text())),
    "picture as a text": ("/v1/chat/completions", lambda u: asked({"type": "image_url", "image_url": u}, text())),
    "grounded": ("/v1/chat/completions", lambda u: asked(image(u), text(), emollm={"grounded": True})),
    "responses": ("/v1/responses", lambda u: {"model": "pocket", "max_output_tokens": 8, "input": [
        {"role": "user", "content": [{"type": "input_image", "image_url": u, "detail": "auto"},
                                     {"type": "input_text", "text": WHY}]}]}),
    "tokenize": ("/tokenize", lambda u: {"model": "pocket", "messages": asked(image(u))["messages"]}),
    "measure": ("/v1/measure", lambda u: {"media": u}),
    "explain": ("/v1/explain", lambda u: {"media": u}),
}


@pytest.mark.parametrize("door", DOORS)
def test_nothing_is_opened_by_a_server(http, sent, trap, door):
    route, body = DOORS[door]
    for address in ADDRESSES:
        answer = http.post(route, json=body(at(address, trap.port)))
        assert answer.status_code == 400, (address, answer.text)
        error = answer.json()["error"]
        check_refusal(error, error["param"], ())
        assert "root:" not in answer.text  # of /etc/passwd
    assert trap.seen == []
    good(http, sent)


def test_our_own_trap_is_seen_by_plain_clients(trap):
    """The trap's address is the right one."""
    with contextlib.suppress(httpx.HTTPError):
        httpx.get(at(PLAIN, trap.port), timeout=5)
    assert len(trap.seen) == 1
    trap.seen.clear()


# --- with allowed hosts ----------------------------------------------------------------------------------------------

class _Site(BaseHTTPRequestHandler):
    """What an allowed host may do to its visitor. The server has `photo`, `port` (of the trap) and `asked`."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        name = self.path.strip("/").split("?")[0]
        if name.isdigit():
            return self.answer(int(name), self.server.photo, Location=f"http://127.0.0.1:{self.server.port}/")
        if name in ("photo", "zipped"):
            packed = {"Content-Encoding": "gzip"} if name == "zipped" else {}
            content = gzip.compress(self.server.photo) if packed else self.server.photo
            return self.answer(200, content, **packed)
        if name == "refresh":
            return self.answer(200, b"x", Refresh=f"0; url=http://127.0.0.1:{self.server.port}/")
        if name == "lies":
            return self.answer(200, b"x", **{"Content-Length": str(2**40)})
        return self.endless(b"x" * 2**20 if name == "large" else b"")

    def answer(self, status: int, content: bytes, **headers: str) -> None:
        self.send_response(status)
        for header, value in ({"Content-Length": str(len(content)), "Connection": "close"} | headers).items():
            self.send_header(header, value)
        self.end_headers()
        self.wfile.write(content)

    def endless(self, piece: bytes) -> None:
        """An answer that never ends; without a piece one that never begins."""
        self.send_response(200)
        self.end_headers()
        while piece and not self.server.stopped.is_set():
            try:
                self.wfile.write(piece)
            except OSError:
                return
        self.server.stopped.wait(20)

    def log_message(self, *_) -> None:
        pass


@pytest.fixture(scope="module")
def site(astronaut, trap):
    """A local HTTP server; see _Site."""
    running = ThreadingHTTPServer(("127.0.0.1", 0), _Site)
    running.daemon_threads = True
    running.photo, running.port, running.asked, running.stopped = encoded(astronaut), trap.port, [], threading.Event()
    threading.Thread(target=running.serve_forever, daemon=True).start()
    yield SimpleNamespace(url=f"http://127.0.0.1:{running.server_address[1]}", asked=running.asked, photo=running.photo)
    running.stopped.set()
    running.shutdown()
    running.server_close()


@pytest.fixture(scope="module")
def read():
    """Function (url) -> bytes of the media connector, in this process."""
    pytest.importorskip("vllm")
    from emollm_vllm.plugin.media import FaceConnector
    from vllm.connections import HTTPConnection

    loop, connection = asyncio.new_event_loop(), HTTPConnection()
    reader = FaceConnector(connection=connection)
    yield lambda url: loop.run_until_complete(reader.read(url, "image_url"))
    if connection._async_client is not None:
        loop.run_until_complete(connection._async_client.close())
    loop.close()


@pytest.fixture
def allow(read, monkeypatch):
    """Function (*hosts) that puts them on the list."""
    from emollm_vllm.plugin import media

    return lambda *hosts: monkeypatch.setattr(media.access, "domains", hosts)


def remote(addresses: list[str]) -> list[str]:
    return [a for a in addresses if not a.lower().startswith("data:")]


@pytest.mark.parametrize("address", remote(ADDRESSES) + NEARLY)
def test_hosts_that_are_not_on_the_list(read, allow, trap, address):
    allow(ALLOWED)
    with pytest.raises(InputError) as refused:
        read(at(address, trap.port))
    assert str(refused.value).startswith("image_url: ")
    assert "data URL" in str(refused.value) or "plain http" in str(refused.value)
    assert trap.seen == []


@pytest.mark.parametrize("address", [a for a in remote(ADDRESSES) if not a.startswith(("http://127.0.0.1:PORT/a.png",
                                                                                      "https://127.0.0.1:PORT/"))])
def test_a_host_is_allowed_in_one_spelling(read, allow, trap, address):
    """127.0.0.1 is on the list; other ways to reach the same machine are not."""
    allow("127.0.0.1")
    with pytest.raises(InputError):
        read(at(address, trap.port))
    assert trap.seen == []


def test_allowed_host(read, allow, site):
    allow("127.0.0.1")
    assert read(f"{site.url}/photo") == site.photo
    assert read(f"{site.url}/photo?size=large&x=%20") == site.photo
    assert read(f"{site.url}/zipped") == site.photo


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 305, 307, 308, 201, 206, 404, 500, 503])
def test_only_a_plain_answer_is_taken(read, allow, trap, site, status):
    """Redirects are not followed, nothing is asked for twice, and the words of the other server are not passed on."""
    allow("127.0.0.1")
    site.asked.clear()
    with pytest.raises(InputError, match="could not be fetched") as refused:
        read(f"{site.url}/{status}")
    assert site.asked == [f"/{status}"]
    assert "127.0.0.1" not in str(refused.value)
    assert trap.seen == []


def test_refresh_is_not_followed(read, allow, trap, site):
    allow("127.0.0.1")
    assert read(f"{site.url}/refresh") == b"x"
    assert trap.seen == []


@pytest.mark.parametrize("name", ["large", "lies", "silent"])
def test_answers_that_are_too_large_or_never_come(read, allow, site, monkeypatch, name):
    from emollm_vllm.plugin import media

    monkeypatch.setattr(media, "FETCH_SECONDS", 2)
    monkeypatch.setattr(media, "MAX_BYTES", 2**20)
    allow("127.0.0.1")
    with pytest.raises(InputError, match="could not be fetched within 2 s, redirects, or holds more than 1 MB"):
        read(f"{site.url}/{name}")


def test_nobody_answers(read, allow):
    allow("127.0.0.1")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(InputError, match="could not be fetched"):
        read(f"http://127.0.0.1:{port}/a.png")


def test_allowed_name_that_does_not_exist(read, allow):
    allow("media.invalid")
    with pytest.raises(InputError, match="could not be fetched"):
        read("http://media.invalid/a.png")


# --- files -----------------------------------------------------------------------------------------------------------

FILES = ["file:///etc/passwd", "file:///{root}/../secret", "file:///{root}/%2e%2e/secret", "file:///{root}/link",
         "file:///{root}/%00", "file:///{root}/a\0b", "file:///{root}/" + "a" * 5000, "file:///{root}/circle",
         "file:///{root}", "file:///{root}/pipe", "file:/{root}/photo", "file://{root}x/photo", "file:///{root}x/photo",
         "file:photo", "file://localhost/{root}/photo", "file:///proc/self/environ", "file:///dev/zero"]


@pytest.mark.parametrize("address", FILES)
def test_files_outside_the_folder(read, monkeypatch, tmp_path, address):
    from emollm_vllm.plugin import media

    root = tmp_path / "root"
    for folder in (root, tmp_path / "rootx"):
        folder.mkdir()
        (folder / "photo").write_bytes(b"not for you")
    (tmp_path / "secret").write_text("secret")
    (root / "photo").write_bytes(b"picture")
    (root / "link").symlink_to(tmp_path / "secret")
    (root / "circle").symlink_to(root / "circle")
    os.mkfifo(root / "pipe")
    monkeypatch.setattr(media.access, "local_root", root)
    monkeypatch.chdir(root)
    assert read(f"file://{root}/photo") == b"picture"
    with pytest.raises(InputError, match="no such file in the folder"):
        read(address.format(root=str(root)[1:]))
