"""What a JSON request may ask for, and what reaches the application."""

import contextvars

import pytest

pytest.importorskip("starlette")
from emollm_vllm.door import admission
from emollm_vllm.door.admission import RequestLimits
from emollm_vllm.plugin import request_places
from gate_fixtures import CHAT, CLIP, PICTURE, app_fixture, ask_fixture, chat_fixture, error_of, measuring_fixture  # noqa: F401 (fixtures)

from emollm.answer.prompt import DEFAULT_QUESTION, SPECIAL_TOKENS


def test_a_good_request_reaches_the_application_unchanged(chat):
    fields = {"model": "pocket", "temperature": 0.5, "max_tokens": 512, "n": 4, "logprobs": True, "stream": False,
              "response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}},
              "mm_processor_kwargs": {"what_if": [{"AU04": 0.0}]}, "echo": False}
    content = [PICTURE, {"type": "text", "text": "Grüße & <b>7 < 8</b> \u4f60\U0001f600"}]
    answer = chat(content, **fields).json()
    assert answer["body"] == {"messages": [{"role": "user", "content": content}], **fields}


@pytest.mark.parametrize(("field", "value"), [
    ("n", 5), ("n", "4"), ("n", 4.0), ("n", True), ("best_of", 5), ("max_tokens", "9"), ("max_completion_tokens", 1.5),
    ("min_tokens", 513), ("use_beam_search", True), ("prompt_logprobs", 0), ("prompt_logprobs", 5), ("chat_template", "x"),
    ("chat_template_kwargs", {"x": 1}), ("documents", [{"text": "x"}]), ("add_special_tokens", True), ("echo", True),
    ("media_io_kwargs", {"video": {"num_frames": 9999}}), ("kv_transfer_params", {"x": 1}), ("mm_payload", "x"),
    ("prompt_embeds", "x"), ("tools", [{"type": "function"}]), ("stop", ["x"] * 17), ("bad_words", ["x"] * 17),
    ("structured_outputs", {"grammar": "x" * 70_000}), ("response_format", {"x": "y" * 70_000})])
def test_what_may_not_be_asked_is_named(chat, field, value):
    assert error_of(chat(**{field: value}), 400)["param"] == field


@pytest.mark.parametrize(("route", "field"), [
    (CHAT, "max_tokens"), (CHAT, "max_completion_tokens"), ("/v1/responses", "max_output_tokens"),
    ("/v1/completions", "max_tokens")])
def test_longer_answers_than_there_are_are_shortened(ask, route, field):
    """Clients ask for 4,096 tokens by habit."""
    given = {"messages": [{"role": "user", "content": "x"}]} if route == CHAT else {"input": "x", "prompt": "x"}
    for asked_for, expected in ((513, 512), (10**30, 512), (7, 7)):
        answer = ask("POST", route, json=given | {field: asked_for})
        assert answer.json()["body"][field] == expected


@pytest.mark.parametrize("fields", [
    {"tools": []}, {"tools": None, "tool_choice": None}, {"tools": [], "tool_choice": "none"}, {"tool_choice": "auto"},
    {"tools": [{"type": "function", "function": {"name": "f"}}], "tool_choice": "none"}, {"parallel_tool_calls": True},
    {"functions": [], "function_call": "none"}, {"stop": None, "seed": None, "logprobs": None, "response_format": None}])
def test_what_asks_for_nothing_is_left_out(chat, fields):
    assert chat("x", **fields).json()["body"] == {"messages": [{"role": "user", "content": "x"}]}


@pytest.mark.parametrize("fields", [
    {"tools": [{"type": "function", "function": {"name": "f"}}]},
    {"tools": [{"type": "function", "function": {"name": "f"}}], "tool_choice": "auto"}])
def test_tools_that_may_be_called_are_refused(chat, fields):
    assert error_of(chat("x", **fields), 400)["param"] == "tools"


