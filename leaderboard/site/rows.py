"""The rows of the tables: submitted results, reported figures and baselines. No HTML.

All shares are between 0 and 1; ``None`` is "not available".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from itr_bench.leaderboard.entry import Badge, Entry, differing
from itr_bench.leaderboard.published import Figure, Published, PublishedModel, Source
from itr_bench.leaderboard.schema import Training
from itr_bench.relation import Question, Relation
from itr_bench.scoring.metrics import UNIFORM_CHANCE
from itr_bench.scoring.references import ReferenceLevel, Sides, reference_level, sides
from itr_bench.tasks.spec import EXPLAINED, LEADERBOARD

TITLES = {
    "ltec_itr_lv": ("LTEC Latvian", "LTEC, Latvian tweets"),
    "ltec_itr_en_manual": ("LTEC English", "LTEC, the published English text of the tweets"),
    "ltec_itr_en_mt": ("LTEC machine English", "LTEC, the tweets in machine-translated English"),
    "tirt": ("TIRT", "TIRT, English tweets"),
    "itr_demo_lv": ("Demo Latvian", "Demo, 24 made-up tweets in Latvian"),
    "itr_demo_en": ("Demo English", "Demo, 24 made-up tweets in English"),
    "itr_drawn_lv": ("Drawn Latvian", "Drawn by a generator, in Latvian"),
    "itr_drawn_en": ("Drawn English", "Drawn by a generator, in English"),
}
"""By task: for tabs, and for headings."""

QUESTIONS = {
    Question.ADDS: "Does the image add to the meaning of the text?",
    Question.REPRESENTED: "Is the text represented in the image?",
}
"""What is asked, as all pages word it."""


ModelKey = tuple[str, str, bool]
"""One state of one model, on the tasks or on their variants; the same in all tables."""


@dataclass(frozen=True)
class References:
    """What a task's tweets give without a model: accuracies of four baselines."""

    relations: tuple[int, ...] | None
    """Tweets by relation; ``None`` where nothing here says."""

    @property
    def chance(self) -> float:
        """Expected accuracy of answering at random."""
        return UNIFORM_CHANCE

    @property
    def majority(self) -> float | None:
        """Accuracy of always naming the most frequent relation."""
        return None if self.relations is None else max(self.relations) / sum(self.relations)

    def always(self, relation: Relation) -> float | None:
        """Accuracy of always naming *relation*."""
        return None if self.relations is None else self.relations[relation] / sum(self.relations)


@dataclass(frozen=True)
class Row:
    """One line of a table: a submitted result, a reported figure or a baseline."""

    kind: str
    """``entry``, ``published`` or ``baseline``."""
    name: str
    task: str
    """Name of the task, a variant included."""
    organisation: str | None = None
    folder: str | None = None
    """Of the model's page."""
    state: str | None = None
    accuracy: float | None = None
    interval: tuple[float, float] | None = None
    sd: float | None = None
    unparseable: float | None = None
    tweets: int | None = None
    samples: int | None = None
    reference_level: ReferenceLevel | None = None
    sides: Sides | None = None
    """Where the interval lies against the references; ``None`` without an interval."""
    tier: int | None = None
    tied: int = 0
    """Results in the tier, this one included."""
    badge: Badge | None = None
    parameters: int | None = None
    open_weights: bool | None = None
    licence: str | None = None
    submitted: str | None = None
    """The day, YYYY-MM-DD."""
    released: str | None = None
    """The day of the model's release, likewise."""
    link: str | None = None
    """Where the model itself is to be found."""
    complete: bool = False
    """Whether this state of the model has a score on all tasks of the average."""
    entry: Entry | None = None
    source: Source | None = None
    remark: str | None = None
    without_image: Row | None = None
    """The same model's result without the image, which has no line of its own."""
    without_image_unlike: bool = False
    """Whether that was run under other conditions, which may make it better or worse."""

    untrained: Row | None = None
    """Of a fine-tuned model: the result of the same checkpoint without training."""

    @property
    def accuracy_untrained(self) -> float | None:
        """Accuracy without training."""
        return None if self.untrained is None else self.untrained.accuracy

    @property
    def accuracy_without_image(self) -> float | None:
        """Accuracy without the image."""
        return None if self.without_image is None else self.without_image.accuracy

    @property
    def answer_format(self) -> str | None:
        """What the prompts asked for: ``plain`` or ``explained``."""
        return None if self.entry is None else self.entry.answer_format

    @property
    def saw_data(self) -> str | None:
        """What the submitter says of the training; see :attr:`Entry.saw_data`."""
        return None if self.entry is None else self.entry.saw_data

    @property
    def training(self) -> Training | None:
        """How the model was fine-tuned with cross-validation."""
        return None if self.entry is None else self.entry.submission.training

    @property
    def not_observed(self) -> bool:
        """Whether nobody could see with which settings the model was asked."""
        return self.entry is not None and self.entry.not_observed

    @property
    def explained(self) -> bool:
        """Whether the prompts asked for an explained answer."""
        return self.answer_format == "explained"

    @property
    def key(self) -> ModelKey:
        """Which state of which model it is."""
        return (self.folder or "", self.state or "", self.task.endswith(EXPLAINED))


