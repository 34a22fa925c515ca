"""What differs between two releases, by row, and the changelog."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from itr_bench.data.release_files import VERSION, Config
from itr_bench.errors import DataError
from itr_bench.nouns import count
from itr_bench.release.tables import Rows

_HEAD = "# Changelog\n"


@dataclass(frozen=True)
class RowDifference:
    """How the rows of a config differ from those of an earlier release.

    Attributes:
        state: ``new``, ``gone``, ``kept`` or ``changed``.
        added, removed, changed: numbers of tweets.
        labels, texts, images: how many of the changed tweets have another one.
    """

    state: str
    added: int = 0
    removed: int = 0
    changed: int = 0
    labels: int = 0
    texts: int = 0
    images: int = 0

    @property
    def words(self) -> str:
        """It as part of a sentence."""
        if self.state == "new":
            return f"new, {count(self.added, 'tweet')}"
        if self.state == "gone":
            return f"removed, {count(self.removed, 'tweet')}"
        if self.state == "kept":
            return "no change"
        parts = [f"{count(self.added, 'tweet')} added"] if self.added else []
        parts += [f"{count(self.removed, 'tweet')} removed"] if self.removed else []
        if self.changed:
            own = [("label", self.labels), ("text", self.texts), ("image", self.images)]
            named = ", ".join(count(number, what) for what, number in own if number)
            parts.append(f"{count(self.changed, 'tweet')} changed ({named})")
        return ", ".join(parts)


def row_differences(old: Rows, new: Rows) -> dict[str, RowDifference]:
    """Compare the rows of two releases, config by config, those of *new* first."""
    out = {}
    for config in [*new, *(name for name in old if name not in new)]:
        before, after = old.get(config, {}), new.get(config, {})
        if config not in old:
            out[config] = RowDifference("new", added=len(after))
        elif config not in new:
            out[config] = RowDifference("gone", removed=len(before))
        else:
            both = [(before[tweet], after[tweet]) for tweet in before if tweet in after]
            added, removed = len(after.keys() - before.keys()), len(before.keys() - after.keys())
            changed = [pair for pair in both if pair[0] != pair[1]]
            out[config] = RowDifference(
                "changed" if added or removed or changed else "kept",
                added,
                removed,
                len(changed),
                *(sum(a[i] != b[i] for a, b in changed) for i in range(3)),
            )
    return out


def parse_version(version: str) -> tuple[int, ...]:
    """Return a semantic version as numbers, or raise :class:`DataError`."""
    if not VERSION.fullmatch(version):
        raise DataError(f"version {version!r}: expected MAJOR.MINOR.PATCH, as in 1.0.0")
    return tuple(map(int, version.split(".")))


def check_above(version: str, before: str) -> None:
    """Raise :class:`DataError` if *version* is not above that of the previous release."""
    if parse_version(version) <= parse_version(before):
        raise DataError(
            f"version {version} is not above that of the previous release, {before}: "
            "name the new one with --version"
        )


def changelog(
    version: str,
    configs: Iterable[Config],
    previous: tuple[str, dict[str, RowDifference]] | None,
) -> str:
    """Return the text of ``CHANGELOG.md``.

    Args:
        version: of this release.
        configs: of this release.
        previous: changelog of the previous release, and what differs from it.
    """
    if previous is None:
        held = "".join(f"- `{c.name}`: {count(c.tweets, 'tweet')}.\n" for c in configs)
        return f"{_HEAD}\n## {version}\n\nFirst release.\n\n{held}"
    text, differences = previous
    lines = "".join(
        f"- `{name}`: {found.words}.\n"
        for name, found in differences.items()
        if found.state != "kept"
    )
    return (
        f"{_HEAD}\n## {version}\n\n{lines or 'No change of the data.' + chr(10)}"
        f"{text.removeprefix(_HEAD)}"
    )
