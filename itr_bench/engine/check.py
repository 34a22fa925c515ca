"""Which way a checkpoint takes: tried on made-up tweets, before anything is evaluated."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import transformers

from itr_bench.engine.engine import Engine, Kind
from itr_bench.engine.layers import shortest_window
from itr_bench.engine.loading import load
from itr_bench.engine.trials import trials


@dataclass(frozen=True)
class Checked:
    """What was found about a checkpoint.

    Attributes:
        model: its class.
        transformers: the version of transformers that loaded it.
        way: how its prompts share, or ``one by one``.
        why: why not by a better way; empty where it takes the first.
        window: the number of tokens up to which every layer sees all of them.
        beyond: the way of longer prompts, where there is a window.
        why_beyond: as *why*.
    """

    model: str
    transformers: str
    way: str
    why: str
    window: int | None = None
    beyond: str | None = None
    why_beyond: str = ""


def check(pretrained: str, **options: Any) -> Checked:
    """Load a checkpoint and try the ways.

    Args:
        pretrained: name on the Hugging Face Hub, or a folder.
        options: keywords of :func:`itr_bench.engine.loading.load`.

    Raises:
        ItrBenchError: it cannot be loaded, or cannot generate.
    """
    vlm = load(pretrained, **options)
    window = shortest_window(vlm.model)
    engine = Engine(vlm, trials=partial(trials, vlm=vlm))
    way, why = _tried(engine, Kind())
    beyond = _tried(engine, Kind(long=True)) if window is not None else (None, "")
    name = type(vlm.model).__name__
    return Checked(name, transformers.__version__, way, why, window, *beyond)


def _tried(engine: Engine, kind: Kind) -> tuple[str, str]:
    way = engine.way(kind)
    why = "; ".join(dict.fromkeys(engine.reasons[kind].values()))
    return "one by one" if way is None else way.value, why
