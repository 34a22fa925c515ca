"""Which other tweet stands in for a tweet: a seeded derangement, the same on every machine.

The tweets are put into an order by the SHA-256 of seed and tweet id, and each is given the next
one; the last is given the first. Where the next one has the same image or the same text, partners
are exchanged along the shortest chain that helps; where none helps, it stays. No random number
generator is asked.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Mapping, Sequence

from itr_bench.errors import DataError

SEED = "itr-bench 1"
"""Stands in every hash that an order is made of."""


def rank(*parts: object) -> str:
    """What things are sorted by to get a seeded random order: a hash of *parts* and the seed."""
    return hashlib.sha256("\n".join(map(str, (SEED, *parts))).encode()).hexdigest()


def derangement(
    tweet_ids: Sequence[str], images: Sequence[str], texts: Sequence[str]
) -> tuple[int, ...]:
    """For each tweet, the row of the tweet that stands in for it; each stands in for one.

    Args:
        tweet_ids: the tweets, each once.
        images: the hash of each tweet's image.
        texts: each tweet's text as prompts show it.

    Returns:
        One row a tweet, never its own. As few as possible have the same image or the same text,
        none if there is any derangement in which this is so.

    Raises:
        DataError: fewer than two tweets.
    """
    count = len(tweet_ids)
    if count < 2:
        raise DataError(
            f"{count} tweet has no other to take image or text from; these variants need a set of "
            "two or more"
        )
    order = sorted(range(count), key=lambda row: (rank("other", tweet_ids[row]), tweet_ids[row]))
    first = {row: order[(place + 1) % count] for place, row in enumerate(order)}
    shown = [text.strip() for text in texts]

    def differs(row: int, other: int) -> bool:
        return row != other and images[row] != images[other] and shown[row] != shown[other]

    found = _with_exchanges(first, order, differs)
    return tuple(found[row] for row in range(count))


def _with_exchanges(
    first: dict[int, int], order: Sequence[int], allowed: Callable[[int, int], bool]
) -> dict[int, int]:
    """*first* with few partners exchanged, so that as many as possible are *allowed*."""
    kept = {row: other for row, other in first.items() if allowed(row, other)}
    partner = _matched(kept, order, order, allowed)
    taken = set(partner.values())
    rows = [row for row in order if row not in partner]
    free = [row for row in order if row not in taken]
    if rows == free and len(rows) == 1:
        # Alone with itself: it changes places with one whose partner it may have, if any.
        row = rows[0]
        others = [other for other in order if other != row]
        helper = next((other for other in others if allowed(row, partner[other])), others[0])
        partner[row], partner[helper] = partner[helper], row
        return partner
    return partner | _matched({}, rows, free, lambda row, other: row != other)


def _matched(
    partner: Mapping[int, int],
    rows: Sequence[int],
    others: Sequence[int],
    allowed: Callable[[int, int], bool],
) -> dict[int, int]:
    """A largest matching of *rows* and *others* that begins with *partner*, by augmenting paths."""
    partner = dict(partner)
    owner = {other: row for row, other in partner.items()}
    dead: set[int] = set()  # partners from which no free one is reached, now and later
    for start in rows:
        if start in partner:
            continue
        came_from: dict[int, int] = {}  # by partner, the row that asks for it
        asking = deque([start])
        free = None
        while asking and free is None:
            row = asking.popleft()
            for other in others:
                if other in came_from or other in dead or not allowed(row, other):
                    continue
                came_from[other] = row
                if other not in owner:
                    free = other
                    break
                asking.append(owner[other])
        if free is None:
            dead.update(came_from)
        while free is not None:
            row = came_from[free]
            before = partner.get(row)
            partner[row], owner[free] = free, row
            free = before
    return partner
