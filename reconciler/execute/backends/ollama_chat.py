"""A conversation with any Ollama host through the `ollama` client: the way of `ollama_tool` and `ollama_simple`."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any, ClassVar

import httpx
import msgspec
import ollama

from reconciler.execute import answers, text
from reconciler.execute.backends.bounded import PLAIN, hold
from reconciler.execute.backends.failures import server_failure
from reconciler.execute.backends.port import Answer, BackendError, Call, ChatRequest, Message, OnToken, counted
from reconciler.execute.backends.servers import OLLAMA_URL
from reconciler.execute.backends.streaming import (
    as_object,
    checked,
    is_loopback,
    limits_of,
    paced,
    this_turn,
    tls,
    told_schema,
)
from reconciler.model.job import ModelBrief
from reconciler.model.vocabulary import Reason

SEED = 1
_TROUBLES = (ollama.ResponseError, httpx.HTTPError, ConnectionError, ValueError, RecursionError)
"""fixed: the same question should get the same answer"""


class _Function(msgspec.Struct):
    name: str
    arguments: dict[str, Any] | str = ""


class _Call(msgspec.Struct):
    function: _Function
    id: str | None = None


class _Said(msgspec.Struct):
    content: str | None = None
    thinking: str | None = None
    tool_calls: list[_Call] | None = None


class _Chunk(msgspec.Struct):
    """A line of the stream, with what the client's own type leaves out: ids of calls, arguments that are no object."""

    message: _Said
    done: bool = False
    done_reason: str | None = None
    prompt_eval_count: int | None = None
    eval_count: int | None = None


def _chunk(**line: Any) -> _Chunk:
    return msgspec.convert(line, _Chunk)


class _Client(ollama.AsyncClient):
    """The client, asking the server for an error where it would cut a long conversation silently."""

    async def _request(self, cls: Any, *args: Any, **kwargs: Any) -> Any:
        del cls
        kwargs["json"] = {**kwargs["json"], "truncate": False, "shift": False}
        as_ours: Any = _chunk  # the client calls it with each line's keys, as it would its own type
        return await super()._request(as_ours, *args, **kwargs)


class OllamaChat:
    """`model.name` on `model.url`. `num_ctx` is sent with each request: the server's default cuts prompts silently."""

    tools: ClassVar[bool]

    def __init__(self, model: ModelBrief) -> None:
        self._model = model
        self._name = model.name or ""
        self._url = model.url or OLLAMA_URL
        self._limits = limits_of(model.limits)

    async def chat(self, request: ChatRequest, on_token: OnToken) -> Answer:
        who = f"{self._name} on host {self._model.host}"
        checked(request, tools=self.tools, who=who)
        if not self._name:
            raise BackendError(Reason.MODEL_MISSING, f"no model is named for host {self._model.host}")
        words: list[str] = []
        thinking: list[str] = []
        calls: list[Call] = []
        last: _Chunk | None = None
        chunks = paced(self._chunks(request), self._limits, who)
        try:
            async for last in chunks:
                for piece, said in ((last.message.thinking, thinking), (last.message.content, words)):
                    if piece:
                        said.append(piece)
                        on_token(piece)
                for call in last.message.tool_calls or ():
                    calls.append(_call(call, len(request.messages), len(calls)))
                    on_token(calls[-1].name)
        except (*_TROUBLES, msgspec.MsgspecError) as error:
            raise self._explained(error) from error
        finally:
            await chunks.aclose()
        if last is None or not last.done:
            raise BackendError(Reason.BACKEND_ERROR, f"host {self._model.host} broke off in the middle of its answer")
        answer, tagged = answers.divided("".join(words))
        return Answer(
            text=answer,
            tokens_in=counted(last.prompt_eval_count),
            tokens_out=counted(last.eval_count),
            cost_usd=0.0,
            ended="length" if last.done_reason == "length" else "stop",
            thinking="".join(thinking).strip() or tagged,
            calls=tuple(calls),
            note=self._note(last.prompt_eval_count),
        )

    async def _chunks(self, request: ChatRequest) -> AsyncGenerator[_Chunk, None]:
        client = _Client(
            host=self._url,
            follow_redirects=False,
            timeout=httpx.Timeout(None, connect=self._limits.connect),
            trust_env=not is_loopback(self._url),
            verify=tls(),
            headers=PLAIN,
            event_hooks={"response": [hold]},
        )
        async with client:
            stream: Any = await client.chat(
                model=self._name,
                messages=_messages(request),
                tools=[_tool(spec.name, spec.description, spec.parameters) for spec in request.tools],
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
        """Not every model honours `truncate`: then Ollama cuts a prompt that is too long and says nothing."""
        if tokens_in is not None and tokens_in > 0.95 * self._model.num_ctx:
            return f"the prompt fills the context of {self._model.num_ctx} tokens and may have been cut"
        return ""

    def _explained(self, error: Exception) -> BackendError:
        host = self._model.host
        if isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout, ConnectionError)):
            message = f"host {host} does not answer at {self._url}: is Ollama running there? Run: ollama serve"
            return BackendError(Reason.HOST_UNREACHABLE, message)
        if isinstance(error, ollama.ResponseError):
            if error.status_code == 404 and "model" in error.error:
                message = f'model "{self._name}" is not on host {host}: run: ollama pull {self._name}'
                return BackendError(Reason.MODEL_MISSING, message)
            return server_failure(f"host {host}", error.error, error.status_code if error.status_code > 0 else None)
        return BackendError(
            Reason.BACKEND_ERROR, f"host {host} failed: {text.line(str(error) or type(error).__name__, 300)}"
        )


def _messages(request: ChatRequest) -> list[dict[str, Any]]:
    """In Ollama's form, the schema told at the end."""
    begin = this_turn(request.messages)
    messages = [_message(message, thoughts=at >= begin) for at, message in enumerate(request.messages)]
    messages[-1]["content"] += told_schema(request)
    return messages


def _message(message: Message, *, thoughts: bool) -> dict[str, Any]:
    said: dict[str, Any] = {"role": message.role, "content": message.text}
    if message.role == "tool":
        said["tool_name"] = message.name
    if message.thinking and thoughts:
        said["thinking"] = message.thinking
    if message.calls:
        said["tool_calls"] = [{"function": {"name": call.name, "arguments": as_object(call)}} for call in message.calls]
    return said


def _tool(name: str, description: str, parameters: dict[str, Any]) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "description": description, "parameters": parameters}}


def _call(call: _Call, messages: int, number: int) -> Call:
    """An older server gives no id: then the place in the conversation is one."""
    return Call(id=call.id or f"call_{messages}_{number}", name=call.function.name, arguments=call.function.arguments)
