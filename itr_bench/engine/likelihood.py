"""P(yes) and P(no): how likely a prompt's next words are any surface form of either."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from itr_bench.engine import plain
from itr_bench.engine.decoding import NotFiniteError
from itr_bench.engine.rows import Parts, Rows, grow
from itr_bench.engine.stems import Stem

YES = ("Yes", "Jā")
NO = ("No", "Nē")
Tokens = tuple[int, ...]


@dataclass(frozen=True)
class Forms:
    """The surface forms of yes and of no as tokens, none the beginning of another."""

    yes: tuple[Tokens, ...]
    no: tuple[Tokens, ...]


def surface_forms(tokenizer: Any) -> Forms:
    """All ways in which *tokenizer* can begin an answer with yes or no, English or Latvian.

    Each word as it is written, in lower and in upper case, with and without a leading space: every
    single token that reads so, and what the tokenizer makes of the words where that is several
    tokens.
    """
    texts = tokenizer.batch_decode([[token] for token in range(len(tokenizer))])
    return Forms(yes=_forms(tokenizer, texts, YES), no=_forms(tokenizer, texts, NO))


def _forms(tokenizer: Any, texts: Sequence[str], words: Sequence[str]) -> tuple[Tokens, ...]:
    spelled = {form for word in words for form in (word, word.lower(), word.upper())}
    single = {(token,) for token, text in enumerate(texts) if text.strip(" ") in spelled}
    written = {
        tuple(tokenizer.encode(space + form, add_special_tokens=False))
        for form in spelled
        for space in ("", " ")
    }
    found: list[Tokens] = []
    for tokens in sorted(single | written, key=lambda tokens: (len(tokens), tokens)):
        # What begins with another form is counted with that one; what stands for unknown words,
        # not at all.
        if not tokens or tokenizer.unk_token_id in tokens:
            continue
        if not any(_begins(tokens, known) for known in found):
            found.append(tokens)
    return tuple(found)


def probabilities(model: Any, stems: Sequence[Stem], forms: Forms) -> list[tuple[float, float]]:
    """P(yes) and P(no) after each stem, each from 0 to 1, together at most 1.

    One pass reads the prompts; forms of several tokens take one more, of all of them at once.

    Raises:
        NotFiniteError: scores that are not numbers.
    """
    every = (*forms.yes, *forms.no)
    first = _log_softmax(torch.stack([stem.logits for stem in stems]))
    logs = first[:, [tokens[0] for tokens in every]]
    long = [i for i, tokens in enumerate(every) if len(tokens) > 1]
    if long:
        logs[:, long] += _continued(model, stems, [every[i] for i in long]).to(logs)
    return _summed(logs, forms)


def plain_probabilities(
    model: Any, ready: Mapping[str, Tensor], forms: Forms
) -> tuple[float, float]:
    """P(yes) and P(no) after one prompt, each form forced on the model's own ``generate``.

    Raises:
        NotFiniteError: scores that are not numbers.
    """
    every = (*forms.yes, *forms.no)
    rows = _longest({tokens[:-1] for tokens in every})
    along = {given: _log_softmax(plain.scores_along(model, ready, given)) for given in rows}
    logs = []
    for form in every:
        scored = along[next(row for row in rows if row[: len(form) - 1] == form[:-1])]
        logs.append(sum(float(scored[place, token]) for place, token in enumerate(form)))
    return _summed(torch.tensor([logs], dtype=torch.float64), forms)[0]


def _log_softmax(scores: Tensor) -> Tensor:
    return torch.log_softmax(scores.double(), dim=-1)


def _summed(logs: Tensor, forms: Forms) -> list[tuple[float, float]]:
    """P(yes) and P(no) from the log probability of each form, shape (prompts, forms)."""
    found = logs.exp()
    if not bool(found.isfinite().all()):
        raise NotFiniteError(int((~found.isfinite()).nonzero()[0, 0]))
    split = len(forms.yes)
    return [
        (min(1.0, float(row[:split].sum())), min(1.0, float(row[split:].sum()))) for row in found
    ]


def _continued(model: Any, stems: Sequence[Stem], forms: Sequence[Tokens]) -> Tensor:
    """Log probability of each form's tokens after its first, shape (stems, forms)."""
    device = model.device
    found = torch.zeros(len(stems), len(forms), device=device)
    starts = torch.tensor([stem.position for stem in stems], device=device)
    rows: Rows | None = None
    before: list[Tokens] = [()]
    start = 0
    for level in _levels(stems, forms):
        width = max(map(len, level)) - start
        # The fillers come after all that counts.
        filled = [(*given[start:], *[0] * (start + width - len(given))) for given in level]
        places = start + torch.arange(width, device=device)
        positions = starts.repeat_interleave(len(level))[:, None] + places
        counts = [len(level)] * len(stems)
        if rows is None:
            rows = grow(model, [stem.kept for stem in stems], counts)
        else:
            parents = torch.tensor([before.index(given[:start]) for given in level], device=device)
            first = torch.arange(len(stems), device=device)[:, None] * len(before)
            rows.select((first + parents).flatten(), counts)
        logits = rows.score(torch.tensor(filled, device=device).repeat(len(stems), 1), positions)
        logs = torch.log_softmax(logits, dim=-1).view(len(stems), len(level), width, -1)
        for i, form in enumerate(forms):
            for end in range(start + 1, min(start + width, len(form) - 1) + 1):
                row = next(r for r, given in enumerate(level) if given[:end] == form[:end])
                found[:, i] += logs[:, row, end - 1 - start, form[end]]
        before, start = level, start + width
    return found


def _levels(stems: Sequence[Stem], forms: Sequence[Tokens]) -> list[list[Tokens]]:
    """What to read after the prompts, in turn: the beginnings of *forms* that are given.

    All at once, but token by token where layers keep a state: these take many times as long for
    several tokens as for one, and each beginning is read but once.
    """
    longest = _longest({tokens[:-1] for tokens in forms})
    if not any(isinstance(stem.kept, Parts) and stem.kept.states for stem in stems):
        return [longest]
    lengths = range(1, max(map(len, longest)) + 1)
    return [sorted({given[:n] for given in longest if len(given) >= n}) for n in lengths]


def _longest(beginnings: set[Tokens]) -> list[Tokens]:
    """The *beginnings* that no other one continues."""
    return sorted(
        given for given in beginnings if not any(_begins(other, given) for other in beginnings)
    )


def _begins(longer: Tokens, shorter: Tokens) -> bool:
    """Whether *longer* begins with *shorter* and continues."""
    return len(longer) > len(shorter) and longer[: len(shorter)] == shorter
