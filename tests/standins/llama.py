"""A stand-in for llama.cpp's own HTTP server: its protocol over a real socket, with scripted words instead of a model.

`LlamaStandIn(script)` as a context manager (see `script`): the same scripts as Ollama's. The shapes of what it sends
are checked against the real server that the `embedded` backend starts, in `tests/backends/test_embedded.py`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from tests.standins.script import BROKEN_CALL, Body, Handler, Reply, StandIn, calls, estimate, fails, says

__all__ = ["LlamaStandIn", "Reply", "calls", "fails", "says"]

CREATED = 1795256933


class LlamaHandler(Handler):
    """`/health`, `/props`, `/slots`, `/v1/models`, `/v1/chat/completions`."""

    owner: LlamaStandIn

    def do_GET(self) -> None:
        self.owner.asked.append(("GET", self.path))
        path = self.path.partition("?")[0]
        if self.owner.loading:
            self._error(503, "Loading model", "unavailable_error")
        elif path == "/health":
            self.json(200, {"status": "ok"})
        elif path == "/props":
            self.json(200, _props(self.owner))
        elif path == "/slots":
            self.json(200, [_slot(self.owner, number) for number in range(self.owner.slots)])
        elif path == "/v1/models":
            self.json(200, _models(self.owner))
        else:
            self._error(404, "File Not Found", "not_found_error")

    def do_POST(self) -> None:
        self.owner.asked.append(("POST", self.path))
        try:
            body = self.body()
        except ValueError as error:
            self._error(500, f"[json.exception.parse_error.101] parse error: {error}", "server_error")
            return
        if self.path != "/v1/chat/completions":
            self._error(404, "File Not Found", "not_found_error")
        elif self.owner.loading:
            self._error(503, "Loading model", "unavailable_error")
        else:
            self._chat(body)

    def _chat(self, body: Body) -> None:
        with self.owner.answering(body) as reply:
            refusal = _refusal(self.owner, body, reply)
            try:
                if reply.silent:
                    self.wait_for_goodbye()
                elif refusal is not None:
                    status, message, kind, more = refusal
                    self._error(status, message, kind, **more)
                elif body.get("stream"):
                    self._stream(body, reply)
                else:
                    self.json(200, _whole(self.owner, body, reply))
            except OSError:
                self.went_away()

    def _stream(self, body: Body, reply: Reply) -> None:
        self.begin("text/event-stream")
        self._event(_chunk(self.owner, {"role": "assistant", "content": None}))
        deltas: list[dict[str, Any]] = [{"reasoning_content": piece} for piece in reply.thinking]
        deltas += [{"content": piece} for piece in reply.pieces]
        for index, (name, arguments) in enumerate(reply.calls):
            deltas += _call_deltas(index, name, arguments)
        for delta in deltas:
            self.owner.pause(reply.pause)
            self._event(_chunk(self.owner, delta))
        if reply.junk:
            self.chunk(b"data: " + reply.junk + b"\n\n")
        if reply.stall:
            self.wait_for_goodbye()
        elif reply.break_off:
            self.close_connection = True
        elif reply.error:
            self._event({"error": _problem(500, reply.error, "server_error")})
            self.end()
        else:
            self._event(_chunk(self.owner, {}, _finish(reply)))
            if body.get("stream_options", {}).get("include_usage") and not reply.uncounted:
                self._event({**_chunk(self.owner, {}), "choices": [], "usage": _usage(body, reply)})
            self.chunk(b"data: [DONE]\n\n")
            self.end()

    def _event(self, value: Any) -> None:
        self.chunk(f"data: {json.dumps(value)}\n\n".encode())

    def _error(self, status: int, message: str, kind: str, **more: Any) -> None:
        self.json(status, {"error": {**_problem(status, message, kind), **more}})


@dataclass
class LlamaStandIn(StandIn):
    handler = LlamaHandler

    slots: int = 1
    loading: bool = False
    """answer 503 as the real server does until its model is loaded"""


def _problem(status: int, message: str, kind: str) -> dict[str, Any]:
    return {"code": status, "message": message, "type": kind}


def _refusal(owner: StandIn, body: Body, reply: Reply) -> tuple[int, str, str, dict[str, Any]] | None:
    """What the real server answers instead of a stream; None where it streams."""
    if reply.status != 200:
        return reply.status, reply.error or "failed", "server_error", {}
    for message in body.get("messages", []):
        for call in message.get("tool_calls") or []:
            arguments = call["function"].get("arguments")
            try:
                usable = isinstance(arguments, str) and isinstance(json.loads(arguments), dict)
            except ValueError:
                usable = False
            if not usable:
                return 500, BROKEN_CALL.format(raw=arguments), "server_error", {}
    if owner.context is not None and (tokens := estimate(body)) > owner.context:
        message = f"request ({tokens} tokens) exceeds the available context size ({owner.context} tokens)"
        more = {"n_prompt_tokens": tokens, "n_ctx": owner.context}
        return 400, message, "exceed_context_size_error", more
    return None


def _call_deltas(index: int, name: str, arguments: dict[str, Any] | str) -> list[dict[str, Any]]:
    """The name comes first, the arguments as pieces of text."""
    text = arguments if isinstance(arguments, str) else json.dumps(arguments)
    first = {"index": index, "id": f"call_{index}", "type": "function", "function": {"name": name, "arguments": ""}}
    pieces = [text[start : start + 7] for start in range(0, len(text), 7)]
    rest = [{"index": index, "function": {"arguments": piece}} for piece in pieces]
    return [{"tool_calls": [part]} for part in (first, *rest)]


def _finish(reply: Reply) -> str:
    if reply.done_reason == "stop" and reply.calls:
        return "tool_calls"
    return reply.done_reason


def _chunk(owner: StandIn, delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    return {
        "choices": [{"finish_reason": finish, "index": 0, "delta": delta}],
        "created": CREATED,
        "id": "chatcmpl-standin",
        "model": owner.models[0],
        "system_fingerprint": "b0-standin",
        "object": "chat.completion.chunk",
    }


def _whole(owner: StandIn, body: Body, reply: Reply) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": "".join(reply.pieces)}
    if reply.calls:
        message["tool_calls"] = [
            {
                "type": "function",
                "id": f"call_{index}",
                "function": {"name": name, "arguments": text if isinstance(text, str) else json.dumps(text)},
            }
            for index, (name, text) in enumerate(reply.calls)
        ]
    whole = {**_chunk(owner, {}), "object": "chat.completion", "usage": _usage(body, reply)}
    return {**whole, "choices": [{"finish_reason": _finish(reply), "index": 0, "message": message}]}


def _usage(body: Body, reply: Reply) -> dict[str, Any]:
    tokens = estimate(body) if reply.prompt_tokens is None else reply.prompt_tokens
    return {"completion_tokens": reply.tokens, "prompt_tokens": tokens, "total_tokens": tokens + reply.tokens}


def _props(owner: LlamaStandIn) -> dict[str, Any]:
    return {
        "default_generation_settings": {"n_ctx": owner.context or 4096, "params": {}},
        "total_slots": owner.slots,
        "model_alias": owner.models[0],
        "model_path": f"/models/{owner.models[0]}.gguf",
        "modalities": {"vision": False, "audio": False},
        "chat_template": "{{ messages }}",
        "chat_template_caps": {"supports_tools": "tools" in owner.capabilities, "supports_tool_calls": True},
        "build_info": "b0-standin",
        "is_sleeping": False,
    }


def _slot(owner: LlamaStandIn, number: int) -> dict[str, Any]:
    busy = number < owner.in_flight
    return {"id": number, "n_ctx": owner.context or 4096, "speculative": False, "is_processing": busy}


def _models(owner: LlamaStandIn) -> dict[str, Any]:
    entries = [
        {
            "id": name,
            "aliases": [name],
            "tags": [],
            "object": "model",
            "created": CREATED,
            "owned_by": "llamacpp",
            "meta": {"n_ctx_train": 8192, "n_params": 134515008, "size": 91728384},
        }
        for name in owner.models
    ]
    return {"models": [], "object": "list", "data": entries}
