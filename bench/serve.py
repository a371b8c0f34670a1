"""Requests a minute and times to first token of `emollm serve`, beside the obvious server (bench/naive/serve.py).

    python bench/serve.py [--rounds 5] [--requests 64] [--url http://localhost:8000]

One client measures both: OpenAI's, streaming, greedy, the same pictures and the same number of tokens. Answers are
compared before and while they are timed; one that differs ends the bench with exit code 1. Rounds alternate (A B, B A,
...), the warm-up is not counted. "distinct": every picture is new to the server; "repeated": it has seen them all.
Spreads are median [quartiles]. Figures count on a quiet machine only; --quick is for trying the bench out.
"""

import argparse
import contextlib
import shlex
import statistics
import sys
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import client
import figures
import material
from client import Load
from figures import load_average, ratio, spread, verdict
from servers import NAIVE, OURS, TimedServer, hit_rates

CONCURRENCIES = (1, 4, 16)
SHARE = {1: 4, 4: 2, 16: 1}  # a fraction of the requests is enough where they are answered one after another
MODES = ("distinct", "repeated")
RATIO_GOAL, CHAT_GOAL, REUSE_GOAL = 3.0, 2.0, 5.0
HTTP_GOALS = (3.0, 15.0)  # ms, median and 99th percentile


class Pictures:
    """Conversations about pictures: those that were never sent before, and a pool that always is the same."""

    def __init__(self, pool: int, side: int):
        self.side, self.numbers = side, count(pool)
        self.pool = [self._about(number) for number in range(pool)]

    def of(self, mode: str, wanted: int) -> list[list[dict]]:
        if mode == "distinct":
            return [self._about(next(self.numbers)) for _ in range(wanted)]
        return [self.pool[k % len(self.pool)] for k in range(wanted)]

    def _about(self, number: int) -> list[dict]:
        return client.about(material.photo(number, self.side))


def different(ours: list[client.Answered], naive: list[client.Answered]) -> list[str]:
    """Answers that are not the same, text for text and in their number of tokens."""
    return [f"answer {k}: {a.tokens} tokens {a.text!r}\n   naive: {b.tokens} tokens {b.text!r}"
            for k, (a, b) in enumerate(zip(ours, naive, strict=True)) if (a.text, a.tokens) != (b.text, b.tokens)]


