"""Where `alai-reconcile` starts. A `diff` with nothing to say is answered before anything heavy is imported."""

import gc
import sys
from collections.abc import Callable

from cli import streams

USAGE_ERROR = 64
GARBAGE = 50_000
"""allocations between two looks for garbage: with Python's 700 a tenth of a short command's time goes into them"""


def main() -> None:
    """Run the command line and exit with the contract's codes."""
    gc.set_threshold(GARBAGE)
    below = streams.steady()
    code = _answer(sys.argv[1:])
    sys.stdout.flush()
    sys.exit(streams.told(below, code))


def _answer(arguments: list[str]) -> int:
    given = arguments
    folder = "."
    if len(arguments) == 3 and arguments[0] == "-C":
        folder, arguments = arguments[1], arguments[2:]
    if arguments == ["diff"]:
        from reconciler.actual.fast import nothing_to_do

        if (text := nothing_to_do(folder)) is not None:
            print(text)
            return 0
        from cli.difference import show

        return guarded(lambda: show(folder), debug=False)
    if arguments in (["--help"], ["-h"]):
        from cli.table import overview

        if (text := overview()) is not None:
            print(text)
            return 0
    return run(given)


def run(arguments: list[str]) -> int:
    """Run with these arguments; every error becomes one line and an exit code."""
    return guarded(lambda: _through_click(arguments), debug="--debug" in arguments)


def guarded(work: Callable[[], int], *, debug: bool) -> int:
    """The exit code of `work`; what it raises is told in one line, unless `debug` asks for the traceback."""
    from reconciler.model.errors import FactoryError

    try:
        return work()
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 1
    except FactoryError as error:
        if debug:
            raise
        print(printable(str(error)), file=sys.stderr)
        return error.exit_code
    except Exception as error:
        if debug:
            raise
        print(printable(_unexpected(error)), file=sys.stderr)
        return 1


def _through_click(arguments: list[str]) -> int:
    import click

    from cli.app import app

    try:
        result = app.main(args=arguments, prog_name="alai-reconcile", standalone_mode=False)
        return result if isinstance(result, int) else 0
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.UsageError as error:
        error.show()
        return USAGE_ERROR
    except click.ClickException as error:
        error.show()
        return 1
    except click.Abort as error:
        raise KeyboardInterrupt from error


def _unexpected(error: Exception) -> str:
    lines = str(error).splitlines() or [""]
    return f"error: {type(error).__name__}: {lines[0]} (run again with --debug to see where)"


def printable(text: str) -> str:
    """Text without control characters: what a manifest says must not drive the terminal."""
    return "".join(char if char == "\n" or char.isprintable() else f"\\x{ord(char):02x}" for char in text)
