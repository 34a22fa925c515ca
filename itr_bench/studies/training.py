"""Does fine-tuning help? Before and after, by share of the data, and across languages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import mean
from typing import TYPE_CHECKING, Any

from itr_bench.data.languages import LANGUAGES
from itr_bench.grouped import grouped
from itr_bench.nouns import count
from itr_bench.relation import RELATIONS, Relation
from itr_bench.report.scatter import Point
from itr_bench.report.words import percent
from itr_bench.runs.run import Run
from itr_bench.runs.training import WHOLE, trained_on
from itr_bench.scoring.predictions import Predictions
from itr_bench.studies.comparisons import (
    WITH_QUESTIONS,
    Differences,
    Headings,
    Line,
    accuracy_differences,
    claims_of,
    compare,
    data_notices,
    difference_figure,
    levels,
    limits,
    question_cells,
    scaled,
)
from itr_bench.studies.formatting import in_points
from itr_bench.studies.grouping import data_of
from itr_bench.studies.section import (
    Cell,
    Claim,
    Figure,
    Row,
    Scatter,
    Section,
    Table,
    share,
)
from itr_bench.studies.statistics import ACCURACY, Rows, accuracies, hits, shares
from itr_bench.studies.study import Log, Material, Result, Study, write_result
from itr_bench.tasks.spec import get_task

if TYPE_CHECKING:
    from itr_bench.runs.execute import TaskRun
    from itr_bench.training.cross_validation import TrainingJob

NAME = "training"
_COSTS = ("steps", "seconds", "memory", "tweets", "way")
"""What a report shows of a fold's record."""


@dataclass(frozen=True)
class _Trained:
    """A run of fold predictions, and the same model's run without training on the same data."""

    run: Run
    before: Run | None

    @property
    def metadata(self) -> Mapping[str, Any]:
        return self.run.training or {}

    @property
    def languages(self) -> str:
        return str(self.metadata["languages"])

    @property
    def share(self) -> int:
        return int(self.metadata["share"])

    @property
    def shuffled(self) -> bool:
        return bool(self.metadata["shuffled_labels"])

    @property
    def label(self) -> str:
        """What it was trained on."""
        shuffled = ", shuffled labels" if self.shuffled else ""
        return trained_on(self.languages, self.share) + shuffled

    @property
    def base(self) -> str:
        """The model without training."""
        return self.before.model if self.before else _untrained_name(self.run)

    @property
    def kind(self) -> str:
        """What trainings have to have in common to be compared: all but what they are about."""
        apart = ("languages", "share", "shuffled_labels", "tasks", "weights")
        rest = {name: value for name, value in self.metadata.items() if name not in apart}
        return str((self.base, sorted(rest.items())))


@dataclass(frozen=True)
class _Pair:
    """Two runs of one task: A, which was trained on more or otherwise, and B."""

    subject: str
    task: str
    label: str
    against: str
    a: Predictions
    b: Predictions

    @property
    def title(self) -> str:
        """Model and task."""
        return f"{self.subject}, {self.task}"


_Compared = Sequence[tuple[_Pair, Differences]]


def tasks(base: str) -> tuple[str, ...]:
    """The task itself: the command trains, then predicts it."""
    task = get_task(base)
    return () if task.variant.name or task.explained else (base,)


def execute(job: TrainingJob, log: Log) -> tuple[list[TaskRun], list[Result]]:
    """Train and predict, and leave what it cost beside the runs.

    Returns:
        All runs, those without training first, and what each training cost.

    Raises:
        ItrBenchError: as of :func:`itr_bench.training.cross_validation.cross_validate`.
    """
    from itr_bench.tasks import documents
    from itr_bench.training.cross_validation import cross_validate

    runs, trainings = cross_validate(job, log)
    results = []
    for training in trainings:
        folds = [
            {
                **{name: record[name] for name in _COSTS},
                "losses": [record["losses"][0], record["losses"][-1]],
            }
            for record in training.records
        ]
        result = Result(
            study=NAME,
            model=training.name,
            task=job.bases[0].name,
            data=documents.identity(job.bases[0]),
            metadata=training.facts,
            content={"folds": folds},
        )
        write_result(training.folder, result)
        results.append(result)
        runs += training.runs
    return runs, results


def analyse(material: Material) -> Section | None:
    """What training changes."""
    trained = _trained(material.runs)
    costs = material.results_of(NAME)
    if not trained:
        return Section(figures=_cost(costs)) if costs else None
    before, more = _before_and_after(trained), _more_languages(trained)
    compared = compare([*before, *more], WITH_QUESTIONS)
    first, second = compared[: len(before)], compared[len(before) :]
    return Section(
        claims=[*_before_claims(first), *_language_claims(second)],
        paragraphs=(
            "Each tweet is predicted by a model that was trained on the other folds. Copies and "
            "near copies of a text or a picture are in one fold, so no model saw them. Prompts, "
            "order and parser are those without training. All trainings of a model take the same "
            "number of steps: more data or languages are not more training.",
            "Trained on shuffled labels, a model learns how answers look and how often each is "
            "right, and nothing else: what it reaches is what the procedure reaches by itself.",
        ),
        figures=[
            *_before_figures(first),
            *_relations(before),
            *_curves(trained),
            *_matrix(trained),
            *_language_figures(second),
            *_cost(costs),
        ],
        limits=[
            *limits(accuracy_differences(compared)),
            "The models of the folds share most of their training data, so their predictions are "
            "not independent: the tests are about these models, and another division or another "
            "seed of the training would give other ones.",
        ],
        notices=[
            *data_notices([one.run for one in trained]),
            *(
                f"{one.run.model} on {one.run.task}: there is no run without training on the same "
                "data to compare with."
                for one in trained
                if one.before is None
            ),
        ],
    )


