"""Reading the YAML that maintainers write."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from itr_bench.errors import DataError


def read_yaml(path: Path) -> Any:
    """What a YAML file holds.

    Raises:
        DataError: it cannot be read, is no YAML, or is nested too deep.
    """
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except RecursionError as error:
        raise DataError(f"cannot read {path}: it is nested too deep") from error
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise DataError(f"cannot read {path}: {error}") from error
