"""Commands that count: metrics verifier."""

from __future__ import annotations

from pathlib import Path

import click

from cli import render
from cli.app import output_option
from cli.opening import looking
from reconciler.controller import metrics

COLUMNS = (
    *("task", "verifier", "thread", "state", "model", "cost_usd", "retries", "evidence_quality"),
    *("rework_avoided", "false_pass"),
)
TOTALS = {
    "verifications": "verifications",
    "passed": "passed",
    "rejected": "rejected",
    "rework_avoided": "reworks avoided",
    "timeouts": "timeouts",
    "false_passes": "false passes",
}


@click.group("metrics")
def metrics_command() -> None:
    """What recorded work says about the factory itself."""


@metrics_command.command("verifier")
@output_option
@click.pass_obj
def metrics_verifier(folder: Path, output: str) -> int:
    """What independent verifiers of risky work came to: rework avoided, timeouts, false passes, cost."""
    found = metrics.verifier(looking(folder))
    if output != "text":
        render.data(found, output)
        return 0
    render.rows(found["verifications"], COLUMNS, "text", empty="Nothing was verified yet.")
    totals = found["totals"]
    unknown = f" ({totals['costs_unknown']} unknown)" if totals["costs_unknown"] else ""
    told = ", ".join(f"{totals[key]} {words}" for key, words in TOTALS.items())
    click.echo(f"Total: {told}; cost {totals['cost_usd']:.2f} USD{unknown}.")
    return 0
