"""A conversation with one of llama.cpp's HTTP servers: the way of `llama_tool`, `llama_server` and `embedded`."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncGenerator
from typing import Any, ClassVar

import httpx
import msgspec

from reconciler.execute import answers, text
from reconciler.execute.backends.bounded import PLAIN, hold
from reconciler.execute.backends.failures import server_failure
from reconciler.execute.backends.port import Answer, BackendError, Call, ChatRequest, Message, OnToken, counted
from reconciler.execute.backends.servers import LLAMA_URL
from reconciler.execute.backends.streaming import (
    as_object,
    checked,
    is_loopback,
    limits_of,
    object_in,
    paced,
    this_turn,
    tls,
    told_schema,
)
from reconciler.model.job import ModelBrief
from reconciler.model.vocabulary import Reason

SEED = 1


class _Function(msgspec.Struct):
    name: str | None = None
    arguments: str | None = None


class _CallPiece(msgspec.Struct):
    index: int = 0
    id: str | None = None
    function: _Function = msgspec.field(default_factory=_Function)


class _Delta(msgspec.Struct):
    content: str | None = None
    reasoning_content: str | None = None
    tool_calls: list[_CallPiece] | None = None


class _Choice(msgspec.Struct):
    delta: _Delta = msgspec.field(default_factory=_Delta)
    finish_reason: str | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class _Chunk(msgspec.Struct):
    choices: list[_Choice] = []
    usage: _Usage | None = None
    error: dict[str, Any] | str | None = None


class _Growing(msgspec.Struct):
    """A call as its pieces come."""

    id: str
    name: list[str] = []
    arguments: list[str] = []


class _Heard:
    """An answer as it grows: text, thoughts, and calls whose arguments come as pieces of text."""

    def __init__(self) -> None:
        self.text: list[str] = []
        self.thinking: list[str] = []
        self.usage = _Usage()
        self.ended: str | None = None
        self._calls: dict[int, _Growing] = {}

    def add(self, chunk: _Chunk, on_token: OnToken) -> None:
        self.usage = chunk.usage or self.usage
        for choice in chunk.choices:
            self.ended = choice.finish_reason or self.ended
            for piece, said in ((choice.delta.reasoning_content, self.thinking), (choice.delta.content, self.text)):
                if piece:
                    said.append(piece)
                    on_token(piece)
            for piece in choice.delta.tool_calls or ():
                self._add_call(piece)
                on_token(piece.function.name or piece.function.arguments or "")

    def _add_call(self, piece: _CallPiece) -> None:
        call = self._calls.setdefault(piece.index, _Growing(id=f"call_{piece.index}"))
        call.id = piece.id or call.id
        call.name.append(piece.function.name or "")
        call.arguments.append(piece.function.arguments or "")

    def calls(self) -> tuple[Call, ...]:
        """With arguments as objects where they are: of an answer that was cut, the last one is not."""
        return tuple(
            Call(id=call.id, name="".join(call.name), arguments=told if found is None else found)
            for call in self._calls.values()
            for told in ("".join(call.arguments),)
            for found in (object_in(told),)
        )


class LlamaChat:
    """The server at `model.url`. Its window was fixed when it was started: `num_ctx` is only what the Fleet says."""

    tools: ClassVar[bool]

    def __init__(self, model: ModelBrief) -> None:
        self._model = model
        self._limits = limits_of(model.limits)
        self.who = f"host {model.host}"

    async def address(self) -> str:
        """Where the server listens. Raises BackendError where there is none."""
        return self._model.url or LLAMA_URL

    async def chat(self, request: ChatRequest, on_token: OnToken) -> Answer:
        checked(request, tools=self.tools, who=self.who)
        heard = _Heard()
        address = await self.address()
        chunks = paced(self._chunks(address, request), self._limits, self.who)
        try:
            async for chunk in chunks:
                heard.add(chunk, on_token)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise BackendError(Reason.HOST_UNREACHABLE, f"{self.who} does not answer at {address}") from error
        except (httpx.HTTPError, httpx.InvalidURL, msgspec.MsgspecError, ValueError, RecursionError) as error:
            why = text.line(str(error), 300) or type(error).__name__
            raise BackendError(Reason.BACKEND_ERROR, f"{self.who} failed: {why}") from error
        finally:
            await chunks.aclose()
        if heard.ended is None:
            raise BackendError(Reason.BACKEND_ERROR, f"{self.who} broke off in the middle of its answer")
        answer, tagged = answers.divided("".join(heard.text))
        return Answer(
            text=answer,
            tokens_in=counted(heard.usage.prompt_tokens),
            tokens_out=counted(heard.usage.completion_tokens),
            cost_usd=0.0,
            ended="length" if heard.ended == "length" else "stop",
            thinking="".join(heard.thinking).strip() or tagged,
            calls=heard.calls(),
        )

    async def _chunks(self, address: str, request: ChatRequest) -> AsyncGenerator[_Chunk, None]:
        """The server's events. Raises httpx.HTTPError, msgspec.MsgspecError, BackendError."""
        timeout = httpx.Timeout(None, connect=self._limits.connect)
        async with (
            httpx.AsyncClient(
                base_url=address,
                timeout=timeout,
                trust_env=not is_loopback(address),
                verify=tls(),
                headers=PLAIN,
                event_hooks={"response": [hold]},
            ) as client,
            client.stream("POST", "/v1/chat/completions", json=_body(request, self._model.name)) as response,
        ):
            if response.is_error:
                raise server_failure(self.who, _words(await response.aread()), response.status_code)
            async for line in response.aiter_lines():
                field, _, data = line.partition(":")
                if field == "error":
                    raise server_failure(self.who, data, None)
                if field != "data" or data.strip() == "[DONE]":
                    continue
                chunk = msgspec.json.decode(data, type=_Chunk)
                if chunk.error is not None:
                    raise server_failure(self.who, _words(data.encode()), None)
                yield chunk


def _body(request: ChatRequest, model: str | None) -> dict[str, Any]:
    begin = this_turn(request.messages)
    messages = [_message(message, thoughts=at >= begin) for at, message in enumerate(request.messages)]
    messages[-1]["content"] += told_schema(request)
    body: dict[str, Any] = {
        "messages": messages,
        "max_tokens": request.max_tokens,
        "temperature": request.temperature,
        "seed": SEED,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if model:
        body["model"] = model
    if request.tools:
        body["tools"] = [{"type": "function", "function": msgspec.to_builtins(spec)} for spec in request.tools]
    if request.schema is not None:
        form = {"name": "answer", "schema": request.schema, "strict": True}
        body["response_format"] = {"type": "json_schema", "json_schema": form}
    return body


def _message(message: Message, *, thoughts: bool) -> dict[str, Any]:
    said: dict[str, Any] = {"role": message.role, "content": message.text}
    if message.role == "tool":
        said |= {"tool_call_id": message.call, "name": message.name}
    if message.thinking and thoughts:
        said["reasoning_content"] = message.thinking
    if message.calls:
        said["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": json.dumps(as_object(call))},
            }
            for call in message.calls
        ]
    return said


def _words(answer: bytes) -> str:
    """What an error response says, be it JSON or not; the error's type with it."""
    with contextlib.suppress(ValueError, KeyError, TypeError, RecursionError):
        error = json.loads(answer)["error"]
        if isinstance(error, str):
            return error
        return " ".join(str(error[key]) for key in ("message", "type") if error.get(key))
    return answer.decode("utf-8", "replace")
