"""Puts a model's sentence where a prepared one stands, if it is fit to be read: `prose.py ANSWER TARGET PREPARED`.

ANSWER is the file with the model's words; it is removed. TARGET holds the line PREPARED, which stays when the answer is
not usable. A small model rambles, so only plain sentences pass: no markup, no brackets, no talk about itself.
"""

import re
import sys
from pathlib import Path

LONGEST = 240
SHORTEST = 40
SENTENCE = re.compile(r"[A-ZÆØÅ][\w ,;:’–-]*\.")
UNFIT = re.compile(
    r"\b(I|I'm|my|as an ai|language model|sentence|here is|here's|sure|note|placeholder|todo|tbd|insert|example|guarantee\w*|free)\b",
    re.IGNORECASE,
)


def usable(answer: str) -> str | None:
    """The leading whole sentences that fit into 240 characters, or None where nothing readable is left."""
    text = " ".join(answer.replace('"', "").split())
    kept = ""
    for match in re.finditer(r"[^.!?]+[.!?]", text):
        sentence = match.group().strip()
        if not SENTENCE.fullmatch(sentence) or UNFIT.search(sentence) or sentence in kept:
            break
        if len(kept) + len(sentence) + 1 > LONGEST:
            break
        kept = f"{kept} {sentence}".strip()
    return kept if len(kept) >= SHORTEST else None


def main(answer: Path, target: Path, prepared: str) -> int:
    written = answer.read_text(encoding="utf-8") if answer.exists() else ""
    answer.unlink(missing_ok=True)
    text = target.read_text(encoding="utf-8")
    if prepared not in text:
        print(f"{target} does not hold the prepared sentence", file=sys.stderr)
        return 1
    sentence = usable(written)
    if sentence is None:
        print(f"{target}: the answer is not fit to be read, so the prepared sentence stays")
        return 0
    target.write_text(text.replace(prepared, sentence, 1), encoding="utf-8")
    print(f"{target}: took the model's words: {sentence}")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]))
