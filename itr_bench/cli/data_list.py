"""``itr-bench data list``."""

from __future__ import annotations

import json
from typing import Any

import click
from tabulate import tabulate

from itr_bench.data import home
from itr_bench.data.manifest import Manifest
from itr_bench.data.sets import DRAWN, SETS, get_set
from itr_bench.errors import DataError
from itr_bench.tasks.spec import TASKS


@click.command("list")
@click.option("--json", "as_json", is_flag=True, help="Write JSON instead of a table.")
def command(as_json: bool) -> None:
    """List the data sets, whether they are here, and the tasks that use them."""
    found: list[dict[str, Any]] = []
    for plain in SETS:  # one of each system whose translations are here
        names = [f"{plain}@{system}" for system in home.systems(plain)] or [plain]
        found += map(_state, names)
    if as_json:
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
        return
    rows = [
        [s["set"], s["title"], s["state"], s["kind"] or "-", ", ".join(s["tasks"])] for s in found
    ]
    click.echo(tabulate(rows, ["set", "what", "state", "kind", "tasks"], tablefmt="github"))
    click.echo(f"\nfolder: {home.home()}")


def _state(name: str) -> dict[str, Any]:
    from itr_bench.data.published import LISTS

    folder, spec = home.set_folder(name), get_set(name)
    plain, at, system = name.partition("@")
    manifest: Manifest | None = None
    if spec.bundled:
        state = "bundled"
    elif home.is_built(name):
        try:
            manifest, state = Manifest.read(folder), "built"
        except DataError:
            state = "damaged, build it again"
    elif name == DRAWN:
        state = "made on first use"
    elif name in LISTS:
        state = "fetched on first use"
    elif spec.is_translation:
        state = f"to be made: itr-bench data translate --to {spec.texts[0]}"
    else:
        state = f"needs files: itr-bench data build {name} --help"
    return {
        "set": name,
        "title": spec.title,
        "state": state,
        "kind": "demo" if spec.bundled else manifest.kind if manifest else None,
        "tweets": manifest.tweets if manifest else None,
        "content_sha256": manifest.content_sha256 if manifest else None,
        "tasks": [task.family + at + system for task in TASKS.values() if task.set_name == plain],
    }
