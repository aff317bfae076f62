from __future__ import annotations

import pytest

from agent_hive.agent.skills import count_words, summarise


def test_words_are_counted_whatever_their_case() -> None:
    assert count_words("The bee. The hive! the") == {"words": 5, "most_common": [("the", 3), ("bee", 1), ("hive", 1)]}


def test_the_sentence_with_the_most_frequent_words_is_chosen() -> None:
    assert summarise("A bee flies. The hive, the hive! Who knows?") == {"sentence": "The hive, the hive!"}


@pytest.mark.parametrize("text", ["", "...", "  "])
def test_a_text_without_words_has_no_summary(text: str) -> None:
    assert count_words(text) == {"words": 0, "most_common": []}
    assert summarise(text)["sentence"] in {"", text.strip()}
