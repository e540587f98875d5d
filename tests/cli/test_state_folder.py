"""What lies in `state/` is looked at before it is opened, and tidying it up lets no second controller in."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.main import run
from reconciler.controller.factory import Factory
from reconciler.controller.lease import Busy, lease
from reconciler.controller.state import inspect
from reconciler.model.errors import FactoryError, Refused
from tests.e2e.factory import TinyFactory, build, here


@pytest.fixture(scope="module")
def factory(tmp_path_factory: pytest.TempPathFactory) -> TinyFactory:
    made = build(tmp_path_factory.mktemp("state") / "one")
    made.ok("diff")
    return made


def link(target: Path) -> Callable[[Path], None]:
    return lambda path: path.symlink_to(target)


@pytest.mark.parametrize(
    "name", ["runs", "jobs", "factory.db", "cache", "worker.log", "worker.lock", "anything", "jobs/x.json", "runs/x"]
)
@pytest.mark.parametrize("command", [("apply",), ("status",)])
def test_a_link_in_the_state_is_refused_and_what_it_names_stays(
    factory: TinyFactory, tmp_path: Path, name: str, command: tuple[str, ...], capfd: pytest.CaptureFixture[str]
) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "cat.jpg").write_text("cat")
    place = factory.root / "state" / name
    place.parent.mkdir(exist_ok=True)
    if place.exists():
        place.rename(tmp_path / "before")
    place.symlink_to(photos)
    try:
        assert run(["-C", str(factory.root), *command]) == 3
        assert "is a symbolic link" in capfd.readouterr().err
        assert (photos / "cat.jpg").read_text() == "cat"
        assert [path.name for path in photos.iterdir()] == ["cat.jpg"]
    finally:
        place.unlink()
        if (tmp_path / "before").exists():
            (tmp_path / "before").rename(place)


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("factory.db-wal", Path.mkdir),
        ("worker.lock", Path.mkdir),
        ("worker.log", os.mkfifo),
        ("runs", Path.touch),
        ("jobs/x.json", Path.mkdir),
        ("starts/x", os.mkfifo),
    ],
)
def test_what_is_not_of_its_kind_is_refused_with_a_sentence(
    tmp_path: Path, name: str, make: Callable[[Path], object]
) -> None:
    place = tmp_path / "state" / name
    place.parent.mkdir(parents=True)
    make(place)
    with pytest.raises(Refused, match="never puts there"):
        inspect(tmp_path / "state")


def test_what_the_factory_puts_there_is_accepted(tmp_path: Path) -> None:
    for folder in ("runs/a/product", "cache/blueprints/b", "jobs", "starts", "tmp/x", "minions/.git", "part-1-x"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "runs/a/product/link").symlink_to("/etc")
    for file in ("factory.db", "worker.log", "cache/models.json", "jobs/a.json", "starts/a"):
        (tmp_path / file).write_text("")
    inspect(tmp_path)


def test_removing_locks_from_the_state_lets_no_second_controller_in(factory: TinyFactory) -> None:
    opened = Factory.open(factory.root)
    with lease(opened.lock("controller"), "apply", needs=opened.state):
        for lock in (factory.root / "state").glob("*.lock"):
            lock.unlink()
        assert run(["-C", str(factory.root), "apply"]) == 3
        with pytest.raises(Busy, match="apply"), lease(opened.lock("controller"), "apply"):
            pass
    with lease(opened.lock("controller"), "apply", needs=opened.state) as held:
        held()
        opened.state.rename(factory.root / "gone")
        with pytest.raises(FactoryError, match="was removed"):
            held()
        (factory.root / "gone").rename(factory.root / "state")


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo, link(Path("/etc/passwd"))])
def test_a_lock_that_is_no_file_is_refused_with_a_sentence(tmp_path: Path, make: Callable[[Path], object]) -> None:
    make(tmp_path / "lock")
    with pytest.raises(Refused, match="cannot be locked"), lease(tmp_path / "lock", "apply"):
        pass


def test_a_rebuild_beside_a_running_apply_is_refused_with_its_process(factory: TinyFactory) -> None:
    with lease(Factory.open(factory.root).lock("controller"), "apply"):
        for command in ("rebuild", "apply"):
            done = here(factory, command)
            assert (done.code, f"`apply` (process {os.getpid()}) works on this factory" in done.err) == (3, True)
        assert here(factory, "rebuild", "--check").code == 0


def test_a_database_of_another_version_is_made_anew_in_one_sentence(factory: TinyFactory) -> None:
    before = here(factory, "list", "companies").out
    connection = sqlite3.connect(factory.root / "state/factory.db")
    connection.execute("PRAGMA user_version = 3")
    connection.close()
    done = here(factory, "list", "companies")
    assert (done.code, done.out) == (0, before)
    assert done.err.splitlines() == [
        f"{factory.root}/state/factory.db: was written by another version (3); it is made anew from git."
    ]
    assert here(factory, "rebuild", "--check").err == ""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make what belongs to somebody else")
def test_a_factory_of_somebody_elses_is_called_that(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = build(tmp_path / "theirs")
    monkeypatch.delenv("SUDO_UID", raising=False)
    os.chown(made.root, 12345, -1)
    for command in ("status", "apply", "validate", "trust"):
        done = here(made, command)
        assert done.code == 1
        assert f"{made.root} belongs to another user" in done.err
        assert f"git config --global --add safe.directory {made.root}" in done.err
