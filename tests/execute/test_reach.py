"""What a command reaches is known from the words of commands, Makefiles, packages and scripts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from reconciler.execute.gates import makefile
from reconciler.execute.gates.makefile import goals, recipes, scripts
from reconciler.execute.gates.manifests import merged
from reconciler.execute.gates.rig import Base, Rig
from reconciler.execute.gates.shell import Step, chained, starts, steps
from reconciler.execute.gates.steering import steers
from tests.execute.conftest import Repo, git

FILES: dict[str, str | None] = {
    "Makefile": "PY ?= python3\ntest: unit\n\t@$(PY) gauge.py\nunit:\n\tsh all\nrun:\n\t$(PY) hello.py\n",
    "package.json": json.dumps(
        {"scripts": {"test": "npm run one && node two.mjs", "one": "./three", "start": "node app.js"}}
    ),
    "gauge.py": "x\n",
    "all": "#!/bin/sh\npython3 hello.py | diff - wanted.txt\n",
    "wanted.txt": "x\n",
    "hello.py": "x\n",
    "two.mjs": "x\n",
    "three": "#!/bin/sh\n. ./env\n",
    "env": "x\n",
    "app.js": "x\n",
    "tools/look.py": "import rules\n",
    "tools/rules.py": "x\n",
    "pkg/proof.py": "x\n",
    "kit/__main__.py": "x\n",
}


@pytest.mark.parametrize(
    ("command", "started"),
    [
        ("make", {"gauge.py", "all", "wanted.txt"}),
        ("make test", {"gauge.py", "all", "wanted.txt"}),
        ("make run", {"hello.py"}),
        ("npm test", {"two.mjs", "three", "env"}),
        ("cd tools && python3 look.py", {"tools/look.py", "tools/rules.py"}),
        ("python3 -m pkg.proof", {"pkg/proof.py"}),
        ("A=1 timeout 9 python3 -B -m kit x", {"kit/__main__.py"}),
        ("node --require ./two.mjs --test", {"two.mjs"}),
        ("python3 hello.py Ada | grep 'Hello, Ada'", set()),
        ("python3 hello.py > out && diff out wanted.txt", {"wanted.txt"}),
        ('test "$(python3 hello.py)" = x', set()),
    ],
)
def test_what_a_command_starts_is_the_judge_and_what_it_listens_to_is_not(
    command: str, started: set[str], product: Repo
) -> None:
    product.commit(dict(FILES))
    rig = Rig(Base(product.path, git(product.path, "rev-parse", "HEAD")), command)
    assert rig.started | rig.compared == started


@pytest.mark.parametrize(
    ("command", "all_decide"),
    [
        ("a && b", True),
        ("python3 -c 'a | b; c'", True),
        ("a | b", False),
        ("a; b", False),
        ("! a", False),
        ("a || b", False),
    ],
)
def test_whether_every_command_of_a_check_has_to_end_well_is_known(command: str, all_decide: bool) -> None:
    assert chained(command) is all_decide


def test_words_that_are_no_shell_are_read_as_far_as_they_go() -> None:
    assert [step.words for step in steps("echo 'open\nsh b.sh")] == [("echo", "'open"), ("sh", "b.sh")]
    assert starts(Step((), True)) == ([], [])
    assert goals(Step(("make", "-C", "x", "A=1", "test"), True)) == ["test"]
    assert scripts(Step(("npm", "t"), True)) == ["pretest", "test", "posttest"]
    assert recipes("a: b\nb: ; sh x.sh\n", []) == "sh x.sh"


@pytest.mark.parametrize(
    "path",
    [
        "x.egg-info/entry_points.txt",
        "lib/y.dist-info/METADATA",
        "vite.config.ts",
        "web/vitest.setup.ts",
        "babel.config.js",
        ".babelrc",
        "tsconfig.json",
        "jest.setup.js",
        ".taprc",
        "ava.config.js",
        "cypress.config.js",
        "Cargo.toml",
        "build.rs",
        ".cargo/config.toml",
        "pom.xml",
        "build.gradle",
        "app/build.gradle.kts",
        "gradlew",
        "gradle/wrapper/gradle-wrapper.properties",
        "settings.gradle",
        "mvnw",
        ".mvn/extensions.xml",
        "go.mod",
        "go.work",
        "CMakeLists.txt",
        "CTestCustom.cmake",
        "dune",
        "mix.exs",
        "Gemfile",
        ".rspec",
        "noxfile.py",
        "tox.ini",
        "vendor/_pytest/reports.py",
        "third_party/unity/unity.c",
        "tests/support.csproj",
    ],
)
def test_what_decides_how_tests_are_built_and_run_is_known_in_every_ecosystem(path: str) -> None:
    assert steers(path)


@pytest.mark.parametrize(
    "path", ["src/unity/scene.py", "app/pytest_report.py", "docs/vite.md", "lib/names.py", "tasks.py"]
)
def test_what_only_sounds_like_it_is_the_products(path: str) -> None:
    assert not steers(path)


CARGO = '[package]\nname = "x"\nversion = "0.1.0"\n\n[dependencies]\nserde = "1"\n'
PACKAGE = '{"scripts": {"test": "node --test"}, "dependencies": {"ms": "1.0.0"}}'
CMAKE = "project(x C)\nadd_library(x a.c)\nadd_test(NAME t COMMAND t)\n"


@pytest.mark.parametrize(
    ("path", "base", "work"),
    [
        ("Cargo.toml", CARGO, CARGO + 'rand = "0.8"\n'),
        ("package.json", PACKAGE, PACKAGE.replace("1.0.0", "^2.0.0")),
        ("go.mod", "module x\n\ngo 1.21\n", "module x\n\ngo 1.21\n\nrequire a.b/c v1.0.0\n"),
        ("CMakeLists.txt", CMAKE, CMAKE.replace("a.c", "a.c b.c")),
        (
            "build.gradle",
            "plugins {}\ndependencies { a }\ntest {}\n",
            "plugins {}\ndependencies { a { b } }\ntest {}\n",
        ),
        ("pom.xml", "<p><dependencies></dependencies></p>", "<p><dependencies><d/></dependencies></p>"),
    ],
)
def test_a_build_file_that_only_asks_for_more_stays_as_the_work_has_it(path: str, base: str, work: str) -> None:
    assert merged(path, base.encode(), work.encode()) == work.encode()


@pytest.mark.parametrize(
    ("path", "base", "work"),
    [
        ("Cargo.toml", CARGO, CARGO + '\n[[test]]\nname = "t"\nharness = false\n'),
        ("Cargo.toml", CARGO, CARGO.replace('"1"', '{ path = "fake" }')),
        ("Cargo.toml", CARGO, CARGO + "\n[profile.test]\ndebug-assertions = false\n"),
        ("CMakeLists.txt", CMAKE, CMAKE + "set_tests_properties(t PROPERTIES WILL_FAIL 1)\n"),
        ("build.gradle", "test {}\n", "test { ignoreFailures = true }\n"),
        ("pom.xml", "<p><build/></p>", "<p><build><skipTests/></build></p>"),
        ("Makefile", "test:\n\ta\n", "test:\n\tb\n"),
        ("package.json", "{", "{}"),
    ],
)
def test_a_build_file_that_changes_how_it_is_judged_is_the_bases(path: str, base: str, work: str) -> None:
    assert merged(path, base.encode(), work.encode()).split() == base.encode().split()


def test_of_a_package_the_scripts_are_the_bases_and_the_dependencies_the_works() -> None:
    work = {
        "scripts": {"test": "true", "pretest": "sh x"},
        "jest": {},
        "type": "module",
        "dependencies": {"ms": "file:fake", "a": "1"},
    }
    judged = json.loads(merged("package.json", PACKAGE.encode(), json.dumps(work).encode()))
    assert judged["scripts"] == {"test": "node --test"}
    assert judged["dependencies"] == {"ms": "1.0.0", "a": "1"}
    assert judged["type"] == "module"
    assert "jest" not in judged


def test_a_file_below_a_link_that_leads_out_is_not_read(product: Repo, tmp_path: Path) -> None:
    from reconciler.execute.gates.rig import put_back

    product.commit({"d/package.json": PACKAGE})
    base = Base(product.path, git(product.path, "rev-parse", "HEAD"))
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "package.json").write_text('{"dependencies": {"secret": "1"}}')
    (root / "d").symlink_to(tmp_path)
    assert put_back(base, root, ["d/package.json"]) == {"d/package.json": PACKAGE.encode()}


def test_what_a_makefile_takes_in_is_known_by_name_variable_and_pattern_there_or_not() -> None:
    texts = {
        "sub/Makefile": "MORE = more.mk\ninclude config $(MORE)\n"
        "-include .env \\\n  $(wildcard local/*.mk)\ntest:\n\t:\n",
        "sub/more.mk": "sinclude deep.mk\n",
        "sub/local/a.mk": "A = 1\n",
        "other.mk": "",
    }
    whole, names = makefile.with_included("sub/Makefile", texts, lambda path: [texts[path]])
    assert names == {"sub/config", "sub/more.mk", "sub/.env", "sub/local/*.mk", "sub/deep.mk"}
    assert "A = 1" in whole
    assert "deep.mk" in whole
    assert makefile.is_named("sub/local/new.mk", names)
    assert not makefile.is_named("other.mk", names)
