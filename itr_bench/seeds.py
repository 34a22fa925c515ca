"""The seeds of a run: the paper's ten, or others by number or by name."""

from __future__ import annotations

import random
from collections.abc import Sequence

from itr_bench.errors import ItrBenchError

# Rikters & Marrese-Taylor 2025 (arXiv:2505.05040), in their order.
PAPER_SEEDS = (8263, 10652, 29960, 19236, 4037, 21154, 13930, 18412, 26602, 5220)
_MOST = 1000
_BELOW = 2**32  # what numpy takes
_EXPECTED = "expected `paper`, a count such as 3, or a list such as 8263,10652"


def seeds_text(given: str | int | Sequence[int]) -> str:
    """Seeds as the command line takes them."""
    return str(given) if isinstance(given, str | int) else "".join(f"{seed}," for seed in given)


def read_seeds(given: str | int | Sequence[int]) -> tuple[int, ...]:
    """Read what a user gives as seeds.

    Args:
        given: ``paper``, a count, or seeds, also as text with commas between them: ``7,`` is the
            one seed 7.

    Returns:
        distinct seeds, each 0 or more and below 2**32.

    Raises:
        ItrBenchError: anything else.
    """
    text = seeds_text(given)
    if text == "paper":
        return PAPER_SEEDS
    parts = [part.strip() for part in text.split(",")]
    if len(parts) > 1 and not parts[-1]:
        parts.pop()
    if not all(part.isascii() and part.isdigit() for part in parts):
        raise ItrBenchError(f"seeds {text!r}: {_EXPECTED}")
    numbers = [int(part) for part in parts]
    if "," not in text:
        return _first(numbers[0])
    if len(set(numbers)) < len(numbers) or max(numbers) >= _BELOW:
        raise ItrBenchError(f"seeds {text!r}: {_EXPECTED}, each once and below 2**32")
    return tuple(numbers)


def _first(count: int) -> tuple[int, ...]:
    """The first *count* seeds: the paper's, then numbers drawn after them with a fixed seed."""
    if not 1 <= count <= _MOST:
        raise ItrBenchError(
            f"{count} seeds: expected 1 to {_MOST}; for the one seed {count}, write `{count},`"
        )
    generator = random.Random("itr-bench seeds")
    seeds = list(PAPER_SEEDS)
    while len(seeds) < count:
        drawn = generator.randrange(_BELOW)
        if drawn not in seeds:
            seeds.append(drawn)
    return tuple(seeds[:count])
