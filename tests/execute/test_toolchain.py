"""Which programs outside the system folders a command may see: installations, and never what lies beside a program."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from reconciler.execute.enclosure import enclose, program
from reconciler.execute.process import Completed
from reconciler.execute.sandbox import Sandbox
from reconciler.execute.toolchain import OWN_PYTHON, Toolchain, toolchain

SECRET = "canary-of-a-project"
Look = Callable[..., Toolchain]


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Not below /tmp, which a command has an own one of."""
    assert Sandbox.detect()
    folder = Path(tempfile.mkdtemp(dir="/var/tmp", prefix="alai-home-"))
    monkeypatch.setenv("HOME", str(folder))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def look(monkeypatch: pytest.MonkeyPatch) -> Iterator[Look]:
    """The toolchain with these folders first on the path."""

    def found(*folders: Path) -> Toolchain:
        monkeypatch.setenv("PATH", ":".join([*map(str, folders), "/usr/bin", "/bin"]))
        toolchain.cache_clear()
        return toolchain()

    yield found
    monkeypatch.undo()
    toolchain.cache_clear()


def tool(place: Path, text: str = "echo mine") -> Path:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(f"#!/bin/sh\n{text}\n")
    place.chmod(0o755)
    return place


def keep(*places: Path) -> None:
    for place in places:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(SECRET)


def sh(root: Path, text: str) -> Completed:
    sandbox = Sandbox.detect()
    assert sandbox
    return asyncio.run(sandbox.run(["/bin/sh", "-c", text], root=root, timeout=20))


def test_of_a_project_with_a_bin_on_the_path_only_the_program_is_seen(home: Path, look: Look, tmp_path: Path) -> None:
    project = home / "work/payroll"
    tool(project / "bin/make")
    keep(project / ".env", project / ".git/config", project / "lib/pay.py", project / "bin/token")
    found = look(project / "bin")
    assert found.alone == (str(project / "bin/make"),)
    private = " ".join(f"{project}/{name}" for name in (".env", ".git/config", "lib/pay.py", "bin/token"))
    done = sh(tmp_path, f"cat {private}; ls -A {project}")
    assert SECRET not in done.text()
    assert done.text().count("No such file") == 4
    assert done.text().endswith("\nbin\n")
    assert sh(tmp_path, "make").text() == "mine\n"


def test_a_link_to_a_script_shows_that_script_and_nothing_beside_it(home: Path, look: Look, tmp_path: Path) -> None:
    scripts = home / "src/dotfiles/scripts"
    tool(scripts / "git")
    keep(scripts / ".netrc", home / "bin/notes", home / "src/dotfiles/.git/config")
    (home / "bin/git").symlink_to("../src/dotfiles/scripts/git")
    look(home / "bin")
    private = (scripts / ".netrc", home / "bin/notes", home / "src/dotfiles/.git/config")
    assert SECRET not in sh(tmp_path, f"cat {' '.join(map(str, private))}").text()
    assert sh(tmp_path, f"ls -A {scripts}; ls -A {home}/bin").text() == "git\ngit\n"
    assert sh(tmp_path, "git").text() == "mine\n"


def test_a_folder_on_the_path_that_is_a_link_shows_no_more(home: Path, look: Look, tmp_path: Path) -> None:
    tool(home / "src/dotfiles/bin/git")
    keep(home / "src/dotfiles/bin/.netrc")
    (home / "bin").symlink_to("src/dotfiles/bin")
    look(home / "bin")
    assert SECRET not in sh(tmp_path, f"cat {home}/bin/.netrc {home}/src/dotfiles/bin/.netrc").text()
    assert sh(tmp_path, "git").text() == "mine\n"


@pytest.mark.parametrize(
    "private", [".env", ".env.local", ".netrc", ".git/config", "credentials.json", "id_rsa", ".aws/x"]
)
def test_not_even_an_installation_is_seen_where_something_private_lies_in_it(
    home: Path, look: Look, private: str
) -> None:
    prefix = home / "opt/node"
    tool(prefix / "bin/node")
    (prefix / "lib/node_modules").mkdir(parents=True)
    assert str(prefix) in look(prefix / "bin").folders
    keep(prefix / private)
    found = look(prefix / "bin")
    assert str(prefix) not in found.folders
    assert found.alone == (str(prefix / "bin/node"),)


@pytest.mark.parametrize("shared", [".local", ".config", ""])
def test_what_all_programs_of_a_home_share_is_no_installation(home: Path, look: Look, shared: str) -> None:
    tool(home / shared / "bin/node")
    (home / shared / "lib/python3.11").mkdir(parents=True)
    keep(home / shared / "share/keyrings/login")
    assert look(home / shared / "bin").alone == (str(home / shared / "bin/node"),)


