"""Help, completion, schemas, validation; and bad input, which is answered in a line and never with a traceback."""

from __future__ import annotations

import json

import pytest
import yaml

from tests.e2e.factory import TinyFactory, manifest

COMMANDS = [
    "init", "validate", "diff", "apply", "status", "list", "show", "explain", "log", "add", "next", "done", "pipeline",
    "queue", "answer", "suspend", "resume", "retry", "cancel", "wait", "route", "rebuild", "verify", "schema",
    "company", "completion",
]  # fmt: skip


def test_help_lists_every_command(empty: TinyFactory) -> None:
    text = empty.ok("--help")
    assert [name for name in COMMANDS if f"\n  {name} " not in text] == []


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    from cli.main import run

    assert run([command, "--help"]) == 0
    assert "Usage: alai-reconcile " + command in capsys.readouterr().out


def test_an_unknown_command_suggests_the_nearest(empty: TinyFactory) -> None:
    done = empty.cli("aply")
    assert done.returncode == 64
    assert "Did you mean 'apply'?" in done.stderr


NONSENSE = [
    ("", 64),
    ("--what", 64),
    ("diff extra", 64),
    ("diff -o xml", 64),
    ("apply --timeout soon", 64),
    ("apply nothing.json", 1),
    ("apply README", 1),
    ("show", 64),
    ("show nothing", 1),
    ("show task/", 1),
    ("show /", 1),
    ("show goal/none", 1),
    ("show Nonsense/none", 1),
    ("show company/none", 1),
    ("show ../../etc/passwd", 1),
    ("list nonsense", 1),
    ("list tasks --label nonsense", 64),
    ("list tasks --phase nonsense", 1),
    ("list tasks --goal nonsense", 1),
    ("explain none", 1),
    ("explain policy/default", 1),
    ("log task/none", 0),
    ("next nonsense", 64),
    ("add", 64),
    ("add title -p X", 64),
    ("add title --goal none", 1),
    ("add title -l nonsense", 64),
    ("add title -l BAD/KEY!=x", 1),
    ("done none --reason x", 1),
    ("done none", 64),
    ("answer none --pass --reason x", 1),
    ("answer none --reason x", 64),
    ("suspend none", 1),
    ("suspend policy/default", 1),
    ("resume goal/none", 1),
    ("retry none", 1),
    ("cancel none", 1),
    ("pipeline", 64),
    ("pipeline status none", 1),
    ("pipeline create none", 1),
    ("wait none", 1),
    ("wait none --for nonsense", 1),
    ("wait none --timeout x", 64),
    ("route", 64),
    ("route title --stage NOWHERE", 1),
    ("verify nonsense", 1),
    ("verify --upload-pack=x", 64),
    ("company show none", 1),
    ("company nonsense", 64),
    ("schema nonsense", 1),
    ("completion tcsh", 64),
    ("validate nonsense.yaml", 1),
    ("validate /etc/passwd", 1),
    ("init .", 3),
    ("init --example nonsense new", 1),
    ("init new --product nowhere", 64),
    ("-C nowhere diff", 1),
    ("-C / status", 1),
]


