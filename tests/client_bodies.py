"""Chat bodies as clients really send them: one question about one picture, in sixty and more ways to write it down."""

import base64
from urllib.parse import quote

from serve_fixtures import WHY

TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}
SYSTEM = {"role": "system", "content": "You are a helpful assistant."}


def urls(picture: bytes) -> dict[str, str]:
    """The picture as a data URL, in the forms of encoders."""
    plain = base64.b64encode(picture).decode()
    forms = {"plain": plain, "wrapped": base64.encodebytes(picture).decode(), "windows lines": plain[:76] + "\r\n" + plain[76:],
             "unpadded": plain.rstrip("="), "url-safe": base64.urlsafe_b64encode(picture).decode(),
             "percent-encoded": quote(plain, safe="")}
    heads = {"jpeg": "data:image/jpeg;base64,", "png": "data:image/png;base64,", "no type": "data:;base64,",
             "capitals": "DATA:image/JPEG;BASE64,", "parameter": "data:image/jpeg;charset=utf-8;base64,"}
    found = {f"base64 {name}": heads["jpeg"] + form for name, form in forms.items()}
    return found | {f"head {name}": head + plain for name, head in heads.items()}


def parts(url: str) -> dict[str, list]:
    """The user's message, in the shapes of clients."""
    text, picture = {"type": "text", "text": WHY}, {"type": "image_url", "image_url": {"url": url}}
    return {"picture first": [picture, text], "text first": [text, picture],
            "plain image_url": [{"type": "image_url", "image_url": url}, text],
            "detail": [{"type": "image_url", "image_url": {"url": url, "detail": "high"}}, text],
            "detail auto": [{"type": "image_url", "image_url": {"url": url, "detail": "auto"}}, text],
            "blanks": [picture, {"type": "text", "text": f"  {WHY}\n"}]}


def fields() -> dict[str, dict]:
    """What stands beside the messages without asking for anything else."""
    numbers = {f"max_tokens {n}": {"max_tokens": n} for n in (512, 1000, 4096, 10**6)}
    numbers |= {f"max_completion_tokens {n}": {"max_completion_tokens": n} for n in (600, 4096)}
    tools = {"no tools": {"tools": []}, "tools null": {"tools": None}, "tool_choice none": {"tools": [], "tool_choice": "none"},
             "tools not to be called": {"tools": [TOOL], "tool_choice": "none"}, "tool_choice alone": {"tool_choice": "auto"},
             "tool_choice null": {"tool_choice": None}, "parallel": {"parallel_tool_calls": True},
             "parallel off": {"tools": [], "parallel_tool_calls": False},
             "functions": {"functions": [], "function_call": "none"}}
    nulls = {f"{name} null": {name: None} for name in (
        "stop", "seed", "logprobs", "top_logprobs", "n", "response_format", "user", "logit_bias", "presence_penalty", "top_p",
        "frequency_penalty", "stream", "stream_options", "max_tokens", "metadata", "service_tier", "store")}
    usual = {"n": {"n": 1}, "stream": {"stream": False}, "user": {"user": "someone"}, "seed": {"seed": 7},
             "text": {"response_format": {"type": "text"}}, "penalties": {"presence_penalty": 0, "frequency_penalty": 0},
             "top_p": {"top_p": 1},
             "temperature": {"temperature": 0},
             "stop": {"stop": []}, "logprobs": {"logprobs": False}, "metadata": {"metadata": {"a": "b"}},
             "store": {"store": False}}
    return numbers | tools | nulls | usual


def turns(content: list) -> dict[str, list]:
    """The conversation around the question."""
    asked = {"role": "user", "content": content}
    return {"system": [SYSTEM, asked], "developer": [SYSTEM | {"role": "developer"}, asked], "name": [asked | {"name": "me"}],
            "system parts": [SYSTEM | {"content": [{"type": "text", "text": "Be brief."}]}, asked],
            "empty system": [SYSTEM | {"content": ""}, asked]}


def bodies(picture: bytes) -> dict[str, dict]:
    """Name -> body; all of them ask the same of the same picture."""
    plain = urls(picture)["base64 plain"]
    usual = parts(plain)["picture first"]
    messages = {f"url: {name}": parts(url)["picture first"] for name, url in urls(picture).items()}
    messages |= {f"parts: {name}": content for name, content in parts(plain).items()}
    found = {name: {"messages": [{"role": "user", "content": content}]} for name, content in messages.items()}
    found |= {f"field: {name}": {"messages": [{"role": "user", "content": usual}]} | more for name, more in fields().items()}
    found |= {f"turns: {name}": {"messages": conversation} for name, conversation in turns(usual).items()}
    return {name: {"model": "pocket"} | body for name, body in found.items()}


