"""What a person trusts on this machine: where it lies, and who may have touched it."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import msgspec
import pytest

from reconciler.git import pin
from reconciler.model.errors import Refused


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The tool's configuration folder, not there yet."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path / "config" / "alai-reconcile"


@pytest.fixture
def common(tmp_path: Path) -> Path:
    folder = tmp_path / "factory" / ".git"
    folder.mkdir(parents=True)
    return folder


def test_a_pin_is_read_as_it_was_written_and_only_its_owner_can_read_it(config: Path, common: Path) -> None:
    assert pin.read(common) is None
    assert not config.exists()
    made = pin.create(common, "main", trusted=("a" * 40,))
    assert pin.read(common) == made
    assert stat.S_IMODE(config.stat().st_mode) == 0o700
    assert stat.S_IMODE(pin.place(common).stat().st_mode) == 0o600


def test_every_path_to_a_repository_leads_to_the_same_pin(config: Path, common: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(common.parent)
    assert pin.place(tmp_path / "link" / ".git") == pin.place(common)
    other = tmp_path / "other" / "factory" / ".git"
    other.mkdir(parents=True)
    assert pin.place(other) != pin.place(common)
    assert pin.place(common).parent == config


def test_a_repository_made_anew_at_the_same_path_inherits_nothing(config: Path, common: Path) -> None:
    pin.create(common, "main", keys=("ssh-ed25519 AAAA",))
    pin.write_private(pin.place(common, ".key"), b"private")
    pin.create(common, "trunk")
    assert pin.read(common) == pin.Pin(repository=str(common), branch="trunk")
    assert not pin.place(common, ".key").exists()
    pin.create(common, "main")
    assert [item.read_bytes() for item in config.glob("*.key.old-*")] == [b"private"], "nobody could make it again"


def test_changes_at_the_same_moment_are_all_kept(config: Path, common: Path) -> None:
    pin.create(common, "main")

    def allow(number: int) -> None:
        pin.update(common, lambda old: msgspec.structs.replace(old, hosts={**old.hosts, f"host-{number}": "digest"}))

    threads = [threading.Thread(target=allow, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = pin.read(common)
    assert found is not None
    assert len(found.hosts) == 8
    assert {item.suffix for item in config.iterdir()} == {".json", ".lock"}


def test_a_folder_that_is_a_link_is_refused(config: Path, common: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    config.parent.mkdir()
    config.symlink_to(tmp_path / "elsewhere")
    for attempt in (lambda: pin.read(common), lambda: pin.create(common, "main")):
        with pytest.raises(Refused, match="symbolic link"):
            attempt()
    assert not list((tmp_path / "elsewhere").iterdir())


def test_a_pin_that_is_a_link_or_that_others_may_write_is_refused(config: Path, common: Path) -> None:
    pin.create(common, "main")
    path = pin.place(common)
    path.chmod(0o666)
    with pytest.raises(Refused, match="others may write"):
        pin.read(common)
    path.chmod(0o600)
    path.rename(config / "real")
    path.symlink_to(config / "real")
    with pytest.raises(Refused, match="cannot be read"):
        pin.read(common)
    path.unlink()
    config.chmod(0o777)
    with pytest.raises(Refused, match="others may write"):
        pin.read(common)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make what belongs to somebody else")
def test_what_belongs_to_somebody_else_is_refused(config: Path, common: Path) -> None:
    pin.create(common, "main")
    os.chown(pin.place(common), 12345, -1)
    with pytest.raises(Refused, match="another user"):
        pin.read(common)
    os.chown(config, 12345, -1)
    with pytest.raises(Refused, match="another user"):
        pin.create(common, "main")


def test_a_configuration_folder_within_the_repository_is_refused(common: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(common.parent / "config"))
    with pytest.raises(Refused, match="lies in the repository"):
        pin.read(common)


def test_what_is_no_pin_and_the_pin_of_another_are_refused(config: Path, common: Path, tmp_path: Path) -> None:
    pin.create(common, "main")
    pin.place(common).write_text("{")
    with pytest.raises(Refused, match="is no pin"):
        pin.read(common)
    pin.place(common).write_text('{"repository": "/other/.git", "branch": "main"}')
    with pytest.raises(Refused, match="is the pin of /other/"):
        pin.read(common)


def test_a_relative_configuration_folder_does_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", "config")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert pin.config_folder() == tmp_path / ".config" / "alai-reconcile"
