"""Any Ollama host, without tools: one question, one streamed answer. For models that talk instead of calling."""

from __future__ import annotations

from reconciler.execute.backends.ollama_chat import OllamaChat


class OllamaSimple(OllamaChat):
    """A question with or without a schema."""

    tools = False