@pytest.mark.parametrize(("line", "code"), NONSENSE, ids=[line or "nothing" for line, _ in NONSENSE])
def test_bad_input_is_answered_in_a_line(
    line: str, code: int, empty: TinyFactory, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from cli.main import run

    monkeypatch.chdir(empty.root)
    empty.pin()
    before = empty.head
    assert run(line.split()) == code
    said = capsys.readouterr()
    assert "Traceback" not in said.out + said.err
    if code:
        assert said.err.strip() or code == 64
        assert "error: " not in said.err.lower() or code == 64, "an unforeseen error"
        assert code == 64 or len(said.err.splitlines()) == 1
    assert empty.head == before


def test_every_kind_has_a_schema_that_names_itself(empty: TinyFactory) -> None:
    kinds = empty.ok("schema").split()
    assert {"Goal", "Task", "Pipeline", "Company", "Agent", "Blueprint", "Fleet", "Routing", "Policy"} <= set(kinds)
    assert json.loads(empty.ok("schema", "task"))["properties"]["kind"]["const"] == "Task"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script_and_completes_commands(shell: str, empty: TinyFactory) -> None:
    assert "_ALAI_RECONCILE_COMPLETE" in empty.ok("completion", shell)
    words = TinyFactory(
        empty.folder,
        {"_ALAI_RECONCILE_COMPLETE": "bash_complete", "COMP_WORDS": "alai-reconcile app", "COMP_CWORD": "1"},
    )
    assert words.cli().stdout.strip() == "plain,apply"


def test_yaml_and_json_tell_the_same(empty: TinyFactory) -> None:
    assert yaml.safe_load(empty.ok("list", "companies", "-o", "yaml")) == empty.json("list", "companies")


def test_validate_names_file_line_column_and_the_right_key(factory: TinyFactory) -> None:
    text = manifest("Task", "wrong", {"title": "x", "priorty": "H"})
    factory.write("manifests/wrong.yaml", text)
    assert factory.cli("validate").returncode == 0
    for arguments in (("--worktree",), ("manifests/wrong.yaml",)):
        done = factory.cli("validate", *arguments)
        assert done.returncode == 1
        assert done.stderr.startswith("manifests/wrong.yaml:7:3: Task/wrong: ")
        assert "priority" in done.stderr
    factory.commit()
    for command in ("validate", "diff", "apply", "list", "status"):
        done = factory.cli(command)
        # who only looks is answered from the last good commit
        assert done.returncode == (0 if command in ("list", "status") else 1)
        assert "manifests/wrong.yaml:7:3: Task/wrong" in done.stderr
        assert "Traceback" not in done.stderr


def test_a_fault_is_told_once_and_not_by_everybody_who_names_the_object(factory: TinyFactory) -> None:
    factory.write("manifests/wrong.yaml", manifest("Task", "wrong", {"title": "x", "priorty": "H"}))
    factory.task("after", "After", dependsOn=["wrong"])
    told = factory.cli("validate", "--worktree").stderr.strip().split("\n")
    assert [line.partition(" ")[0] for line in told] == ["manifests/wrong.yaml:7:3:"]


def test_duplicates_cycles_and_dangling_references_are_named(factory: TinyFactory) -> None:
    factory.task("a", "A", dependsOn=["b"])
    factory.task("b", "B", dependsOn=["a"])
    factory.task("c", "C", dependsOn=["aa"])
    factory.write("manifests/again.yaml", manifest("Task", "c", {"title": "again"}))
    done = factory.cli("validate", "--worktree", "-o", "json")
    assert done.returncode == 1
    told = "\n".join(item["message"] for item in json.loads(done.stdout))
    assert "again.yaml" in told + "\n".join(item["position"] for item in json.loads(done.stdout))
    assert "a -> " in told or "b -> " in told
    assert "aa" in told


LOOKING = [
    ["validate"],
    ["diff"],
    ["list"],
    ["show", "evil"],
    ["status"],
    ["next"],
    ["explain", "evil"],
    ["log"],
    ["queue"],
    ["pipeline", "status", "evil"],
    ["route", "Red \x1b[31malert"],
    ["show", "Red \x1b[31malert"],
    ["\x1b[31m"],
    ["list", "\x1b[31m"],
]


def test_control_characters_are_refused_and_never_echoed_raw(factory: TinyFactory) -> None:
    done = factory.cli("add", "Red \x1b[31malert\x07")
    assert done.returncode == 1
    assert "\x1b" not in done.stderr
    assert factory.git("log", "--format=%s") == "Make a factory"
    factory.write("manifests/evil.yaml", manifest("Task", "evil", {"title": "The CEO decision \u202eright to left"}))
    factory.commit()
    for arguments in LOOKING:
        done = factory.cli(*arguments)
        assert not {"\x1b", "\x07", "\u202e"} & set(done.stdout + done.stderr), arguments
    factory.write("manifests/evil.yaml", '{kind: "\\e[31m", apiVersion: "\\e", "\\e[31m": 1}')
    factory.write("manifests/\x1b[31m.yaml", "kind: [")
    factory.commit()
    for arguments in LOOKING:
        done = factory.cli(*arguments)
        assert "\x1b" not in done.stdout + done.stderr, arguments
        # who only looks is told of the faults, and answered from the last good commit
        assert done.returncode != 0 or arguments[0] == "log" or "manifests/evil.yaml:" in done.stderr, arguments


@pytest.mark.parametrize("bad", [["-l", "BAD/KEY!=x"], ["-l", "=x"], ["-l", "a=" + "x" * 500]])
def test_add_never_commits_what_cannot_be_read(bad: list[str], factory: TinyFactory) -> None:
    assert factory.cli("add", "A title", *bad).returncode in (1, 64)
    assert factory.git("log", "--format=%s") == "Make a factory"
    assert factory.git("status", "--porcelain") == ""
