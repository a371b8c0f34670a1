"""The process that runs vLLM's API server, on a socket that its parent owns (supervise.py)."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import io
import json
import os
import signal
import socket
import sys
import threading
from pathlib import Path

from emollm.answer.prompt import ANSWER_TOKENS
from emollm.request_fields import MOST_MEDIA
from emollm.schema import InputError
from emollm_vllm.door.admission import CHAT
from emollm_vllm.environment import HUNG_AFTER

WATCH_SECONDS = 0.25
SIGNS_SECONDS = 10  # between two signs of life, at most
SMALL = 100_000_000  # parameters; up to here float32 costs little, and answers are those of `emollm explain`
# Options of vLLM that this server does not take, by their name in vLLM's namespace, and why.
REFUSED = {
    "trust_remote_code": "code that comes with a model is never run",
    "trust_request_chat_template": "the model's own template is always used",
    "enable_log_requests": "what people send is never logged",
    "enable_log_outputs": "what people send is never logged",
    "log_error_stack": "what people send is never logged",
    "enable_mm_embeds": "embeddings from outside are not checked; send pictures",
    "enable_prompt_embeds": "embeddings from outside are not checked; send text",
    "enable_tokenizer_info_endpoint": "that route is not served",
    "enable_scale_out": "its routes are not served", "tokens_only": "its routes are not served",
    "tool_server": "the model calls no tools",
    "speculative_config": "vLLM then takes no logits processor, and the label of an answer would not follow the evidence",
    "uds": "give --host and --port", "grpc": "only HTTP is served", "headless": "use Ray for several machines",
}
_control: list[socket.socket] = []


def run(listening: int, control: int, model: str, options: list[str]) -> int:
    """Serve until told to stop. Returns the exit code; 2 when it can never start."""
    listener, told = socket.socket(fileno=listening), socket.socket(fileno=control)
    for inherited in (listener, told):
        inherited.set_inheritable(False)
    _control.append(told)
    threading.Thread(target=_die_with_parent, args=(told,), daemon=True).start()
    try:
        arguments = read_arguments(model, options)
    except InputError as error:
        print(f"emollm: {' '.join(str(error).split())}", file=sys.stderr, flush=True)
        _tell("refused")
        return InputError.exit_code
    import uvloop
    from vllm.entrypoints.launchers.api_server.entry import run_server_worker

    uvloop.run(run_server_worker("the socket of emollm serve", listener, arguments))
    return 0


def _tell(word: str) -> None:
    _control[0].sendall(f"{word}\n".encode())


def _die_with_parent(told: socket.socket) -> None:
    told.recv(1)  # nothing is ever sent: it returns when the parent has gone
    os.killpg(os.getpgrp(), signal.SIGKILL)


# --- arguments -------------------------------------------------------------------------------------------------------

def read_arguments(model: str, options: list[str]):
    """vLLM's namespace from our defaults and the user's options, which win. Raises InputError."""
    from emollm.model.checkpoint import folder_of, load_processor

    folder = folder_of(model, ["*.json", "*.safetensors", "*.jinja", "*.txt"])  # nothing that could hold code
    load_processor(str(folder))  # refuses what does not fit this emollm, in emollm's words
    from vllm.entrypoints.launchers.cli_args import make_arg_parser, validate_parsed_serve_args
    from vllm.entrypoints.serve.utils.api_utils import cli_env_setup
    from vllm.logger import configure_logging_from_args
    from vllm.platforms import current_platform
    from vllm.utils.argparse_utils import FlexibleArgumentParser

    from emollm_vllm.plugin.witness import PROCESSOR

    cli_env_setup()
    parser = make_arg_parser(FlexibleArgumentParser(prog="emollm serve"))
    arguments = parser.parse_args(defaults(folder, model, current_platform.is_cpu()) + options)
    for name, why in REFUSED.items():
        if getattr(arguments, name, None) not in (None, False, ""):
            raise InputError(f"--{name.replace('_', '-')} cannot be used with emollm serve: {why}")
    if (getattr(arguments, "api_server_count", None) or 1) > 1:
        raise InputError("--api-server-count: one API process is served; start several servers behind a proxy instead")
    arguments.model = str(folder)
    arguments.logits_processors = [*(arguments.logits_processors or []), PROCESSOR]
    arguments.port = 0  # the socket is there already; vLLM looks for other users of this port when it stops
    own = ["emollm_vllm.process.api_server.Readiness", "emollm_vllm.door.gate.Gate"]
    arguments.middleware = [*arguments.middleware, *own]  # the last is the outermost
    configure_logging_from_args(arguments)
    try:
        validate_parsed_serve_args(arguments)
    except (TypeError, ValueError) as error:
        raise InputError(str(error)) from None
    return arguments


def defaults(folder: Path, model: str, cpu: bool) -> list[str]:
    """Options of vLLM that hold unless the user gives others."""
    name = model.rstrip("/") if not Path(model).is_dir() else folder.resolve().name
    chosen = {
        "--model": str(folder),
        "--served-model-name": [name, "emollm"],
        "--dtype": "float32" if cpu and parameters(folder) < SMALL else "auto",
        "--limit-mm-per-prompt": json.dumps(MOST_MEDIA),
        "--structured-outputs-config": json.dumps({"backend": "xgrammar", "disable_any_whitespace": True}),
        # Greedy unless a request asks otherwise, as `emollm explain`; and no answer without an end.
        "--override-generation-config": json.dumps({"temperature": 0.0, "max_new_tokens": ANSWER_TOKENS}),
        "--mm-processor-cache-gb": "1",
        "--uvicorn-log-level": "warning",
    }
    if cpu:  # 128 there: a face's prompt of 65 tokens never filled a block, so its prefix was never found again
        chosen["--block-size"] = "32"
    flags = ["--trust-request-mm-kwargs", "--enable-prefix-caching", *(["--enforce-eager"] if cpu else [])]
    words = [(option, *(value if isinstance(value, list) else [value])) for option, value in chosen.items()]
    return [*(w for option in words for w in option), *flags]


def parameters(folder: Path) -> int:
    """How many numbers the weights of a model are, from the headers of its files alone."""
    from math import prod

    from safetensors import safe_open

    total = 0
    for path in folder.glob("*.safetensors"):
        with safe_open(path, "numpy") as stored:
            total += sum(prod(stored.get_slice(k).get_shape()) for k in stored.keys())  # noqa: SIM118 (not a dict)
    return total


# --- readiness -------------------------------------------------------------------------------------------------------

class Readiness:
    """ASGI middleware behind the gate: warms the server up before it serves, then tells the parent, then watches."""

    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send) -> None:
        if scope["type"] != "lifespan":
            await self.app(scope, receive, send)
            return

        async def announce(message):
            if message["type"] == "lifespan.startup.complete":
                _hide_paths(scope["app"].state.openai_serving_models)
                await warm_up(self.app, scope["app"])
                _tell("ready")
                limit = float(os.environ.get(HUNG_AFTER, "0"))
                self.watching = [asyncio.create_task(watch(engine, limit)) for engine in engines_of(scope["app"].state)]
            await send(message)

        await self.app(scope, receive, announce)


def engines_of(state) -> list:
    """The engine that sees, and the talker's where one is served: without either the server is no longer whole."""
    talking = getattr(state, "emollm_talking", None)
    return [state.engine_client, *([talking.engine] if talking else [])]