def test_a_conversation_about_no_face_is_refused(ask):
    """Without a picture the model would invent one."""
    for route, body, param in ((CHAT, {"messages": [{"role": "user", "content": "Is she happy?"}]}, "messages"),
                               ("/v1/responses", {"input": "Is she happy?"}, "input")):
        error = error_of(ask("POST", route, limits=admission.RequestLimits(), json=body), 400, "no_media")
        assert (error["param"], "send one as image_url or video_url" in error["message"]) == (param, True)
    body = {"messages": [{"role": "user", "content": [PICTURE]}, {"role": "assistant", "content": "y"},
                         {"role": "user", "content": "Why?"}]}
    assert ask("POST", CHAT, limits=admission.RequestLimits(), json=body).status_code == 200


def test_instructions_are_not_given_to_the_model(ask):
    said = [PICTURE, {"type": "text", "text": "Why?"}]
    turns = [{"role": "system", "content": "You are a helpful assistant."}, {"role": "user", "content": said}]
    assert ask("POST", CHAT, json={"messages": turns}).json()["body"]["messages"] == turns[1:]
    assert error_of(ask("POST", CHAT, json={"messages": [{"role": "system", "content": 7}]}), 400)["param"]


def test_a_picture_without_a_word_is_asked_why(ask):
    (turn,) = ask("POST", CHAT, json={"messages": [{"role": "user", "content": [PICTURE]}]}).json()["body"]["messages"]
    assert turn["content"] == [PICTURE, {"type": "text", "text": DEFAULT_QUESTION}]


@pytest.mark.parametrize(("content", "param"), [
    ([PICTURE] * 5, "messages[0].content[4]"), ([CLIP] * 2, "messages[0].content[1]"),
    ([{"type": "text", "text": "x"}] * 9, "messages[0].content"), ([{"type": "text"}], "messages[0].content[0].text"),
    ([{"type": "input_audio", "input_audio": {}}], "messages[0].content[0].type"),
    ([{"type": "image_embeds", "image_embeds": "x"}], "messages[0].content[0].type"),
    ([{"image_url": "http://x"}], "messages[0].content[0].type"), ([{"type": ["text"]}], "messages[0].content[0].type"),
    ([{"type": "image_url", "image_url": ""}], "messages[0].content[0].image_url"),
    ([{"type": "image_url", "image_url": {"url": ""}}], "messages[0].content[0].image_url"),
    ([{"type": "image_url"}], "messages[0].content[0].image_url"), ([PICTURE | {"uuid": "1"}], "messages[0].content[0].uuid"),
    ([7], "messages[0].content[0].type"), (7, "messages[0].content"), ({"text": "x"}, "messages[0].content")])
def test_parts_are_counted_and_of_known_kinds(chat, content, param):
    assert error_of(chat(content), 400)["param"] == param


def test_pictures_count_over_the_whole_conversation(ask):
    turns = [{"role": "user", "content": [PICTURE, {"type": "text", "text": "x"}]}, {"role": "assistant", "content": "y"}]
    assert ask("POST", CHAT, json={"messages": turns * 4}).status_code == 200
    error = error_of(ask("POST", CHAT, json={"messages": turns * 5}), 400)
    assert (error["param"], "4 images" in error["message"]) == ("messages[8].content[0]", True)
    responses = [{"role": "user", "content": [{"type": "input_image", "image_url": "data:,x"}] * 5}]
    assert error_of(ask("POST", "/v1/responses", json={"input": responses}), 400)["param"] == "input[0].content[4]"
    assert error_of(ask("POST", "/tokenize", json={"messages": turns * 5}), 400)["param"] == "messages[8].content[0]"


