"""YAML that people write: each name once, numbers finite, aliases few; errors name the line."""

from __future__ import annotations

import math
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from itr_bench.errors import DataError, ItrBenchError

_MOST = 100_000
"""So many values a file may hold, those that an alias stands for counted each time."""


class UniqueKeyLoader(yaml.SafeLoader):
    """A safe loader that refuses what YAML's own takes in silence.

    A name that stands twice, numbers that are not finite, and aliases of aliases, by which a file
    of ten lines holds a billion values.
    """

    def __init__(self, stream: Any) -> None:
        super().__init__(stream)
        self._values: dict[Any, int] = {}

    def compose_node(self, parent: Any, index: Any) -> Any:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        start: Any = event.start_mark
        node: Any = super().compose_node(parent, index)
        if not isinstance(event, yaml.AliasEvent):
            inner = () if isinstance(node, yaml.ScalarNode) else node.value
            parts = (one for pair in inner for one in (pair if isinstance(pair, tuple) else [pair]))
            self._values[node] = 1 + sum(self._values[part] for part in parts)
        elif node not in self._values:
            raise yaml.constructor.ConstructorError(
                None, None, "an alias stands within what it is the name of", start
            )
        if self._values[node] > _MOST:
            raise yaml.constructor.ConstructorError(
                None, None, f"more than {_MOST:,} values, those of aliases counted each time", start
            )
        return node

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        merge = "tag:yaml.org,2002:merge"  # <<, whose names give way
        seen: set[Any] = set()
        for one, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            if one.tag == merge:
                continue
            name = self.construct_object(one, deep=True)
            if not isinstance(name, Hashable):
                continue  # which is refused below
            if name in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"{str(name)!r} stands twice", one.start_mark
                )
            seen.add(name)
        return dict(super().construct_mapping(node, deep))

    def construct_object(self, node: Any, deep: bool = False) -> Any:
        try:
            found = super().construct_object(node, deep)
            if isinstance(found, float | int) and not math.isfinite(found):
                raise ValueError
            return found
        except _NO_VALUE as error:
            kind = node.tag.rpartition(":")[2]
            a_day = kind == "timestamp" and isinstance(error, ValueError)
            said = str(error) if a_day else f"{node.value!r:.80} is no value of the kind {kind}"
            said = f"{node.value!r:.80} is no finite number" if kind == "float" else said
            raise yaml.constructor.ConstructorError(None, None, said, node.start_mark) from error


_NO_VALUE = (ValueError, TypeError, LookupError, AttributeError, OverflowError)
"""What PyYAML raises over a day that there is none, or a tag that does not fit its value."""


def read_yaml(
    path: Path,
    kind: type[ItrBenchError] = DataError,
    loader: type[UniqueKeyLoader] = UniqueKeyLoader,
) -> Any:
    """What the YAML file *path* holds.

    Raises:
        ItrBenchError: of *kind*: it cannot be read, or :func:`parse_yaml` refuses it.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise kind(f"cannot read {path}: {error}") from error
    return parse_yaml(text, str(path), kind, loader)


def parse_yaml(
    text: str,
    where: str,
    kind: type[ItrBenchError] = DataError,
    loader: type[UniqueKeyLoader] = UniqueKeyLoader,
) -> Any:
    """What *text* says in YAML; errors call it *where*.

    Raises:
        ItrBenchError: of *kind*: it is no YAML, a name stands twice, or it is nested too deep.
    """
    try:
        return yaml.load(text, loader)
    except yaml.reader.ReaderError as error:
        line, said = text.count("\n", 0, error.position), f"not YAML: {error.reason}"
    except yaml.MarkedYAMLError as error:
        is_yaml = isinstance(error, yaml.constructor.ConstructorError)
        mark = error.problem_mark or error.context_mark
        line = mark.line if mark else 0
        said = f"{'' if is_yaml else 'not YAML: '}{error.problem}"
    except (ValueError, OverflowError) as error:  # of a character that there is none
        raise kind(f"cannot read {where}: {error}") from error
    except RecursionError as error:
        raise kind(f"cannot read {where}: it is nested too deep") from error
    raise kind(f"cannot read {where}, line {line + 1}: {said}")
