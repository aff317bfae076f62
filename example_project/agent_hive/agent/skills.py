"""The skills that an agent can offer; each turns a text into a result."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

Skill = Callable[[str], dict[str, object]]
"""A function that returns a result to be sent as JSON."""

_WORD = re.compile(r"\w+")
_SENTENCE = re.compile(r"[^.!?]+[.!?]?")


def count_words(text: str) -> dict[str, object]:
    """Count the words of a text, and name the most frequent."""
    counts = Counter(word.lower() for word in _WORD.findall(text))
    return {"words": counts.total(), "most_common": counts.most_common(3)}


def summarise(text: str) -> dict[str, object]:
    """Choose the sentence whose words are the most frequent in the text."""
    counts = Counter(word.lower() for word in _WORD.findall(text))
    sentences = [sentence.strip() for sentence in _SENTENCE.findall(text)]

    def weight(sentence: str) -> float:
        words = _WORD.findall(sentence)
        return sum(counts[word.lower()] for word in words) / len(words) if words else 0.0

    return {"sentence": max(sentences, key=weight, default="")}


SKILLS: Final[Mapping[str, Skill]] = MappingProxyType({"count": count_words, "summary": summarise})
"""The skills by capability."""
