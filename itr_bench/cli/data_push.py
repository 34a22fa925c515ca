"""``itr-bench data push``."""

from __future__ import annotations

import json
from pathlib import Path

import click


@click.command("push")
@click.argument(
    "folder", type=click.Path(path_type=Path, exists=True, file_okay=False), metavar="DIR"
)
@click.option("--repo-id", required=True, metavar="ORG/NAME", help="The data set repository.")
@click.option("--yes", is_flag=True, help="Push it. Without this, nothing is changed.")
@click.option("--create", is_flag=True, help="Make the repository where there is none.")
@click.option("--private", is_flag=True, help="With --create: only its owners see it.")
@click.option(
    "--replace-damaged",
    is_flag=True,
    help="Replace a release that is there and cannot be read: one that is damaged. One that a "
    "newer itr-bench made is read by that one.",
)
@click.option("--json", "as_json", is_flag=True, help="Write JSON instead of text.")
def command(
    folder: Path,
    repo_id: str,
    yes: bool,
    create: bool,
    private: bool,
    replace_damaged: bool,
    as_json: bool,
) -> None:
    """Put the release in DIR onto the Hugging Face Hub. Dry by default.

    Says which files and which tweets differ from what is there; with --yes, makes one single
    commit on top of exactly that. If the repository changes meanwhile, or anything fails, nothing
    is published. Every source has to have a licence that lets it be passed on. Files that are
    there and belong to no release stay.

    The token is that of `hf auth login` or HF_TOKEN, and needs write access.

    \b
    Examples:
      itr-bench data push release --repo-id ORG/NAME
      itr-bench data push release --repo-id ORG/NAME --yes
      itr-bench data push release --repo-id ORG/NAME --yes --create --private
    """
    from itr_bench.release.push import compare, push

    if private and not create:
        raise click.UsageError("--private goes with --create: that of a repository stays as it is")
    found = compare(folder, repo_id, replace_damaged=replace_damaged)
    revision = push(found, create=create, private=private) if yes else None
    if as_json:
        out = {
            "repo_id": repo_id,
            "pushed": yes,
            "compared_with": found.revision,
            "version": found.release.version,
            "version_there": found.there,
            "damaged": found.damaged,
            "files": {
                state: list(getattr(found, state))
                for state in ("added", "changed", "removed", "unchanged", "kept")
            },
            "rows": None
            if found.rows is None
            else {name: vars(one) for name, one in found.rows.items()},
            "obstacles": list(found.obstacles),
            "revision": revision,
        }
        click.echo(json.dumps(out, indent=2, ensure_ascii=False))
        return
    if found.revision is None:
        there = "there is no such repository"
    elif found.damaged is not None:
        there = f"commit {found.revision}, a release that cannot be read"
    else:
        version = "no release" if found.there is None else f"version {found.there}"
        there = f"commit {found.revision}, {version}"
    click.echo(f"{repo_id}: {there}; here: version {found.release.version}")
    for state in ("added", "changed", "removed", "kept"):
        for path in getattr(found, state):
            note = " (of no release)" if state == "kept" else ""
            click.echo(f"  {state:8} {path}{note}")
    for name, one in (found.rows or {}).items():
        click.echo(f"  tweets   {name}: {one.words}")
    for obstacle in found.obstacles:
        click.echo(f"not to be pushed: {obstacle}")
    if revision is None:
        click.echo("\nDry run: nothing was changed. To push: --yes")
        return
    differs = found.added or found.changed or found.removed
    click.echo(f"\n{'pushed' if differs else 'nothing differs'}: revision {revision}")
    config = found.release.configs[0].name
    click.echo(f'load_dataset("{repo_id}", "{config}", split="test", revision="{revision}")')
