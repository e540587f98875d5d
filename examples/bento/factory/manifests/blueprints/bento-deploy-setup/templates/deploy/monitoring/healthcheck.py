"""Asks the given addresses whether they answer: `healthcheck.py [--every SECONDS] URL...`.

One JSON line per address and round on standard output. Without `--every` it asks once and exits 0 when all are well, 1 when
one is not; with it, it goes on until it is stopped. Needs nothing but Python's standard library.
"""

import argparse
import json
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence

TIMEOUT_SECONDS = 5.0


def check(url: str, timeout: float = TIMEOUT_SECONDS) -> dict[str, object]:
    """What one address said: `ok`, the HTTP status (None where nothing answered), milliseconds, and the problem if any."""
    began = time.monotonic()
    status: int | None = None
    problem = ""
    try:
        with urllib.request.urlopen(url, timeout=timeout) as response:
            status = response.status
    except urllib.error.HTTPError as error:
        status, problem = error.code, str(error.reason)
    except (OSError, ValueError) as error:
        problem = str(error)
    return {
        "url": url,
        "ok": status is not None and 200 <= status < 300,
        "status": status,
        "ms": round((time.monotonic() - began) * 1000),
        "problem": problem,
    }


def one_round(urls: Sequence[str]) -> bool:
    """Ask all, print a line for each, and say whether all are well."""
    reports = [check(url) for url in urls]
    for report in reports:
        print(json.dumps(report), flush=True)
    return all(report["ok"] for report in reports)


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description="Ask addresses whether they answer.")
    parser.add_argument("--every", type=float, metavar="SECONDS", help="go on, one round every so many seconds")
    parser.add_argument("urls", nargs="+", metavar="URL")
    options = parser.parse_args(arguments)
    healthy = one_round(options.urls)
    while options.every:
        time.sleep(options.every)
        healthy = one_round(options.urls)
    return 0 if healthy else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