def test_places_name_the_pictures_of_a_request():
    first, second = ({"type": "image_url", "image_url": {"url": f"data:,{k}"}} for k in (1, 2))
    turns = [{"role": "user", "content": [first, {"type": "text", "text": "x"}, second]}, {"role": "assistant", "content": "y"},
             {"role": "user", "content": [CLIP, first]}]

    def found(body, *urls):
        def run():
            request_places.remember(body)
            return [request_places.place_of(url) for url in urls]
        return contextvars.copy_context().run(run)

    urls = ("data:,1", "data:,2", "data:,1", CLIP["video_url"]["url"], "?")
    one, other, again, clip, unknown = found({"messages": turns}, *urls)
    assert (one.param, one.name) == ("messages[0].content[0].image_url", "picture 1 of 3")
    assert (other.param, other.name) == ("messages[0].content[2].image_url", "picture 2 of 3")
    assert (again.param, again.name) == ("messages[2].content[1].image_url", "picture 3 of 3")
    assert (clip.param, clip.name) == ("messages[2].content[0].video_url", "clip 1 of 1")
    assert unknown is None
    assert again.add_name("image_url: too large") == "picture 3 of 3: too large"
    alone, = found({"input": [{"content": [{"type": "input_image", "image_url": "data:,1"}]}]}, "data:,1")
    assert (alone.param, alone.add_name("image_url: x")) == ("input[0].content[0].image_url", "image_url: x")
    assert request_places.place_of("data:,1") is None  # other tasks know nothing of it


@pytest.mark.parametrize("messages", [None, [], "x", {}, [7], [{"content": "x"}], [{"role": "user\n", "content": "x"}],
                                      [{"role": "user", "content": "x"}] * 101,
                                      [{"role": "assistant", "tool_calls": [{}]}], [{"type": "function_call", "role": "user"}]])
def test_messages_are_messages(ask, messages):
    assert error_of(ask("POST", CHAT, json={"messages": messages}), 400)["param"].startswith("messages")


def test_only_known_keys_of_a_message_pass(ask):
    message = {"role": "user", "content": "x", "name": "<|im_end|>", "reasoning": "y", "anything": 1}
    assert ask("POST", CHAT, json={"messages": [message]}).json()["body"]["messages"] == [{"role": "user", "content": "x"}]


def test_special_tokens_are_taken_out_of_texts(ask, chat):
    text = "a" + "".join(SPECIAL_TOKENS) + "b<fa<face>ce>c<|im_<|im_end|>end|>d"
    assert chat(text).json()["body"]["messages"][0]["content"] == "abcd"
    assert chat([{"type": "text", "text": text}]).json()["body"]["messages"][0]["content"][0]["text"] == "abcd"
    answer = ask("POST", "/v1/responses", json={"input": text, "instructions": text}).json()["body"]
    assert (answer["input"], "instructions" in answer) == ("abcd", False)
    raw = ask("POST", "/v1/completions", json={"prompt": ["<|im_start|>user\n<face><|face_pad|>x", [1, 2]]}).json()["body"]
    assert raw["prompt"] == ["<|im_start|>user\nx", [1, 2]]  # turns are the client's own there, faces are not


def test_no_nesting_leaves_a_special_token():
    for depth in range(1, 40):
        text = "<fa" * depth + "<face>" + "ce>" * depth
        assert "<face>" not in admission.strip_tokens(admission.SPECIAL, text)


def test_text_is_limited(chat, ask):
    limits = RequestLimits(characters=100, media_needed=False)
    assert "characters" in error_of(chat("x" * 101, limits=limits), 400)["message"]
    assert chat("x" * 100, limits=limits).status_code == 200
    error_of(ask("POST", "/tokenize", limits=limits, json={"prompt": ["x" * 60] * 2}), 400)
    assert error_of(ask("POST", "/v1/completions", json={"prompt": ["x"] * 9}), 400)["param"] == "prompt"


def test_a_repeated_key_is_read_as_it_was_checked(ask):
    body = b'{"n": 100, "messages": [{"role": "user", "content": "x"}], "n": 1}'
    given = ask("POST", CHAT, content=body, headers={"Content-Type": "application/json"}).json()["body"]
    assert given["n"] == 1
