"""``itr-bench submit``."""

from __future__ import annotations

import datetime
import json
import re
import typing
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from itr_bench.errors import ItrBenchError, bullet_list
from itr_bench.storage import check_disk
from itr_bench.yaml_file import UniqueKeyLoader, read_yaml

if TYPE_CHECKING:
    from pydantic import BaseModel

    from itr_bench.leaderboard.schema import Folds, ModelCard, Submission
    from itr_bench.runs.response import Response

SCHEMA = "docs/submission.schema.json (also: itr-bench validate --schema)"


class CardError(ItrBenchError):
    """A model card cannot be read or written."""


@click.command("submit")
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--model-card",
    type=click.Path(path_type=Path, dir_okay=False),
    help="YAML file that says what the model is; --new-card writes one to fill in.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("leaderboard/submissions"),
    show_default=True,
    help="Folder of all submissions.",
)
@click.option(
    "--reason",
    help="Why it is added or changed, for the history; by default that it is the first, or "
    "replaces another.",
)
@click.option(
    "--new-card",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write a model card there, filled with what the runs know, and stop.",
)
@click.option(
    "--trial",
    is_flag=True,
    help="Admit the bundled demo and placeholder pictures, for a dry run; no result.",
)
@click.option("--replace", is_flag=True, help="Write submissions anew that are there already.")
@click.option("--dry-run", is_flag=True, help="Check everything and write nothing.")
def command(
    runs: tuple[Path, ...],
    model_card: Path | None,
    out: Path,
    reason: str | None,
    new_card: Path | None,
    trial: bool,
    replace: bool,
    dry_run: bool,
) -> None:
    """Make submissions of one model from RUNS: a folder a task, ready for a pull request.

    RUNS are folders of `itr-bench run`, files of samples of lmms-eval (..._samples_TASK.jsonl),
    or folders that hold such runs; each task once. They must be whole: all tweets of the set, all
    responses, no failed request.

    What is written can be published. It holds ids, hashes and the raw responses, but no tweet: a
    response that quotes eight or more consecutive words of its tweet has them masked, and its
    answer stays the same. The command of the run is published without secrets, and without the
    folders of your machine.

    Runs of `itr-bench study training` stand in a table of their own: name the folders of one or
    several trainings (OUT/NAME-trained-LABEL). The card is of the model before the training, but
    for saw_this_data, which is yes; base_saw_this_data says what it saw before. The submission has
    the fold of each tweet, and the ids of the tweets that each fold's model was trained on.

    \b
    Examples:
      itr-bench submit runs/qwen2-vl-7b --new-card card.yaml
      itr-bench submit runs/qwen2-vl-7b --model-card card.yaml
      itr-bench validate leaderboard/submissions/Qwen__Qwen2-VL-7B-Instruct
    """
    paths = find_runs(runs)
    if new_card is not None:
        write_card(new_card, paths)
        click.echo(f"{new_card}: fill in what is missing, then give the same command with")
        click.echo(f"    --model-card {new_card}")
        return
    if model_card is None:
        raise click.UsageError("give --model-card FILE; --new-card FILE writes one to fill in")
    card = read_card(model_card)
    made = _make(paths, card, reason or f"First submission of {card.name}.", trial=trial)
    _write(made, out, replace=replace, dry_run=dry_run, has_reason=reason is not None)
    flag = " --trial" if trial else ""
    click.echo(f"\nNext: itr-bench validate{flag} {out / card.folder}")
    if trial:
        click.echo("This is a trial, no result; do not open a pull request with it.")
    else:
        click.echo("Then open a pull request that adds this folder and nothing else.")


# The runs


def find_runs(given: Sequence[Path]) -> list[Path]:
    """The run folders and files of samples at and below the *given* paths, each once.

    Raises:
        ItrBenchError: a path is missing, or there is no run in it.
    """
    from itr_bench.leaderboard.sources import is_source
    from itr_bench.runs.lmms_log import is_our_task, samples_files
    from itr_bench.runs.run_folder import run_folders

    found: list[Path] = []
    problems = []
    for path in given:
        if path.is_dir():
            below = [*run_folders(path), *filter(is_our_task, samples_files(path))]
        else:
            below = [path] if is_source(path) else []
        found += below
        if not path.exists():
            problems.append(f"{path}: no such file or folder")
        elif not below:
            problems.append(f"{path}: no run in it")
    if problems:
        raise ItrBenchError(
            f"nothing to submit:\n{bullet_list(problems)}\nExpected folders of `itr-bench run`, or "
            "..._samples_<task>.jsonl that lmms-eval writes with --log_samples."
        )
    return list(dict.fromkeys(found))


Made = tuple[Path, "Submission", "list[Response]", "list[str]", "Folds | None"]


def _make(paths: Sequence[Path], card: ModelCard, reason: str, *, trial: bool) -> list[Made]:
    """Make the submissions of all runs, or say all that stands against them."""
    from tqdm import tqdm

    from itr_bench.leaderboard.make import folds_of, make_submission

    today = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
    made: list[Made] = []
    problems: list[str] = []
    for path in tqdm(paths, desc="runs", unit="run", disable=None, leave=False):
        try:
            found = make_submission(path, card, reason=reason, submitted=today, trial=trial)
            folds = folds_of(path)
        except ItrBenchError as error:
            problems.append(str(error))
        else:
            made.append((path, *found, folds))
    by_task: dict[tuple[str, str], list[Path]] = {}
    for path, submission, *_ in made:
        by_task.setdefault((submission.state, submission.run.task), []).append(path)
    for (_, task), same in by_task.items():
        if len(same) > 1:
            named = "\n".join(f"  - {path}" for path in same)
            problems.append(f"several runs of {task}; name the one to submit:\n{named}")
    if problems:
        raise ItrBenchError("\n".join(problems))
    return made


