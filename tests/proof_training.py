"""Prove by the command line that training learns: ``make proof``.

A tiny VLM with untrained weights is trained whole on three folds of the set ``drawn``, and has to
get 80 % or more of the four relations of tweets that it never saw, in Latvian and in English; one
trained on shuffled labels has to stay at chance. LoRA on top of the first then has to learn the
shifted set, on which that one fails. Takes some minutes on one thread.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from scipy.stats import binom

LEAST = 0.8
"""Accuracy on tweets that a model never saw."""

CHANCE = 0.25
ALPHA = 0.001
"""How often shuffled labels may be taken for more than chance."""

MOST_SHIFTED = 0.6
"""Accuracy on the shifted set before training on it; *adds* alone would give half."""

FULL = ("--adapt", "full", "--learning-rate", "7e-4")
LORA = ("--adapt", "lora", "--learning-rate", "3e-3")


def arguments(pretrained: Path, out: Path, base: str, *more: str) -> list[str]:
    """The command line of one study, for a run called ``m`` in *out*."""
    return [
        *("study", "training", "--model", "itr_vlm", "--name", "m", "--out", str(out)),
        *("--model_args", f"pretrained={pretrained},device=cpu,dtype=float32", "--base", base),
        *("--batch-size", "8", "--at-once", "8", "--seeds", "1,"),
        # Enough for an answer: a model without training would go on to the limit.
        *("--gen_kwargs", "max_new_tokens=2", *more),
    ]


def correct(run: Path) -> Any:
    """Whether the relation of each tweet is right, booleans, in the run folder *run*."""
    from itr_bench.runs.run_folder import read_run_folder

    return read_run_folder(run).predictions.correct.all(axis=1)


def _call(folder: Path, *command: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "itr_bench.cli.main", *command],
        env={**os.environ, "ITR_BENCH_HOME": str(folder / "home"), "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"itr-bench {' '.join(command)} failed:\n{done.stderr[-2000:]}")


def main() -> int:
    """Run the proof; the exit status says whether it holds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tweets", default="1200", help="of each drawn set (default: 1200)")
    parser.add_argument("--epochs", default="6", help="of each training (default: 6)")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        return _prove(Path(name), given.tweets, given.epochs)


def _prove(folder: Path, tweets: str, epochs: str) -> int:
    from itr_bench.models.tiny import make_untrained

    def study(name: str, pretrained: Path, base: str, *more: str) -> Path:
        """Run a study with three folds; return the folder that its run folders are in."""
        shared = ("--folds", "3", "--epochs", epochs)
        _call(folder, *arguments(pretrained, folder / name, base, *shared, *more))
        return folder / name

    untrained = make_untrained(folder / "untrained")
    drawn = ("data", "build", "drawn", "--size", tweets)
    _call(folder, *drawn)
    lv, en = "itr_drawn_lv", "itr_drawn_en"
    good = True
    for language, base in (("lv", lv), ("en", en)):
        out = study(language, untrained, base, *FULL)
        good &= _holds(f"{base}, trained", out / f"m-trained-{language}" / base, least=LEAST)
    out = study("shuffled", untrained, lv, *FULL, "--shuffle-labels")
    good &= _holds(f"{lv}, trained on shuffled labels", out / "m-trained-lv-shuffled" / lv)
    _call(folder, *drawn, "--shifted", "--replace")
    trained = folder / "lv" / "m-trained-lv" / "folds" / "1" / "weights"
    out = study("shifted", trained, lv, *LORA)
    good &= _holds("the same weights on the shifted set", out / "m" / lv, most=MOST_SHIFTED)
    good &= _holds("with LoRA trained on it", out / "m-trained-lv" / lv, least=LEAST)
    return 0 if good else 1


def _holds(what: str, run: Path, *, least: float = 0.0, most: float | None = None) -> bool:
    """Print the accuracy of a run; return whether it is what is expected, by default chance."""
    hits = correct(run)
    accuracy, number = float(hits.mean()), len(hits)
    if not least and most is None:
        most = float(binom.ppf(1 - ALPHA, number, CHANCE)) / number
    good = least <= accuracy <= (1.0 if most is None else most)
    expected = f"{100 * least:.1f} % or more" if most is None else f"{100 * most:.1f} % or less"
    print(
        f"{'holds' if good else 'FAILS'}  {what}: {100 * accuracy:.1f} % of {number} tweets, "
        f"expected {expected}",
        flush=True,
    )
    return good


if __name__ == "__main__":
    sys.exit(main())