def _hide_paths(models) -> None:
    """/v1/models shows names, not where this machine keeps its files."""
    shown = models.show_available_models

    async def show_names():
        cards = await shown()
        for card in cards.data:
            card.root = card.id
        return cards

    models.show_available_models = show_names


async def watch(engine, hung_after: float) -> None:
    """Tell the parent when the engine has died, or has hung and was ended.

    vLLM looks after its engine every five seconds, and then closes its side of the socket; this is sooner. An engine that
    lives but does not answer it never notices.
    """
    listening = asyncio.create_task(_ping_until_silent(engine, hung_after)) if hung_after else None
    while not engine.errored and not (listening and listening.done()):
        await asyncio.sleep(WATCH_SECONDS)
    if not engine.errored:
        print(f"emollm: the engine gave no sign of life for {hung_after:g} s, so it is ended", file=sys.stderr, flush=True)
        await _end(engine)
    _tell("dead")


async def _ping_until_silent(engine, limit: float) -> None:
    """Ask the engine and its workers for a sign of life again and again, until they give none for so many seconds.

    They answer between two steps, so a long queue delays them by one step alone. What they say is passed on to the parent, for
    which this process could have hung, too.
    """
    while True:
        sign = asyncio.create_task(engine.collective_rpc("check_health"))
        for _ in range(2):  # twice: when the whole machine was stopped, the first wait is over at once
            await asyncio.wait({sign}, timeout=limit / 2)
        if not sign.done():
            sign.cancel()
            return
        with contextlib.suppress(Exception):  # any answer is one; that the engine has died is seen elsewhere
            sign.result()
        _tell("alive")
        await asyncio.sleep(min(SIGNS_SECONDS, limit / 4))


async def _end(engine) -> None:
    """Make a dead engine of a hung one, so that vLLM gives up the requests which wait for it and they are answered."""
    manager = engine.engine_core.resources.engine_manager
    for process in getattr(manager, "processes", ()):
        process.kill()
    for _ in range(20):
        if engine.errored:
            return
        await asyncio.sleep(0.1)


async def warm_up(app, application) -> None:
    """Do once what is slow the first time: grammars, log-probabilities, and the processes that measure faces.

    Raises RuntimeError when the server cannot answer at all.
    """
    text = {"messages": [{"role": "user", "content": "Why?"}], "max_tokens": 8, "logprobs": True, "top_logprobs": 5,
            "structured_outputs": {"choice": ["yes", "no"]}}
    if (status := await _post(app, application, text)) != 200:
        raise RuntimeError(f"the warm-up request was answered with status {status}")
    picture = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{base64.b64encode(_blank()).decode()}"}}
    status = await _post(app, application, {"messages": [{"role": "user", "content": [picture]}], "max_tokens": 1})
    if status >= 500:
        print(f"emollm: pictures cannot be read now (status {status}); see `emollm doctor`", file=sys.stderr, flush=True)


def _blank() -> bytes:
    from PIL import Image

    file = io.BytesIO()
    Image.new("RGB", (64, 64), "white").save(file, "PNG")
    return file.getvalue()


async def _post(app, application, body: dict) -> int:
    """Status of a chat completion asked without a socket, and without the gate's keys and limits."""
    data, statuses = json.dumps(body).encode(), []
    headers = {"content-type": "application/json", "content-length": str(len(data))}
    scope = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http",
             "path": CHAT, "raw_path": CHAT.encode(), "query_string": b"", "root_path": "", "client": ("127.0.0.1", 0),
             "server": ("127.0.0.1", 0), "headers": [(k.encode(), v.encode()) for k, v in headers.items()], "app": application}
    sent = [{"type": "http.request", "body": data, "more_body": False}]

    async def receive():
        return sent.pop() if sent else await asyncio.Event().wait()

    async def send(message):
        statuses.append(message.get("status"))

    await app(scope, receive, send)
    return statuses[0]
