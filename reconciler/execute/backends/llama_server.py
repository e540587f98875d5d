"""llama.cpp's own HTTP server, without tools: one question, one streamed answer."""

from __future__ import annotations

from reconciler.execute.backends.llama_chat import LlamaChat


class LlamaServer(LlamaChat):
    """A question with or without a schema."""

    tools = False
