"""A real server for the tests of serving, `emollm serve` with the shipped model, and what requests to it are made of."""

import base64
import io
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

START_SECONDS = 420  # on a loaded machine without compiled bytecode
STOP_SECONDS = 90
WHY = "Why is this face read the way it is?"
LEAKS = ("Traceback", "array(", "tensor(", " object at 0x", "site-packages", ".py", "pydantic", "input_value", "Exception")
BLOB = re.compile(r"[A-Za-z0-9+/=_-]{65,}")


class Server:
    """`emollm serve` in its own processes; `url` without /v1."""

    def __init__(self, folder: Path, *options: str):
        self.log, self.url = folder / "serve.log", ""
        command = [sys.executable, "-m", "emollm", "serve", "--port", "0", *options]
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("VLLM_", "EMOLLM_"))}
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment)

    def wait(self) -> "Server":
        """Until it serves. Raises AssertionError with what it printed."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            ready = re.search(r"^emollm: ready: (http://\S+)/v1", self.printed(), re.MULTILINE)
            if ready:
                self.url = ready[1]
                return self
            time.sleep(0.5)
        raise AssertionError(f"emollm serve did not start:\n{self.printed()[-4000:]}")

    def printed(self) -> str:
        return self.log.read_text(errors="replace")

    def check_stop(self) -> None:
        """Told to end while it serves, it ends well and takes all of its processes with it."""
        import psutil

        children = psutil.Process(self.process.pid).children(recursive=True)
        self.stop()
        assert self.process.returncode == 0, self.printed()[-4000:]
        assert len(children) >= 3  # the API server and two engines
        assert not [child for child in children if child.is_running() and child.status() != psutil.STATUS_ZOMBIE]

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()  # its child sees that and goes, too
            self.process.wait()


def data_url(data: bytes, kind: str = "image/png") -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def encoded(picture, kind: str = "PNG", **options) -> bytes:
    """File bytes of an RGB array or a PIL image."""
    from PIL import Image

    file = io.BytesIO()
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    image.save(file, kind, **options)
    return file.getvalue()


def same_picture(picture, note: str) -> str:
    """Data URL of the same pixels in a file of other bytes, which no cache can know."""
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_text("note", note)
    return data_url(encoded(picture, pnginfo=info))


def image(url) -> dict:
    return {"type": "image_url", "image_url": {"url": url}}


def video(url) -> dict:
    return {"type": "video_url", "video_url": {"url": url}}


def text(words: str = WHY) -> dict:
    return {"type": "text", "text": words}


def asked(*parts, **more) -> dict:
    """Body of a chat completion with one user turn."""
    return {"model": "pocket", "messages": [{"role": "user", "content": list(parts)}], "max_tokens": 8} | more


def good(http, sent) -> None:
    """The server still answers, and rightly."""
    answer = http.post("/v1/chat/completions", json=asked(image(sent.photo), text(), max_tokens=6))
    assert answer.status_code == 200, answer.text
    assert answer.json()["choices"][0]["message"]["content"].startswith("AU06 cheek raiser")


def check_refusal(error: dict, param: str | None, words: tuple[str, ...]) -> None:
    """An error names what is wrong and what to do, in one line, and shows nothing of the server or of the media."""
    assert set(error) == {"message", "type", "param", "code"}
    assert error["type"] == "invalid_request_error"
    assert error["param"] == param, error
    message = error["message"]
    missing = [w for w in words if w.lower() not in message.lower()]
    assert not missing, f"{missing} not in: {message}"
    assert "\n" not in message and len(message) <= 520
    assert not [leak for leak in LEAKS if leak in message], message
    assert not BLOB.search(message), message
    assert str(Path(__file__).parents[1]) not in message


def media(astronaut, clip: Path, two: Path) -> SimpleNamespace:
    """Data URLs of what the tests send."""
    from PIL import Image

    mirrored = astronaut[:, ::-1]
    clear = Image.fromarray(astronaut).convert("RGBA")
    clear.putalpha(Image.new("L", clear.size, 255))
    lying = Image.fromarray(astronaut).transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees clockwise to see it upright
    whole = encoded(astronaut, "JPEG", quality=95)
    return SimpleNamespace(
        pixels=astronaut, mirrored_pixels=mirrored, photo=data_url(encoded(astronaut)), mirrored=data_url(encoded(mirrored)),
        jpeg=data_url(whole, "image/jpeg"), alpha=data_url(encoded(clear)),
        rotated=data_url(encoded(lying, "JPEG", quality=95, exif=exif), "image/jpeg"),
        webp=data_url(encoded(astronaut, "WEBP", lossless=True), "image/webp"),
        clip_file=clip.read_bytes(), clip=data_url(clip.read_bytes(), "video/mp4"), two=data_url(two.read_bytes()),
        empty=data_url(encoded(Image.new("RGB", (200, 200), "grey"))),
        small=data_url(encoded(Image.fromarray(astronaut).resize((200, 200)))),
        dot=data_url(encoded(Image.new("RGB", (1, 1)))), cut=data_url(whole[:len(whole) // 2], "image/jpeg"),
        damaged=data_url(b"\xff\xd8\xff" + b"x" * 300, "image/jpeg"), words=data_url(b"hello, I am a text"))
