"""Chat about a measured face: the face is remembered, answers stream, edits show, and nothing is claimed in silence.

The shipped model answers real media; only the server's tests have an answerer of their own, a small HTTP server.
"""

import base64
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from PIL import Image

from emollm import cli, progress
from emollm.answer import prompt
from emollm.answer.mend import mend
from emollm.chat import conversation as chat
from emollm.chat.conversation import Chat, Turn, doubts, drop_oldest_turns
from emollm.chat.server import ServerChat
from emollm.chat.talker_chat import TalkerChat
from emollm.explainer import answer, explain, prepare
from emollm.explanation import DISCLOSURE
from emollm.model.engine import engine
from emollm.model.processor import face_input
from emollm.schema import PRIORS, Claim, InputError
from emollm.subject import with_edits, with_prior

WHY, WHICH = prompt.DEFAULT_QUESTION, "Which movements do you see?"


@pytest.fixture(autouse=True)
def quiet():
    yield
    progress.use("none")


@pytest.fixture(scope="module")
def pocket():
    return engine("pocket")


@pytest.fixture(scope="module")
def prepared(astronaut_file, pocket):
    return prepare(str(astronaut_file), pocket.shape)


@pytest.fixture
def talked(prepared, pocket):
    return Chat(prepared, pocket, model="pocket")


@pytest.fixture
def given(pocket, monkeypatch):
    """What the model was given at each answer: (FaceInput, prompt text)."""
    seen, encode = [], pocket.processor.encode

    def recording(faces, questions, answers=None):
        batch = encode(faces, questions, answers)
        seen.append((faces[0], pocket.processor.tokenizer.decode(batch["input_ids"][0])))
        return batch

    monkeypatch.setattr(pocket.processor, "encode", recording)
    return seen


def answered(talked: Chat, question: str) -> str:
    return "".join(talked.ask(question))


# --- the conversation ---------------------------------------------------------------------------------------------

def test_the_second_turn_remembers_the_first_and_the_face(talked, given):
    first = answered(talked, WHY)
    answered(talked, WHICH)
    (face_1, _), (face_2, text) = given
    assert text.count(prompt.FACE_START) == text.count(prompt.FACE_END) == 1
    before, _, after = text.partition(prompt.FACE_END)
    assert before.endswith(prompt.FACE_PAD)
    assert after == (f"{WHY}<|im_end|>\n<|im_start|>assistant\n{first}<|im_end|>\n<|im_start|>user\n{WHICH}<|im_end|>\n"
                     "<|im_start|>assistant\n")
    for name in ("au", "times", "peaks", "measured", "chips"):
        assert np.array_equal(getattr(face_1, name), getattr(face_2, name))


def test_an_answer_comes_in_pieces_that_make_the_engines_answer(talked, pocket):
    s = talked.subject
    face = face_input(s.series, s.events, s.key_frames, s.chips, s.seen)
    turns = []
    for question in (WHY, "What emotion is it commonly read as?"):
        turns.append(question)
        pieces = list(talked.ask(question))
        whole = pocket.answer([face], [list(turns)], [talked.observations()])[0].text
        whole = mend(whole, s.series, s.events, {}).text
        assert len(pieces) > (3 if question == WHY else 0)  # by lines, then the prose; or a label alone
        assert "".join(pieces) == whole == talked.turns[-1].answer
        turns.append(whole)


def test_the_first_answer_is_that_of_explain(talked, astronaut_file):
    assert answered(talked, WHY) == explain(str(astronaut_file))[0].text


def test_an_edit_changes_the_evidence_and_keeps_the_history(talked, given):
    assert "AU12" in answered(talked, WHY)
    measured = talked.evidence()
    talked.edit({"AU12": 0.0})
    edited = talked.evidence()
    assert "AU12 lip corner puller" in measured
    assert "AU12 lip corner puller" not in edited
    assert "AU12 set to 0 (edited evidence, not what was measured)" in edited
    lines = prompt.parse(answered(talked, WHICH)).observations
    assert lines
    assert "AU12" not in {o.au for o in lines}
    assert talked.turns[0].answer in given[1][1]
    assert [t.edits for t in talked.turns] == [{}, {"AU12": 0.0}]
    talked.reset()
    assert (talked.evidence(), talked.turns) == (measured, [])


