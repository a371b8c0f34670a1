"""What `emollm caption` takes: folders, globs, tables and batch files become items, and mistakes are named at the door."""

import base64
import builtins
import json
import os

import pytest

from emollm.caption.incoming import requests
from emollm.caption.incoming.items import Wishes, group_by_medium
from emollm.caption.incoming.sources import read_inputs
from emollm.schema import InputError


def touch(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    return folder


def ids(items):
    return [item.custom_id for item in items]


def request(custom_id, media, text="What moves?", part="image_url", **other):
    content = [{"type": part, part: {"url": media}}, {"type": "text", "text": text}]
    return {"custom_id": custom_id, "method": "POST", "url": "/v1/chat/completions",
            "body": {"model": "pocket", "messages": [{"role": "user", "content": content}]}, **other}


def batch(path, *lines):
    path.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines) + "\n")
    return str(path)


# --- folders and files -------------------------------------------------------------------------------------------

def test_a_folder_gives_its_media_in_order_and_nothing_else(tmp_path):
    touch(tmp_path, "b.JPG", "a.png", "deep/er/c.mp4", "notes.txt", "table.csv", ".hidden.jpg", ".thumbs/d.jpg", "e.mp4.part")
    found = read_inputs([str(tmp_path)])
    assert [os.path.relpath(i, tmp_path) for i in ids(found)] == ["a.png", "b.JPG", "deep/er/c.mp4"]


def test_a_file_without_extension_is_told_by_its_content(tmp_path, astronaut_file, astronaut_clip):
    (tmp_path / "photo").write_bytes(astronaut_file.read_bytes())
    (tmp_path / "clip").write_bytes(astronaut_clip.read_bytes())
    (tmp_path / "README").write_text("words")
    assert [os.path.basename(i) for i in ids(read_inputs([str(tmp_path)]))] == ["clip", "photo"]


def test_names_may_hold_spaces_letters_of_any_script_and_newlines(tmp_path):
    names = ["two words.jpg", "Gefühl 笑顔.jpg", "line\nbreak.jpg", "-o.jpg", "a,b;c.jpg"]
    touch(tmp_path, *names)
    assert sorted(os.path.basename(i) for i in ids(read_inputs([str(tmp_path)]))) == sorted(names)


def test_a_name_that_is_no_utf8_can_be_written_as_json(tmp_path):
    path = os.path.join(os.fsencode(tmp_path), b"caf\xe9.jpg")
    try:
        open(path, "wb").close()
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    (item,) = read_inputs([str(tmp_path)])
    assert json.loads(json.dumps(item.custom_id).encode()) == item.custom_id
    assert item.custom_id.endswith("caf\\udce9.jpg") and os.path.exists(item.source)


def test_a_link_to_a_folder_is_not_followed(tmp_path):
    touch(tmp_path / "photos", "a.jpg")
    (tmp_path / "photos" / "again").symlink_to(tmp_path / "photos")
    assert len(read_inputs([str(tmp_path / "photos")])) == 1


def test_a_hundred_thousand_entries_are_listed_without_opening_one(tmp_path, monkeypatch):
    """Opening them all at the start would take minutes on a network drive before the first answer."""
    for k in range(100):
        folder = tmp_path / f"{k:02d}"
        folder.mkdir()
        for n in range(1000):
            os.close(os.open(folder / f"{n:04d}.jpg", os.O_CREAT | os.O_WRONLY))
    opened = []
    monkeypatch.setattr(builtins, "open", lambda *a, **k: opened.append(a))
    monkeypatch.setattr(os, "open", lambda *a, **k: opened.append(a))
    items = read_inputs([str(tmp_path)])
    media = sum(1 for _ in group_by_medium(items))
    monkeypatch.undo()
    assert (len(items), media, opened) == (100_000, 100_000, [])


