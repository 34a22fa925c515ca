"""Decoding: rows grow from stems; rows with equal histories are computed once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from itr_bench.engine.rows import Rows, grow
from itr_bench.engine.sampling import Noise, Rules, choose
from itr_bench.engine.stems import Stem
from itr_bench.errors import ItrBenchError


class NotFiniteError(ItrBenchError):
    """The model's scores are not numbers.

    Attributes:
        stem: the index of the stem that they belong to.
    """

    def __init__(self, stem: int) -> None:
        super().__init__(
            "the model's scores are not numbers (nan or infinity), as happens where float16 cannot "
            "hold them; use dtype=bfloat16 or float32"
        )
        self.stem = stem


@dataclass(frozen=True)
class Row:
    """One generation: the stem that it grows from, by index, and its seed."""

    stem: int
    seed: int


@dataclass
class _Histories:
    """What distinct rows have in common so far: one entry a distinct beginning, by stem.

    Attributes:
        stems: for each history the index of its stem, ascending.
        tokens: the tokens of each history so far, shape (histories, steps).
        logits: of their next token, shape (histories, vocabulary), float32.
    """

    stems: list[int]
    tokens: Tensor
    logits: Tensor


def decode(
    model: Any, stems: Sequence[Stem], rules: Sequence[Rules], rows: Sequence[Row], noise: Noise
) -> list[list[int]]:
    """Generate the tokens of *rows*, all in step.

    Args:
        model: the model that read the stems.
        stems: prompts that were read, of one image or of several.
        rules: the settings of each stem.
        rows: what to generate, ordered by stem.
        noise: the random numbers.

    Returns:
        the new tokens of each row; the token that ended it included.
    """
    device = model.device
    used = sorted({row.stem for row in rows})
    histories = _Histories(
        stems=used,
        tokens=torch.empty(len(used), 0, dtype=torch.long, device=device),
        logits=torch.stack([stems[stem].logits for stem in used]),
    )
    living = grow(model, [stems[stem].kept for stem in used], [1] * len(used))
    place = {stem: index for index, stem in enumerate(used)}
    alive = list(range(len(rows)))
    history = [place[row.stem] for row in rows]  # of each living row
    grown: list[list[int]] = [[] for _ in rows]
    step = 0
    while True:
        tokens = _next_tokens(histories, stems, rules, history, alive, rows, step, noise)
        step += 1
        going: list[tuple[int, int, int]] = []  # history, token, row
        for row, parent, token in zip(alive, history, tokens, strict=True):
            grown[row].append(token)
            rule = rules[rows[row].stem]
            if token not in rule.ends and step < rule.max_new_tokens:
                going.append((parent, token, row))
        if not going:
            return grown
        branches = sorted({(parent, token) for parent, token, _ in going})
        index = {branch: i for i, branch in enumerate(branches)}
        alive = [row for _, _, row in going]
        history = [index[parent, token] for parent, token, _ in going]
        histories = _grow(living, histories, branches, stems, step)


def _next_tokens(
    histories: _Histories,
    stems: Sequence[Stem],
    rules: Sequence[Rules],
    history: Sequence[int],
    alive: Sequence[int],
    rows: Sequence[Row],
    step: int,
    noise: Noise,
) -> list[int]:
    """The next token of each living row. Rules are one stem's, so stem by stem."""
    largest = histories.logits.amax(dim=-1)  # nan where any is
    if not bool(largest.isfinite().all()):
        raise NotFiniteError(histories.stems[int((~largest.isfinite()).nonzero()[0])])
    chosen = [0] * len(alive)
    for stem in dict.fromkeys(histories.stems):
        first = histories.stems.index(stem)
        count = histories.stems.count(stem)
        rule = rules[stem]
        scores = histories.logits[first : first + count]
        if rule.processors:
            prompt = stems[stem].ids.expand(count, -1)
            before = torch.cat([prompt, histories.tokens[first : first + count]], dim=1)
            scores = rule.processors(before, scores)
        members = [i for i, row in enumerate(alive) if rows[row].stem == stem]
        place = torch.tensor([history[i] - first for i in members], device=scores.device)
        if rule.sample:
            seeds = [rows[alive[i]].seed for i in members]
            found = choose(scores, place, seeds, step, noise)
        else:
            found = scores.argmax(dim=-1)[place].tolist()
        for i, token in zip(members, found, strict=True):
            chosen[i] = token
    return chosen


def _grow(
    living: Rows,
    histories: _Histories,
    branches: Sequence[tuple[int, int]],
    stems: Sequence[Stem],
    step: int,
) -> _Histories:
    """One forward pass over the distinct *branches*: pairs of a history and its next token."""
    device = histories.logits.device
    kept = [parent for parent, _ in branches]
    parents = torch.tensor(kept, device=device)
    tokens = torch.tensor([[token] for _, token in branches], device=device)
    owners = [histories.stems[parent] for parent in kept]
    if kept != list(range(len(histories.stems))):
        groups = dict.fromkeys(histories.stems)
        living.select(parents, [owners.count(stem) for stem in groups])
    positions = torch.tensor([[stems[stem].position + step - 1] for stem in owners], device=device)
    return _Histories(
        stems=owners,
        tokens=torch.cat([histories.tokens[parents], tokens], dim=1),
        logits=living.score(tokens, positions, 1)[:, -1],
    )
