"""How the tests of serving ask, wait, and look after processes."""

import json
import time
import urllib.error
import urllib.request
from pathlib import Path

PATIENCE = 900  # s; a start takes half a minute on two idle cores


def ask(url, body=None, headers=None):
    """(status, headers, text) of a GET, or of a POST of JSON."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json", **(headers or {})})
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return response.status, response.headers, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read().decode()


def until(condition, seconds=PATIENCE):
    """Wait for a condition; its value."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.05)
    raise AssertionError(f"did not happen within {seconds} s")


def check_unavailable(answer):
    status, headers, text = answer
    assert status == 503
    assert int(headers["Retry-After"]) >= 2
    assert json.loads(text)["error"]["code"] == "engine_unavailable"


def alive(process: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