def test_edits_add_up_and_are_checked(talked):
    talked.edit({"AU12": 0.0})
    talked.edit({"AU04": 3.0})
    assert {"AU04", "AU12"} & {o.au for o in talked.observations()} == {"AU04"}
    with pytest.raises(InputError, match="between 0 and 5"):
        talked.edit({"AU04": 9.0})
    assert talked.edits == {"AU12": 0.0, "AU04": 3.0}


def test_what_was_written_before_a_stop_stays_a_turn(talked):
    pieces = talked.ask(WHY)
    begun = next(p for p in pieces if p) + next(pieces)
    pieces.close()
    assert (talked.turns[0].answer, talked.turns[0].complete) == (begun, False)
    assert answered(talked, WHICH)
    assert talked.turns[1].complete


def test_room_is_kept_for_the_longest_answer():
    assert [chat.answer_room(n) for n in (600, 1024, 32768)] == [300, 512, 512]


@pytest.mark.parametrize("left_out, expected", [
    (0, "q1 a1 q2 a2 q3 a3 q4"), (1, "q1 a1 q3 a3 q4"), (2, "q1 a1 q4"), (3, "q4")])
def test_the_oldest_turns_after_the_first_are_left_out_first(left_out, expected):
    assert drop_oldest_turns(["q1", "a1", "q2", "a2", "q3", "a3", "q4"], left_out) == expected.split()
    assert drop_oldest_turns(["q1"], 0) == ["q1"]


def test_a_long_conversation_drops_turns_and_says_so(talked, given, pocket):
    asked = [WHY, *(f"{n}: {'which movements are there, ' * 25}and where?" for n in range(1, 5))]
    for question in asked:
        answered(talked, question)
    last = given[-1][1]
    assert all(len(pocket.processor.tokenizer(text)["input_ids"]) <= pocket.context - prompt.ANSWER_TOKENS for _, text in given)
    assert last.count(prompt.FACE_START) == 1
    assert (WHY in last, asked[1] in last, asked[4] in last) == (True, False, True)
    assert talked.left_out > 0
    assert f"{talked.left_out} of 4 earlier questions are left out" in talked.notices[-1]
    assert [t.question for t in talked.turns] == asked  # the record stays whole


def test_a_question_that_never_fits_is_refused_and_costs_nothing(talked):
    answered(talked, WHICH)
    with pytest.raises(InputError, match=r"takes \d+ tokens with the face, 512 can be read"):
        answered(talked, "why " * 1000)
    assert (len(talked.turns), talked.left_out) == (1, 0)


def test_claims_that_the_measurement_does_not_bear_out_are_named_once():
    wrong, fine = (Claim("", (0, 0), "AU04", verdict="contradicted", reason="measured 0.0"),
                   Claim("", (0, 0), "AU12", verdict="supported"))
    claims = [wrong, fine, wrong, Claim("", (0, 0), "AU10"), Claim("", (0, 0), "AU01", verdict="unsure")]
    assert doubts(Turn("?", claims=claims)) == ("not borne out by the measurement: AU04 contradicted (measured 0.0); "
                                                "AU10 unmeasured")
    assert doubts(Turn("?", claims=[fine])) == ""


@pytest.fixture(scope="module")
def two_labels(pocket):
    """(prepared, its label by prior): the photo with a statement under which the prior decides the label."""
    def find(prepared):
        for level in (0.8, 1.0, 0.6, 0.9, 1.1, 0.7, 0.4):
            stated = with_edits(prepared, {"AU06": 0.0, "AU12": 0.0, "AU10": level})
            labels = {prior: answer([with_prior(stated, prior)], pocket, [None])[0][0].label for prior in PRIORS}
            if len(set(labels.values())) == 2:
                return stated, labels
        raise AssertionError("no statement was found under which the prior decides")

    return find