def test_globs(tmp_path):
    touch(tmp_path, "a.mp4", "deep/b.mp4", "deep/c.txt", "[x].mp4")
    assert len(read_inputs([str(tmp_path / "**" / "*.mp4")])) == 3
    assert len(read_inputs([str(tmp_path / "*.mp4")])) == 2
    assert ids(read_inputs([str(tmp_path / "[x].mp4")])) == [str(tmp_path / "[x].mp4")]  # a file of that name comes first


@pytest.mark.parametrize("given", ["empty", "none.jpg", "*.jpg", "words"])
def test_an_input_without_items_is_refused(tmp_path, given):
    touch(tmp_path / "words", "notes.txt")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"no photo or clip|no such file"):
        read_inputs([str(tmp_path / given)])


def test_a_file_listed_twice_names_both_places(tmp_path):
    touch(tmp_path, "a.jpg")
    with pytest.raises(InputError, match="is used twice") as told:
        read_inputs([str(tmp_path), str(tmp_path / "a.jpg")])
    assert f"{tmp_path} and {tmp_path / 'a.jpg'}" in str(told.value)


# --- tables ------------------------------------------------------------------------------------------------------

def test_a_table_brings_ids_questions_and_edits(tmp_path):
    (tmp_path / "list.csv").write_text('path,group,custom_id,question,what_if\na.jpg,1,one,"Why, then?",AU04=0 AU12=3\n'
                                       "/abs/b.jpg,1,,,\n", "utf-8-sig")
    first, second = read_inputs([str(tmp_path / "list.csv")], question="default", what_if=(("AU01", 1.0),))
    assert (first.custom_id, first.source, first.question) == ("one", str(tmp_path / "a.jpg"), "Why, then?")
    assert first.what_if == (("AU04", 0.0), ("AU12", 3.0))
    assert (second.custom_id, second.source, second.question) == ("/abs/b.jpg", "/abs/b.jpg", "default")
    assert second.what_if == (("AU01", 1.0),)


def test_several_questions_on_one_file_are_one_medium(tmp_path):
    (tmp_path / "list.csv").write_text("path,custom_id,question\na.jpg,1,x\nb.jpg,2,x\na.jpg,3,y\n")
    assert [ids(medium.items) for medium in group_by_medium(read_inputs([str(tmp_path / "list.csv")]))] == [["1", "3"], ["2"]]


@pytest.mark.parametrize("text, told", [
    ("file,question\na.jpg,x\n", "column 'path'"), ("path\n", "no rows"), ("path,custom_id\n,1\n", "line 2: the column 'path'"),
    ("path,what_if\na.jpg,AU04\n", "line 2: what-if AU04: write AU=LEVEL"),
    ("path,custom_id\na.jpg,1\nb.jpg,1\n", "line 2 and .*line 3"),
    ("", "column 'path'"), (b"path\n\x81\n", "not UTF-8")])
