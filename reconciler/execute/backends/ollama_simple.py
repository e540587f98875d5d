"""Any Ollama host, through the `ollama` client: one question, one streamed answer. No tools."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import httpx
import msgspec
import ollama

from reconciler.execute.backends.port import DEFAULT_LIMITS, Answer, BackendError, ChatRequest, Limits, OnToken, Probe
from reconciler.execute.backends.streaming import is_loopback, one_line, paced, with_schema, without_thoughts
from reconciler.model.job import ModelBrief
from reconciler.model.spec import Host
from reconciler.model.vocabulary import Reason

DEFAULT_URL = "http://127.0.0.1:11434"
PROBE_SECONDS = 1.5
SEED = 1
"""fixed: the same question should get the same answer"""

Chunk = ollama.ChatResponse


class OllamaSimple:
    """`model.name` on `model.url`. `num_ctx` is sent with each request: the server's default cuts prompts silently."""

    def __init__(self, model: ModelBrief, limits: Limits = DEFAULT_LIMITS) -> None:
        self._model = model
        self._name = model.name or ""
        self._url = model.url or DEFAULT_URL
        self._limits = limits

    async def chat(self, request: ChatRequest, on_token: OnToken) -> Answer:
        if not self._name:
            raise BackendError(Reason.MODEL_MISSING, f"no model is named for host {self._model.host}")
        text: list[str] = []
        last: Chunk | None = None
        chunks = paced(self._chunks(request), self._limits, f"{self._name} on host {self._model.host}")
        try:
            async for last in chunks:
                piece = last.message.content or ""
                if piece:
                    text.append(piece)
                    on_token(piece)
        except (ollama.ResponseError, httpx.HTTPError, ConnectionError, ValueError) as error:
            raise self._explained(error) from error
        finally:
            await chunks.aclose()
        if last is None or not last.done:
            raise BackendError(Reason.BACKEND_ERROR, f"host {self._model.host} broke off in the middle of its answer")
        return Answer(
            text=without_thoughts("".join(text)),
            tokens_in=last.prompt_eval_count,
            tokens_out=last.eval_count,
            cost_usd=0.0,
            ended="length" if last.done_reason == "length" else "stop",
            note=self._note(last.prompt_eval_count),
        )

    async def _chunks(self, request: ChatRequest) -> AsyncGenerator[Chunk, None]:
        client = ollama.AsyncClient(
            host=self._url,
            timeout=httpx.Timeout(None, connect=self._limits.connect),
            trust_env=not is_loopback(self._url),
        )
        async with client:
            stream = await client.chat(
                model=self._name,
                messages=with_schema(request),
                stream=True,
                format=request.schema,
                options={
                    "num_ctx": self._model.num_ctx,
                    "num_predict": request.max_tokens,
                    "temperature": request.temperature,
                    "seed": SEED,
                },
            )
            async for chunk in stream:
                yield chunk

    def _note(self, tokens_in: int | None) -> str:
        """Ollama cuts a prompt that is too long and says nothing."""
        if tokens_in is not None and tokens_in > 0.95 * self._model.num_ctx:
            return f"the prompt fills the context of {self._model.num_ctx} tokens and may have been cut"
        return ""

    def _explained(self, error: Exception) -> BackendError:
        host = self._model.host
        if isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout, ConnectionError)):
            message = f"host {host} does not answer at {self._url}: is Ollama running there? Run: ollama serve"
            return BackendError(Reason.HOST_UNREACHABLE, message)
        if isinstance(error, ollama.ResponseError):
            if error.status_code == 404:
                message = f'model "{self._name}" is not on host {host}: run: ollama pull {self._name}'
                return BackendError(Reason.MODEL_MISSING, message)
            return BackendError(Reason.BACKEND_ERROR, f"host {host} failed: {one_line(error.error)}")
        return BackendError(Reason.BACKEND_ERROR, f"host {host} failed: {one_line(str(error) or type(error).__name__)}")


class _Tag(msgspec.Struct):
    name: str


class _Tags(msgspec.Struct):
    models: list[_Tag] | None = None


def probe(host: Host) -> Probe:
    """Which models the host has, with and without the tag `:latest` that may be left out."""
    url = host.url or DEFAULT_URL
    try:
        with httpx.Client(timeout=PROBE_SECONDS, trust_env=not is_loopback(url)) as client:
            answer = client.get(f"{url.rstrip('/')}/api/tags").raise_for_status()
        tags = msgspec.json.decode(answer.content, type=_Tags)
    except (httpx.HTTPError, httpx.InvalidURL, msgspec.MsgspecError) as error:
        why = one_line(str(error), 120) or type(error).__name__
        return Probe(reachable=False, message=f"does not answer as Ollama at {url} ({why})")
    names = {tag.name for tag in tags.models or ()}
    return Probe(reachable=True, models=frozenset(names | {name.removesuffix(":latest") for name in names}))
