"""What a JSON request may ask for, checked before vLLM reads it.

`admit` returns the parsed body with special tokens taken out of its texts. vLLM is given that body and no other, so what
was checked is what is run.
"""

from __future__ import annotations

import dataclasses
import json
import re
from dataclasses import dataclass

from emollm.answer.prompt import ANSWER_TOKENS, DEFAULT_QUESTION, FACE, FACE_END, FACE_PAD, FACE_START, SPECIAL_TOKENS
from emollm.request_fields import INSTRUCTIONS, MOST_MEDIA, ROLES, TOOLS
from emollm.talk import TALKER
from emollm_vllm.door.errors import NOT_JSON, Refusal

CHAT, COMPLETIONS, RESPONSES, TOKENIZE = "/v1/chat/completions", "/v1/completions", "/v1/responses", "/tokenize"
TALK = "/v1/talk/completions"  # where chats and responses of the talker go; not served by this name
ASKED_IN = {"chat": "messages", "response": "input"}  # form of an answer -> the field of the request that asks for it
ROUTES = (CHAT, COMPLETIONS, RESPONSES, TOKENIZE)
TEXTS = {"text": "text", "input_text": "text", "output_text": "text", "refusal": "refusal"}  # part type -> its text
MEDIA = {"image_url": "images", "input_image": "images", "video_url": "videos"}  # part type -> the limit it counts towards
TOKENS = ("max_tokens", "max_completion_tokens", "max_output_tokens", "min_tokens")
# What a client may not set, and why.
_TEMPLATE, _TRANSFER = "the model's own template is always used", "it is for traffic between servers"
REFUSED = {"chat_template": _TEMPLATE, "chat_template_kwargs": _TEMPLATE, "documents": _TEMPLATE,
           "media_io_kwargs": "media is always read in the same way",
           "prompt_logprobs": "only the answer has log-probabilities (logprobs, top_logprobs)",
           "truncate_prompt_tokens": "prompts are never cut", "stream_interval": "every token is streamed",
           "use_beam_search": "answers are sampled, or greedy with temperature 0", "echo": "the prompt is not repeated",
           "prompt_embeds": "prompts are text", "mm_payload": _TRANSFER, "return_mm_kwargs": _TRANSFER,
           "kv_transfer_params": _TRANSFER, "ec_transfer_params": _TRANSFER, "vllm_xargs": _TRANSFER,
           "previous_input_messages": "send the conversation as input", "background": "answers are not kept",
           "tools": "the model calls no tools", "functions": "the model calls no tools"}
REFUSED_IN_CHAT = {"add_special_tokens": _TEMPLATE}
SIZED = ("structured_outputs", "response_format", "text", "metadata")  # may be objects of any depth
LISTS = ("stop", "bad_words")
ASKED = ("messages", "input", "prompt")  # what a request is about
CHOICES_OF_TOOLS = ("tool_choice", "function_call", "parallel_tool_calls")
LOWERED = ("max_tokens", "max_completion_tokens", "max_output_tokens")  # clients ask for more than there is by habit
SPECIAL = re.compile("|".join(map(re.escape, SPECIAL_TOKENS)))
_FACE = re.compile("|".join(map(re.escape, (FACE_START, FACE_PAD, FACE_END, FACE))))


@dataclass(frozen=True)
class RequestLimits:
    images: int = MOST_MEDIA["image"]  # in one conversation
    videos: int = MOST_MEDIA["video"]
    media_needed: bool = True  # a conversation about no face is refused
    parts: int = 8  # in one message
    messages: int = 100
    prompts: int = 8  # of one completion request
    n: int = 4
    tokens: int = ANSWER_TOKENS  # of an answer
    characters: int = 200_000  # of text in one request
    schema: int = 65_536  # characters of a schema or grammar
    listed: int = 16  # stop strings and the like
    elements: int = 200_000  # commas, brackets and braces of the whole body
    depth: int = 50
    evidence_elements: int = 2_000_000  # the same where action units over time may be sent


def parse(body: bytes, limits: RequestLimits) -> dict:
    """The JSON object of a body. Raises Refusal (400)."""
    check_elements(body, limits.elements)
    try:
        fields = json.loads(body, parse_constant=_reject_not_finite)
    except (ValueError, RecursionError):
        raise Refusal(400, NOT_JSON, code="invalid_json") from None
    if not isinstance(fields, dict):
        raise Refusal(400, NOT_JSON, code="invalid_json")
    _check_depth(fields, limits.depth)
    if b"\\u" in body or b"\xed" in body:
        _check_letters(fields)
    return fields


