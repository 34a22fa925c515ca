"""Does fine-tuning help? Before and after, by share of the data, and across languages."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

from itr_bench.data.languages import LANGUAGES
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
from itr_bench.studies.statistics import ACCURACY, Rows, Share, hits, shares
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
    def facts(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = (self.run.generation or {})["training"]
        return found

    @property
    def languages(self) -> tuple[str, ...]:
        return tuple(str(self.facts["languages"]).split("+"))

    @property
    def share(self) -> int:
        return int(self.facts["share"])

    @property
    def shuffled(self) -> bool:
        return bool(self.facts["shuffled_labels"])

    @property
    def label(self) -> str:
        """What it was trained on."""
        data = trained_on("+".join(self.languages), self.share)
        return f"{data}, shuffled labels" if self.shuffled else data

    @property
    def base(self) -> str:
        """The model without training."""
        return self.before.model if self.before else self.run.model.partition(", trained on ")[0]

    @property
    def kind(self) -> str:
        """What trainings have to have in common to be compared: all but what they are about."""
        apart = ("languages", "share", "shuffled_labels", "tasks", "weights")
        rest = {name: value for name, value in self.facts.items() if name not in apart}
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
    before = _before_and_after(trained)
    more = _more_languages(trained)
    pairs = [*before, *more]
    compared = compare(pairs, WITH_QUESTIONS)
    first, second = compared[: len(before)], compared[len(before) :]
    return Section(
        claims=[*_before_claims(before, first), *_language_claims(more, second)],
        paragraphs=(
            "Each tweet is predicted by a model that was trained on the other folds. Copies and "
            "near copies of a text or a picture are in one fold, so no model saw them. Prompts, "
            "order and parser are those without training. All trainings of a model take the same "
            "number of steps: more data or languages are not more training.",
            "Trained on shuffled labels, a model learns how answers look and how often each is "
            "right, and nothing else: what it reaches is what the procedure reaches by itself.",
        ),
        figures=[
            *_before_figures(before, first),
            *_relations(before),
            *_curve(trained),
            *_matrix(trained, more, second),
            *_cost(costs),
        ],
        limits=[
            *limits([one[ACCURACY] for one in compared]),
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
    plain = {
        (_content(run), run.task, data_of(run)): run
        for run in runs
        if run.generation and "training" not in run.generation
    }
    return [
        _Trained(run, plain.get((_content(run), run.task, data_of(run))))
        for run in runs
        if run.generation and "training" in run.generation
    ]


def _content(run: Run) -> str:
    """What the model was before training."""
    return str((run.generation or {}).get("content") or run.model.partition(", trained on ")[0])


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


def _claims(
    pairs: Sequence[_Pair],
    compared: Sequence[Differences],
    title: Callable[[str, str], str],
    **said: Any,
) -> list[Claim]:
    """The claims of :func:`claims_of` about each model and task, under its *title*."""
    claims = []
    for subject, task in dict.fromkeys((pair.subject, pair.task) for pair in pairs):
        own = [
            (pair, found)
            for pair, found in zip(pairs, compared, strict=True)
            if (pair.subject, pair.task) == (subject, task)
        ]
        claims += claims_of(title(subject, task), own, **said)
    return claims


def _before_claims(pairs: Sequence[_Pair], compared: Sequence[Differences]) -> list[Claim]:
    return _claims(
        pairs,
        compared,
        lambda subject, task: f"{subject}, {task}",
        sentence=lambda pair, found: (
            f"trained on {pair.label}, the model "
            f"{'gains' if found[ACCURACY].difference > 0 else 'loses'} "
            f"{in_points(found[ACCURACY].difference)} "
            f"({percent(found[ACCURACY].b)} % to {percent(found[ACCURACY].a)} %)."
        ),
        sides=lambda pair: (f"trained on {pair.label}", pair.against),
        name=lambda pair: f"trained on {pair.label}",
        absent="gain or loss",
    )


def _before_figures(pairs: Sequence[_Pair], compared: Sequence[Differences]) -> list[Figure]:
    lines = [
        Line(
            f"{pair.subject}, {pair.task}",
            pair.label,
            found[ACCURACY],
            (Cell("Model", pair.subject), Cell("Task", pair.task), Cell("Trained on", pair.label)),
            question_cells(found, "gain"),
        )
        for pair, found in zip(pairs, compared, strict=True)
    ]
    if not lines:
        return []
    return [
        difference_figure(
            "Gain by training",
            "Accuracy of the trained models on tweets that they never saw, less accuracy without "
            "training, with its 95 % interval over tweets. Right of zero, training helps.",
            "gains by training, paired by tweet",
            lines,
            Headings("Trained", "Without", "Gain", "Gain of accuracy"),
        )
    ]


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


def _curve(trained: Sequence[_Trained]) -> list[Figure]:
    """Accuracy over the share of the data, where a training was made with several shares."""
    groups: dict[tuple[str, str, tuple[str, ...]], list[_Trained]] = {}
    for one in trained:
        if not one.shuffled:
            groups.setdefault((one.kind, one.run.task, one.languages), []).append(one)
    found = []
    for of_group in groups.values():
        own = sorted(of_group, key=lambda one: one.share)
        if len({one.share for one in own}) < 2:
            continue
        measured = shares([hits(one.run.predictions) for one in own])
        first = own[0]
        title = f"{first.base}, {first.run.task}, trained on {'+'.join(first.languages)}"
        found.append(
            Figure(
                f"Learning curve, {title}",
                "Accuracy over the share of the training tweets, with its 95 % interval over "
                "tweets. Smaller shares are parts of larger ones; all take the same number of "
                "steps.",
                Table.of(
                    f"{title}: accuracy by share of the data",
                    [
                        [Cell("Share of the data %", one.share, "count"), *_shown(value)]
                        for one, value in zip(own, measured, strict=True)
                    ],
                ),
                (
                    Scatter(
                        tuple(
                            Point(
                                f"{one.share} %",
                                one.share,
                                100 * value.value,
                                scaled(value.interval),
                            )
                            for one, value in zip(own, measured, strict=True)
                        ),
                        "Share of the training tweets, %",
                        "Accuracy, %",
                        references=tuple(levels([own[0].run.predictions])),
                    ),
                ),
            )
        )
    return found


def _shown(value: Share) -> Row:
    return share("Accuracy", value.value, value.interval)


# Languages


def _more_languages(trained: Sequence[_Trained]) -> list[_Pair]:
    """Trainings on several languages against those on some of them, on each task."""
    groups: dict[tuple[str, str], list[_Trained]] = {}
    for one in trained:
        if one.share == WHOLE and not one.shuffled:
            groups.setdefault((one.kind, one.run.task), []).append(one)
    pairs = []
    for own in groups.values():
        for one, other in combinations(sorted(own, key=lambda o: len(o.languages)), 2):
            if set(one.languages) < set(other.languages):
                pairs.append(
                    _Pair(
                        other.base,
                        other.run.task,
                        f"{other.label} in place of {one.label}",
                        f"trained on {one.label}",
                        other.run.predictions,
                        one.run.predictions,
                    )
                )
    return pairs


def _language_claims(pairs: Sequence[_Pair], compared: Sequence[Differences]) -> list[Claim]:
    def title(subject: str, task: str) -> str:
        return f"{subject}, {task} (texts in {LANGUAGES[get_task(task).language].name})"

    return _claims(
        pairs,
        compared,
        title,
        sentence=lambda pair, found: (
            f"training on {pair.label} "
            f"{'helps' if found[ACCURACY].difference > 0 else 'harms'}: "
            f"{in_points(found[ACCURACY].difference)}."
        ),
        sides=lambda pair: ("trained on more languages", pair.against),
        name=lambda pair: f"training on {pair.label}",
        absent="gain or loss by more languages",
    )


def _matrix(
    trained: Sequence[_Trained], pairs: Sequence[_Pair], compared: Sequence[Differences]
) -> list[Figure]:
    """Trained on x tested on, and what more languages change."""
    whole = [one for one in trained if one.share == WHOLE]
    tested = sorted({one.run.task for one in whole})
    rows: list[Row] = []
    for name in dict.fromkeys((one.base, one.label) for one in whole):
        by_task = {one.run.task: one for one in whole if (one.base, one.label) == name}
        cells: list[Cell] = [Cell("Model", name[0]), Cell("Trained on", name[1])]
        for task in tested:
            value = shares([hits(by_task[task].run.predictions)])[0] if task in by_task else None
            cells += [
                Cell(f"{task} %", value.value if value else None, "percent"),
                Cell(f"{task}, interval", value.interval if value else None, "interval"),
            ]
        rows.append(cells)
    figures = []
    if len(rows) > 1 or len(tested) > 1:
        figures.append(
            Figure(
                "Trained on, tested on",
                "Accuracy on each task, a row for what the models were trained on. The tweets of a "
                "fold are the same in all languages, so a model saw no tweet in any language that "
                "it is tested on.",
                Table.of("accuracy, trained on and tested on", rows),
            )
        )
    if pairs:
        figures.append(
            difference_figure(
                "More languages",
                "Accuracy after training on more languages less accuracy after training on fewer, "
                "with the same number of steps. Right of zero, more languages help.",
                "differences by more languages, paired by tweet",
                [
                    Line(
                        f"{pair.subject}, {pair.task}",
                        pair.label,
                        found[ACCURACY],
                        (
                            Cell("Model", pair.subject),
                            Cell("Task", pair.task),
                            Cell("Training on", pair.label),
                        ),
                    )
                    for pair, found in zip(pairs, compared, strict=True)
                ],
                Headings("More", "Fewer", "Difference", "Difference of accuracy"),
            )
        )
    return figures


# Cost


def _cost(results: Sequence[Result]) -> list[Figure]:
    if not results:
        return []
    rows: list[Row] = []
    for result in results:
        folds = result.content["folds"]
        rows.append(
            [
                Cell("Model", result.model),
                Cell("Folds", len(folds), "count"),
                Cell("Steps a fold", max(int(fold["steps"]) for fold in folds), "count"),
                Cell(
                    "Seconds a fold", sum(float(f["seconds"]) for f in folds) / len(folds), "number"
                ),
                Cell("Memory, MiB", round(max(int(f["memory"]) for f in folds) / 2**20), "count"),
                Cell(
                    "First loss", sum(float(f["losses"][0]) for f in folds) / len(folds), "number"
                ),
                Cell("Last loss", sum(float(f["losses"][1]) for f in folds) / len(folds), "number"),
                Cell("How", str(folds[0]["way"])),
            ]
        )
    return [
        Figure(
            "What training costs",
            "Seconds of training of one fold, without loading and predicting; the most memory, of "
            f"the GPU where there is one; the loss of the first and the last step, mean over "
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
