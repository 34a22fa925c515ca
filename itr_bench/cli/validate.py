"""``itr-bench validate``."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path

import click

from itr_bench.errors import ItrBenchError
from itr_bench.leaderboard.collect import Collected, collect
from itr_bench.leaderboard.findings import Severity, as_text, dumps, fewer
from itr_bench.leaderboard.schema import json_schema
from itr_bench.nouns import count
from itr_bench.storage import check_disk


@click.command("validate")
@click.argument("path", required=False, type=click.Path(path_type=Path))
@click.option(
    "--json", "as_json_", is_flag=True, help="Write JSON: 1000 findings of a kind, not 5."
)
@click.option(
    "--comment",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write a comment for the pull request there, in Markdown.",
)
@click.option(
    "--against",
    type=click.Path(path_type=Path, file_okay=False),
    help="The submissions that are there already: none may be copied, and the comment compares.",
)
@click.option(
    "--rerun-of",
    type=click.Path(path_type=Path, file_okay=False),
    help="The same, where PATH holds reruns of them: the comment says which badge follows.",
)
@click.option(
    "--trial",
    is_flag=True,
    help="Admit the bundled demo and placeholder pictures too, for a dry run.",
)
@click.option("--schema", is_flag=True, help="Write the JSON Schema of a submission, and stop.")
def command(
    path: Path | None,
    as_json_: bool,
    comment: Path | None,
    against: Path | None,
    rerun_of: Path | None,
    trial: bool,
    schema: bool,
) -> None:
    """Check the submission in PATH, or all submissions below it.

    Whatever can be computed is computed: hashes, ids, prompts, images, every score from the
    responses, the signature. All findings are shown in one go, with file and line. Ends with
    status 0 if everything is accepted, 1 if anything is refused. The data of the task is fetched
    where it is not here yet.

    \b
    error      refused until it is fixed
    unchecked  could not be checked here: the badge is a lesser one
    look       a person should look; it is accepted

    Example: itr-bench validate leaderboard/submissions/ORG__MODEL/REVISION/ltec_itr_lv
    """
    if schema:
        click.echo(dumps(json_schema()))
        return
    if path is None:
        raise click.UsageError("give PATH: a submission, or a folder of submissions")
    if against is not None and rerun_of is not None:
        raise click.UsageError("give --against or --rerun-of: the one includes the other")
    known = against or rerun_of
    there = Collected(()) if known is None else collect(known, trial=trial, progress=True)
    collected = collect(path, trial=trial, progress=True, others=there.checked)
    if comment is not None:
        from itr_bench.leaderboard.comment import comment as worded

        text = worded(collected, there.entries, reruns=rerun_of is not None)
        with check_disk(comment, ItrBenchError):
            comment.write_text(text, encoding="utf-8")
    if as_json_:
        click.echo(dumps(_facts(collected)))
    else:
        _tell(collected)
    if not collected.accepted or not collected.checked:
        sys.exit(1)


def _facts(collected: Collected) -> dict[str, object]:
    return {
        "accepted": collected.accepted and bool(collected.checked),
        "submissions": [
            {
                "path": one.folder,
                "accepted": one.entry is not None,
                "badge": one.entry.badge.value if one.entry else None,
                "score": one.entry.score.as_dict() if one.entry and one.entry.score else None,
                "unchecked": one.entry.unchecked if one.entry else None,
            }
            for one in collected.checked
        ],
        "findings": [asdict(finding) for finding in collected.all_findings],
    }


def _tell(collected: Collected) -> None:
    findings = fewer(collected.all_findings)
    if findings:
        click.echo(as_text(findings))
        click.echo()
    if not collected.checked:
        click.echo("no submission there: expected .../ORGANISATION__MODEL/STATE/TASK/ with files")
    for one in collected.checked:
        if one.entry is None:
            errors = sum(f.severity is Severity.ERROR for f in one.findings)
            click.echo(f"{one.folder}: refused, {count(errors, 'error')}")
        elif one.entry.score is None:
            click.echo(f"{one.folder}: accepted as {one.entry.badge.value}, nothing recomputed")
        else:
            score = one.entry.score
            click.echo(
                f"{one.folder}: accepted as {one.entry.badge.value}, accuracy "
                f"{100 * score.accuracy:.1f} % on {score.tweets} tweets x {score.samples}"
            )
