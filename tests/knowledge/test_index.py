from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.knowledge.entry import Entry, render
from reconciler.knowledge.index import Index, StoreUnusable


def file(path: str, text: str, **values: object) -> tuple[str, bytes]:
    return path, render(Entry(source="codecraft/builder", text=text, **values))  # type: ignore[arg-type]


@pytest.fixture
def index(tmp_path: Path) -> Index:
    return Index(tmp_path / "state" / "knowledge.db")


def paths(found: list[Entry]) -> list[str]:
    return [entry.path for entry in found]


def test_the_entry_with_more_of_the_asked_words_comes_first(index: Index) -> None:
    index.project(
        [
            file("a.md", "The schema has a table for meals."),
            file("b.md", "PSD2 consent lasts 90 days; the consent screen is in the payment service."),
            file("c.md", "The payment service speaks HTTP."),
        ]
    )
    assert paths(index.search("How does the payment service handle PSD2 consent?"))[:2] == ["b.md", "c.md"]
    assert paths(index.search("meal")) == ["a.md"]
    assert index.search("kubernetes") == []


def test_a_found_entry_is_the_one_that_was_written(index: Index) -> None:
    entry = Entry(
        source="a", text="Ktor needs port 8080", tags=("ktor", "port"), product="bento", created=5.0, path="k.md"
    )
    index.project([("k.md", render(entry))])
    assert index.search("port") == [entry]


def test_the_same_product_comes_first_and_tags_weigh_more_than_text(index: Index) -> None:
    index.project(
        [
            file("drop.md", "Rate limits belong in the gateway.", product="drop"),
            file("bento.md", "Rate limits belong in the gateway, and in the API as well.", product="bento"),
        ]
    )
    assert paths(index.search("rate limits gateway"))[0] == "drop.md"
    assert paths(index.search("rate limits gateway", product="bento"))[0] == "bento.md"
    index.project(
        [file("tagged.md", "About something else entirely.", tags=("cors",)), file("said.md", "We use cors.")]
    )
    assert paths(index.search("cors")) == ["tagged.md", "said.md"]


def test_files_are_replaced_removed_and_skipped(index: Index) -> None:
    assert index.project([file("a.md", "first words"), ("broken.md", b"nothing")]) == 1
    index.project([file("a.md", "second thoughts")])
    assert index.search("first") == []
    assert paths(index.search("second")) == ["a.md"]
    assert index.project([("a.md", b"now broken")]) == 1
    assert index.search("second") == []
    index.project([file("b.md", "third"), file("c.md", "third")])
    index.project([], ["b.md", "never-there.md"])
    assert paths(index.search("third")) == ["c.md"]
    index.reset()
    assert index.search("third") == []


def test_no_more_is_given_than_asked_for(index: Index) -> None:
    index.project([file(f"{i}.md", f"port {i}", created=float(i)) for i in range(20)])
    assert len(index.search("port")) == 5
    assert len(index.search("port", limit=3)) == 3
    assert index.search("port", limit=0) == []


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Index:
    index = Index(tmp_path_factory.mktemp("k") / "knowledge.db")
    index.project([file("a.md", 'near or and not _ text: col*umn "quoted" (x) {y} ^z -w é ß 水')])
    return index


@settings(max_examples=300)
@given(
    st.text()
    | st.lists(
        st.sampled_from(
            [
                '"',
                "'",
                "*",
                "(",
                ")",
                ":",
                "^",
                "-",
                "+",
                "NEAR",
                "AND",
                "OR",
                "NOT",
                "{",
                "}",
                ",",
                "text:",
                "\\",
                "\x00",
                "_",
                "__",
                "é",
            ]
        )
    ).map(" ".join)
)
def test_any_text_is_a_question(filled: Index, query: str) -> None:
    assert len(filled.search(query, product=query.replace("\0", "") if query.isascii() else None)) <= 1


def test_processes_search_while_another_writes(tmp_path: Path) -> None:
    path = tmp_path / "knowledge.db"
    Index(path).project([file("a.md", "steady")])
    reader = (
        "import sys; from pathlib import Path; from reconciler.knowledge.index import Index\n"
        "index = Index(Path(sys.argv[1]))\n"
        "print(sum(len(index.search('steady')) for _ in range(200)))"
    )
    readers = [subprocess.Popen([sys.executable, "-c", reader, str(path)], stdout=subprocess.PIPE) for _ in range(2)]
    writer = Index(path)
    for number in range(100):
        writer.project([file(f"w{number}.md", "other words")])
    assert [process.communicate()[0].strip() for process in readers] == [b"200", b"200"]


def test_a_file_that_is_no_index_is_refused(tmp_path: Path) -> None:
    (tmp_path / "knowledge.db").write_bytes(b"not a database at all" * 100)
    with pytest.raises(StoreUnusable, match="delete state/ and run rebuild"):
        Index(tmp_path / "knowledge.db")


def test_an_index_of_another_version_is_emptied_by_who_fills_it_only(tmp_path: Path) -> None:
    path = tmp_path / "knowledge.db"
    index = Index(path)
    index.project([file("a.md", "steady")])
    index.close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 999")
    connection.close()
    with pytest.raises(StoreUnusable, match="schema version 999"):
        Index(path)
    again = Index(path, renew=True)
    assert again.emptied
    assert again.search("steady") == []
    again.project([file("a.md", "steady")])
    assert len(Index(path).search("steady")) == 1