def _check_letters(body: dict) -> None:
    """Refuse lone surrogates, which no tokenizer and no answer can hold. Raises Refusal (400)."""
    try:
        json.dumps(body, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise Refusal(400, "the body holds half a Unicode letter (a lone surrogate); send whole ones",
                      code="invalid_json") from None


def _check_depth(body: dict, most: int) -> None:
    """Refuse what is nested so deeply that code which reads it by recursion fails. Raises Refusal (400)."""
    level = [body]
    for _ in range(most):
        inside = [v for x in level for v in (x.values() if isinstance(x, dict) else x)]
        level = [v for v in inside if isinstance(v, (dict, list))]
        if not level:
            return
    raise Refusal(400, f"the body is nested more than {most} levels deep", code="invalid_json")


def as_json(body: dict) -> bytes:
    """JSON of a body. Raises Refusal (400) for 1e999 and for what is nested too deeply."""
    try:
        return json.dumps(body, allow_nan=False).encode()
    except (ValueError, RecursionError):
        raise Refusal(400, NOT_JSON, code="invalid_json") from None


def check_elements(body: bytes, most: int) -> None:
    """Refuse a body whose parsed form would be far larger than itself. Raises Refusal (400)."""
    if sum(body.count(sign) for sign in (b",", b"[", b"{")) > most:
        raise Refusal(400, f"the body has more than {most:,} JSON elements; send less in one request", code="invalid_json")


def _reject_not_finite(name: str) -> None:
    raise ValueError(name)


def admit(route: str, body: dict, limits: RequestLimits, instructed: bool = False) -> dict:
    """A body that vLLM may be given, for one of ROUTES; `emollm` is left in it. instructed: whether instructions (system and
    developer messages) are left in it, too. Raises Refusal (400)."""
    body = {name: value for name, value in body.items() if not _asks_for_nothing(name, value, body)}
    _check_fields(body, limits)
    count = _Count(limits)
    admitted = body | {name: min(body[name], limits.tokens) for name in LOWERED if name in body}
    if "messages" in body:
        admitted["messages"] = _conversation(body["messages"], "messages", count, instructed)
    if route == RESPONSES:
        turns = body.get("input")
        admitted["input"] = count.text(turns) if isinstance(turns, str) else _conversation(turns, "input", count, instructed)
        told = admitted.pop("instructions", None)
        told = count.text(told) if isinstance(told, str) else None
        admitted |= {"instructions": told} if instructed and told else {}
    if route in (CHAT, RESPONSES) or "messages" in body:
        _check_absent(body, REFUSED_IN_CHAT)
    if limits.media_needed and route in (CHAT, RESPONSES) and not count.images + count.videos:
        raise Refusal(400, "the conversation holds no picture and no clip, and nothing is said of a face that was not "
                           "measured; send one as image_url or video_url", "messages" if route == CHAT else "input",
                      code="no_media")
    if count.images + count.videos and (asked := {CHAT: "messages", RESPONSES: "input"}.get(route)):
        admitted[asked] = _add_question(admitted[asked], "text" if route == CHAT else "input_text")
    if "prompt" in body and route != RESPONSES:
        admitted["prompt"] = _prompts(body["prompt"], count)
    if "suffix" in body and isinstance(body["suffix"], str):
        admitted["suffix"] = count.text(body["suffix"], _FACE)
    return admitted


def _add_question(messages: object, kind: str) -> object:
    """The conversation; where the user says nothing at all, the default question stands in the last message: who sends a
    picture alone wants it told, and the model was never given a face without a question. kind: of a part of text."""
    of_user = [k for k, m in enumerate(messages) if m["role"] == "user"] if isinstance(messages, list) else []
    if not of_user or any(text.strip() for k in of_user for text in _texts(messages[k]["content"])):
        return messages
    last = messages[of_user[-1]]
    media = [p for p in last["content"] or [] if isinstance(p, dict) and p["type"] in MEDIA]
    asked = last | {"content": [*media, {"type": kind, "text": DEFAULT_QUESTION}]}
    return [*messages[:of_user[-1]], asked, *messages[of_user[-1] + 1:]]


def _texts(content: object) -> list[str]:
    """The texts of an admitted message."""
    parts = [content] if isinstance(content, str) else content or []
    return [p if isinstance(p, str) else p.get(TEXTS.get(p["type"], ""), "") for p in parts]


def is_for_talker(body: dict) -> bool:
    """Whether a chat completion or a response names the talker as its model."""
    return body.get("model") == TALKER


def admit_talk(route: str, body: dict, limits: RequestLimits) -> dict:
    """A chat completion or a response that the talker may be given, as a conversation in `messages`: with its instructions,
    with or without a face. Raises Refusal (400)."""
    admitted = admit(route, body, dataclasses.replace(limits, media_needed=False), instructed=True)
    if field := form_of(admitted):
        raise Refusal(400, f"{field} cannot be set for {TALKER}: its answers have their own form. Ask for JSON in words, or "
                           f"use the "
                           "model that explains", field)
    if admitted.get("n", 1) != 1:
        raise Refusal(400, f"n is {admitted['n']}, but {TALKER} answers a question in one way; leave it out", "n")
    if route == CHAT:
        return admitted | {"form": "chat"}
    if admitted.get("previous_response_id"):
        raise Refusal(400, "previous_response_id cannot be used: answers are not kept. Send the conversation as input",
                      "previous_response_id")
    return admitted | {"messages": _as_messages(admitted), "form": "response"}


def _as_messages(response: dict) -> list[dict]:
    """The conversation of an admitted response as a chat writes it."""
    told = [{"role": "system", "content": response["instructions"]}] if "instructions" in response else []
    turns = response["input"]
    if isinstance(turns, str):
        return [*told, {"role": "user", "content": turns}]
    return told + [m | {"content": [_as_part(p) for p in m["content"]]} if isinstance(m["content"], list) else m for m in turns]


def _as_part(part: object) -> object:
    if isinstance(part, dict) and part["type"] == "input_image":
        return {"type": "image_url", "image_url": {"url": part["image_url"]}}
    if isinstance(part, dict) and part["type"] in TEXTS:
        return {"type": "text", "text": part[TEXTS[part["type"]]]}
    return part


def has_media(body: dict) -> bool:
    """Whether a chat or response is about any picture or clip."""
    messages = body.get("messages") or body.get("input")
    parts = [p for m in messages for p in m.get("content") or []] if isinstance(messages, list) else []
    return any(isinstance(p, dict) and p.get("type") in MEDIA for p in parts)


def _asks_for_nothing(name: str, value: object, body: dict) -> bool:
    """What clients send by habit: nulls, no tools, tools that may not be called, and the form that text has anyway."""
    if name in TOOLS:
        return not value or body.get("tool_choice") == "none" or body.get("function_call") == "none"
    if name == "response_format" and value == {"type": "text"}:
        return True
    if name in CHOICES_OF_TOOLS:
        return value in (None, "none", "auto") or not any(body.get(tools) for tools in TOOLS)
    return value is None and name not in ASKED


def form_of(body: dict) -> str | None:
    """The field that holds the answer to a form, when the body has one."""
    if body.get("structured_outputs"):
        return "structured_outputs"
    written_as = {"response_format": body.get("response_format")}
    written_as |= {"text.format": body["text"].get("format")} if isinstance(body.get("text"), dict) else {}
    forms = [field for field, form in written_as.items() if isinstance(form, dict) and form.get("type") not in (None, "text")]
    return forms[0] if forms else None


def _check_fields(body: dict, limits: RequestLimits) -> None:
    _check_absent(body, REFUSED)
    for name, most in [*((t, limits.tokens) for t in TOKENS), ("n", limits.n), ("best_of", limits.n)]:
        value = body.get(name)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int):
            raise Refusal(400, f"{name} must be a whole number, at most {most}", name)
        if value > most and name not in LOWERED:
            raise Refusal(400, f"{name} is {value}, at most {most} here; ask for less", name)
    if not isinstance(body.get("structured_outputs"), dict | None):
        raise Refusal(400, 'structured_outputs must be an object, such as {"choice": ["yes", "no"]}', "structured_outputs")
    for name in SIZED:
        if isinstance(body.get(name), (dict, list, str)) and len(as_json({name: body[name]})) > limits.schema:
            raise Refusal(400, f"{name} is longer than {limits.schema:,} characters; send a smaller one", name)
    for name in LISTS:
        if isinstance(body.get(name), list) and len(body[name]) > limits.listed:
            raise Refusal(400, f"{name} has {len(body[name])} entries, at most {limits.listed} here", name)


