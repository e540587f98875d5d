"""What a model can do: what its server says, and what it does when it is tried with one small call each.

Servers say that a model has tools when its template mentions them; whether the model calls them is another question.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable

import msgspec

from reconciler.execute.backends import ChatRequest, ToolSpec, open_backend, question, weights
from reconciler.execute.backends.found import Found
from reconciler.execute.backends.port import Answer, Backend, BackendError
from reconciler.execute.backends.servers import (
    LLAMA,
    LLAMA_URL,
    OLLAMA,
    OLLAMA_URL,
    Models,
    Props,
    Shown,
    Tags,
    Unanswered,
    Version,
    page,
)
from reconciler.model.job import ModelBrief
from reconciler.model.spec import Host, HostModel
from reconciler.model.vocabulary import Reason

WAYS = {"ollama": "ollama-tool", "llama-server": "llama-tool", "embedded": "embedded"}
"""kind of host -> the backend that offers the most there; other kinds are not tried: their calls may cost money"""
TEMPERATURES = (0.0, 0.4)
"""one try at each: a model that only fails now and then is given its chance"""

_NOTE = ToolSpec(
    name="note_word",
    description="Write one word down.",
    parameters={"type": "object", "properties": {"word": {"type": "string"}}, "required": ["word"]},
)
_SCHEMA = {
    "type": "object",
    "properties": {"colour": {"enum": ["red", "green", "blue"]}},
    "required": ["colour"],
    "additionalProperties": False,
}
_TOKENS = 400
"""room for a model that thinks first"""


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """A model as its server tells of it; see Found."""

    digest: str
    server: str
    claims: tuple[str, ...] = ()
    context: int | None = None


async def probe_model(host: Host, model: HostModel, known: Callable[[str, str], Found | None]) -> Found:
    """Try a model, unless `known` (digest, server) has it already. Raises BackendError where it cannot be asked."""
    try:
        identity = await asyncio.to_thread(identify, host, model.name)
    except Unanswered as problem:
        raise BackendError(Reason.HOST_UNREACHABLE, f"{host.name} {problem}") from problem
    return known(identity.digest, identity.server) or await _tried(host, model, identity)


def identify(host: Host, model: str) -> Identity:
    """Ask the server what the model is. Raises Unanswered, BackendError where the model is not there."""
    identity = {"ollama": _ollama, "llama-server": _llama, "embedded": _embedded}.get(host.kind)
    if identity is None:
        raise BackendError(Reason.CAPABILITY_MISSING, f"models of a host of kind {host.kind} are not tried")
    return identity(host, model)


async def _tried(host: Host, model: HostModel, identity: Identity) -> Found:
    began = time.time()
    backend = open_backend(
        ModelBrief(
            backend=WAYS[host.kind],
            name=model.name,
            host=host.name,
            url=host.url,
            num_ctx=model.num_ctx,
            offers=(),
            limits=host.limits,
        )
    )
    offers: list[str] = []
    notes: list[str] = []
    for what, attempt in (("text", _text), ("schema", _schema), ("tools", _tools)):
        why = await _often(backend, attempt)
        if why:
            notes.append(f"{what}: {why}")
        else:
            offers.append(what)
    if identity.context is not None and identity.context < model.num_ctx:
        notes.append(f"its window has {identity.context} tokens, the Fleet says numCtx: {model.num_ctx}")
    return Found(
        digest=identity.digest,
        server=identity.server,
        offers=tuple(offers),
        claims=identity.claims,
        context=identity.context,
        notes=tuple(notes),
        seconds=round(time.time() - began, 3),
        tried_at=began,
    )


async def _often(backend: Backend, attempt: Callable[[Backend, float], Awaitable[str]]) -> str:
    """Why it cannot be done; empty where it was done once. Raises BackendError where the server fails otherwise."""
    why = ""
    for temperature in TEMPERATURES:
        try:
            why = await attempt(backend, temperature)
        except BackendError as error:
            if error.reason is Reason.CAPABILITY_MISSING:
                return error.message
            if not error.said_badly:
                raise
            why = error.message
        if not why:
            return ""
    return why


async def _text(backend: Backend, temperature: float) -> str:
    answer = await _ask(backend, "Answer with one word.", "What colour is grass?", temperature)
    return "" if answer.text or answer.thinking else "it said nothing"


async def _schema(backend: Backend, temperature: float) -> str:
    from jsonschema import ValidationError, validate

    request = ChatRequest(
        messages=question("You answer in JSON.", "What colour is grass?"),
        max_tokens=_TOKENS,
        schema=_SCHEMA,
        temperature=temperature,
    )
    answer = await backend.chat(request, lambda _: None)
    try:
        validate(msgspec.json.decode(answer.text), _SCHEMA)
    except (msgspec.MsgspecError, ValidationError):
        return "its answer does not keep to the schema"
    return ""


async def _tools(backend: Backend, temperature: float) -> str:
    asked = "Write down the word ready. Use the tool note_word."
    answer = await _ask(backend, "You work by calling tools.", asked, temperature, _NOTE)
    if not answer.calls:
        return "it answered in words instead of calling the tool"
    [call, *_] = answer.calls
    usable = call.name == _NOTE.name and isinstance(call.arguments, dict) and "word" in call.arguments
    return "" if usable else "its call does not fit the tool"


async def _ask(backend: Backend, system: str, user: str, temperature: float, *tools: ToolSpec) -> Answer:
    request = ChatRequest(messages=question(system, user), max_tokens=_TOKENS, tools=tools, temperature=temperature)
    return await backend.chat(request, lambda _: None)


def _ollama(host: Host, model: str) -> Identity:
    url = host.url or OLLAMA_URL
    tags = page(url, "/api/tags", OLLAMA, Tags).models or []
    found = next((tag for tag in tags if tag.name in (model, f"{model}:latest")), None)
    if found is None:
        message = f'model "{model}" is not on host {host.name}: run: ollama pull {model}'
        raise BackendError(Reason.MODEL_MISSING, message)
    shown = page(url, "/api/show", OLLAMA, Shown, {"model": found.name})
    contexts = (value for key, value in shown.model_info.items() if key.endswith(".context_length"))
    return Identity(
        digest=found.digest,
        server=f"ollama {page(url, '/api/version', OLLAMA, Version).version}",
        claims=tuple(shown.capabilities),
        context=next((value for value in contexts if isinstance(value, int)), None),
    )


def _llama(host: Host, model: str) -> Identity:
    """The server tells no digest of its weights: where they lie, how large they are and their template make one."""
    url = host.url or LLAMA_URL
    props = page(url, "/props", LLAMA, Props)
    metas = [item.meta for item in page(url, "/v1/models", LLAMA, Models).data]
    marks = [model, props.model_path, props.chat_template, *(f"{meta.size} {meta.n_params}" for meta in metas if meta)]
    return Identity(
        digest=hashlib.sha256("\0".join(marks).encode()).hexdigest(),
        server=f"llama-server {props.build_info}",
        claims=tuple(sorted(name for name, value in props.chat_template_caps.items() if value is True)),
        context=props.default_generation_settings.n_ctx,
    )


def _embedded(host: Host, model: str) -> Identity:
    """Our own: pinned weights, whose digest was checked when they were fetched."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        digest = weights.digest(model)
        server = f"{weights.PACKAGE} {version(weights.PACKAGE)}"
    except weights.WeightsError as error:
        raise BackendError(Reason.MODEL_MISSING, str(error)) from error
    except PackageNotFoundError as error:
        raise Unanswered(f"{weights.PACKAGE} is not installed: run: {weights.INSTALL_COMMAND}") from error
    if weights.installed(model) is None:
        raise BackendError(Reason.MODEL_MISSING, f"no weights yet on host {host.name}: run: {weights.FETCH_COMMAND}")
    return Identity(digest=digest, server=server)
