"""data: URLs in the forms that encoders write them, and their bad twins."""

import base64
from urllib.parse import quote

import pytest

from emollm.data_url import is_data_url, read_data_url
from emollm.schema import InputError

CONTENT = bytes(range(256)) * 3 + b"\xfb\xff\xfe\x01"  # its base64 holds + and /, and ends in padding
PLAIN = base64.b64encode(CONTENT).decode()
HEAD = "data:image/jpeg;base64,"
FORMS = {
    "plain": PLAIN, "wrapped": base64.encodebytes(CONTENT).decode(), "windows lines": PLAIN[:76] + "\r\n" + PLAIN[76:],
    "unpadded": PLAIN.rstrip("="), "url-safe": base64.urlsafe_b64encode(CONTENT).decode(),
    "url-safe, unpadded": base64.urlsafe_b64encode(CONTENT).decode().rstrip("="), "percent-encoded": quote(PLAIN, safe=""),
    "percent-encoded lines": quote(base64.encodebytes(CONTENT).decode()), "blanks around": f" {PLAIN} \n",
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_bytes(form):
    assert read_data_url(HEAD + FORMS[form], "url", 2**20) == CONTENT


@pytest.mark.parametrize("head", ["data:;base64,", "DATA:image/PNG;BASE64,", "data:image/png;charset=utf-8;base64,"])
def test_heads(head):
    assert is_data_url(head)
    assert read_data_url(head + PLAIN, "url", 2**20) == CONTENT


def test_jpeg_frames_are_one_stream():
    frames = [b"\xff\xd8one\xff\xd9", b"\xff\xd8two!\xff\xd9"]
    url = "data:video/jpeg;base64," + ",".join(base64.b64encode(f).decode() for f in frames)
    assert read_data_url(url, "video_url", 2**20) == b"".join(frames)


@pytest.mark.parametrize(("url", "told"), [
    ("data:image/jpeg,abc", "must begin like data:image/jpeg;base64,"), (HEAD + "@@@@", "the base64 data is damaged"),
    (HEAD + PLAIN[:41], "damaged"), (HEAD + "ä" * 8, "damaged"),
    (HEAD + "QQ==QQ==", "damaged"), (HEAD + "AA,AA", "damaged"), ("http://x/", "must begin")])
def test_what_is_no_base64_is_named(url, told):
    with pytest.raises(InputError, match=told) as error:
        read_data_url(url, "messages[0]", 2**20)
    assert str(error.value).startswith("messages[0]: ")


def test_too_much_is_refused_before_and_after_decoding():
    for size in (2**20 + 1, 8 * 2**20):
        with pytest.raises(InputError, match="more than 1 MB; send a smaller picture"):
            read_data_url(HEAD + base64.b64encode(bytes(size)).decode(), "url", 2**20)
    assert not is_data_url("photo.jpg")
    assert not is_data_url(b"data:")