def _check_absent(body: dict, names: dict[str, str]) -> None:
    for name, why in names.items():
        value = body.get(name)
        if value is not None and value is not False and value not in ([], {}):  # 0 asks for something
            raise Refusal(400, f"{name} cannot be set here: {why}. Leave it out.", name)


class _Count:
    """How much of what one request holds."""

    def __init__(self, limits: RequestLimits):
        self.limits, self.characters, self.images, self.videos = limits, 0, 0, 0

    def text(self, text: str, tokens: re.Pattern = SPECIAL) -> str:
        """The text without special tokens. Raises Refusal when the request has too much of it."""
        self.characters += len(text)
        if self.characters > self.limits.characters:
            raise Refusal(400, f"the request holds more than {self.limits.characters:,} characters of text; shorten it")
        return strip_tokens(tokens, text)

    def media(self, kind: str, where: str) -> None:
        """One more of "images" or "videos"."""
        number, most = getattr(self, kind) + 1, getattr(self.limits, kind)
        setattr(self, kind, number)
        if number > most:
            noun = kind if most != 1 else kind[:-1]
            raise Refusal(400, f"more than {most} {noun} in one conversation; leave out earlier ones or send another request",
                          where)


def strip_tokens(tokens: re.Pattern, text: str) -> str:
    """Text without the tokens: what a user writes cannot pose as a face or a turn."""
    for _ in range(4):  # a removal can leave a new one behind
        shorter = tokens.sub("", text)
        if shorter == text:
            return text
        text = shorter
    return tokens.sub(" ", text)  # a blank inside leaves none behind, however deep they are nested


