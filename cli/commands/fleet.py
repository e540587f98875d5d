"""The command that shows the hosts: fleet."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from cli import render
from cli.app import output_option
from cli.opening import acting, looking
from reconciler.controller.fleet import fleet

HOSTS = ("name", "kind", "health", "slots", "queue", "memory", "loaded", "message")
MODELS = ("host", "model", "num_ctx", "offers", "probed", "message")


@click.command("fleet")
@click.option("--probe", is_flag=True, help="Try each model with a real small call, and remember what it can do.")
@output_option
@click.pass_obj
def fleet_command(folder: Path, probe: bool, output: str) -> int:
    """The hosts: health, loaded models, slots, queue and memory; their models; who comes next where one fails.

    Besides, what holds the programs that run here, and what this machine does not give to it.
    A model whose digest is known is tried again only where a trial failed. Hosts that cost money are not tried.
    """
    factory = acting(folder) if probe else looking(folder)
    row = fleet(factory, probe=probe, tell=lambda line: click.echo(render.printable(line), err=True))
    if output != "text":
        render.data(row, output)
        return 0
    render.rows([_host(host) for host in row["hosts"]], HOSTS, "text", empty="The Fleet has no hosts.")
    models = [_model(host["name"], model) for host in row["hosts"] for model in host["models"]]
    if models:
        click.echo("\nModels")
        render.rows(models, MODELS, "text")
    click.echo("\nOrder of failover")
    for tier in row["tiers"]:
        click.echo(render.printable(f"tier {tier['tier']}: {tier['text']}"))
    held = row["sandbox"]
    click.echo("\nSandbox")
    for line in (held["name"] or "none", *held["missing"], *held["alone"]):
        click.echo(render.printable(line))
    return 0


def _host(host: dict[str, Any]) -> dict[str, Any]:
    slots, memory = host["server_slots"], host["memory"]
    return {
        **host,
        "slots": f"{host['taken']} of {host['capacity']}" + (f" ({slots['busy']} busy)" if slots else ""),
        "memory": f"{_size(memory['loaded'])} of {_size(memory['bytes'])}" if any(memory.values()) else None,
        "loaded": [_loaded(item) for item in host["loaded"]],
    }


def _loaded(item: dict[str, Any]) -> str:
    """With its window, and when its server lets it go."""
    more = [f"{item['context']} tokens"] if item["context"] else []
    more += [f"until {item['expires_at'][11:19]}"] if item["expires_at"] else []
    return f"{item['name']} ({', '.join(more)})" if more else item["name"]


def _model(host: str, model: dict[str, Any]) -> dict[str, Any]:
    found = model["probed"]
    missing = ["the host does not have it"] if model["missing"] else []
    return {
        **model,
        "host": host,
        "model": model["name"],
        "probed": None if found is None else found["offers"] or "nothing",
        "message": "; ".join([*missing, *(found["notes"] if found else [])]),
    }


def _size(count: int | None) -> str:
    return "?" if count is None else f"{count / 2**30:.1f} GiB"
