"""What the commands that answer at once do not import."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = (
    *("torch", "torchvision", "transformers", "lmms_eval", "datasets", "tokenizers", "accelerate"),
    *("numpy", "scipy", "pandas", "pyarrow", "matplotlib", "sacrebleu", "PIL"),
    *("huggingface_hub", "fsspec", "requests", "pooch", "pydantic", "asyncio"),
)

_RUN = """
import sys
from itr_bench.cli.main import main
try:
    main()
finally:
    print("IMPORTED", *sorted(sys.modules), file=sys.stderr)
"""


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("--help",), 0, "Evaluate a model under the paper's protocol"),
        (("models",), 0, "qwen2-vl-7b"),
        (("models", "phi-3.5-4b"), 0, "num_crops=16"),
        (
            ("run", "--model", "qwen2-vl-7b", "--tasks", "ltec_itr", "--dry-run"),
            0,
            "to generate in all: ",
        ),
        (
            *(("run", "--model", "itr_vlm", "--tasks", "itr_demo_lv~shots-1", "--dry-run"),),
            *(0, "8 tweets x 2 questions x 10 seeds = 160: 0 done, 160 to do"),
        ),
        (("run", "--model", "qwen2vl", "--tasks", "itr_demo_lv"), 1, "Did you mean 'qwen2_vl'?"),
        (("run", "--model", "qwen2_vl", "--tasks", "itr_demo_lw"), 1, "Did you mean 'itr_demo_lv'"),
    ],
)
def test_heavy_packages_are_not_imported(
    arguments: tuple[str, ...], status: int, said: str, tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _RUN, *arguments],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
        env={**os.environ, "LMMS_EVAL_PLUGINS": ""},
    )
    assert done.returncode == status, done.stderr
    assert said in done.stdout + done.stderr
    imported = done.stderr.rpartition("IMPORTED ")[2].split()
    assert "itr_bench.cli.main" in imported
    assert not {name.partition(".")[0] for name in imported} & set(HEAVY)
