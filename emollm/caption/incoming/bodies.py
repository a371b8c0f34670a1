"""A chat body as the server reads it: which picture or clip, what is asked about it, in which conversation.

Instructions (system and developer messages) are left out, as the server does; the texts of one message are one text. A
conversation in which the user says nothing is asked why, as the server does: clients send a picture alone to have it told.
Fields that would ask for another kind of answer are refused by name; those that ask for nothing are not seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from emollm.answer.prompt import ANSWER_TOKENS, DEFAULT_QUESTION, Message
from emollm.caption.incoming.items import Wishes
from emollm.data_url import HEAD_CHARACTERS, is_data_url
from emollm.evidence.stated_levels import state_levels
from emollm.request_fields import CHOICES, INSTRUCTIONS, ROLES, TOOLS
from emollm.schema import AUSeries, InputError
from emollm.subject import check_prior
from emollm.what_if import check_edits

MEDIA_PARTS = ("image_url", "video_url")
TOKENS = ("max_completion_tokens", "max_tokens")  # OpenAI's newer name goes first


class RequestError(Exception):
    """A request that cannot be answered: code and message of its error line."""

    def __init__(self, code: str, message: str):
        super().__init__(message)
        self.code, self.message = code, message


@dataclass(frozen=True)
class AskedItem:
    """What a body asks for."""

    url: str  # of its picture or clip
    question: str  # the user's last text; empty when there is none
    conversation: tuple[Message, ...]  # all of it, empty when it is that one question
    what_if: tuple[tuple[str, float], ...] | None  # None: the body says nothing of it
    wishes: Wishes


def read_body(body: Any) -> AskedItem:
    """What a body asks for. Raises RequestError naming the field that cannot be answered."""
    if not isinstance(body, dict) or not isinstance(body.get("messages"), list):
        raise _invalid_request("the body has no list of messages")
    _check_fields(body)
    messages = [_message(m, f"messages[{k}]") for k, m in enumerate(body["messages"])]
    kept = tuple(m for m in messages if m.role not in INSTRUCTIONS) or tuple(messages)
    question = next((m.text for m in reversed(kept) if m.role == "user" and m.text.strip()), "")
    alone = len(kept) == 1 and kept[0].role == "user"
    chosen = _read_choices(body.get("mm_processor_kwargs"))
    edits = None if chosen.get("what_if") is None else _edits(chosen["what_if"])
    return AskedItem(media_url(body), question, () if alone else _fill_question(kept), edits, _wishes(body, chosen))


def _fill_question(kept: tuple[Message, ...]) -> tuple[Message, ...]:
    """The conversation; the default question stands in the user's last message where the user says nothing at all."""
    of_user = [k for k, m in enumerate(kept) if m.role == "user"]
    if not of_user or any(kept[k].text.strip() for k in of_user):
        return kept
    return (*kept[:of_user[-1]], kept[of_user[-1]]._replace(text=DEFAULT_QUESTION), *kept[of_user[-1] + 1:])


def media_url(body: dict) -> str:
    """Address of the one picture or clip. Raises RequestError."""
    parts = [p for message in body["messages"] for p in _parts(message) if _is_media(p)]
    if len(parts) != 1:
        raise _invalid_request(f"{len(parts)} photos or clips in one request; exactly one is needed")
    value: Any = parts[0].get(parts[0]["type"])
    url = value.get("url") if isinstance(value, dict) else value
    if not isinstance(url, str) or not url:
        raise _invalid_request(f"the part '{parts[0]['type']}' has no url")
    if is_data_url(url) and ";base64," not in url[:HEAD_CHARACTERS].lower():
        raise _invalid_request("the data URL is not base64: write data:image/jpeg;base64,...")
    return url


def _message(message: Any, where: str) -> Message:
    if not isinstance(message, dict) or message.get("role", "user") not in ROLES:
        raise _invalid_request(f"{where} must be a message whose role is one of {', '.join(ROLES)}")
    content = message.get("content")
    if content is not None and not isinstance(content, (str, list)):
        raise _invalid_request(f"{where}.content must be a text or a list of parts")
    texts = [content] if isinstance(content, str) else [_text(p) for p in content or []]
    return Message(message.get("role", "user"), "".join(texts), any(map(_is_media, _parts(message))))


def _text(part: Any) -> str:
    content = part.get("text") if isinstance(part, dict) and part.get("type") == "text" else part
    return content if isinstance(content, str) else ""