def _write(
    made: Sequence[Made], out: Path, *, replace: bool, dry_run: bool, has_reason: bool
) -> None:
    from itr_bench.leaderboard import layout

    folders = [out / layout.relative_folder(submission) for _, submission, *_ in made]
    there = [str(folder) for folder in folders if folder.exists()]
    if there and not replace:
        raise layout.LayoutError(
            f"there already:\n{bullet_list(there)}\nGive --replace and a --reason to write them "
            "anew, or move them away."
        )
    for folder, (path, submission, responses, notes, folds) in zip(folders, made, strict=True):
        reason = submission.reason
        if folder.exists() and not has_reason:
            reason = f"Replaces an earlier submission of {submission.model.name}."
        if not dry_run:
            whole = submission.model_copy(update={"reason": reason})
            layout.write(folder, whole, responses, folds, replace=replace)
        score = submission.score
        click.echo(f"{'would write' if dry_run else 'wrote'} {folder}")
        click.echo(
            f"  from {path}: {score.tweets} tweets, {score.samples} samples a question, "
            f"{len(responses)} responses, accuracy {100 * score.accuracy:.1f} %"
        )
        if submission.training is not None:
            click.echo(f"  fine-tuned with cross-validation on {submission.training.words}")
        for note in notes:
            click.echo(f"  note: {note}")


# The card


def read_card(path: Path) -> ModelCard:
    """Read a model card.

    Raises:
        CardError: it cannot be read, or says something else than a card; all that is wrong.
    """
    from pydantic import ValidationError

    from itr_bench.leaderboard.schema import ModelCard, problems_of

    if not path.exists():
        raise CardError(f"{path}: no such file; --new-card {path} writes one to fill in")
    try:
        return ModelCard.model_validate(read_yaml(path, CardError, _Loader))
    except ValidationError as error:
        found = [f"{field or 'card'}: {problem}" for field, problem in problems_of(error)]
        raise CardError(
            f"{path} is not a model card yet:\n{bullet_list(found, most=40)}\n"
            f"The fields are described under ModelCard in {SCHEMA}."
        ) from error


class _Loader(UniqueKeyLoader):
    """YAML in which a day, a version and *no* are text."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 (that of the base class)


for _tag, _pattern, _first in (
    ("null", r"|~|null", ["", "~", "n"]),
    ("bool", r"true|false", ["t", "f"]),
    ("int", r"-?(?:0|[1-9][0-9_]{0,17})", list("-0123456789")),
):
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(f"(?:{_pattern})$"), _first
    )


def write_card(path: Path, runs: Sequence[Path]) -> None:
    """Write a card to fill in, with what the first of the *runs* knows of the model.

    Raises:
        ItrBenchError: *path* is there already, or the run cannot be read.
    """
    from pydantic import TypeAdapter, ValidationError

    from itr_bench.leaderboard.schema import ModelCard, ModelId
    from itr_bench.leaderboard.sources import read_source

    if path.exists():
        raise CardError(f"{path} is there already; name another file, or give it as --model-card")
    source = read_source(runs[0])
    known: dict[str, Any] = {"name": source.run.model, "revision": source.commit}
    if "training" in (source.run.generation or {}):
        known |= {"name": source.checkpoint or source.run.model, "saw_this_data": "yes"}
    try:
        TypeAdapter(ModelId).validate_python(source.checkpoint)
    except ValidationError:
        pass
    else:
        if source.folder is None:
            organisation, _, name = str(source.checkpoint).partition("/")
            known |= {"id": source.checkpoint, "organisation": organisation, "name": name}
    text = (
        "# A model card, for `itr-bench submit RUNS --model-card FILE`.\n"
        "# Of weights, give the revision; of an API, snapshot and date. What is not said to be\n"
        "# needed may stay empty.\n"
        f"# Schema: {SCHEMA}\n"
        f"{_fields(ModelCard, known)}"
    )
    with check_disk(path, CardError):
        path.write_text(text, encoding="utf-8")


def _fields(model: type[BaseModel], known: dict[str, Any], indent: str = "") -> str:
    """The fields of *model* as YAML, each below its description."""
    found = []
    for name, field in model.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and hasattr(inner, "model_fields"):
            found.append(f"\n{indent}{name}:\n{_fields(inner, {}, indent + '  ')}")
            continue
        said = [field.description or ""]
        if typing.get_origin(inner) is typing.Literal:
            said.append(f"One of {', '.join(typing.get_args(inner))}.")
        elif inner is bool:
            said.append("true or false.")
        said += ["Needed."] if field.is_required() else []
        value = known.get(name)
        shown = "" if value is None else f" {json.dumps(value, ensure_ascii=False)}"
        comment = " ".join(filter(None, said))
        found.append(f"\n{indent}# {comment}\n{indent}{name}:{shown}\n")
    return "".join(found)
