"""What Ollama and llama.cpp's server say of themselves: their pages, as far as anybody here reads them.

One request each, within two seconds. Whether that makes a host usable is asked in `probes`, what a model can do in
`capabilities`, and what there is to see of a host in `look`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import msgspec

from reconciler.execute import text
from reconciler.execute.backends.streaming import is_loopback, tls

if TYPE_CHECKING:
    import httpx

Page = TypeVar("Page")

OLLAMA, LLAMA = "Ollama", "llama.cpp's server"
"""in words"""
PROBE_SECONDS = 1.5
OLLAMA_URL = "http://127.0.0.1:11434"
LLAMA_URL = "http://127.0.0.1:8080"


class Unanswered(Exception):
    """The host did not answer as it should; one sentence."""


class Tag(msgspec.Struct):
    name: str
    digest: str = ""


class Tags(msgspec.Struct):
    """Ollama, `/api/tags`: the models that it has."""

    models: list[Tag] | None = None


class Version(msgspec.Struct):
    """Ollama, `/api/version`."""

    version: str = ""


class Shown(msgspec.Struct):
    """Ollama, `/api/show`: one model."""

    capabilities: list[str] = []
    model_info: dict[str, object] = {}


class Running(msgspec.Struct):
    name: str
    size: int | None = None
    context_length: int | None = None
    expires_at: str | None = None


class Processes(msgspec.Struct):
    """Ollama, `/api/ps`: the models in memory."""

    models: list[Running] | None = None


class Settings(msgspec.Struct):
    n_ctx: int | None = None


class Props(msgspec.Struct):
    """llama.cpp's server, `/props`."""

    default_generation_settings: Settings = msgspec.field(default_factory=Settings)
    total_slots: int = 0
    model_path: str = ""
    chat_template: str = ""
    chat_template_caps: dict[str, object] = {}
    build_info: str = ""


class Meta(msgspec.Struct):
    size: int | None = None
    n_params: int | None = None


class Model(msgspec.Struct):
    id: str = ""
    meta: Meta | None = None


class Models(msgspec.Struct):
    """llama.cpp's server, `/v1/models`."""

    data: list[Model] = []


class Slot(msgspec.Struct):
    """llama.cpp's server, `/slots`: one of a list."""

    is_processing: bool = False


def page(url: str, path: str, server: str, type: type[Page], body: dict[str, str] | None = None) -> Page:
    """What a server says at a path, asked with GET, or with POST where there is a body. Raises Unanswered."""
    answer = get(url, path, server, body)
    try:
        return msgspec.json.decode(answer.content if answer.is_success else b"", type=type)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise unanswered(server, url, f"HTTP {answer.status_code}: {error}") from error


def get(url: str, path: str, server: str, body: dict[str, str] | None = None) -> httpx.Response:
    """The same, whatever the answer is."""
    import httpx

    from reconciler.execute.backends.bounded import PLAIN, hold_page

    hooks = hold_page(2 * PROBE_SECONDS)
    loopback = is_loopback(url)
    try:
        with httpx.Client(
            timeout=PROBE_SECONDS, trust_env=not loopback, verify=tls(), headers=PLAIN, event_hooks=hooks
        ) as client:
            return client.request("GET" if body is None else "POST", f"{url.rstrip('/')}{path}", json=body)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise unanswered(server, url, str(error) or type(error).__name__) from error


def unanswered(server: str, url: str, why: str) -> Unanswered:
    """To be raised where a server answers something else than it should."""
    return Unanswered(f"does not answer as {server} at {url} ({text.line(why, 120)})")