def _conversation(messages: object, where: str, count: _Count, instructed: bool = False) -> list[dict]:
    if not isinstance(messages, list) or not messages:
        raise Refusal(400, f'{where} must be a list of messages, such as [{{"role": "user", "content": "..."}}]', where)
    if len(messages) > count.limits.messages:
        raise Refusal(400, f"{where} has {len(messages)} messages, at most {count.limits.messages} here; leave out the first "
                           "ones", where)
    admitted = [_message(m, f"{where}[{k}]", count) for k, m in enumerate(messages)]
    return admitted if instructed else [m for m in admitted if m["role"] not in INSTRUCTIONS] or admitted


def _message(message: object, where: str, count: _Count) -> dict:
    if not isinstance(message, dict) or message.get("type") not in (None, "message"):
        raise Refusal(400, f"{where} must be a message with role and content", where)
    if message.get("role") not in ROLES:
        raise Refusal(400, f"{where}.role must be one of {', '.join(ROLES)}", f"{where}.role")
    if message.get("tool_calls"):
        raise Refusal(400, f"{where}.tool_calls cannot be set here: the model calls no tools", f"{where}.tool_calls")
    content = message.get("content")
    if isinstance(content, list):
        if len(content) > count.limits.parts:
            raise Refusal(400, f"{where}.content has {len(content)} parts, at most {count.limits.parts} here; join the texts",
                          f"{where}.content")
        content = [_part(p, f"{where}.content[{k}]", count) for k, p in enumerate(content)]
    elif isinstance(content, str):
        content = count.text(content)
    elif content is not None:
        raise Refusal(400, f"{where}.content must be a text or a list of parts", f"{where}.content")
    # Only these: other keys of a message reach chat templates.
    return {k: message[k] for k in ("type", "role", "id", "status") if k in message} | {"content": content}


def _part(part: object, where: str, count: _Count) -> object:
    if isinstance(part, str):
        return count.text(part)
    kind = part.get("type") if isinstance(part, dict) else None
    if not isinstance(kind, str) or kind not in (*TEXTS, *MEDIA):
        raise Refusal(400, f"{where}.type must be one of {', '.join((*TEXTS, *MEDIA))}", f"{where}.type")
    if kind in MEDIA:
        if part.get("uuid") is not None:
            raise Refusal(400, f"{where}.uuid cannot be set here: the server keeps no media. Send its data.", f"{where}.uuid")
        count.media(MEDIA[kind], where)
        return {"type": kind} | _url(part, kind, where)
    text = part.get(TEXTS[kind])
    if not isinstance(text, str):
        raise Refusal(400, f"{where}.{TEXTS[kind]} must be a text", f"{where}.{TEXTS[kind]}")
    return {"type": kind, TEXTS[kind]: count.text(text)} | ({"annotations": []} if kind == "output_text" else {})


def _url(part: dict, kind: str, where: str) -> dict:
    """Where a picture or clip is, as chat ({"url": ...}) and responses (a text) write it."""
    key = "image_url" if kind == "input_image" else kind
    value = part.get(key)
    url = value.get("url") if isinstance(value, dict) and kind != "input_image" else value
    if not isinstance(url, str) or not url:
        form = '"data:image/jpeg;base64,..."' if kind == "input_image" else '{"url": "data:image/jpeg;base64,..."}'
        raise Refusal(400, f"{where}.{key} must be {form}", f"{where}.{key}")
    return {key: url, "detail": "auto"} if kind == "input_image" else {key: {"url": url}}


def _prompts(prompts: object, count: _Count) -> object:
    """Raw prompts: turns are the client's own business there, faces are not."""
    if isinstance(prompts, str):
        return count.text(prompts, _FACE)
    if isinstance(prompts, list) and not all(isinstance(p, int) for p in prompts):
        if len(prompts) > count.limits.prompts:
            raise Refusal(400, f"prompt has {len(prompts)} prompts, at most {count.limits.prompts} here; send more requests",
                          "prompt")
        return [count.text(p, _FACE) if isinstance(p, str) else p for p in prompts]
    return prompts
