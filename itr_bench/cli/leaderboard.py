"""``itr-bench leaderboard``."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from click.core import ParameterSource

from itr_bench.errors import ItrBenchError
from itr_bench.leaderboard.collect import Collected, collect, with_reruns
from itr_bench.leaderboard.entry import Entry
from itr_bench.leaderboard.findings import as_text, fewer
from itr_bench.leaderboard.published import Published, leaderboard_folder, read_published

_FOLDER = click.Path(path_type=Path, file_okay=False)


def _named(context: click.Context, option: click.Parameter, folder: Path | None) -> Path | None:
    """The *folder* of an option; the default may be missing, one that was named may not."""
    source = context.get_parameter_source(option.name or "")
    if folder is not None and source is not ParameterSource.DEFAULT and not folder.is_dir():
        raise click.BadParameter(f"{folder}: no such folder", context, option)
    return folder


@click.group("leaderboard")
def command() -> None:
    """The leaderboard: pages made of published results and checked submissions.

    \b
    itr-bench leaderboard build --out site/
    itr-bench leaderboard serve site/
    """


def _sources(function: click.decorators.FC) -> click.decorators.FC:
    """The options that say what the pages are made of."""
    for option in (
        click.option(
            "--trial",
            is_flag=True,
            help="Admit the bundled demo and placeholder pictures; every page says so.",
        ),
        click.option(
            "--published",
            type=_FOLDER,
            callback=_named,
            help="The results that papers report; by default published/ beside the submissions, "
            "or else those of the package.",
        ),
        click.option(
            "--submissions",
            type=_FOLDER,
            callback=_named,
            default=Path("leaderboard/submissions"),
            show_default=True,
            help="The submissions; the maintainers' reruns are in reruns/ beside them.",
        ),
    ):
        function = option(function)
    return function


@command.command("build")
@click.option("--out", type=_FOLDER, required=True, help="Folder for the pages.")
@click.option(
    "--url", help="Address at which it will be published: for the feed, badges and social media."
)
@click.option(
    "--repository",
    help="Address of the repository, such as https://github.com/ORG/itr-bench: for links to the "
    "submissions.",
)
@_sources
def build(
    out: Path,
    url: str | None,
    repository: str | None,
    submissions: Path,
    published: Path | None,
    trial: bool,
) -> None:
    """Make all pages in the folder OUT.

    Every submission is checked first, as `itr-bench validate` does. What is refused is left out
    and named; it stops nothing. The same input gives the same bytes.
    """
    from itr_bench.leaderboard.site.build import build_site
    from itr_bench.leaderboard.site.history import read_history

    collected, entries = _collected(submissions, trial)
    build_site(
        out,
        entries,
        _published(submissions, published),
        history=read_history(submissions.parent / "history.yaml"),
        refused=collected.refused,
        trial=trial,
        progress=True,
        url=url,
        repository=repository,
    )
    refused = f", {len(collected.refused)} submissions were refused" if collected.refused else ""
    click.echo(f"{out / 'index.html'}: {len(entries)} results{refused}")


def _collected(submissions: Path, trial: bool) -> tuple[Collected, list[Entry]]:
    """All submissions with their badges; what was found is told."""
    if not submissions.is_dir():
        click.echo(f"{submissions}: no such folder, so there are published results only", err=True)
        return Collected(()), []
    collected = collect(submissions, trial=trial, progress=True)
    findings = list(collected.all_findings)
    entries = collected.entries
    reruns = submissions.parent / "reruns"
    if reruns.is_dir():
        again = collect(reruns, trial=trial)
        entries, found = with_reruns(collected, again.entries)
        findings += [*again.all_findings, *found]
    if findings:
        click.echo(as_text(fewer(findings)), err=True)
    return collected, entries


def _published(submissions: Path, named: Path | None) -> list[Published]:
    beside = submissions.parent / "published"
    return read_published(
        named or (beside if beside.is_dir() else leaderboard_folder() / beside.name)
    )


@command.command("serve")
@click.argument("site", type=_FOLDER, default=Path("site"))
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at.")
@click.option("--port", default=8000, show_default=True, help="Port; 0 takes a free one.")
def serve(site: Path, host: str, port: int) -> None:
    """Show the pages in SITE at an address of this machine, until Ctrl-C.

    They can be opened straight from the disk as well: index.html needs no server.
    """
    from itr_bench.leaderboard.site.serve import serve as serve_folder

    serve_folder(site, host, port)


@command.command("publish")
@click.option(
    "--to",
    "target",
    type=click.Choice(["pages", "space"]),
    required=True,
    help="pages: GitHub Pages, the branch gh-pages. space: a static Hugging Face Space.",
)
@click.option(
    "--site", type=_FOLDER, default=Path("site"), show_default=True, help="The pages, as built."
)
@click.option(
    "--remote",
    help="What git pushes to. Of pages, by default origin of this clone; of a space, "
    "https://huggingface.co/spaces/ORG/NAME.",
)
@click.option("--dry-run", is_flag=True, help="Say what would be pushed, and push nothing.")
def publish(target: str, site: Path, remote: str | None, dry_run: bool) -> None:
    """Put the pages of a built site online.

    The pages replace what is there, as one commit: nothing else is in that branch. git asks for
    the account, or takes it from its own settings; nothing is kept here.

    \b
    Examples:
      itr-bench leaderboard build --out site/ --url https://ORG.github.io/itr-bench/
      itr-bench leaderboard publish --to pages
      itr-bench leaderboard publish --to space --remote https://huggingface.co/spaces/ORG/NAME
    """
    from itr_bench.leaderboard.site.publish import publish as push

    click.echo(push(site, target, remote, dry_run=dry_run))


@command.command("table")
@click.option("--write", type=click.Path(path_type=Path), help="Renew the table in this file.")
@click.option("--check", type=click.Path(path_type=Path), help="Fail if its table is not this one.")
@_sources
def table(
    write: Path | None,
    check: Path | None,
    submissions: Path,
    published: Path | None,
    trial: bool,
) -> None:
    """Print the current table in Markdown, or put it into a file such as README.md.

    In the file it stands between the lines <!-- leaderboard --> and <!-- /leaderboard -->.
    """
    from itr_bench.data.files import write_text
    from itr_bench.leaderboard.site.markdown import markdown_table, replaced

    _, entries = _collected(submissions, trial)
    made = markdown_table(entries, _published(submissions, published), trial=trial)
    if write is None and check is None:
        click.echo(made)
    if check is not None:
        text = _read(check)
        if replaced(text, made, check) != text:
            click.echo(
                f"{check}: its table is not the current one; renew it with "
                f"itr-bench leaderboard table --write {check}",
                err=True,
            )
            sys.exit(1)
    if write is not None:
        write_text(write, replaced(_read(write), made, write))


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ItrBenchError(f"cannot read {path}: {error}") from error
