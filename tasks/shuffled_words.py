"""The words of a text in seeded random order."""

from __future__ import annotations

from itr_bench.tasks.derangement import rank


def shuffled(text: str, tweet_id: str) -> str:
    """Return the words of *text*, parted by whitespace, in another order.

    The order depends on the tweet's id and the number of words alone: their places are sorted by
    the SHA-256 of seed, id and place. Where that leaves the text as it was, the first word goes to
    the end. A text of one word, or of one word over and over, stays.
    """
    words = text.split()
    if len(set(words)) < 2:
        return text
    places = sorted(range(len(words)), key=lambda place: rank("words", tweet_id, place))
    found = [words[place] for place in places]
    return " ".join(found if found != words else [*words[1:], words[0]])
