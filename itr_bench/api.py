"""The package in Python: what the command line does, by the same code."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from itr_bench.errors import RunError, bullet_list

if TYPE_CHECKING:
    import datasets
    import pandas as pd

    from itr_bench.answers import Parser, Reading
    from itr_bench.runs.comparing import Compared
    from itr_bench.runs.run import Run

Paths = str | Path | Sequence[str | Path]


class Results(Sequence["Run"]):
    """Scored runs, one a model and task: print them, index them, or make a table of them.

    >>> import itr_bench
    >>> print(itr_bench.score("runs/"))  # doctest: +SKIP
    """

    def __init__(self, runs: Iterable[Run], folder: Path | None = None) -> None:
        self._runs = tuple(runs)
        self.folder = folder

    @overload
    def __getitem__(self, place: int) -> Run: ...
    @overload
    def __getitem__(self, place: slice) -> Results: ...
    def __getitem__(self, place: int | slice) -> Run | Results:
        if isinstance(place, slice):
            return Results(self._runs[place], self.folder)
        return self._runs[place]

    def __len__(self) -> int:
        return len(self._runs)

    def __iter__(self) -> Iterator[Run]:
        return iter(self._runs)

    def __str__(self) -> str:
        from itr_bench.runs import tables

        if not self._runs:
            return "no runs"
        return tables.details(self[0]) if len(self) == 1 else tables.summary(self._runs)

    __repr__ = __str__

    def to_pandas(self) -> pd.DataFrame:
        """A row a run: model, task, accuracy with interval, references, rates, signature.

        Shares are between 0 and 1. ``pandas`` has to be installed; the extra ``eval`` brings it.
        """
        import pandas as pd

        table: pd.DataFrame = pd.DataFrame(
            {
                "model": run.model,
                "task": run.task,
                "accuracy": run.score.accuracy,
                "ci95_low": run.score.interval and run.score.interval.low,
                "ci95_high": run.score.interval and run.score.interval.high,
                "accuracy_sd": run.score.accuracy_sd,
                "macro_f1": run.score.macro_f1,
                "adds_accuracy": run.score.adds_accuracy,
                "represented_accuracy": run.score.represented_accuracy,
                "majority_class": run.score.majority_class,
                "uniform_chance": run.score.uniform_chance,
                "unparseable_rate": run.score.unparseable_rate,
                "failed_rate": run.score.failed_rate,
                "tweets": run.score.tweets,
                "samples": run.score.samples,
                "signature": str(run.signature),
            }
            for run in self
        )
        return table


def load(task: str) -> datasets.Dataset:
    """Return the tweets of *task*, such as ``"ltec_itr_lv"``, fetched on first use and kept.

    Returns:
        A ``datasets.Dataset`` with one row a tweet and the columns ``tweet_id`` (string),
        ``text`` (string, as published: links included), ``relation`` (``ClassLabel``, 0 to 3),
        ``image`` (``Image``, upright RGB) and ``image_sha256`` (string). The images are mapped
        from the disk: the first call writes them there once more, as Arrow.

    Raises:
        DataError: an unknown task, or data that is not there and cannot be fetched or written.
    """
    from itr_bench.tasks.loading import load as load_task

    return load_task(task)


def parse(
    response: str | None,
    lang: str = "en",
    *,
    parser: str | Parser = "yes-no",
    tweet_id: str | None = None,
    question: str | None = None,
) -> Reading:
    """Read one raw response: its answer and the rule that decided.

    Args:
        response: the text as the model generated it, reasoning included; ``None`` for a request
            that failed.
        lang: the language that the response is expected in, ``"en"`` or ``"lv"``.
        parser: the name of a parser, or one of your own.
        tweet_id, question: what was asked (``"adds"`` or ``"represented"``), for parsers that
            need it: ``both``, ``choice`` and ``negated``.

    Returns:
        ``reading.answer`` is yes, no, none (nothing that says either) or failed; ``reading.rule``
        is the rule of ``docs/answers.md``.

    Raises:
        ScoreError: an unknown parser or language, or one that needs to know what was asked.

    >>> parse("**Answer:** No; **EXPLANATION:** yes is wrong").answer.value
    'no'
    """
    from itr_bench.answers import Asked, get_parser
    from itr_bench.errors import ScoreError, unknown_name
    from itr_bench.relation import QUESTIONS, Question

    if lang not in ("en", "lv"):
        raise ScoreError(unknown_name("language", lang, ("en", "lv")))
    if question is not None and question not in [one.value for one in QUESTIONS]:
        raise ScoreError(unknown_name("question", question, [one.value for one in QUESTIONS]))
    asked = None if question is None else Asked(tweet_id or "", Question(question))
    chosen = get_parser(parser) if isinstance(parser, str) else parser
    return chosen.read(response, lang, asked)


def score(
    runs: Paths,
    gold: str | Path | None = None,
    *,
    task: str | None = None,
    lang: str | None = None,
    parser: str | Parser = "yes-no",
) -> Results:
    """Score finished runs, or your own files of responses.

    Args:
        runs: folders of ``itr-bench run``, folders or files of lmms-eval's samples, or plain files
            with the columns ``id``, ``adds`` and ``repr``, one file a seed.
        gold: for plain files, a TSV with the columns ``relation`` and ``tweet_id``.
        task: take the right relations from this task's data, or check the runs against it.
        lang: language of plain responses; by default that of *task*, else English.
        parser: what reads plain responses: a name, or a parser of your own.

    Raises:
        ScoreError: a file is missing, cannot be read, or does not fit the others.
    """
    from itr_bench.answers import get_parser
    from itr_bench.runs.reading import read_runs

    found = read_runs(
        _paths(runs),
        gold=None if gold is None else Path(gold),
        task=task,
        language=lang,
        parser=get_parser(parser) if isinstance(parser, str) else parser,
    )
    return Results(found)


def compare(a: Run | Paths, b: Run | Paths) -> Compared:
    """Compare two runs of one task on the same tweets.

    Args:
        a, b: runs of :class:`Results`, or what :func:`score` takes for one run.

    Returns:
        ``compared.comparison``: the difference of accuracies, A less B, between -1 and 1, with its
        95 % interval and both tests. ``compared.significance``: whether they differ significantly,
        and why. Of more than two runs, compare them together with ``itr-bench compare``, which
        adjusts the tests for all pairs.

    Raises:
        ScoreError: several runs where one is expected, other tasks, or other data.
    """
    from itr_bench.runs.comparing import compare_runs

    (compared,) = compare_runs([_one_run(a), _one_run(b)])
    return compared


def evaluate(
    model: str,
    tasks: str | Sequence[str],
    *,
    seeds: str | int | Sequence[int] = "paper",
    out: str | Path = "runs",
    name: str | None = None,
    model_args: Mapping[str, Any] | None = None,
    generation: Mapping[str, Any] | None = None,
    limit: int | None = None,
    processes: int | None = None,
    batch_size: int | None = None,
    ray: str | None = None,
    gpus_per_replica: float | None = None,
) -> Results:
    """Evaluate a model under the paper's protocol, as ``itr-bench run`` does.

    Every response is on the disk before it counts: the same call resumes an interrupted run.

    Args:
        model: a preset such as ``"qwen2-vl-7b"``, ``"itr_vlm"``, or an adapter of lmms-eval.
        tasks: names of tasks or groups.
        seeds: ``"paper"``, a number of seeds, or the seeds.
        out: the folder of all runs; this one goes to ``OUT/NAME/TASK``.
        name: of the run's folder; by default the preset's or the model's.
        model_args: arguments of the adapter, such as ``{"pretrained": "ORG/NAME"}``.
        generation: settings over the task's and the preset's; ``None`` takes one away.
        limit: number of tweets, the first ones.
        processes: how many processes generate, each with a GPU of its own; by default one, with
            *ray* as many as fit.
        batch_size: requests at a time, for adapters that seed each request by themselves.
        ray: ``"local"``, ``"auto"`` or the address of a Ray that runs the model's replicas.
        gpus_per_replica: GPUs of each replica on Ray, also a part of one.

    Returns:
        The scored runs, one a task.

    Raises:
        ItrBenchError: an unknown name, missing data or package, a folder with other settings; or
            responses that are missing at the end: what was answered is kept.
    """
    from itr_bench.models.spec import resolve_model
    from itr_bench.runs.configuring import configure, folder_name
    from itr_bench.runs.execute import execute
    from itr_bench.seeds import read_seeds
    from itr_bench.tasks.definitions import expand

    spec = resolve_model(model, model_args=model_args or {}, gen_kwargs=generation or {})
    config = configure(
        spec,
        expand([tasks] if isinstance(tasks, str) else tasks),
        read_seeds(seeds),
        Path(out) / folder_name(name, spec),
        command="itr_bench.evaluate",
        limit=limit,
        processes=processes,
        batch_size=batch_size,
        ray=ray,
        gpus_per_replica=gpus_per_replica,
    )
    done = execute(config, lambda line: print(line, file=sys.stderr))
    lacking = [run.lacking for run in done if run.lacking]
    if lacking:
        raise RunError(
            f"{bullet_list(lacking)}\nWhat was answered is kept in {config.folder}; the same call "
            "asks for the rest"
        )
    return Results([run.scored for run in done if run.scored is not None], config.folder)


def _paths(given: Paths) -> list[Path]:
    return [Path(given)] if isinstance(given, str | Path) else [Path(path) for path in given]


def _one_run(given: Run | Paths) -> Run:
    from itr_bench.errors import ScoreError
    from itr_bench.runs.run import Run

    if isinstance(given, Run):
        return given
    found = score(given)
    if len(found) != 1:
        raise ScoreError(
            f"{given}: {len(found)} runs, expected one; name the folder of one task, or give a run "
            "of itr_bench.score(...)"
        )
    return found[0]
