"""llama.cpp's own HTTP server, with tools. `llama_server` is what it falls back to."""

from __future__ import annotations

from reconciler.execute.backends.llama_chat import LlamaChat


class LlamaTool(LlamaChat):
    """A conversation with tools, or a question with or without a schema."""

    tools = True
