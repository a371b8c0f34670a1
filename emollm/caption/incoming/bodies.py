"""A chat body as the server reads it: which picture or clip, what is asked about it, in which conversation.

Instructions (system and developer messages) are left out, as the server does; the texts of one message are one text. Fields
that would ask for another kind of answer are refused by name; those that ask for nothing are not seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from emollm.answer.prompt import Message
from emollm.data_url import HEAD_CHARACTERS, is_data_url
from emollm.schema import InputError
from emollm.what_if import check_edits

MEDIA_PARTS = ("image_url", "video_url")
ROLES = ("system", "developer", "user", "assistant", "tool")
INSTRUCTIONS = ("system", "developer")
TOOLS = ("tools", "functions")


class RequestError(Exception):
    """A request that cannot be answered: code and message of its error line."""

    def __init__(self, code: str, message: str):
        super().__init__(message)
        self.code, self.message = code, message


@dataclass(frozen=True)
class Asked:
    """What a body asks for."""

    url: str  # of its picture or clip
    question: str  # the user's last text; empty when there is none
    conversation: tuple[Message, ...]  # all of it, empty when it is that one question
    what_if: tuple[tuple[str, float], ...] | None  # None: the body says nothing of it


def asked_in(body: Any) -> Asked:
    """What a body asks for. Raises RequestError naming the field that cannot be answered."""
    if not isinstance(body, dict) or not isinstance(body.get("messages"), list):
        raise _invalid("the body has no list of messages")
    _check_fields(body)
    messages = [_message(m, f"messages[{k}]") for k, m in enumerate(body["messages"])]
    kept = tuple(m for m in messages if m.role not in INSTRUCTIONS) or tuple(messages)
    question = next((m.text for m in reversed(kept) if m.role == "user" and m.text.strip()), "")
    alone = len(kept) == 1 and kept[0].role == "user"
    return Asked(media_url(body), question, () if alone else kept, _edits(body.get("mm_processor_kwargs")))


def media_url(body: dict) -> str:
    """Address of the one picture or clip. Raises RequestError."""
    parts = [p for message in body["messages"] for p in _parts(message) if _is_media(p)]
    if len(parts) != 1:
        raise _invalid(f"{len(parts)} photos or clips in one request; exactly one is needed")
    given: Any = parts[0].get(parts[0]["type"])
    url = given.get("url") if isinstance(given, dict) else given
    if not isinstance(url, str) or not url:
        raise _invalid(f"the part '{parts[0]['type']}' has no url")
    if is_data_url(url) and ";base64," not in url[:HEAD_CHARACTERS].lower():
        raise _invalid("the data URL is not base64: write data:image/jpeg;base64,...")
    return url


def _message(message: Any, where: str) -> Message:
    if not isinstance(message, dict) or message.get("role", "user") not in ROLES:
        raise _invalid(f"{where} must be a message whose role is one of {', '.join(ROLES)}")
    content = message.get("content")
    if content is not None and not isinstance(content, (str, list)):
        raise _invalid(f"{where}.content must be a text or a list of parts")
    said = [content] if isinstance(content, str) else [_text(p) for p in content or []]
    return Message(message.get("role", "user"), "".join(said), any(map(_is_media, _parts(message))))


def _text(part: Any) -> str:
    found = part.get("text") if isinstance(part, dict) and part.get("type") == "text" else part
    return found if isinstance(found, str) else ""


def _is_media(part: Any) -> bool:
    return isinstance(part, dict) and part.get("type") in MEDIA_PARTS


def _parts(message: Any) -> list:
    content = message.get("content") if isinstance(message, dict) else None
    return content if isinstance(content, list) else []


def _check_fields(body: dict) -> None:
    for name in TOOLS:
        if body.get(name) and "none" not in (body.get("tool_choice"), body.get("function_call")):
            raise _invalid(f"{name} cannot be set here: the model calls no tools. Leave it out.")
    form = body.get("response_format")
    if isinstance(form, dict) and form.get("type") not in (None, "text"):
        raise _invalid("response_format cannot be set here: every line holds the whole Explanation as JSON already, under "
                       "response.body.emollm. Leave it out.")
    if body.get("n") not in (None, 1):
        raise _invalid(f"n is {str(body['n'])[:20]}, but a question is answered in one way here. Leave it out.")


def _edits(choices: Any) -> tuple[tuple[str, float], ...] | None:
    """What-if edits of mm_processor_kwargs, which the server takes as a list with one entry a picture."""
    if choices in (None, {}):
        return None
    if not isinstance(choices, dict) or set(choices) - {"what_if"}:
        raise _invalid("of mm_processor_kwargs only what_if is taken here; every face is explained")
    given = choices["what_if"]
    edits = given[0] if isinstance(given, list) and len(given) == 1 else None
    if not isinstance(edits, dict):
        raise _invalid('mm_processor_kwargs.what_if must be a list with one object, such as [{"AU04": 0}]')
    try:
        return tuple(sorted(check_edits(edits).items()))
    except InputError as error:
        raise _invalid(f"mm_processor_kwargs.what_if: {error}") from None


def _invalid(message: str) -> RequestError:
    return RequestError("invalid_request", message)