@dataclass(frozen=True)
class Reported:
    """A figure that a paper reports."""

    model: PublishedModel
    figure: Figure
    source: Source

    @property
    def possible(self) -> tuple[str, ...]:
        """The tasks that a figure without a task may be on: all where nothing is known."""
        return tuple(self.figure.among) or LEADERBOARD


def all_figures(published: Sequence[Published]) -> list[Reported]:
    """Every reported figure, with its model and source."""
    return [
        Reported(model, figure, one.source)
        for one in published
        for model in one.models
        for figure in model.figures
    ]


def by_accuracy(row: Row) -> tuple[bool, bool, float, str, str, str, bool]:
    """Sorts rows: the highest accuracy first, what is not available last."""
    last = row.accuracy is None and row.kind == "baseline"
    return (row.accuracy is None, last, -(row.accuracy or 0), row.name.casefold(), *row.key)


def entry_key(entry: Entry) -> ModelKey:
    """The key of the row of one submitted result."""
    card = entry.submission.model
    task = entry.submission.run.task
    return (card.folder, entry.submission.state, task.endswith(EXPLAINED))


def entry_row(
    entry: Entry,
    *,
    complete: bool = False,
    tier: int | None = None,
    tied: int = 0,
    without_image: Entry | None = None,
    untrained: Entry | None = None,
) -> Row:
    """The row of one submitted result; the arguments are what follows from other results."""
    card, score, claim = entry.submission.model, entry.score, entry.submission.score
    unparseable = (
        claim.unparseable_rate if score is None else score.unparseable_rate + score.failed_rate
    )
    interval = None if score is None else score.interval
    figures = score or claim
    return Row(
        kind="entry",
        name=card.name,
        task=entry.submission.run.task,
        organisation=card.organisation,
        folder=card.folder,
        state=entry.submission.state,
        accuracy=figures.accuracy,
        interval=None if interval is None else (interval.low, interval.high),
        sd=figures.accuracy_sd,
        unparseable=unparseable,
        tweets=figures.tweets,
        samples=figures.samples,
        reference_level=None if score is None else reference_level(score),
        sides=None if score is None else sides(score),
        tier=tier,
        tied=tied,
        badge=entry.badge,
        parameters=card.parameters,
        open_weights=card.open_weights,
        licence=card.licence,
        submitted=entry.submission.submitted,
        released=card.released,
        link=f"https://huggingface.co/{card.id}" if card.revision else card.code or card.paper,
        complete=complete,
        entry=entry,
        without_image=None if without_image is None else entry_row(without_image),
        without_image_unlike=without_image is not None
        and not differing(entry, without_image).harmless,
        untrained=None if untrained is None else entry_row(untrained),
    )


def published_rows(task: str, published: Published) -> list[Row]:
    """The figures that one source reports on a task."""
    return [
        Row(
            kind="published",
            name=model.name,
            task=task,
            organisation=model.organisation,
            folder=model.folder,
            accuracy=None if figure.accuracy is None else figure.accuracy / 100,
            sd=None if figure.deviation is None else figure.deviation / 100,
            tweets=published.source.tweets.get(task),
            samples=published.source.seeds,
            badge=Badge.REPORTED,
            parameters=model.parameters,
            open_weights=model.open_weights,
            licence=model.licence,
            submitted=str(published.source.year),
            link=published.source.address,
            source=published.source,
            remark=figure.remark,
        )
        for model in published.models
        for figure in model.figures
        if figure.task == task
    ]


def baseline_rows(task: str, references: References) -> list[Row]:
    """The four baselines of a task."""
    found = (
        ("Majority class", references.majority),
        ("Uniform chance", references.chance),
        ("Always yes", references.always(Relation.ADDS_REPRESENTED)),
        ("Always no", references.always(Relation.NOT_ADDS_NOT_REPRESENTED)),
    )
    tweets = None if references.relations is None else sum(references.relations)
    return [
        Row(kind="baseline", name=name, task=task, accuracy=accuracy, tweets=tweets)
        for name, accuracy in found
    ]