class Bench:
    """Both servers and everything measured on them."""

    def __init__(self, ours: TimedServer, naive: TimedServer, pictures: Pictures, tokens: int):
        self.servers, self.pictures, self.tokens = {"emollm": ours, "naive": naive}, pictures, tokens
        self.loads: dict[tuple[str, str, int], list[Load]] = {}  # (server, mode, concurrency) -> one a round
        self.counters: dict[str, list[tuple[dict, dict]]] = {of: [] for of in (*MODES, "chat")}
        self.firsts: dict[tuple[str, int], list[float]] = {}  # (server, turn) -> s to the first token
        self.compared, self.wrong = 0, []

    def ask(self, name: str, conversations: list, concurrency: int, tokens: int | None = None) -> Load:
        return client.load(self.servers[name].url, conversations, concurrency, tokens or self.tokens)

    def compare(self, ours: Load, naive: Load) -> None:
        self.compared += len(ours.answers)
        self.wrong += different(ours.answers, naive.answers)

    def warm_up(self) -> None:
        """Both servers answer the whole pool, at the highest concurrency and one by one."""
        for conversations, concurrency in ((self.pictures.pool, CONCURRENCIES[-1]), (self.pictures.pool[:2], 1)):
            self.compare(*(self.ask(name, conversations, concurrency) for name in self.servers))

    def round(self, number: int, requests: int) -> None:
        order = list(self.servers) if number % 2 == 0 else list(self.servers)[::-1]
        for mode in MODES:
            asked = {c: self.pictures.of(mode, max(1, requests // SHARE[c])) for c in CONCURRENCIES}
            for name in order:
                before = self.servers[name].counters()
                for concurrency, conversations in asked.items():
                    found = self.ask(name, conversations, concurrency)
                    self.loads.setdefault((name, mode, concurrency), []).append(found)
                if name == "emollm":
                    self.counters[mode].append((before, self.servers[name].counters()))
            for c in CONCURRENCIES:
                self.compare(self.loads["emollm", mode, c][-1], self.loads["naive", mode, c][-1])

    def chat(self, number: int) -> None:
        """Two turns about a picture that neither server has seen."""
        [conversation] = self.pictures.of("distinct", 1)
        for turn in (1, 2):
            answered = {}
            for name in (list(self.servers) if number % 2 == 0 else list(self.servers)[::-1]):
                answered[name] = self.ask(name, [conversation], 1, tokens=200)
                self.firsts.setdefault((name, turn), []).append(answered[name].answers[0].first)
            self.compare(answered["emollm"], answered["naive"])
            conversation = client.followed_up(conversation, answered["emollm"].answers[0].text)

    def chats(self, wanted: int) -> None:
        before = self.servers["emollm"].counters()
        for number in range(wanted):
            self.chat(number)
        self.counters["chat"].append((before, self.servers["emollm"].counters()))

    def check(self) -> None:
        """End the bench when a server answered wrongly."""
        if self.wrong:
            sys.exit("\n".join([f"{len(self.wrong)} of {self.compared} answers differ between the servers; no figure counts",
                                *self.wrong[:3]]))


def report(bench: Bench) -> None:
    print(f"\n{'':<9}{'':<10}{'at once':>7}  {'TTFT ms':<34}{'TPOT ms':<34}{'tokens/s':<26}requests/min")
    for (name, mode, concurrency), loads in sorted(bench.loads.items(), key=lambda item: (item[0][1], item[0][2], item[0][0])):
        answers = [a for found in loads for a in found.answers]
        steps = [a.per_token for a in answers if a.per_token is not None]
        print(f"{mode:<10}{name:<9}{concurrency:>7}  {spread([a.first for a in answers], 1000):<34}"
              f"{spread(steps, 1000):<34}{spread([found.tokens_per_second for found in loads], digits=0):<26}"
              f"{spread([found.per_minute for found in loads], digits=0)}")
    for mode in MODES:
        ours, naive = ([found.per_minute for found in bench.loads[name, mode, 16]] for name in ("emollm", "naive"))
        found = ratio(ours, naive, paired=True)
        print(f"requests/min at 16, {mode} pictures, emollm / naive: {found}   {verdict(found, RATIO_GOAL)}")
        report_caches(bench, mode)


def report_caches(bench: Bench, of: str) -> None:
    """Of the last round; nothing for a server that counts nothing."""
    if told := [hit_rates(before, after) for before, after in bench.counters[of]][-1:]:
        print(f"   {', '.join(told[0]) or 'the server has no counters'}")


def report_chat(bench: Bench) -> None:
    if not bench.firsts:
        return
    for (name, turn), firsts in sorted(bench.firsts.items()):
        print(f"chat turn {turn}, time to first token, {name:<7} {spread(firsts, 1000)} ms")
    sooner = ratio(bench.firsts["emollm", 1], bench.firsts["emollm", 2], paired=True)
    print(f"turn 2 sooner than turn 1 with a new picture: {sooner} times   {verdict(sooner, CHAT_GOAL)}")
    report_caches(bench, "chat")
    again = ratio(bench.firsts["naive", 2], bench.firsts["emollm", 2], paired=True)
    print(f"turn 2 sooner than all anew (naive): {again} times   {verdict(again, REUSE_GOAL)}")


def report_http(server: TimedServer, picture: str, requests: int) -> None:
    """What HTTP costs: a measured picture asked for again needs neither face nor language model."""
    bodies = [{"media": picture}] * requests
    try:
        client.posts(server.url, "/v1/measure", bodies[:8], 8)
    except Exception as error:  # a server given with --url may lack the route
        print(f"HTTP layer not measured: {type(error).__name__}")
        return
    for connections in (1, 16):
        taken = [1000 * s for s in client.posts(server.url, "/v1/measure", bodies, connections)]
        middle, late = statistics.median(taken), figures.quantile(taken, 0.99)
        print(f"HTTP layer, {connections} connections: median {middle:.1f} ms   {verdict(middle, HTTP_GOALS[0], False)}   "
              f"p99 {late:.1f} ms   {verdict(late, HTTP_GOALS[1], False)}   n={len(taken)}")


@contextlib.contextmanager
def both(options: argparse.Namespace) -> Iterator[tuple[TimedServer, TimedServer]]:
    """Our server and the naive one, ready."""
    command = [*OURS, *shlex.split(options.options)]
    with tempfile.TemporaryDirectory() as folder, \
            TimedServer("emollm", command, Path(folder) / "emollm.log", options.url) as ours, \
            TimedServer("naive", NAIVE, Path(folder) / "naive.log") as naive:
        for server in (ours, naive):
            print(f"{server.name} ready after {server.wait():.1f} s", flush=True)
        yield ours, naive


def parser() -> argparse.ArgumentParser:
    found = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    found.add_argument("--url", help="measure the emollm server that answers here instead of starting one")
    found.add_argument("--options", default="", metavar="TEXT", help="of emollm serve: --options='--block-size 32'")
    found.add_argument("--rounds", type=int, default=5, help="default 5")
    found.add_argument("--requests", type=int, default=64, help="a round at concurrency 16; fewer below it (default 64)")
    found.add_argument("--tokens", type=int, default=64, help="of every answer at most (default 64)")
    found.add_argument("--chats", type=int, default=20, help="conversations of two turns (default 20)")
    found.add_argument("--pool", type=int, default=32, help="repeated pictures (default 32)")
    found.add_argument("--side", type=int, default=512, help="px of a picture (default 512)")
    found.add_argument("--quick", action="store_true", help="a few requests only, to see that it runs")
    return found


def main() -> None:
    options = parser().parse_args()
    if options.quick:
        options.rounds, options.requests, options.tokens, options.chats, options.pool = 2, 8, 24, 3, 4
    print(figures.machine(), flush=True)
    with both(options) as (ours, naive):
        bench = Bench(ours, naive, Pictures(options.pool, options.side), options.tokens)
        bench.warm_up()
        bench.check()
        for number in range(options.rounds):
            bench.round(number, options.requests)
            print(f"round {number + 1} of {options.rounds} done", file=sys.stderr, flush=True)
        bench.chats(options.chats)
        bench.check()
        report(bench)
        report_chat(bench)
        report_http(ours, bench.pictures.pool[0][0]["content"][0]["image_url"]["url"], 4 * options.requests)
    print(f"{bench.compared} answers compared, all equal; load average {load_average()} after")


if __name__ == "__main__":
    main()
