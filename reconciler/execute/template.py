"""Rendering: prompts, paths and whole folders of a blueprint, in Jinja's sandbox, where an unknown name is an error.

Templates come from the trusted commit; only the values are from elsewhere, and a value is never itself a template.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reconciler.execute import paths

if TYPE_CHECKING:
    from jinja2.sandbox import SandboxedEnvironment

_MAX_BYTES = 5_000_000


class TemplateTrouble(Exception):
    """A template that cannot be rendered. The message is one line with its place."""


@functools.lru_cache(maxsize=1)
def _environment() -> SandboxedEnvironment:
    from jinja2 import StrictUndefined
    from jinja2.sandbox import SandboxedEnvironment

    return SandboxedEnvironment(undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False)


def render(source: str, values: Mapping[str, Any], where: str, marked: Callable[[object], object] | None = None) -> str:
    """Render one text; `marked` says how each value is put into it. Raises TemplateTrouble."""
    if "{" not in source:
        return source
    from jinja2 import TemplateError

    try:
        chosen = _environment().overlay(finalize=marked) if marked else _environment()
        return chosen.from_string(source).render(values)
    except TemplateError as error:
        place = f"{where}:{getattr(error, 'lineno', None) or 1}"
        message = f"{place}: {error.message or type(error).__name__}"
        raise TemplateTrouble(message) from error
    except (TypeError, ValueError, OverflowError, ArithmeticError, LookupError, AttributeError) as error:
        message = f"{where}: {type(error).__name__}: {error}"
        raise TemplateTrouble(message) from error


def render_folder(folder: Path, root: Path, values: Mapping[str, Any]) -> list[str]:
    """Render `folder` into `root`: `x.j2` becomes `x`, other files go over as they are. Gives the paths written.

    Raises TemplateTrouble, or UnsafePath where a path would leave the root.
    """
    if folder.is_symlink() or not folder.is_dir():
        message = f"{folder.name}: the blueprint has no such folder"
        raise TemplateTrouble(message)
    written: list[str] = []
    total = 0
    for source in sorted(folder.rglob("*")):
        if source.is_symlink() or not source.is_file():
            continue
        name = source.relative_to(folder).as_posix()
        data = source.read_bytes()
        if name.endswith(".j2"):
            name = name.removesuffix(".j2")
            data = render(data.decode("utf-8"), values, f"{folder.name}/{name}.j2").encode()
        total += len(data)
        if total > _MAX_BYTES:
            message = f"{folder.name}: renders to more than {_MAX_BYTES} bytes"
            raise TemplateTrouble(message)
        written.append(paths.write(root, name, data, executable=source.stat().st_mode & 0o111 != 0))
    return written
