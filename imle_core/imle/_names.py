"""Names as people write them: which of the known ones is meant, and which is close."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping


def meant(name: str, known: Iterable[str]) -> str:
    """The known name that has the same letters and digits, whatever their case and what joins them.

    Returns:
        The name itself if it is known, or if no other or more than one is spelled like it: "TopK" and "top_k" mean
        "topk".
    """
    names = list(known)
    same = [] if name in names else [other for other in names if _letters(other) == _letters(name)]
    return same[0] if len(same) == 1 else name


def closest(
    name: str, known: Iterable[str], *, most: int = 1, synonyms: Mapping[str, Iterable[str]] | None = None
) -> list[str]:
    """Known names that may have been meant, the likeliest first.

    Args:
        name: one that is not known.
        known: those that are.
        most: how many are wanted.
        synonyms: what known names are called elsewhere; one of these tells more than any likeness of letters.
    """
    names = list(known)
    letters = _letters(name)
    called = [other for other, words in (synonyms or {}).items() if letters in map(_letters, words)]
    by_letters: dict[str, list[str]] = {}
    for other in names:
        by_letters.setdefault(_letters(other), []).append(other)
    alike = difflib.get_close_matches(letters, by_letters, n=most)
    found = [*called, *(other for spelling in alike for other in by_letters[spelling])]
    return list(dict.fromkeys(found))[:most]


def _letters(name: str) -> str:
    return "".join(character for character in name.casefold() if character.isalnum())