def test_a_wrong_table_is_refused_with_its_line(tmp_path, text, told):
    (tmp_path / "list.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InputError, match=told):
        read_inputs([str(tmp_path / "list.csv")])


def test_parquet(tmp_path, monkeypatch):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    table = pyarrow.table({"path": ["a.jpg", "b.jpg"], "custom_id": [1, 2], "question": ["x", None], "extra": [0.0, 1.0]})
    parquet.write_table(table, tmp_path / "list.parquet")
    found = read_inputs([str(tmp_path / "list.parquet")])
    assert [(i.custom_id, i.question, i.source) for i in found] == [
        ("1", "x", str(tmp_path / "a.jpg")), ("2", None, str(tmp_path / "b.jpg"))]
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 not really")
    with pytest.raises(InputError, match="no Parquet file"):
        read_inputs([str(tmp_path / "bad.parquet")])
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(InputError, match="pip install pyarrow"):
        read_inputs([str(tmp_path / "list.parquet")])


# --- batch files -------------------------------------------------------------------------------------------------

def test_a_batch_file_names_files_and_carries_bytes(tmp_path):
    content = b"\xff\xd8\xff some bytes"
    data = f"data:image/jpeg;base64,{base64.b64encode(content).decode()}"
    touch(tmp_path, "deep/a b.jpg")
    path = batch(tmp_path / "b.jsonl", request("rel", "deep/a b.jpg"), request("url", f"file://{tmp_path}/deep/a%20b.jpg"), "",
                 request("data", data, part="video_url"))
    rel, url, inline = read_inputs([path])
    assert rel.source == url.source == str(tmp_path / "deep" / "a b.jpg")
    assert [i.error for i in (rel, url, inline)] == [None] * 3 and rel.question == "What moves?"
    assert requests.fetch(inline.source) == content


def test_the_last_text_of_the_user_is_the_question(tmp_path):
    given = request("1", "a.jpg", text="first")
    given["body"]["messages"] += [{"role": "assistant", "content": "answer"}, {"role": "user", "content": "last?"},
                                  {"role": "system", "content": "be brief"}]
    (item,) = read_inputs([batch(tmp_path / "b.jsonl", given)])
    assert item.question == "last?"


def test_a_body_is_asked_as_the_server_asks_it(tmp_path):
    """Every body of the list: the prompt that caption makes is the one that the server's chat template makes of what it
    admits, and so is what grounded answers are held to. Equal prompts have equal answers; test_serve_clients.py asks both."""
    from client_bodies import bodies, talks

    from emollm.answer.prompt import user_turn
    from emollm.model.checkpoint import load_processor

    admission = pytest.importorskip("emollm_vllm.door.admission")
    tokenizer = load_processor("pocket").tokenizer
    given = bodies(b"\xff\xd8\xff") | talks(b"\xff\xd8\xff", b"\x89PNG")
    path = batch(tmp_path / "b.jsonl", *({"custom_id": name, "method": "POST", "url": requests.URL, "body": body}
                                         for name, body in given.items()))
    items = {item.custom_id: item for item in read_inputs([path])}
    assert len(items) == len(given) >= 85
    for name, body in given.items():
        messages = admission.admit(requests.URL, body, admission.RequestLimits())["messages"]
        for m in messages:  # as vLLM hands them to the template
            m["content"] = [{"type": "text", "text": p} if isinstance(p, str) else p for p in m["content"] or []] \
                if not isinstance(m["content"], str) else m["content"]
        prompt = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        assert items[name].error is None and user_turn(items[name].request) == prompt, name
        assert isinstance(items[name].request, list) == (len(messages) > 1), name
    assert items["talk: what-if"].what_if == (("AU12", 0.0),) and items["talk: no what-if"].what_if == ()
    assert items["talk: prior"].wishes == Wishes(prior="balanced") and items["talk: face"].wishes == Wishes(face=1)
    assert items["talk: au"].wishes == Wishes(au=(("AU04", 4), ("au23", (3.0, 4))))
    assert items["talk: max_completion_tokens 5"].wishes == Wishes(tokens=5) and items["talk: stop"].wishes.stop == ("\n",)
    assert all(item.wishes == Wishes() for name, item in items.items() if not name.startswith("talk: "))
    assert items["talk: prior"].words != items["talk: face"].words
    assert items["talk: follow-up"].question == "Why not anger?"
    assert items["talk: follow-up"].words != items["talk: the same again"].words


def test_bodies_that_ask_for_another_kind_of_answer_are_refused_by_field(tmp_path):
    tool = {"type": "function", "function": {"name": "look", "parameters": {}}}
    odd = {"tools": {"tools": [tool]}, "functions": {"functions": [tool]}, "n is 3": {"n": 3},
           "response_format": {"response_format": {"type": "json_schema", "json_schema": {}}},
           "max_tokens": {"max_tokens": 0}, "max_completion_tokens": {"max_completion_tokens": "many"},
           "temperature": {"temperature": 3}, "stop": {"stop": 7}}
    kwargs = {"only face, au, what_if, prior": {"evidence": [{"AU12": 1}]}, "mm_processor_kwargs.au": {"au": [{"AU12": "x"}]},
              "mm_processor_kwargs.au names no": {"au": [{}]}, "au AU12: intensity": {"au": [{"AU12": 7}]},
              "mm_processor_kwargs.face": {"face": ["1"]},
              "prior='even'": {"prior": ["even"]}, "mm_processor_kwargs.prior": {"prior": "balanced"},
              "AU99": {"what_if": [{"AU99": 1}]}, "with one entry": {"what_if": {"AU12": 1}}}
    odd |= {name: {"mm_processor_kwargs": given} for name, given in kwargs.items()}
    lines = [request(name, "a.jpg") for name in odd]
    for line, more in zip(lines, odd.values(), strict=True):
        line["body"] |= more
    lines += [request(words, "a.jpg") | {"body": {"messages": messages}} for words, messages in (
        ("messages[1]", [request("", "a.jpg")["body"]["messages"][0], "hello"]),
        ("messages[0]", [{"role": "wizard", "content": "hi"}]), ("messages[0].content", [{"role": "user", "content": 7}]))]
    for item in read_inputs([batch(tmp_path / "b.jsonl", *lines)]):
        assert item.error[0] == "invalid_request" and item.custom_id in item.error[1], item


@pytest.mark.parametrize("url, code", [
    ("https://example.org/a.jpg", "remote_media_disabled"), ("HTTP://example.org/a.jpg", "remote_media_disabled"),
    ("//example.org/a.jpg", "remote_media_disabled"), ("ftp://example.org/a.jpg", "remote_media_disabled"),
    ("file://example.org/a.jpg", "remote_media_disabled"), ("../a.jpg", "outside_root"), ("/etc/passwd", "outside_root"),
    ("file:///etc/passwd", "outside_root"), ("file:///%2e%2e/etc/passwd", "outside_root"), ("link/a.jpg", "outside_root"),
    ("a\0.jpg", "invalid_request"), ("data:image/png,abc", "invalid_request"), ("", "invalid_request"), (7, "invalid_request")])
def test_what_is_not_under_the_root_is_refused(tmp_path, url, code):
    """A batch file may come from somebody else: it must not make us fetch addresses or read other folders."""
    root = tmp_path / "root"
    root.mkdir()
    (root / "link").symlink_to(tmp_path)
    touch(tmp_path, "a.jpg")
    (item,) = read_inputs([batch(root / "b.jsonl", request("1", url))])
    assert item.error[0] == code


def test_requests_that_cannot_be_answered_say_why(tmp_path):
    two = request("two", "a.jpg")
    two["body"]["messages"] *= 2
    path = batch(tmp_path / "b.jsonl", two, request("url", "a.jpg", url="/v1/embeddings"), {"custom_id": "empty"},
                 request("get", "a.jpg", method="GET"), {"custom_id": "text", "url": requests.URL, "body": {"messages": ["x"]}},
                 {"custom_id": "list", "url": requests.URL, "body": []})
    assert [i.error[0] for i in read_inputs([path])] == [
        "invalid_request", "unsupported_url", "unsupported_url", "unsupported_url", "invalid_request", "invalid_request"]


@pytest.mark.parametrize("line", ["{", "[]", '"x"', "{}", '{"custom_id": 7}', '{"custom_id": ""}', "[" * 100_000])
def test_a_line_without_custom_id_is_refused_at_the_door(tmp_path, line):
    with pytest.raises(InputError, match="line 2: not a JSON request with a custom_id"):
        read_inputs([batch(tmp_path / "b.jsonl", request("1", "a.jpg"), line)])


def test_a_broken_data_url_and_a_changed_batch_file(tmp_path):
    path = batch(tmp_path / "b.jsonl", request("1", "data:image/png;base64,%%%"), request("2", "data:image/png;base64,YQ=="))
    broken, good = read_inputs([path])
    with pytest.raises(requests.RequestError) as told:
        requests.fetch(broken.source)
    assert told.value.code == "media_undecodable"
    batch(tmp_path / "b.jsonl", request("3", "data:image/png;base64,YQ=="))
    with pytest.raises(requests.RequestError):
        requests.fetch(good.source)
