from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest

from reconciler.actual.fast import EMPTY_PLAN, SCHEMA_VERSION, nothing_to_do
from reconciler.actual.store import AttemptTaken, Store, StoreUnusable
from tests.actual.factory import evidence, execution, files, goal, outcome, task


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "state" / "factory.db")


def test_an_intent_is_stored_once_and_keeps_what_came_of_it(store: Store) -> None:
    mine = execution("a")
    store.intend([mine])
    store.set_live(mine.id, "merging")
    store.intend([mine])
    (live,) = store.live()
    assert (live.execution, live.state) == (mine, "merging")
    store.forget([mine.id])
    assert store.live() == []


def test_an_attempt_number_belongs_to_one_execution(store: Store) -> None:
    first = execution("a")
    store.intend([first])
    with pytest.raises(AttemptTaken, match=r"attempt 1 of Task/a"):
        store.intend([execution("b"), msgspec.structs.replace(first, id="another")])
    assert [live.execution for live in store.live()] == [first]
    file = evidence("a")
    store.project("c1", evidence=[file], commits=[outcome(file)])
    with pytest.raises(AttemptTaken):
        store.intend([first])


def test_notes_are_kept_replaced_and_removed(store: Store) -> None:
    assert store.note("k") is None
    store.set_note("k", "one")
    store.set_note("k", "two")
    assert store.note("k") == "two"
    store.set_note("k", None)
    assert store.note("k") is None


@pytest.mark.parametrize("spoil", ["garbage", "foreign"])
def test_a_file_that_is_no_store_is_refused_with_the_way_out(tmp_path: Path, spoil: str) -> None:
    path = tmp_path / "factory.db"
    if spoil == "garbage":
        path.write_bytes(b"garbage " * 1000)
    else:
        connection = sqlite3.connect(path)
        connection.execute("CREATE TABLE other (x)")
        connection.close()
    with pytest.raises(StoreUnusable, match=r"factory\.db: .*; delete state/ and run rebuild"):
        Store(path)


@pytest.mark.parametrize("version", [1, 999])
def test_a_file_of_another_version_is_emptied_and_says_so(tmp_path: Path, version: int) -> None:
    path = tmp_path / "factory.db"
    first = Store(path)
    assert first.replaced is None
    first.project("c1", files(task("one")))
    first.close()
    connection = sqlite3.connect(path)
    connection.execute("CREATE VIRTUAL TABLE words USING fts5(text)")
    connection.execute("ALTER TABLE commits RENAME TO old_commits")
    connection.execute(f"PRAGMA user_version = {version}")
    connection.close()
    again = Store(path)
    assert (again.replaced, again.commit) == (version, None)
    again.project("c1", files(task("one")))
    assert Store(path).replaced is None


def test_a_file_that_is_damaged_inside_is_named_when_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "factory.db"
    first = Store(path)
    first.project("c1", files(*(task(f"t{number}", description="x" * 500) for number in range(200))))
    first.close()
    data = bytearray(path.read_bytes())
    data[4096:] = b"\xff" * (len(data) - 4096)
    path.write_bytes(bytes(data))
    with pytest.raises(StoreUnusable, match="delete state/ and run rebuild"):
        Store(path).view_all()


def test_threads_and_processes_write_at_once_and_none_is_locked_out(tmp_path: Path) -> None:
    path = tmp_path / "factory.db"
    writer = (
        "import sys; from pathlib import Path; from reconciler.actual.store import Store\n"
        "store = Store(Path(sys.argv[1]))\n"
        "for number in range(60):\n"
        "    store.set_note(f'{sys.argv[2]}-{number}', 'x'); store.set_settled({'a': number % 2 == 0})"
    )
    processes = [subprocess.Popen([sys.executable, "-c", writer, str(path), f"p{number}"]) for number in range(2)]
    store = Store(path)
    store.project("c1", files(task("a")))

    def work(thread: int) -> None:
        for number in range(60):
            store.intend([execution(f"t{thread}", number + 1)])
            store.cache({f"{thread}-{number}": b"x"})
            assert store.view().commit == "c1"

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    assert [process.wait(60) for process in processes] == [0, 0]
    assert len(store.live()) == 240
    assert all(store.note(f"p{process}-{number}") == "x" for process in range(2) for number in range(60))


def test_a_reader_sees_one_state_while_another_writes(store: Store) -> None:
    store.project("c0", files(task("a", title="0"), task("b", title="0")))

    def write() -> None:
        for number in range(1, 60):
            store.project(f"c{number}", files(task("a", title=str(number)), task("b", title=str(number))))

    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(write)
        while not writing.done():
            view = store.view()
            assert {f"c{state.spec.title}" for state in view.tasks.values()} == {view.commit}
        writing.result()


