"""Signatures that this process makes and checks, held against git and ssh-keygen."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from reconciler.git.run import run
from reconciler.git.sshsig import BadKey, Key, signed_commit, signer
from tests.git.conftest import Git

needs_keygen = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="ssh-keygen is not installed")


def raw(root: Path, commit: str) -> bytes:
    return run(root, "cat-file", "commit", commit).stdout


def store(root: Path, content: bytes) -> str:
    return run(root, "hash-object", "-t", "commit", "-w", "--stdin", data=content).stdout.decode().strip()


@pytest.fixture
def commit(factory: Path) -> bytes:
    return raw(factory, "HEAD")


@needs_keygen
def test_git_agrees_with_our_signature(factory: Path, git: Git, commit: bytes, tmp_path: Path) -> None:
    key = Key.make()
    ours = store(factory, signed_commit(key, commit))
    signers = tmp_path / "signers"
    signers.write_text(f'alai-reconcile@localhost namespaces="git" {key.public} somewhere\n')
    config = ("-c", "gpg.format=ssh", "-c", f"gpg.ssh.allowedSignersFile={signers}")
    git(factory, *config, "verify-commit", ours)
    assert 'Good "git" signature for alai-reconcile@localhost' in git(factory, *config, "log", "--show-signature", ours)
    signers.write_text(f"alai-reconcile@localhost {Key.make().public}\n")
    assert "No principal matched" in git(factory, *config, "log", "--show-signature", ours)


@needs_keygen
def test_we_agree_with_the_signature_that_git_and_ssh_keygen_make_with_our_key_file(
    factory: Path, git: Git, tmp_path: Path
) -> None:
    key, file = Key.make(), tmp_path / "key"
    file.write_bytes(key.write("here"))
    file.chmod(0o600)
    public = subprocess.run(["ssh-keygen", "-y", "-f", str(file)], capture_output=True, text=True, check=True).stdout
    assert public.split()[:2] == key.public.split()
    assert Key.read(file.read_bytes()).public == key.public
    config = ("-c", "gpg.format=ssh", "-c", f"user.signingKey={file}")
    git(factory, *config, "commit", "-q", "--allow-empty", "-S", "-m", "by git")
    assert signer(raw(factory, "HEAD")) == key.public


@needs_keygen
def test_a_key_that_ssh_keygen_made_can_be_used_and_one_with_a_passphrase_cannot(tmp_path: Path, commit: bytes) -> None:
    for passphrase in ("", "secret"):
        file = tmp_path / f"key{passphrase}"
        make = ["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-f", str(file)]
        subprocess.run(make, check=True)
        if passphrase:
            with pytest.raises(BadKey):
                Key.read(file.read_bytes())
        else:
            key = Key.read(file.read_bytes())
            assert signer(signed_commit(key, commit)) == " ".join(Path(f"{file}.pub").read_text().split()[:2])


def test_any_changed_byte_of_a_signed_commit_is_noticed(commit: bytes) -> None:
    key = Key.make()
    content = signed_commit(key, commit)
    assert signer(content) == key.public
    assert signer(commit) is None
    for at in range(0, len(content), 7):
        assert signer(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]) is None
    assert signer(content + b"\n") is None


def test_a_header_behind_the_signature_or_a_second_signature_does_not_count(commit: bytes) -> None:
    key = Key.make()
    header, _, message = signed_commit(key, commit).partition(b"\n\n")
    assert signer(header + b"\nencoding latin1\n\n" + message) is None
    twice = signed_commit(Key.make(), signed_commit(key, commit))
    assert signer(twice) is None


def test_the_signature_of_another_namespace_or_key_type_does_not_count(commit: bytes, tmp_path: Path) -> None:
    key = Key.make()
    good = signed_commit(key, commit)
    assert signer(good.replace(b"-----BEGIN SSH", b"-----BEGIN PGP")) is None
    if shutil.which("ssh-keygen") is None:
        return
    file, message = tmp_path / "key", tmp_path / "message"
    file.write_bytes(key.write(""))
    file.chmod(0o600)
    message.write_bytes(commit)
    subprocess.run(["ssh-keygen", "-q", "-Y", "sign", "-n", "file", "-f", str(file), str(message)], check=True)
    header, _, body = commit.partition(b"\n\n")
    for_files = Path(f"{message}.sig").read_bytes().rstrip(b"\n").replace(b"\n", b"\n ")
    assert signer(header + b"\ngpgsig " + for_files + b"\n\n" + body) is None


def test_bytes_that_are_no_key_are_refused_and_garbage_as_a_signature_is_none(commit: bytes) -> None:
    body = Key.make().write("x")
    for broken in (b"", b"x", body[:80], body.replace(b"OPENSSH", b"RSA"), body.replace(body[60:64], b"AAAA")):
        with pytest.raises(BadKey):
            Key.read(broken)
    header, _, message = commit.partition(b"\n\n")
    for garbage in (b"", b"-----BEGIN SSH SIGNATURE-----", b"-----BEGIN SSH SIGNATURE-----\n AAAA"):
        assert signer(header + b"\ngpgsig " + garbage + b"\n\n" + message) is None