def _is_media(part: Any) -> bool:
    return isinstance(part, dict) and part.get("type") in MEDIA_PARTS


def _parts(message: Any) -> list:
    content = message.get("content") if isinstance(message, dict) else None
    return content if isinstance(content, list) else []


def _check_fields(body: dict) -> None:
    for name in TOOLS:
        if body.get(name) and "none" not in (body.get("tool_choice"), body.get("function_call")):
            raise _invalid_request(f"{name} cannot be set here: the model calls no tools. Leave it out.")
    form = body.get("response_format")
    if isinstance(form, dict) and form.get("type") not in (None, "text"):
        raise _invalid_request("response_format cannot be set here: every line holds the whole Explanation as JSON already, "
                               "under response.body.emollm. Leave it out.")
    if body.get("n") not in (None, 1):
        raise _invalid_request(f"n is {str(body['n'])[:20]}, but a question is answered in one way here. Leave it out.")


def _read_choices(choices: Any) -> dict[str, Any]:
    """What mm_processor_kwargs says, which the server takes as lists with one entry a picture; here there is one picture."""
    if not isinstance(choices or {}, dict) or set(choices or {}) - set(CHOICES):
        raise _invalid_request(f"of mm_processor_kwargs only {', '.join(CHOICES)} are taken")
    for name, entries in (choices or {}).items():
        if not isinstance(entries, list) or len(entries) != 1:
            raise _invalid_request(f"mm_processor_kwargs.{name} must be a list with one entry, such as "
                                   '{"what_if": [{"AU04": 0}], "prior": ["balanced"]}')
    return {name: entries[0] for name, entries in (choices or {}).items()}


def _edits(levels: Any) -> tuple[tuple[str, float], ...]:
    if not isinstance(levels, dict):
        raise _invalid_request('mm_processor_kwargs.what_if must be a list with one object, such as [{"AU04": 0}]')
    try:
        return tuple(sorted(check_edits(levels).items()))
    except InputError as error:
        raise _invalid_request(f"mm_processor_kwargs.what_if: {error}") from None


def _units(levels: Any) -> tuple[tuple[str, float | tuple[float, float]], ...]:
    """Action units that replace ours, each with its intensity 0-5 or that of both sides."""
    if levels is None:
        return ()
    try:
        state_levels(AUSeries.unmeasured(), levels, "mm_processor_kwargs.au")
    except InputError as error:
        raise _invalid_request(str(error)) from None
    return tuple(sorted((name, tuple(level) if isinstance(level, list) else level) for name, level in levels.items()))


def _wishes(body: dict, chosen: dict[str, Any]) -> Wishes:
    prior, face, stop = chosen.get("prior"), chosen.get("face"), body.get("stop") or ()
    if prior is not None:
        try:
            check_prior(prior)
        except InputError as error:
            raise _invalid_request(f"mm_processor_kwargs.prior: {error}") from None
    if face is not None and (isinstance(face, bool) or not isinstance(face, int)):
        raise _invalid_request("mm_processor_kwargs.face: give the whole number of a face, such as [0]")
    au = _units(chosen.get("au"))
    stop = (stop,) if isinstance(stop, str) else stop
    if not isinstance(stop, (list, tuple)) or not all(isinstance(word, str) and word for word in stop):
        raise _invalid_request("stop must be a text or a list of texts")
    return Wishes(prior, face, au, _most_tokens(body), _temperature(body), tuple(stop))


def _most_tokens(body: dict) -> int | None:
    """The most tokens of an answer; None where no answer can reach it."""
    name = next((name for name in TOKENS if body.get(name) is not None), TOKENS[0])
    most = body.get(name)
    if most is not None and (isinstance(most, bool) or not isinstance(most, int) or most < 1):
        raise _invalid_request(f"{name} must be a whole number from 1 on, at most {ANSWER_TOKENS} are written")
    return None if most is None or most >= ANSWER_TOKENS else most


def _temperature(body: dict) -> float:
    temperature = body.get("temperature") or 0.0
    if isinstance(temperature, bool) or not isinstance(temperature, (int, float)) or not 0 <= temperature <= 2:
        raise _invalid_request("temperature must be a number from 0 to 2")
    return float(temperature)


def _invalid_request(message: str) -> RequestError:
    return RequestError("invalid_request", message)
