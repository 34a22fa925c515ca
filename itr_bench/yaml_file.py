"""YAML that people write: no name stands twice, and errors name the line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from itr_bench.errors import DataError, ItrBenchError


class UniqueKeyLoader(yaml.SafeLoader):
    """A safe loader that refuses a name that stands twice, of which YAML's own takes the last."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        merge = "tag:yaml.org,2002:merge"  # <<, whose names give way
        names = [self.construct_object(name) for name, _ in node.value if name.tag != merge]
        twice = [str(name) for name in names if names.count(name) > 1]
        if twice:
            raise yaml.constructor.ConstructorError(
                None, None, f"{twice[0]!r} stands twice", node.start_mark
            )
        return dict(super().construct_mapping(node, deep))


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
    except ValueError as error:  # a day that there is none
        raise kind(f"cannot read {where}: {error}") from error
    except RecursionError as error:
        raise kind(f"cannot read {where}: it is nested too deep") from error
    raise kind(f"cannot read {where}, line {line + 1}: {said}")
