"""How `emollm chat` begins: the face measured, then an engine in this process or a server to answer."""

from __future__ import annotations

from pathlib import Path

from emollm import python_inputs
from emollm.chat.conversation import Chat
from emollm.chat.server import ServerChat
from emollm.chat.talker_chat import TalkerChat
from emollm.explainer import prepare, rest_of
from emollm.model.checkpoint import shape_of
from emollm.perception.limits import WHOLE, Cut
from emollm.schema import DEFAULT_MODEL, DEFAULT_PRIOR, InputError
from emollm.subject import choose
from emollm.talk import TALKER, remote


def begin(source, *, model: str | None = None, backend: str | None = None, server: str | None = None,
          api_key: str | None = None, llm: str | None = None, llm_model: str | None = None, baseline: object = None,
          cut: Cut = WHOLE, prior: str | None = None, **choices) -> Chat:
    """The chat about a source, one of those that explain() takes: measured, its engine loaded or its server found. llm: an
    OpenAI-compatible endpoint whose llm_model words the talker's answers. prior: as explain(); None: "crowd", or what the
    server has. choices: as Chat. Raises InputError, NoFaceError."""
    if server:
        _check_server(bool(model or backend or baseline), cut)
    if llm and (server or (model or TALKER) != TALKER):
        raise InputError("--llm words the answers of the talker: leave --server and --model out")
    if llm:
        remote.check(llm, llm_model)
    for name, value, of, needed in (("--llm-model", llm_model, "--llm", llm), ("--api-key", api_key, "--server", server)):
        if value and not needed:
            raise InputError(f"{name} is for {of}: give both, or leave it out")
    model = model or TALKER
    talks = model == TALKER or (Path(model) / "talker.json").is_file()
    sees = DEFAULT_MODEL if talks else model
    given, choices["face"] = python_inputs.to_source(source), python_inputs.face_number(choices.get("face"))
    prepared = prepare(given, shape_of(sees), baseline=rest_of(baseline), cut=cut, prior=prior or DEFAULT_PRIOR)
    choose(prepared, choices["face"])  # refuse before a model is loaded or anything is sent
    if server:
        media = b"" if prepared.kind == "table" else python_inputs.content(given)
        return ServerChat(prepared, server, media, api_key, prior=prior, **choices)
    from emollm.model.engine import engine

    if not talks:
        return Chat(prepared, engine(model, backend or "transformers"), model=model, **choices)
    from emollm.talk.writer import local_writer

    writer = local_writer(model)
    if llm:
        writer = remote.RemoteWriter(writer, llm, llm_model or "")
    return TalkerChat(prepared, engine(sees, backend or "transformers"), writer, checked=choices.get("grounded", True),
                      model=model, **choices)


def _check_server(has_own: bool, cut: Cut) -> None:
    """Raises InputError for what a server cannot be told. has_own: the model or how it measures was chosen."""
    if has_own:
        raise InputError("--server answers with its own model and baseline: leave --model, --engine and --baseline out")
    if not cut.is_whole:
        raise InputError("--server is sent whole clips: leave --start, --end, --fps and --skip-frames "
                         "out, or cut the clip first")
