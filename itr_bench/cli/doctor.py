"""``itr-bench doctor``."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

import click


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="Write JSON instead of lines.")
@click.option(
    "--from",
    "run",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    metavar="RUN",
    help="Print the versions that a run recorded, as a requirements file, and nothing else.",
)
def command(as_json: bool, run: Path | None) -> None:
    """Look at Python, versions, lmms-eval, GPU, 4 bits, Chromium, the data folder and the Hub.

    Each line says what is there, and where something is missing, what that means for you and what
    fixes it. Nothing is changed, and no model is loaded. It takes some seconds, since lmms-eval is
    imported once, in a process of its own.

    Ends with status 1 only where no model can be evaluated.

    \b
    Examples:
      itr-bench doctor
      itr-bench doctor --from runs/qwen2-vl-7b > then.txt && pip install -r then.txt
    """
    from itr_bench.runs import doctor

    if run is not None:
        click.echo("\n".join(doctor.requirements(run)))
        return
    found = []
    for check in doctor.checks():
        found.append(check)
        if as_json:
            continue
        mark = {doctor.OK: "ok  ", doctor.NOTE: "note", doctor.BAD: "BAD "}[check.state]
        click.echo(f"{mark}  {check.name:10} {check.found}")
        for line in (check.meaning, check.remedy and f"-> {check.remedy}"):
            if line:
                click.echo(f"{'':17}{line}")
    bad = [check.name for check in found if check.state == doctor.BAD]
    if as_json:
        click.echo(json.dumps([asdict(check) for check in found], indent=2, ensure_ascii=False))
    elif bad:
        click.echo(f"\nNo model can be evaluated before this is fixed: {', '.join(bad)}.")
    else:
        click.echo("\nModels can be evaluated here: itr-bench demo tries it, without a network.")
    sys.exit(1 if bad else 0)
