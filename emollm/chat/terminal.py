"""A chat on the terminal: questions and commands in, answers out as they are written.

stdout carries answers and what a command asks for; everything else goes to stderr.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import threading
from collections.abc import Iterator

from emollm.chat.conversation import Chat, doubts, face_numbers
from emollm.explanation import print_text
from emollm.files import check_target, write_file
from emollm.schema import InputError
from emollm.what_if import EXAMPLE, parse_edits

INTRODUCTION = ("emollm describes facial movement and what it is commonly read as. It is AI-generated and does not tell what "
                "anybody feels.")
HELP = """/evidence            what was measured, and what was edited
/face [N]            list the faces, or begin anew about another one
/what-if AU04=0 ...  edit the evidence, 0 (absent) to 5; the conversation goes on
/reset               forget the conversation and the edits
/save FILE           write the conversation and its evidence as JSON
/quit                end (as Ctrl-D); Ctrl-C stops an answer"""


def talk(chat: Chat, questions: list[str] | None = None) -> int:
    """The chat on the terminal; the exit code. With questions, or stdin from elsewhere than a terminal, every question or
    line is answered and the chat ends; the first error ends it then. Raises InputError."""
    _say(INTRODUCTION)
    _say(chat.evidence())
    shown = _TerminalChat(chat)
    shown.notices()
    if hasattr(sys.stdin, "reconfigure"):
        sys.stdin.reconfigure(errors="replace")
    if not questions and sys.stdin.isatty():
        return _run_prompts(shown)
    for line in questions or sys.stdin:
        if not shown.line(line):
            break
    return 0


def _run_prompts(shown: _TerminalChat) -> int:
    """Prompt after prompt until Ctrl-D or /quit; errors and Ctrl-C leave the chat going."""
    with contextlib.suppress(ImportError):
        import readline  # noqa: F401 (editing and history in input())
    _say("Ask about this face. /help lists the commands, Ctrl-D ends.")
    while True:
        try:
            line = input("you: ")
        except EOFError:
            _say("")
            return 0
        except KeyboardInterrupt:
            _say("\nCtrl-D or /quit ends the chat.")
            continue
        try:
            with _catch_interrupts() as shown.stop:
                if not shown.line(line):
                    return 0
        except InputError as error:
            _say(f"emollm: {' '.join(str(error).split())}")
        except KeyboardInterrupt:
            _say("! stopped")


@contextlib.contextmanager
def _catch_interrupts() -> Iterator[threading.Event]:
    """Ctrl-C sets the event: an engine in this process must not be torn out of the middle of a step. The second raises."""
    stop = threading.Event()

    def interrupt(*_) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    before = signal.signal(signal.SIGINT, interrupt)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)


class _TerminalChat:
    """A chat on this terminal."""

    def __init__(self, chat: Chat):
        self.chat, self.stop, self.told = chat, threading.Event(), 0

    def line(self, line: str) -> bool:
        """Act on one line, a question or a command; False when the chat is over. Raises InputError."""
        words = line.split()
        if words[:1] in (["/quit"], ["/exit"]):
            return False
        if words and words[0].startswith("/"):
            print_text(self._command(words[0], words[1:]) + "\n")
        elif words:
            self._answer(line.strip())
        sys.stdout.flush()
        self.notices()
        return True

    def notices(self) -> None:
        """The chat's notices since the last time."""
        for notice in self.chat.notices[self.told:]:
            _say(f"! {notice}")
        self.told = len(self.chat.notices)

    def _answer(self, question: str) -> None:
        begun = False
        try:
            with contextlib.closing(self.chat.ask(question)) as pieces:
                for piece in pieces:
                    begun = True
                    print_text(strip_controls(piece))
                    sys.stdout.flush()
                    if self.stop.is_set():
                        break
        finally:
            if begun:
                print_text("\n\n")
        if self.stop.is_set():
            _say("! stopped")
        if begun and (doubted := doubts(self.chat.turns[-1])):
            _say(f"! {doubted}")

    def _command(self, name: str, words: list[str]) -> str:
        """What a command answers. Raises InputError."""
        commands = {"/help": self._help, "/evidence": self._evidence, "/face": self._face, "/what-if": self._what_if,
                    "/reset": self._reset, "/save": self._save}
        if name not in commands:
            raise InputError(f"{name} is no command; /help lists them")
        return commands[name](words)

    def _help(self, _: list[str]) -> str:
        return HELP

    def _evidence(self, _: list[str]) -> str:
        return self.chat.evidence()

    def _reset(self, _: list[str]) -> str:
        self.chat.reset()
        return "Conversation and edits are forgotten; the face stands as it was measured."

    def _face(self, words: list[str]) -> str:
        if not words:
            return f"Faces here: {face_numbers(self.chat.prepared.subjects)}. This is face {self.chat.subject.series.face_id}."
        if len(words) != 1 or not words[0].isdecimal():
            raise InputError(f"/face {' '.join(words)}: give the number of one face, such as /face 0")
        self.chat.look_at(int(words[0]))
        return f"A new conversation begins.\n{self.chat.evidence()}"

    def _what_if(self, words: list[str]) -> str:
        if not words:
            raise InputError(f"/what-if: {EXAMPLE}")
        changes = parse_edits(words, "/what-if ")
        self.chat.edit(changes)
        return self.chat.evidence()

    def _save(self, words: list[str]) -> str:
        path = os.path.expanduser(" ".join(words))
        if not path or os.path.isdir(path):
            raise InputError(f"/save {path}: give the name of a file, such as /save chat.json")
        check_target(path, [self.chat.prepared.name], "/save ")
        write_file(path, json.dumps(self.chat.to_dict(), indent=1, ensure_ascii=False, allow_nan=False) + "\n")
        return f"Saved to {path}"


def strip_controls(piece: str) -> str:
    """Text without control characters, with which a server could steer the terminal."""
    return "".join(c for c in piece if c.isprintable() or c in "\n\t")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
