"""The options that `itr-bench run` and `itr-bench study` share."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import click


class FiniteRange(click.FloatRange):
    """Numbers of a range; ``nan`` is in every range of click's own."""

    def convert(self, value: Any, *more: Any) -> float:
        number = super().convert(value, *more)
        if not math.isfinite(number):
            self.fail(f"{value} is no finite number.", *more)
        return float(number)


MODEL_ARGS = click.option(
    "--model_args",
    "--model-args",
    default="",
    metavar="K=V,...",
    help="Arguments of the model, over those of the preset one by one.",
)
SEEDS = click.option(
    "--seeds",
    default="paper",
    show_default=True,
    help="`paper` (its ten), a count such as 3, or a list such as 8263,10652.",
)
GEN_KWARGS = click.option(
    "--gen_kwargs",
    "--gen-kwargs",
    default="",
    metavar="K=V,...",
    help="Generation settings, over those of task and preset; K=null takes one away.",
)
ALLOW_DIFFERENT = click.option(
    "--allow-different",
    default="",
    metavar="KEY,...",
    help="Settings that the model's adapter may send otherwise than asked; recorded and signed.",
)
LIMIT = click.option(
    "--limit", type=click.IntRange(1), help="Only the first so many tweets, to try out."
)
PROCESSES = click.option(
    "--processes",
    type=click.IntRange(1),
    help="Processes that generate, each with its own GPU where there are some; by default one.",
)
RAY = click.option(
    "--ray",
    metavar="ADDRESS",
    help="Run replicas of the model on Ray: `local` for this machine, `auto` or HOST:PORT for the "
    "cluster it is part of, ray://HOST:PORT for another; as many as fit, or as --processes says.",
)
DRY_RUN = click.option(
    "--dry-run", is_flag=True, help="Print what would be done; load and fetch nothing."
)
BASE = click.option(
    "--base",
    default="ltec_itr_lv",
    show_default=True,
    metavar="TASK,...",
    help="The tasks that the study is about; itr_demo_lv for a trial.",
)
OUT = click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("studies"),
    show_default=True,
    help="Folder of all runs; those of this model go to OUT/NAME/TASK.",
)
NAME = click.option(
    "--name",
    "folder",
    metavar="NAME",
    help="Name of the model's folder; by default the preset's or the model's.",
)


def given() -> dict[str, str]:
    """The options that stand in the command line of the present command, by parameter."""
    context = click.get_current_context()
    return {
        one.name: one.opts[0]
        for one in context.command.params
        if one.name is not None
        and context.get_parameter_source(one.name) is click.core.ParameterSource.COMMANDLINE
    }
