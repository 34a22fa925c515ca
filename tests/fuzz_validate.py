"""``make fuzz``: the validator on broken input, driven by the code that it reaches (Atheris).

    python -m tests.fuzz_validate [flags of libFuzzer] tests/corpus/validate

What is found is kept as a file, and replayed by ``test_validate_fuzz.py``.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris


def main() -> None:
    """Fuzz until libFuzzer's flags say stop, or something does not hold."""
    with atheris.instrument_imports(include=["itr_bench.leaderboard", "itr_bench.answers"]):
        from tests.fuzzing import contents_of, examine, good

    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        assert examine(good(), root).entry is not None

        def one(data: bytes) -> None:
            examine(contents_of(data), root)

        atheris.Setup(sys.argv, one)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