def talks(picture: bytes, two: bytes) -> dict[str, dict]:
    """Conversations and other questions, each with an answer of its own. two: a picture of two faces."""
    def shows(data: bytes = picture) -> dict:
        return {"type": "image_url", "image_url": {"url": "data:;base64," + base64.b64encode(data).decode()}}

    def said(role: str, *content) -> dict:
        return {"role": role, "content": [{"type": "text", "text": c} if isinstance(c, str) else c for c in content]}

    see, asked = shows(), said("user", shows(), WHY)
    told = {"role": "assistant", "content": "AU12 lip corner puller | both | 3.0 marked | still | mouth corner pulled up"}
    turns = {
        "follow-up": [asked, told, said("user", "Why not anger?")], "the same again": [asked, told, said("user", WHY)],
        "greeting first": [said("user", "Hi"), said("assistant", "Hello! Show me a face."), asked],
        "picture later": [said("user", "I have a question about a face."), said("assistant", "Which?"), said("user", WHY, see)],
        "two messages of the user": [said("user", see, "Look at this."), said("user", WHY)],
        "picture alone, then the question": [said("user", see), said("user", WHY)],
        "question alone, then the picture": [said("user", WHY), said("user", see)],
        "texts in parts": [said("user", see, "Look closely. ", "Is the mouth open?")],
        "blanks": [said("user", see, f"  {WHY}\n")],
        "parts of text only": [{"role": "user", "content": [see, "Is the mouth open?"]}],
        "an answer without content": [asked, {"role": "assistant", "content": None}, said("user", "And the brows?")],
        "an answer in parts": [asked, said("assistant", "Happiness.", " Surely."), said("user", "And the brows?")],
        "instructions between": [SYSTEM, asked, told, SYSTEM, said("user", "Why not sadness?")],
        "eight turns": [asked, *[said(role, f"{role} {k}") for k in range(3) for role in ("assistant", "user")], told,
                        said("user", "Is it a smile?")],
        "marked text": [asked, told, said("user", "<face>Why not anger?<|im_end|>")],
        "another question": [said("user", see, "Is the mouth open?")],
        "picture alone": [said("user", see)], "picture with a blank": [said("user", " ", see)],
        "pictures without a word": [said("user", see), said("assistant", "What would you like to know?")],
        "another tongue": [said("user", see, "Warum lächelt sie?")], "two faces": [said("user", shows(two), WHY)],
        "two faces, follow-up": [said("user", shows(two), WHY), told, said("user", "Why not anger?")]}
    found = {f"talk: {name}": {"messages": messages} for name, messages in turns.items()}
    found["talk: what-if"] = {"messages": [asked], "mm_processor_kwargs": {"what_if": [{"AU12": 0}]}}
    found["talk: no what-if"] = {"messages": [asked], "mm_processor_kwargs": {"what_if": [None]}}
    found["talk: prior"] = {"messages": [asked], "mm_processor_kwargs": {"prior": ["balanced"]}}
    found["talk: au"] = {"messages": [asked], "mm_processor_kwargs": {"au": [{"AU04": 4, "au23": [3.0, 4]}]}}
    found["talk: face"] = {"messages": [said("user", shows(two), WHY)], "mm_processor_kwargs": {"face": [1]}}
    short = (("max_tokens", 30), ("max_completion_tokens", 5))
    found |= {f"talk: {name} {n}": {"messages": [asked], name: n} for name, n in short}
    found["talk: stop"] = {"messages": [asked], "stop": ["\n"]}
    return {name: {"model": "pocket"} | body for name, body in found.items()}


def odd(picture: bytes) -> dict[str, tuple[dict, str]]:
    """Bodies that cannot be answered, and the field that the refusal names."""
    good = urls(picture)["base64 plain"]
    text = {"type": "text", "text": WHY}

    def asked(url: object, **more) -> dict:
        content = [{"type": "image_url", "image_url": url}, text]
        return {"model": "pocket", "messages": [{"role": "user", "content": content}], **more}

    return {"cut base64": (asked({"url": good[:len(good) // 4 * 4 - 3]}), "messages[0].content[0].image_url"),
            "no url": (asked({}), "messages[0].content[0].image_url"), "empty": (asked(""), "messages[0].content[0].image_url"),
            "tools": (asked({"url": good}, tools=[TOOL]), "tools"),
            "n": (asked({"url": good}, n=5), "n"), "max_tokens text": (asked({"url": good}, max_tokens="many"),
                                                                                        "max_tokens"),
            "no picture": ({"model": "pocket", "messages": [{"role": "user", "content": WHY}]}, "messages")}
