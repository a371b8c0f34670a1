"""How fast the talker answers, and whether vLLM writes what transformers writes.

    python bench/talk.py [--questions 40] [--runs 3] [--photo FILE] [--vllm 200 [--fp32]]

Questions are those of tests/talk_questions.txt, spread over the file, each about a face given as a FACS code (no pixels:
nothing is measured while the clock runs). Printed with median [quartiles]: tokens/s read and written by transformers. With
--photo: from the photo to a first answer and from a second question to its answer, and `emollm chat PHOTO --question ...` as a
new process.
--vllm N: the same N prompts to vLLM's engine (batched, greedy), the share of calls and answers that are the same text, and what
it writes a second. --fp32: both in fp32, so that what differs is not the rounding of bf16.
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path

import torch
from figures import machine, ratio, spread, verdict

from emollm.chat.talker_chat import TalkerChat
from emollm.evidence import parse_facs
from emollm.explainer import prepare
from emollm.model.engine import engine
from emollm.talk import TALKER
from emollm.talk.dialogue import prompt
from emollm.talk.talker import Reply, advance, steps
from emollm.talk.terms.face import Face
from emollm.talk.writer import LocalWriter, merge_talker

FILE = Path(__file__).parents[1] / "tests" / "talk_questions.txt"
CODES = ("6C+12D+25B", "1C+2C+5B+26C", "4D+5C+7C+23B", "1B+4B+15C+17B", "9C+10B+17B", "R12B+R14C", "1C+2B+4C+5C+20B+25B", "43C")
WHY, AGAIN = "Why is this face read the way it is?", "And what do the brows do?"
GOALS = {"tokens": 25.0, "cold": 15.0, "sooner": 3.0, "same": 0.99}


class Timed:
    """A writer that notes each prompt, its words, the tokens read and written, and the seconds to the first and the last."""

    own_words = False

    def __init__(self, inner: LocalWriter):
        self.inner, self.noted = inner, []

    def write(self, exchanges: list, most: int):
        tokens = self.inner.tokenizer(prompt(self.inner.tokenizer, exchanges), add_special_tokens=False)["input_ids"]
        known = next((k for k, (a, b) in enumerate(zip(tokens, self.inner.read, strict=False)) if a != b), len(self.inner.read))
        begun, first, text = time.perf_counter(), None, ""
        for piece in self.inner.write(exchanges, most):
            first = first or time.perf_counter() - begun
            text += piece
        written = len(self.inner.tokenizer(text, add_special_tokens=False)["input_ids"])
        self.noted.append({"tokens": tokens, "most": most, "text": text, "read": len(tokens) - min(known, len(tokens)),
                           "written": written, "first": first or 0.0, "all": time.perf_counter() - begun})
        return text


def ask(writer: Timed, before: list, question: str, face: Face) -> Reply:
    asking = steps(before, question, lambda _: face)
    step = advance(asking)
    while not isinstance(step, Reply):
        step = advance(asking, writer.write(*step))
    return step


def questions(n: int) -> list[str]:
    lines = [line.split("\t")[-1] for line in FILE.read_text(encoding="utf-8").splitlines() if "\t" in line]
    return lines[:: max(1, len(lines) // n)][:n]


def speed(writer: Timed, faces: list[Face], asked: list[str]) -> None:
    for k, question in enumerate(asked):
        writer.inner.cache = None
        ask(writer, [], question, faces[k % len(faces)])
    long = [n for n in writer.noted if n["written"] > 8]
    read = [n["read"] / n["first"] for n in writer.noted if n["read"] > 30 and n["first"]]
    wrote = [(n["written"] - 1) / (n["all"] - n["first"]) for n in long if n["all"] > n["first"]]
    print(f"transformers, {writer.inner.model.dtype}, {len(asked)} questions: read {spread(read)} tokens/s")
    print(f"    wrote {spread(wrote)} tokens/s; {verdict(sorted(wrote)[len(wrote) // 2], GOALS['tokens'])}")


def turns(writer: Timed, photo: str, runs: int) -> None:
    """Seconds from a photo to the first answer about it, and from the second question to its answer; models loaded."""
    eyes, found = engine("pocket", "transformers"), ([], [])
    for _ in range(runs + 1):
        writer.inner.cache, begun = None, time.perf_counter()
        chat = TalkerChat(prepare(photo, eyes.shape), eyes, writer.inner)
        for question, seconds in zip((WHY, AGAIN), found, strict=True):
            "".join(chat.ask(question))
            seconds.append(time.perf_counter() - begun)
            begun = time.perf_counter()
    first, second = (seconds[1:] for seconds in found)
    sooner = ratio(first, second)
    print(f"first turn {spread(first, digits=2)} s, second turn {spread(second, digits=2)} s: sooner {sooner}; "
          f"{verdict(sooner, GOALS['sooner'])}")


def cold(photo: str, runs: int) -> None:
    seconds = []
    for _ in range(runs):
        begun = time.perf_counter()
        subprocess.run([sys.executable, "-m", "emollm", "chat", photo, "--question", WHY], check=True, capture_output=True)
        seconds.append(time.perf_counter() - begun)
    print(f"emollm chat PHOTO --question, a new process: {spread(seconds)} s; "
          f"{verdict(sorted(seconds)[runs // 2], GOALS['cold'], at_least=False)}")


def beside_vllm(writer: Timed, faces: list[Face], n: int) -> None:
    writer.noted = []
    for k, question in enumerate(questions(n)):
        writer.inner.cache = None
        ask(writer, [], question, faces[k % len(faces)])
        if len(writer.noted) >= n:
            break
    asked = writer.noted[:n]
    from vllm import LLM, SamplingParams, TokensPrompt

    kind = str(writer.inner.model.dtype).removeprefix("torch.")
    engine = LLM(str(merge_talker(TALKER)), dtype=kind, seed=0, enforce_eager=not torch.cuda.is_available(), max_model_len=4096,
                 gpu_memory_utilization=0.2, disable_log_stats=True)
    begun = time.perf_counter()
    answers = engine.generate([TokensPrompt(prompt_token_ids=a["tokens"]) for a in asked],
                              [SamplingParams(temperature=0, max_tokens=a["most"]) for a in asked], use_tqdm=False)
    took = time.perf_counter() - begun
    same = sum(a["text"].strip() == b.outputs[0].text.strip() for a, b in zip(asked, answers, strict=True)) / n
    wrote = sum(len(b.outputs[0].token_ids) for b in answers)
    print(f"vLLM, {kind}: {same:.3f} of {n} calls and answers as transformers; {verdict(same, GOALS['same'])}; "
          f"batched {wrote / took:.0f} tokens/s")
    for a, b in zip(asked, answers, strict=True):
        if a["text"].strip() != b.outputs[0].text.strip():
            print(f"    {a['text']!r}\n    {b.outputs[0].text!r}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--questions", type=int, default=40)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--photo")
    parser.add_argument("--vllm", type=int, default=0)
    parser.add_argument("--fp32", action="store_true")
    given = parser.parse_args()
    print(machine())
    faces = [Face(parse_facs(code), []) for code in CODES]
    writer = Timed(LocalWriter(merge_talker(TALKER)))
    if given.fp32:
        writer.inner.model.float()
    ask(writer, [], WHY, faces[0])
    writer.noted = []
    if given.questions:
        speed(writer, faces, questions(given.questions))
    if given.photo:
        turns(writer, given.photo, given.runs)
        cold(given.photo, given.runs)
    if given.vllm:
        beside_vllm(writer, faces, given.vllm)
    return 0


if __name__ == "__main__":
    sys.exit(main())