def test_a_prior_is_asked_under_and_said(prepared, pocket, two_labels):
    stated, labels = two_labels(prepared)
    for prior in PRIORS:
        talked = Chat(with_prior(stated, prior), pocket)
        assert f"Conclusion: {labels[prior]}" in answered(talked, WHY)
        told = [[f"prior: {prior} (--prior)"] * (prior != "crowd")] * 2
        assert [[n for n in notices if "prior" in n] for notices in (
            talked.to_dict()["notices"], [line[2:] for line in talked.evidence().splitlines()])] == told


def test_the_talker_is_given_the_face_as_the_prior_has_it(prepared, pocket, two_labels):
    stated, labels = two_labels(prepared)
    for prior in PRIORS:
        face = TalkerChat(with_prior(stated, prior), pocket, writer=None).face()
        assert face.label == labels[prior]
        assert sum(face.look.values()) == pytest.approx(1)


# --- the command --------------------------------------------------------------------------------------------------

def test_questions_on_the_command_line(astronaut_file, capsys, tmp_path):
    saved = tmp_path / "chat.json"
    code = cli.main(["chat", str(astronaut_file), "--model", "pocket", "--question", WHY, "--question", "/what-if AU12=0",
                     "--question", WHICH, "--question", f"/save {saved}"])
    out, err = capsys.readouterr()
    assert code == 0
    assert err.startswith("emollm describes facial movement and what it is commonly read as.")
    assert "AU12 lip corner puller | both" in err  # the evidence
    stored = json.loads(saved.read_text())
    one, two = stored["turns"]
    assert out.startswith(f"{one['answer']}\n\nastronaut.png, face 0\nWhat if: AU12 set to 0")
    assert out.endswith(f"{two['answer']}\n\nSaved to {saved}\n")
    assert (one["question"], one["edits"], two["edits"], one["complete"]) == (WHY, {}, {"AU12": 0.0}, True)
    assert {c["verdict"] for c in one["claims"] if c["kind"] == "observation"} == {"supported"}
    assert stored["evidence"]["intensity"][0][stored["evidence"]["aus"].index("AU12")] == [0, 0]
    assert stored["ai_generated"]
    assert not any("AU12" in line for line in stored["observations"])


