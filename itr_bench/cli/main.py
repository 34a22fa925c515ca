"""The entry point of ``itr-bench``."""

from __future__ import annotations

import sys
import warnings
from typing import Any

import click

from itr_bench.cli.lazy import LazyGroup
from itr_bench.errors import ItrBenchError, ItrBenchWarning
from itr_bench.version import __version__

_COMMANDS = {
    "compare": "Compare runs on the same tweets: differences, intervals, tests.",
    "data": "Build, describe and verify data sets; translate, annotate, export them.",
    "demo": "Run lmms-eval on the bundled demo set, baselines and a tiny random model.",
    "doctor": "Say what works on this machine, and what fixes the rest.",
    "leaderboard": "Build the leaderboard's pages and show them.",
    "models": "List the presets: the models of the paper, and what each would do.",
    "parse": "Read the yes/no answers out of raw responses.",
    "report": "Make one page of finished runs: all studies, their figures and tests.",
    "run": "Evaluate a model under the paper's protocol: seeded, resumable.",
    "score": "Score what runs left, with intervals and signature.",
    "study": "Run what a question needs: language, prompt, image-ablation, ...",
    "submit": "Make a submission to the leaderboard from finished runs.",
    "validate": "Check submissions: would the leaderboard take them?",
}


@click.group(
    cls=LazyGroup,
    lazy=_COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Models are evaluated by `itr-bench run --model qwen2-vl-7b --tasks ltec_itr_lv`, or "
    "with plain lmms-eval: lmms-eval --model qwen2_vl "
    "--model_args pretrained=Qwen/Qwen2-VL-7B-Instruct "
    "--tasks ltec_itr_lv --repeats 10 --log_samples --output_path out/",
)
@click.version_option(__version__, prog_name="itr-bench")
def cli() -> None:
    """Image-text relation benchmark for vision-language models.

    A tweet has a text and an image. Does the image add to the text's meaning? Is the text
    represented in the image? Two yes/no answers give one of four relations, and a model is
    scored by how often it finds the right one.
    """


def main() -> None:
    """Run the command line; an error that the user can fix ends it with its message."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    warnings.formatwarning = _format_warning
    try:
        cli(prog_name="itr-bench")
    except ItrBenchError as error:
        click.echo(f"itr-bench: error: {error}", err=True)
        sys.exit(1)


def _format_warning(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, line: Any = None
) -> str:
    """Ours are sentences for the user; those of other packages keep their place in the code."""
    if issubclass(category, ItrBenchWarning):
        return f"itr-bench: {message}\n"
    return f"{filename}:{lineno}: {category.__name__}: {message}\n"


if __name__ == "__main__":
    main()