def test_what_ten_thousand_settled_tasks_cost_is_next_to_nothing(store: Store) -> None:
    names = [f"t{number}" for number in range(10_000)]
    objects = [task(name, goal=f"g{number % 100}", description="x" * 600) for number, name in enumerate(names)]
    started = time.perf_counter()
    store.project("c1", files(*objects, *(goal(f"g{number}") for number in range(100))))
    cold = time.perf_counter() - started
    store.set_settled(dict.fromkeys(names, True))
    store.view()
    started = time.perf_counter()
    for _ in range(10):
        assert store.view().tasks == {}
        store.project("c2", files(objects[5]))
        assert set(store.view().tasks) == {"t5"}
        store.set_settled({"t5": True})
    warm = (time.perf_counter() - started) / 10
    assert warm < cold / 5


# nothing_to_do


def git(folder: Path, *words: str) -> str:
    identity = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
    return subprocess.run(
        ["git", "-C", folder, *identity, *words], check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "fac?t#o%ry"
    root.mkdir()
    git(root, "init", "-q", "-b", "main")
    git(root, "commit", "-q", "--allow-empty", "-m", "one")
    return root


def remember(root: Path, **changed: object) -> None:
    head = git(root, "rev-parse", "HEAD")
    note = {"commit": head, "text": "Nothing to do.\n", "valid_until": None, "schema": SCHEMA_VERSION}
    note["ref"] = git(root, "symbolic-ref", "HEAD")
    store = Store(root / "state" / "factory.db")
    store.project(head)
    store.set_note(EMPTY_PLAN, msgspec.json.encode(note | changed).decode())
    store.close()


def test_an_empty_plan_is_repeated_while_it_holds(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GIT_DIR", raising=False)
    assert nothing_to_do(str(root)) is None
    remember(root)
    assert nothing_to_do(str(root)) == "Nothing to do.\n"
    git(root, "pack-refs", "--all")
    assert nothing_to_do(str(root)) == "Nothing to do.\n"
    git(root, "commit", "-q", "--allow-empty", "-m", "two")
    assert nothing_to_do(str(root)) is None


def test_an_empty_plan_is_that_of_its_branch_alone(root: Path) -> None:
    remember(root)
    for switch in (["--detach"], ["-b", "side"]):
        git(root, "checkout", "-q", *switch)
        assert nothing_to_do(str(root)) is None
    git(root, "checkout", "-q", "main")
    assert nothing_to_do(str(root)) == "Nothing to do.\n"


def test_an_empty_plan_is_repeated_in_a_worktree(root: Path) -> None:
    git(root, "worktree", "add", "-q", "-b", "side", "../side")
    side = root.parent / "side"
    remember(side)
    assert nothing_to_do(str(side)) == "Nothing to do.\n"
    git(side, "commit", "-q", "--allow-empty", "-m", "two")
    assert nothing_to_do(str(side)) is None


@pytest.mark.parametrize("changed", [{"commit": "0" * 40}, {"schema": 999}, {"valid_until": 1.0}, {"text": None}])
def test_an_empty_plan_that_no_longer_holds_is_not_repeated(root: Path, changed: dict[str, object]) -> None:
    remember(root, **changed)
    assert nothing_to_do(str(root)) is None


def test_an_empty_plan_is_not_repeated_with_work_in_flight_or_another_projection(root: Path) -> None:
    remember(root, valid_until=time.time() + 1000)
    store = Store(root / "state" / "factory.db")
    assert nothing_to_do(str(root)) == "Nothing to do.\n"
    store.intend([execution("a")])
    assert nothing_to_do(str(root)) is None
    store.forget([execution("a").id])
    assert nothing_to_do(str(root)) == "Nothing to do.\n"
    store.project("elsewhere")
    assert nothing_to_do(str(root)) is None


@pytest.mark.parametrize("note", ["", "{", "[]", "\x00"])
def test_a_broken_note_or_file_is_no_answer_and_no_error(root: Path, note: str) -> None:
    remember(root)
    store = Store(root / "state" / "factory.db")
    store.set_note(EMPTY_PLAN, note)
    store.close()
    assert nothing_to_do(str(root)) is None
    (root / "state" / "factory.db").write_bytes(b"garbage" * 1000)
    assert nothing_to_do(str(root)) is None
    (root / ".git" / "HEAD").write_bytes(b"\xff\xfe")
    assert nothing_to_do(str(root)) is None


def test_asking_loads_nothing_but_sqlite(root: Path) -> None:
    remember(root)
    code = (
        "import sys; sys.path.insert(0, sys.argv[2]); from reconciler.actual.fast import nothing_to_do\n"
        "assert nothing_to_do(sys.argv[1]); heavy = {'pathlib', 'json', 're', 'msgspec', 'sqlite_utils', 'click'}\n"
        "sys.exit(', '.join(heavy & set(sys.modules)) or 0)"
    )
    here = str(Path(__file__).parents[2])
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    found = subprocess.run(
        [sys.executable, "-S", "-c", code, str(root), here], env=environment, capture_output=True, text=True
    )
    assert (found.returncode, found.stderr.strip()) == (0, "")