def _trained(runs: Sequence[Run]) -> list[_Trained]:
    plain = {_tested_on(run): run for run in runs if run.generation and run.training is None}
    return [_Trained(run, plain.get(_tested_on(run))) for run in runs if run.training is not None]


def _tested_on(run: Run) -> tuple[str, str, str]:
    """What the model was before training, and what it was tested on."""
    content = (run.generation or {}).get("content")
    return str(content or _untrained_name(run)), run.task, data_of(run)


def _untrained_name(run: Run) -> str:
    return run.model.partition(", trained on ")[0]


# Before and after


def _before_and_after(trained: Sequence[_Trained]) -> list[_Pair]:
    return [
        _Pair(
            one.base,
            one.run.task,
            one.label,
            "without training",
            one.run.predictions,
            one.before.predictions,
        )
        for one in trained
        if one.before is not None
    ]


def _before_claims(compared: _Compared) -> list[Claim]:
    return claims_of(
        compared,
        title=lambda pair: pair.title,
        sentence=_gain,
        sides=lambda pair: (f"trained on {pair.label}", pair.against),
        name=lambda pair: f"trained on {pair.label}",
        absent="gain or loss",
    )


def _gain(pair: _Pair, differences: Differences) -> str:
    one = differences[ACCURACY]
    verb = "gains" if one.difference > 0 else "loses"
    return (
        f"trained on {pair.label}, the model {verb} {in_points(one.difference)} "
        f"({percent(one.b)} % to {percent(one.a)} %)."
    )


def _before_figures(compared: _Compared) -> list[Figure]:
    if not compared:
        return []
    return [
        difference_figure(
            "Gain by training",
            "Accuracy of the trained models on tweets that they never saw, less accuracy without "
            "training, with its 95 % interval over tweets. Right of zero, training helps.",
            "gains by training, paired by tweet",
            [
                _line(pair, differences, "Trained on", question_cells(differences, "gain"))
                for pair, differences in compared
            ],
            Headings("Trained", "Without", "Gain", "Gain of accuracy"),
        )
    ]


def _line(pair: _Pair, differences: Differences, column: str, last: Row = ()) -> Line:
    cells = (Cell("Model", pair.subject), Cell("Task", pair.task), Cell(column, pair.label))
    return Line(pair.title, pair.label, differences[ACCURACY], cells, last)


def _relations(pairs: Sequence[_Pair]) -> list[Figure]:
    """The same by relation: what is learned may be what is frequent."""
    there = [
        (pair, relation)
        for pair in pairs
        for relation in RELATIONS
        if (pair.a.gold == relation).any()
    ]
    if not there:
        return []
    rows: list[Row] = []
    for pair, relation in there:
        after, before = shares([_of_relation(side, relation) for side in (pair.a, pair.b)])
        rows.append(
            [
                Cell("Model", pair.subject),
                Cell("Task", pair.task),
                Cell("Trained on", pair.label),
                Cell("Relation", f"{int(relation)} {relation.label}"),
                Cell("Tweets", int((pair.a.gold == relation).sum()), "count"),
                *share("Without", before.value, before.interval),
                *share("Trained", after.value, after.interval),
            ]
        )
    return [
        Figure(
            "By relation",
            "The share of the tweets of each relation that is right, with its 95 % interval. A "
            "model that always gives the most frequent relation has 100 % of one and none of the "
            "others.",
            Table.of("accuracy by relation, before and after", rows),
        )
    ]


def _of_relation(side: Predictions, relation: Relation) -> tuple[Rows, int]:
    right, samples = hits(side)
    return right[side.gold == relation], samples


# Share of the data


def _curves(trained: Sequence[_Trained]) -> list[Figure]:
    """Accuracy over the share of the data, where a training was made with several shares."""
    known = [one for one in trained if not one.shuffled]
    groups = grouped(known, lambda one: (one.kind, one.run.task, one.languages))
    return [_curve(own) for own in groups.values() if len({one.share for one in own}) > 1]