def test_piped_lines_are_answered_in_turn(astronaut_file):
    lines = f"{WHICH}\n\n/evidence\n{WHY}\n/quit\nnever asked\n"
    command = [sys.executable, "-m", "emollm", "chat", str(astronaut_file), "--model", "pocket", "--what-if", "AU12=0"]
    done = subprocess.run(command, input=lines.encode() + b"\xff\n", capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    first, _, rest = done.stdout.decode().partition("\n\n")
    assert prompt.parse(first).observations
    assert rest.startswith("astronaut.png, face 0\nWhat if: AU12 set to 0")
    assert rest.count("AU06 cheek raiser |") == 2  # in the evidence and in the one answer after it
    assert "AU12 lip corner puller |" not in rest
    assert done.stderr.startswith(b"emollm describes facial movement")


@pytest.mark.parametrize("line, message", [
    ("/dance", "/dance is no command"), ("/what-if AU04", "write AU=LEVEL"), ("/what-if", "write AU=LEVEL"),
    ("/what-if AU04=6", "write AU=LEVEL with a level from 0 (absent) to 5"), ("/what-if AU99=1", "unknown action unit 'AU99'"),
    ("/face 3", "there is no face 3"), ("/face one", "give the number of one face"), ("/save", "give the name of a file"),
    ("/save no_such_folder/x.json", "cannot write this file")])
def test_a_wrong_command_ends_a_script_with_one_line(line, message, astronaut_file, capsys):
    assert cli.main(["chat", str(astronaut_file), "--question", line]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err.splitlines()[-1]


def test_the_picture_is_never_overwritten(astronaut_file, capsys):
    before = astronaut_file.read_bytes()
    assert cli.main(["chat", str(astronaut_file), "--question", f"/save {astronaut_file}"]) == 2
    assert "would overwrite the input" in capsys.readouterr().err
    assert astronaut_file.read_bytes() == before


def test_several_faces(two_faces_file, capsys):
    assert cli.main(["chat", str(two_faces_file), "--question", "/face", "--question", "/face 1", "--question", "/face"]) == 0
    out, err = capsys.readouterr()
    assert "! faces here: 0, 1. This is face " in err
    assert out.endswith("Faces here: 0, 1. This is face 1.\n")
    assert "A new conversation begins.\ntwo_faces.png, face 1\n" in out
    assert cli.main(["chat", str(two_faces_file), "--face", "1", "--question", "/face"]) == 0
    out, err = capsys.readouterr()
    assert out == "Faces here: 0, 1. This is face 1.\n"
    assert "--face N" not in err
    assert cli.main(["chat", str(two_faces_file), "--face", "7"]) == 2
    assert "there is no face 7; faces here: 0, 1" in capsys.readouterr().err


def test_media_that_cannot_be_chatted_about(tmp_path, astronaut, capsys):
    Image.fromarray(np.full((200, 200, 3), 128, np.uint8)).save(tmp_path / "grey.png")
    Image.fromarray(astronaut[:280, 84:364]).resize((140, 140)).save(tmp_path / "small.png")
    for name, code, message in (("grey.png", 3, "no face could be measured"), ("small.png", 3, "not enough to say: face only"),
                                ("none.png", 2, "no such file")):
        assert cli.main(["chat", str(tmp_path / name), "--question", WHY]) == code
        out, err = capsys.readouterr()
        assert (out, len(err.splitlines())) == ("", 1)
        assert message in err


def test_a_facs_code_can_be_chatted_about(capsys):
    assert cli.main(["chat", "1+4+15", "--question", WHICH]) == 0
    assert {o.au for o in prompt.parse(capsys.readouterr().out).observations} <= {"AU01", "AU04", "AU15"}


@pytest.mark.parametrize("options, message", [
    (["--server", "http://localhost:1", "--model", "pocket"], "leave --model, --engine and --baseline out"),
    (["--api-key", "k"], "--api-key is for --server"), (["--server", "localhost:8000"], "such as http://localhost:8000"),
    (["--prior", "even"], "--prior 'even' is not one of crowd, balanced"),
    (["--model", "no_such_model"], "no config.json there"), (["--what-if", "AU04=9"], "write AU=LEVEL")])
def test_options_that_do_not_go_together(options, message, astronaut_file, capsys):
    assert cli.main(["chat", str(astronaut_file), *options]) == 2
    assert message in capsys.readouterr().err


def test_control_characters_do_not_reach_the_terminal():
    from emollm.chat.terminal import strip_controls

    assert strip_controls("a\x1b[2Jb\x07\u202e\n\té") == "a[2Jb\n\té"


# --- by hand, on a real terminal ----------------------------------------------------------------------------------

PATIENCE = 120  # s; only a test that fails waits so long


class ChatTerminal:
    """`emollm chat` in a terminal of its own."""

    def __init__(self, *arguments: str):
        self.shown, self.interrupted = "", False
        self.process, self.fd = pty.fork()
        if self.process == 0:
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # a suite in the background of a shell ignores it
            os.execv(sys.executable, [sys.executable, "-m", "emollm", "chat", *arguments])

    def read_until(self, *words: str) -> tuple[str, str]:
        """What is shown from now up to one of these words, and which of them it was."""
        while not (found := [w for w in words if w in self.shown]):
            if not self.told():
                pytest.fail(f"nothing for {PATIENCE} s before {words}: {self.shown[-500:]}")
            try:
                self.shown += os.read(self.fd, 4096).decode(errors="replace")
            except OSError:  # the other end is closed
                pytest.fail(f"ended before {words}: {self.shown[-500:]}")
        word = min(found, key=self.shown.index)
        before, _, self.shown = self.shown.partition(word)
        return before, word

    def told(self) -> bool:
        """Whether something new is shown, within the time that one has patience for. An interrupt is pressed again: Python
        loses one that comes just after input() has shown its prompt, and ours comes within a millisecond."""
        for _ in range(PATIENCE // 3):
            if select.select([self.fd], [], [], 3)[0]:
                return True
            if self.interrupted:
                os.write(self.fd, b"\x03")
        return False

    def write(self, text: str) -> None:
        self.interrupted = text == "\x03"
        os.write(self.fd, text.encode())

    def exit_code(self) -> int:
        try:
            while os.read(self.fd, 4096):
                pass
        except OSError:
            pass
        os.close(self.fd)
        return os.waitstatus_to_exitcode(os.waitpid(self.process, 0)[1])


def test_ctrl_c_stops_an_answer_and_only_that(astronaut_file):
    terminal = ChatTerminal(str(astronaut_file), "--model", "pocket")
    assert "emollm describes facial movement" in terminal.read_until("AU12")[0]
    terminal.read_until("you: ")
    for _ in range(20):  # an answer takes a fifth of a second, and may be over before the key is pressed
        terminal.write(f"{WHY}\n")
        terminal.read_until("cheek raiser |")  # the answer has begun
        terminal.write("\x03")
        shown, ended = terminal.read_until("! stopped", "Ctrl-D or /quit ends the chat.")
        terminal.read_until("you: ")
        if ended == "! stopped":
            break
    assert ended == "! stopped" and prompt.CONCLUSION not in shown
    terminal.write("/dance\n")
    terminal.read_until("emollm: /dance is no command")
    terminal.read_until("you: ")
    terminal.write("\x03")
    terminal.read_until("Ctrl-D or /quit ends the chat.")
    terminal.read_until("you: ")
    terminal.write("What emotion is it commonly read as?\n")
    terminal.read_until("\n" + prompt.CONCLUSION)
    terminal.read_until("you: ")
    terminal.write("\x04")
    assert terminal.exit_code() == 0


# --- a server -----------------------------------------------------------------------------------------------------

class _Answers(BaseHTTPRequestHandler):
    """Speaks just enough of the protocol: /v1/models, and the server's next reply as a stream or an error."""

    def log_message(self, *_):
        pass

    def do_GET(self):
        self._send(200, {"object": "list", "data": [{"id": "served", "object": "model", "max_model_len": 1024}]})

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append((self.path, self.headers["Authorization"], body))
        reply = self.server.replies.pop(0)
        if isinstance(reply, tuple):
            return self._send(reply[0], {"error": {"message": reply[1], "type": "BadRequestError", "code": reply[0]}})
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        for piece in re.findall(r"\S+\s*", reply):
            self.wfile.write(f"data: {json.dumps({'choices': [{'index': 0, 'delta': {'content': piece}}]})}\n\n".encode())
        self.wfile.write(b"data: [DONE]\n\n")

    def _send(self, status: int, body: dict):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


@pytest.fixture
def server():
    """A running server; `replies`: what it answers next, `asked`: (path, authorization, body) of each request."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Answers) as running:
        running.asked, running.replies = [], []
        running.url = f"http://127.0.0.1:{running.server_port}"
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield running
        running.shutdown()


@pytest.fixture
def served(server, prepared, astronaut_file):
    return ServerChat(prepared, server.url, astronaut_file.read_bytes())


def test_a_server_is_sent_the_media_and_the_whole_conversation(server, served, astronaut_file):
    server.replies += ["Conclusion: happiness. One.", "Conclusion: neutral. Two."]
    assert list(served.ask("First?")) == ["", "", "", "Conclusion: happiness. One."]  # prose is checked whole
    served.edit({"AU12": 0.0})
    assert answered(served, "Second?") == "Conclusion: neutral. Two."
    (path, key, one), (_, _, two) = server.asked
    assert (path, key, one["model"], one["stream"]) == ("/v1/chat/completions", "Bearer none", "served", True)
    assert (one["emollm"], one["max_completion_tokens"]) == ({"grounded": True}, 512)
    assert "mm_processor_kwargs" not in one
    assert two["mm_processor_kwargs"] == {"what_if": [{"AU12": 0.0}]}
    media, text = two["messages"][0]["content"]
    head, _, data = media["image_url"]["url"].partition(",")
    assert (head, base64.b64decode(data)) == ("data:image/png;base64", astronaut_file.read_bytes())
    assert text == {"type": "text", "text": "First?"}
    assert [m["role"] for m in two["messages"]] == ["user", "assistant", "user"]
    assert [m["content"] for m in two["messages"][1:]] == ["Conclusion: happiness. One.", "Second?"]


def test_a_server_chooses_the_face_that_we_show(server, two_faces_file, pocket):
    server.replies.append("Conclusion: happiness.")
    both = prepare(str(two_faces_file), pocket.shape)
    answered(ServerChat(both, server.url, two_faces_file.read_bytes(), "key", face=1, grounded=False), WHY)
    _, key, body = server.asked[0]
    assert (key, body["mm_processor_kwargs"]) == ("Bearer key", {"face": [1]})
    assert "emollm" not in body


@pytest.mark.parametrize("prior", [None, "crowd", "balanced"])
def test_a_server_is_asked_for_a_prior_only_when_one_was_asked_for(prior, server, astronaut_file, capsys):
    server.replies.append("Conclusion: happiness.")
    options = ["--prior", prior] if prior else []
    assert cli.main(["chat", str(astronaut_file), "--server", server.url, "--question", WHY, *options]) == 0
    assert server.asked[0][2].get("mm_processor_kwargs") == ({"prior": [prior]} if prior else None)
    assert ("! prior: balanced" in capsys.readouterr().err) == (prior == "balanced")


def test_a_clip_is_sent_as_a_clip(server, astronaut_clip, capsys):
    server.replies.append("Conclusion: happiness.")
    assert cli.main(["chat", str(astronaut_clip), "--server", f"{server.url}/v1/", "--question", WHY]) == 0
    assert capsys.readouterr().out == "Conclusion: happiness.\n\n"
    media = server.asked[0][2]["messages"][0]["content"][0]
    assert media["video_url"]["url"].startswith("data:video/mp4;base64,")


def test_a_full_context_of_the_server_drops_turns(server, served):
    full = (400, "This model's maximum context length is 1024 tokens. However, you requested 512 output tokens and your prompt "
                 "contains 700 input tokens.")
    server.replies += ["One.", "Two.", "Three.", full, full, "Four."]
    for question in ("q1", "q2", "q3", "q4"):
        answered(served, question)
    assert served.turns[-1].answer == "Four."
    assert [m["content"] for m in server.asked[-1][2]["messages"]][1:] == ["One.", "q4"]
    assert "2 of 3 earlier questions are left out" in served.notices[-1]


def test_what_a_server_claims_is_checked_here(server, astronaut_file, capsys):
    server.replies.append("AU04 brow lowerer | both | 3.0 marked | still | brows drawn together\nConclusion: anger. \x1b[2J")
    assert cli.main(["chat", str(astronaut_file), "--server", server.url, "--question", WHY]) == 0
    out, err = capsys.readouterr()
    assert "\x1b" not in out
    assert re.search(r"! not borne out by the measurement: AU04 contradicted \(measured \d\.\d\)", err.splitlines()[-1])


@pytest.mark.parametrize("reply, message", [
    ((401, "Unauthorized"), "the server answered with status 401: Unauthorized"),
    ((422, "no face"), "status 422: no face"), ((500, "x\ny"), "status 500: x y")])
def test_refusals_of_a_server_are_one_line(reply, message, server, astronaut_file, capsys):
    server.replies.append(reply)
    assert cli.main(["chat", str(astronaut_file), "--server", server.url, "--question", WHY]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert f"emollm: {server.url}: " in err.splitlines()[-1]
    assert message in err.splitlines()[-1]


def test_no_server_and_no_picture_for_one(astronaut_file, server, capsys):
    closed = "http://127.0.0.1:1"
    assert cli.main(["chat", str(astronaut_file), "--server", closed]) == 2
    assert f"{closed}: no answer from a server there" in capsys.readouterr().err
    assert cli.main(["chat", "6C+12D", "--server", server.url]) == 2
    assert "--server takes a photo or clip" in capsys.readouterr().err
    assert server.asked == []


def test_a_saved_chat_says_what_it_is(served, server):
    line = "AU10 upper lip raiser | both | 3.0 marked | still | upper lip raised"
    server.replies.append(f"{line}\nConclusion: happiness. AU11 is there.")
    assert answered(served, WHY) == f"{line}\nConclusion: happiness."  # the prose is checked, lines are marked
    stored = json.loads(json.dumps(served.to_dict(), allow_nan=False))
    assert (stored["model"], stored["disclosure"]) == ("served", DISCLOSURE)
    assert [(c["au"], c["verdict"]) for c in stored["turns"][0]["claims"]] == [("AU10", "unmeasured")]
