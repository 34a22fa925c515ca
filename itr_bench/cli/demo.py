"""``itr-bench demo``: the main job, for real, on data and models that need no download."""

from __future__ import annotations

import datetime
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from itr_bench.errors import ItrBenchError
from itr_bench.packages import evaluator_problem, filelock_problem
from itr_bench.runs import tables
from itr_bench.runs.lmms_log import read_samples, samples_files
from itr_bench.runs.run import Run
from itr_bench.version import __version__

TASKS = "itr_demo"
REPEATS = 3
STRATEGIES = ("majority", "uniform", "always_yes", "always_no")

NEXT = """\
The tiny model has random weights: it shows that the way through is whole, not how good a model is.
24 tweets tell little apart; the real set has 350.

Relation 0 stands for the most frequent one, where all are equally frequent.

Next, a real model on the real tweets (needs a network and a GPU; the data comes by itself; in the
virtual environment, which `. .venv/bin/activate` enters after `make demo`):

  itr-bench run --model qwen2-vl-7b --model_args quantization=none \\
      --tasks ltec_itr_lv --seeds paper --out runs/"""


@click.command("demo")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("demo-out"),
    show_default=True,
    help="Folder for the runs and the tiny checkpoint.",
)
@click.option("--dry-run", is_flag=True, help="Print the commands and run nothing.")
def command(out: Path, dry_run: bool) -> None:
    """Evaluate four baselines and a tiny random VLM on the demo set: a table, and the pages.

    Every run is a real run of lmms-eval on the Latvian and the English task. The VLM is made on
    the spot with random weights and goes through lmms-eval's stock adapter for Qwen2-VL. The runs
    are submitted, checked and shown beside the published figures, as real ones would be. Takes
    about a minute on two idle cores and reaches no network.
    """
    checkpoint = out / "tiny-random" / "qwen2-vl"
    jobs = {
        f"itr_baseline-{s}": ["--model", "itr_baseline", "--model_args", f"strategy={s}"]
        for s in STRATEGIES
    }
    jobs["qwen2_vl-tiny-random"] = [
        *("--model", "qwen2_vl", "--model_args"),
        f"pretrained={checkpoint},device=cpu,device_map=cpu",
        *("--gen_kwargs", "max_new_tokens=16"),
    ]
    commands = {
        name: [
            *("lmms-eval", *job, "--tasks", TASKS, "--repeats", str(REPEATS)),
            *("--log_samples", "--output_path", str(out / name)),
        ]
        for name, job in jobs.items()
    }
    if dry_run:
        for line in commands.values():
            click.echo(shlex.join(line))
        return
    from itr_bench.models.tiny import make_checkpoint

    if problem := filelock_problem():
        raise ItrBenchError(problem)
    click.echo(f"making a tiny Qwen2-VL with random weights in {checkpoint}")
    make_checkpoint("qwen2_vl", checkpoint)
    found: dict[str, list[Run]] = {}
    for number, (name, line) in enumerate(commands.items(), start=1):
        click.echo(f"[{number}/{len(commands)}] $ {shlex.join(line)}")
        found[name] = _run(line, out / name)
    click.echo("submitting the runs, checking the submissions and making the pages")
    page = _pages(found, out)
    runs = [run for same in found.values() for run in same]
    click.echo()
    click.echo(tables.summary(sorted(runs, key=lambda run: run.task)))
    tool = Path(sys.executable).with_name("itr-bench")
    shown = Path(os.path.relpath(tool)) if tool.is_relative_to(Path.cwd()) else Path("itr-bench")
    click.echo(f"\nThe runs are in {out}. Look closer: {shown} score {out}/qwen2_vl-tiny-random")
    click.echo(f"The leaderboard with these runs is at {page}: open it in a browser.\n")
    click.echo(NEXT)


def _pages(found: Mapping[str, Sequence[Run]], out: Path) -> Path:
    """Submit the runs, check the submissions, and make the pages; return the first page."""
    from itr_bench.leaderboard import layout
    from itr_bench.leaderboard.collect import collect
    from itr_bench.leaderboard.make import make_submission
    from itr_bench.leaderboard.published import leaderboard_folder, read_published
    from itr_bench.leaderboard.schema import ModelCard, Submitter
    from itr_bench.leaderboard.site.build import build_site

    today = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
    submissions, site = out / "submissions", out / "site"
    for name, runs in found.items():
        card = ModelCard(
            name=name.replace("-", " "),
            organisation="itr-bench",
            id=f"itr-bench/{name}",
            snapshot=f"itr-bench-{__version__}",
            date=today,
            licence="MIT",
            open_weights=True,
            saw_this_data="no",
            submitter=Submitter(name="itr-bench demo"),
            remark="No model of interest: it shows the way from a run to these pages.",
        )
        for run in runs:
            submission, responses, _ = make_submission(
                Path(run.files[0]), card, reason="Made by the demo.", submitted=today, trial=True
            )
            folder = submissions / layout.relative_folder(submission)
            layout.write(folder, submission, responses, replace=True)
    collected = collect(submissions, trial=True)
    published = read_published(leaderboard_folder() / "published")
    build_site(site, collected.entries, published, refused=collected.refused, trial=True)
    return site / "index.html"


def _run(line: list[str], out: Path) -> list[Run]:
    """Run lmms-eval once. It ends with status 0 also when it failed: its files tell."""
    before = set(samples_files(out)) if out.exists() else set()
    with tempfile.TemporaryFile() as log:
        subprocess.run(
            [sys.executable, "-m", "lmms_eval", *line[1:]],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"},
            check=False,
        )
        written = (
            [path for path in samples_files(out) if path not in before] if out.exists() else []
        )
        if not written:
            if problem := evaluator_problem():
                raise ItrBenchError(problem)
            log.seek(0)
            tail = log.read().decode(errors="replace").strip().splitlines()[-15:]
            raise ItrBenchError(
                f"lmms-eval left no samples in {out}. The end of what it printed:\n"
                + "\n".join(f"    {text}" for text in tail)
            )
    return [read_samples(path) for path in written]
