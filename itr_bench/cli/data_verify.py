"""``itr-bench data verify``."""

from __future__ import annotations

import click


@click.command("verify")
@click.argument("name")
def command(name: str) -> None:
    """Check the data set NAME against its manifest: file, images, texts, labels."""
    from itr_bench.data.inspection import verify_set

    manifest = verify_set(name)
    click.echo(
        f"{name}: {manifest.tweets} tweets agree with the manifest, content hash "
        f"{manifest.content_sha256}, {manifest.kind}"
    )