def test_installations_of_version_managers_are_seen_as_a_whole(home: Path, look: Look, tmp_path: Path) -> None:
    node = home / ".nvm/versions/node/v20"
    tool(node / "bin/node", 'cat "$(dirname "$0")/../lib/node_modules/npm/bin/npm-cli.js" | tail -1')
    tool(node / "lib/node_modules/npm/bin/npm-cli.js", "echo npm")
    (node / "bin/npm").symlink_to("../lib/node_modules/npm/bin/npm-cli.js")
    keep(home / ".nvm/.git/config", node / "etc/npmrc")
    python = home / ".pyenv/versions/3.11"
    tool(python / "bin/python3", "echo python")
    (python / "lib/python3.11").mkdir(parents=True)
    tool(home / ".pyenv/shims/python3", "echo a wrapper")
    keep(home / ".pyenv/.git/config")
    found = look(home / ".pyenv/shims", python / "bin", node / "bin")
    assert found.alone == ()
    assert {str(node), str(python)} <= set(found.folders)
    assert sh(tmp_path, "node; npm; python3").text().split("\n") == ["echo npm", "npm", "python", ""]
    assert SECRET not in sh(tmp_path, f"cat {node}/etc/npmrc {home}/.nvm/.git/config {home}/.pyenv/.git/config").text()


def test_cargo_is_the_one_behind_rustup_and_its_login_is_not_seen(home: Path, look: Look, tmp_path: Path) -> None:
    tool(home / ".cargo/bin/rustup", "echo needs a home")
    (home / ".cargo/bin/cargo").symlink_to("rustup")
    keep(home / ".cargo/credentials.toml")
    real = home / ".rustup/toolchains/stable-x"
    tool(real / "bin/cargo", "echo cargo")
    (real / "lib/rustlib").mkdir(parents=True)
    (home / ".rustup/settings.toml").write_text('default_toolchain = "stable-x"\n')
    assert str(real) in look(home / ".cargo/bin").folders
    assert sh(tmp_path, "cargo").text() == "cargo\n"
    assert SECRET not in sh(tmp_path, f"cat {home}/.cargo/credentials.toml; ls -A {home}/.cargo").text()


