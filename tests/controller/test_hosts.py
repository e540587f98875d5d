"""Outside of the sandbox a program runs only by a person's word on this machine, for its entry as it was then."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from reconciler.controller import hosts
from reconciler.controller.factory import Factory
from reconciler.git import pin
from reconciler.git.repository import Repository
from reconciler.model.errors import FactoryError, Refused
from reconciler.model.spec import Host

DESK = Host(name="desk", kind="command", command=("cat",))


@pytest.fixture
def factory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Factory:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    (tmp_path / "factory/manifests").mkdir(parents=True)
    Repository.create(tmp_path / "factory", "main")
    return Factory.open(tmp_path / "factory")


def test_a_word_holds_for_the_entry_as_it_was(factory: Factory) -> None:
    assert not hosts.outside(factory, DESK)
    pin.create(factory.repository.common, "main", hosts={"desk": hosts.digest(DESK)})
    assert hosts.outside(factory, DESK)
    for change in ({"command": ("cat", "-u")}, {"mounts": ("/srv",)}, {"egress": ("x:1",)}, {"kind": "claude-cli"}):
        assert not hosts.outside(factory, msgspec.structs.replace(DESK, **change))
    assert not hosts.outside(factory, msgspec.structs.replace(DESK, name="other"))


def test_a_pin_that_others_may_write_allows_nothing(factory: Factory) -> None:
    pin.create(factory.repository.common, "main", hosts={"desk": hosts.digest(DESK)})
    pin.place(factory.repository.common).chmod(0o666)
    with pytest.raises(Refused, match="others may write"):
        hosts.outside(factory, DESK)


def test_only_a_host_of_the_fleet_that_is_a_program_can_be_allowed(factory: Factory) -> None:
    with pytest.raises(FactoryError, match="no host desk of kind command"):
        hosts.allow(factory, "desk")


def test_what_a_program_may_do_is_said(factory: Factory) -> None:
    assert hosts.told(factory, DESK) == "runs in the sandbox, sees no files but its own, reaches nobody"
    more = msgspec.structs.replace(DESK, mounts=("/srv/a",), egress=("x.org:443",))
    assert hosts.told(factory, more) == "runs in the sandbox, sees /srv/a, reaches x.org:443"
    pin.create(factory.repository.common, "main", hosts={"desk": hosts.digest(DESK)})
    assert "outside" in hosts.told(factory, DESK)
    assert hosts.told(factory, Host(name="o", kind="ollama")) == ""