def _curve(trained: Sequence[_Trained]) -> Figure:
    ordered = sorted(trained, key=lambda one: one.share)
    first, predictions = ordered[0], [one.run.predictions for one in ordered]
    title = f"{first.base}, {first.run.task}, trained on {first.languages}"
    rows, points = [], []
    for one, accuracy in zip(ordered, accuracies(predictions), strict=True):
        value, interval = accuracy.value, accuracy.interval
        rows.append(
            [
                Cell("Share of the data %", one.share, "count"),
                *share("Accuracy", value, interval),
            ]
        )
        points.append(Point(f"{one.share} %", one.share, 100 * value, scaled(interval)))
    chart = Scatter(
        tuple(points),
        "Share of the training tweets, %",
        "Accuracy, %",
        references=tuple(levels(predictions[:1])),
    )
    return Figure(
        f"Learning curve, {title}",
        "Accuracy over the share of the training tweets, with its 95 % interval over tweets. "
        "Smaller shares are parts of larger ones; all take the same number of steps.",
        Table.of(f"{title}: accuracy by share of the data", rows),
        (chart,),
    )


# Languages


def _more_languages(trained: Sequence[_Trained]) -> list[_Pair]:
    """Trainings on several languages against those on some of them, on each task."""
    whole = [one for one in trained if one.share == WHOLE and not one.shuffled]
    return [
        _Pair(
            more.base,
            more.run.task,
            f"{more.label} in place of {fewer.label}",
            f"trained on {fewer.label}",
            more.run.predictions,
            fewer.run.predictions,
        )
        for own in grouped(whole, lambda one: (one.kind, one.run.task)).values()
        for fewer, more in combinations(sorted(own, key=lambda one: one.languages.count("+")), 2)
        if {*fewer.languages.split("+")} < {*more.languages.split("+")}
    ]


def _language_claims(compared: _Compared) -> list[Claim]:
    return claims_of(
        compared,
        title=lambda pair: (
            f"{pair.title} (texts in {LANGUAGES[get_task(pair.task).language].name})"
        ),
        sentence=_help,
        sides=lambda pair: ("trained on more languages", pair.against),
        name=lambda pair: f"training on {pair.label}",
        absent="gain or loss by more languages",
    )


def _help(pair: _Pair, differences: Differences) -> str:
    one = differences[ACCURACY]
    verb = "helps" if one.difference > 0 else "harms"
    return f"training on {pair.label} {verb}: {in_points(one.difference)}."


def _matrix(trained: Sequence[_Trained]) -> list[Figure]:
    """Trained on x tested on."""
    whole = [one for one in trained if one.share == WHOLE]
    tested = sorted({one.run.task for one in whole})
    rows: list[Row] = []
    for (base, label), own in grouped(whole, lambda one: (one.base, one.label)).items():
        by_task = {one.run.task: one.run.predictions for one in own}
        cells: list[Cell] = [Cell("Model", base), Cell("Trained on", label)]
        for task in tested:
            found = accuracies([by_task[task]])[0] if task in by_task else None
            cells += [
                Cell(f"{task} %", None if found is None else found.value, "percent"),
                Cell(f"{task}, interval", None if found is None else found.interval, "interval"),
            ]
        rows.append(cells)
    if len(rows) < 2 and len(tested) < 2:
        return []
    return [
        Figure(
            "Trained on, tested on",
            "Accuracy on each task, a row for what the models were trained on. The tweets of a "
            "fold are the same in all languages, so a model saw no tweet in any language that "
            "it is tested on.",
            Table.of("accuracy, trained on and tested on", rows),
        )
    ]


def _language_figures(compared: _Compared) -> list[Figure]:
    """What more languages change."""
    if not compared:
        return []
    return [
        difference_figure(
            "More languages",
            "Accuracy after training on more languages less accuracy after training on fewer, "
            "with the same number of steps. Right of zero, more languages help.",
            "differences by more languages, paired by tweet",
            [_line(pair, differences, "Training on") for pair, differences in compared],
            Headings("More", "Fewer", "Difference", "Difference of accuracy"),
        )
    ]


# Cost


def _cost(results: Sequence[Result]) -> list[Figure]:
    if not results:
        return []
    rows: list[Row] = []
    for result in results:
        folds = result.content["folds"]
        seconds, memory, first, last = zip(
            *((f["seconds"], f["memory"], *f["losses"]) for f in folds), strict=True
        )
        rows.append(
            [
                Cell("Model", result.model),
                Cell("Folds", len(folds), "count"),
                Cell("Steps a fold", max(int(fold["steps"]) for fold in folds), "count"),
                Cell("Seconds a fold", mean(map(float, seconds)), "number"),
                Cell("Memory, MiB", round(max(map(int, memory)) / 2**20), "count"),
                Cell("First loss", mean(map(float, first)), "number"),
                Cell("Last loss", mean(map(float, last)), "number"),
                Cell("How", str(folds[0]["way"])),
            ]
        )
    return [
        Figure(
            "What training costs",
            "Seconds of training of one fold, without loading and predicting; the most memory, of "
            "the GPU where there is one; the loss of the first and the last step, mean over "
            f"folds. {count(len(rows), 'training')}.",
            Table.of("cost of training", rows),
        )
    ]


STUDY = Study(
    name=NAME,
    title="Fine-tuning",
    question="Does fine-tuning help, how much data does it need, and do more languages help?",
    tasks=tasks,
    analyse=analyse,
)