def test_cargo_is_found_behind_rustup_wherever_its_homes_are(
    home: Path, look: Look, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool(home / "rust/cargo/bin/rustup", "echo needs a home")
    (home / "rust/cargo/bin/cargo").symlink_to("rustup")
    keep(home / "rust/cargo/credentials.toml")
    monkeypatch.setenv("RUSTUP_HOME", str(home / "rust/up"))
    monkeypatch.setenv("CARGO_HOME", str(home / "rust/cargo"))
    for name in ("nightly-x", "stable-x"):
        tool(home / f"rust/up/toolchains/{name}/bin/cargo", f"echo {name}")
        (home / f"rust/up/toolchains/{name}/lib/rustlib").mkdir(parents=True)
    look(home / "rust/cargo/bin")
    assert sh(tmp_path, "cargo").text() == "stable-x\n", "no settings name one"
    (home / "rust/up/settings.toml").write_text('default_toolchain = "nightly"\n')
    look(home / "rust/cargo/bin")
    assert sh(tmp_path, "cargo").text() == "nightly-x\n", "a channel without the machine"
    assert SECRET not in sh(tmp_path, f"cat {home}/rust/cargo/credentials.toml; ls -A {home}/rust/cargo").text()


def test_what_the_wrappers_of_pyenv_asdf_and_mise_stand_for_is_found(home: Path, look: Look, tmp_path: Path) -> None:
    for version in ("20.9.0", "20.10.0", "18.0.0"):
        tool(home / f".asdf/installs/nodejs/{version}/bin/node", f"echo node {version}")
        (home / f".asdf/installs/nodejs/{version}/lib/node_modules").mkdir(parents=True)
        tool(home / f".rbenv/versions/{version}/bin/ruby", f"echo ruby {version}")
        (home / f".rbenv/versions/{version}/lib/ruby").mkdir(parents=True)
    deno = home / ".local/share/mise/installs/deno"
    tool(deno / "2.1.0/deno", "echo deno 2.1.0")
    (deno / "latest").symlink_to("2.1.0")
    (home / ".rbenv/version").write_text("18.0.0\n")
    keep(home / ".asdf/secret", home / ".local/share/mise/token")
    shims = [home / ".asdf/shims", home / ".rbenv/shims", home / ".local/share/mise/shims"]
    for folder, name in zip(shims, ("node", "ruby", "deno"), strict=True):
        tool(folder / name, "echo a wrapper")
    look(*shims)
    assert sh(tmp_path, "node; ruby; deno").text().split("\n") == ["node 20.10.0", "ruby 18.0.0", "deno 2.1.0", ""]
    (home / ".tool-versions").write_text("nodejs 18.0.0\n")
    look(*shims)
    assert sh(tmp_path, "node").text() == "node 18.0.0\n"
    assert SECRET not in sh(tmp_path, f"cat {home}/.asdf/secret {home}/.local/share/mise/token").text()


def test_a_program_of_pipx_or_uv_is_found_with_its_environment_and_the_python_of_that(
    home: Path, look: Look, tmp_path: Path
) -> None:
    python = home / ".local/share/uv/python/cpython-3.12"
    tool(python / "bin/python3.12", 'echo "$(basename "$1") by the python of uv"')
    (python / "lib/python3.12").mkdir(parents=True)
    environment = home / ".local/share/pipx/venvs/poetry"
    (environment / "bin").mkdir(parents=True)
    (environment / "pyvenv.cfg").write_text(f"home = {python}/bin\n")
    (environment / "bin/python").symlink_to(python / "bin/python3.12")
    tool(environment / "bin/poetry", f'exec {environment}/bin/python "$0"')
    (home / ".local/bin").mkdir(parents=True)
    (home / ".local/bin/poetry").symlink_to(environment / "bin/poetry")
    keep(home / ".local/share/keyrings/login", home / ".local/bin/token")
    look(home / ".local/bin")
    assert sh(tmp_path, "poetry").text() == "poetry by the python of uv\n"
    assert SECRET not in sh(tmp_path, f"cat {home}/.local/share/keyrings/login {home}/.local/bin/token").text()


def test_what_sdkman_and_homebrew_install_is_seen(home: Path, look: Look, tmp_path: Path) -> None:
    java = home / ".sdkman/candidates/java/21.0.2-tem"
    tool(java / "bin/java", "echo java")
    (java / "lib").mkdir()
    (java / "lib/modules").touch()
    (java.parent / "current").symlink_to(java.name)
    brew = home / "homebrew"
    tool(brew / "Cellar/go/1.22/bin/go", "echo go")
    (brew / "bin").mkdir()
    (brew / "bin/go").symlink_to("../Cellar/go/1.22/bin/go")
    keep(brew / ".git/config", home / ".sdkman/etc/config")
    look(java.parent / "current/bin", brew / "bin")
    assert sh(tmp_path, "java; go").text() == "java\ngo\n"
    assert SECRET not in sh(tmp_path, f"cat {home}/.sdkman/etc/config").text()


def test_every_command_is_told_that_nobody_sits_in_front_of_it(tmp_path: Path) -> None:
    assert sh(tmp_path, 'echo "$CI"').text() == "true\n"


def test_a_virtual_environment_is_seen_without_the_project_that_it_lies_in(
    home: Path, look: Look, tmp_path: Path
) -> None:
    project = home / "work/app"
    for place in (project, project / ".venv"):
        (place / "bin").mkdir(parents=True)
        (place / "lib").mkdir()
        (place / "pyvenv.cfg").write_text("home = /usr/bin\n")
        (place / "bin/python3").symlink_to(OWN_PYTHON)
    keep(project / ".env", project / "notes.txt")
    look(project / ".venv/bin")
    assert sh(tmp_path, f"cat {project}/.env; command -v python3").text().split()[-1] == f"{project}/.venv/bin/python3"
    assert str(project / ".venv") in toolchain().folders
    parts = [str(project / name) for name in ("bin", "lib", "pyvenv.cfg")]
    assert set(parts) <= set(look(project / "bin").folders)
    argv, show = program([str(project / "bin/python3")]) or ([], [])
    assert argv == [str(project / "bin/python3")]
    assert [str(path) for path in show][:3] == parts[-1:] + parts[:2]
    assert SECRET not in sh(tmp_path, f"cat {project}/.env {project}/notes.txt").text()


def test_our_own_python_is_always_there(home: Path, look: Look, tmp_path: Path) -> None:
    keep(home / "x")
    look(home)
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    said = sh(tmp_path, f"{OWN_PYTHON} -c 'import sys, ssl, json; print(sys.version[:4])'").text()
    assert said.startswith(version)


def test_an_agents_program_that_is_a_link_in_a_home_starts_as_it_does_for_the_user(home: Path, look: Look) -> None:
    (home / "bin").mkdir()
    (home / "bin/python3").symlink_to("/usr/bin/python3")
    look(home / "bin")
    found = program(("python3", "-c", "print('mine')"))
    assert found is not None
    argv, show = found
    scratch = home / "scratch"
    scratch.mkdir()
    sandbox = Sandbox.detect()
    assert sandbox is not None
    enclosed = enclose(sandbox, argv, scratch=scratch, show=show, env={})
    done = subprocess.run(
        enclosed.argv, cwd=enclosed.cwd, env=enclosed.env, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "mine\n"), done.stderr
