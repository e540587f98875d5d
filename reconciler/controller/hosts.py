"""Which programs of the Fleet a person of this machine lets run with their own rights, outside of the sandbox.

It is kept with what else is pinned, outside of the repository: no manifest can say it, and an entry that was changed
since needs a new word.
"""

from __future__ import annotations

import hashlib

import msgspec

from reconciler.controller.factory import Factory
from reconciler.git import pin
from reconciler.model.errors import FactoryError
from reconciler.model.spec import Host


def digest(host: Host) -> str:
    """Of all that the Fleet says of the host."""
    return hashlib.sha256(msgspec.json.encode(host, order="deterministic")).hexdigest()


def outside(factory: Factory, host: Host) -> bool:
    """Whether the host's program may run outside of the sandbox on this machine. Raises Refused for a bad pin."""
    if host.kind != "command":
        return False
    pinned = pin.read(factory.repository.common)
    return pinned is not None and pinned.hosts.get(host.name) == digest(host)


def allow(factory: Factory, name: str) -> str:
    """Let it, as it stands in the Fleet now. Returns a sentence. Raises FactoryError, Refused."""
    commands = {host.name: host for host in factory.store.config().fleet.hosts if host.kind == "command"}
    host = commands.get(name)
    if host is None:
        known = ", ".join(sorted(commands)) or "none"
        raise FactoryError(f"Fleet: there is no host {name} of kind command; there are: {known}")
    kept = {name: digest(host)}
    pin.update(factory.repository.common, lambda old: msgspec.structs.replace(old, hosts={**old.hosts, **kept}))
    told = f"{name} may run outside of the sandbox on this machine, with your own rights"
    return f"{told}: {' '.join(host.command)}"


def told(factory: Factory, host: Host) -> str:
    """How a host's program runs, in one sentence; empty for hosts that are no program of the Fleet's."""
    if host.kind != "command":
        return ""
    if outside(factory, host):
        return "runs outside of the sandbox, as a person of this machine allowed"
    sees = f"sees {', '.join(host.mounts)}" if host.mounts else "sees no files but its own"
    reaches = f"reaches {', '.join(host.egress)}" if host.egress else "reaches nobody"
    return f"runs in the sandbox, {sees}, {reaches}"
