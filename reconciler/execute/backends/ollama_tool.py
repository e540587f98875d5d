"""Any Ollama host, with tools: for models whose template knows them. `ollama_simple` is what it falls back to."""

from __future__ import annotations

from reconciler.execute.backends.ollama_chat import OllamaChat


class OllamaTool(OllamaChat):
    """A conversation with tools, or a question with or without a schema."""

    tools = True
