"""Checking what the metadata of a submission claims against the rest of it."""

from __future__ import annotations

import re
from collections.abc import Mapping

from itr_bench.answers import get_parser
from itr_bench.data.catalog import (
    EXPLAINED,
    LEADERBOARD,
    TRIAL,
    base_task,
    get_set,
    get_task,
)
from itr_bench.relation import Answer
from itr_bench.scoring import RESAMPLES, Score, Signature
from itr_bench.scoring.intervals import BOOTSTRAP_SEED
from itr_bench.scoring.signature import digest
from itr_bench.submissions.findings import Collector
from itr_bench.submissions.layout import SUBMISSION
from itr_bench.submissions.places import Places
from itr_bench.submissions.quotation import LEAST, quotations
from itr_bench.submissions.reference import Reference, kind_of
from itr_bench.submissions.responses import Item, Lines
from itr_bench.submissions.schema import (
    DECIMALS,
    ClaimedScore,
    RunFacts,
    Submission,
)

MADE_UP = ("stand-in", "demo")
"""Kinds of data that make no result."""

_LARGEST_DEVIATION = 0.707107
"""That of the shares 0 and 1 (n - 1)."""

_DATA = re.compile(r"(hub|local|stand-in|demo)-[0-9a-f]{12}(-.+)?")


def check_run(run: RunFacts, places: Places, found: Collector, trial: bool) -> bool:
    """Check task, data, parser and seeds; return whether it is a task of the leaderboard."""
    tasks = (*LEADERBOARD, *TRIAL) if trial else LEADERBOARD
    known = run.task.removesuffix(EXPLAINED)
    if known not in tasks:
        why = "is for trying things out" if known in TRIAL else "is not on it"
        found.error(
            "task",
            SUBMISSION,
            f"{run.task} {why}; the leaderboard has {', '.join(tasks)}",
            places.line("run", "task"),
        )
    kind = kind_of(run.data)
    if kind in MADE_UP and not trial:
        found.error(
            "stand-in",
            SUBMISSION,
            f"made on {run.data}: {kind} data, no result; run it on the real set",
            places.line("run", "data"),
        )
    elif not _DATA.fullmatch(run.data):
        found.error(
            "data",
            SUBMISSION,
            f"{run.data}: expected the data's kind and hash, as signatures have them",
            places.line("run", "data"),
        )
    _check_seeds(run, places, found)
    if known not in (*LEADERBOARD, *TRIAL):
        return False
    spec = get_task(run.task)
    parser = f"{get_parser(spec.parser).signature}.{spec.answers}"
    if run.parser != parser:
        found.error(
            "parser",
            SUBMISSION,
            f"{run.parser}, this version of itr-bench reads {run.task} with {parser}",
            places.line("run", "parser"),
        )
    return True


def _check_seeds(run: RunFacts, places: Places, found: Collector) -> None:
    if not run.seeded_each:
        return
    seeds = run.seeds or []
    if len(seeds) != run.samples or len(set(seeds)) != len(seeds):
        found.error(
            "seeds",
            SUBMISSION,
            f"{len(set(seeds))} different seeds for {run.samples} samples; expected one each",
            places.line("run", "seeds"),
        )


def check_totals(lines: Lines, submission: Submission, places: Places, found: Collector) -> None:
    """Check what follows from the responses and the metadata alone."""
    run, claimed = submission.run, submission.score
    for name, value in (("tweets", len(lines.tweets)), ("samples", run.samples)):
        if getattr(claimed, name) != value:
            _wrong(name, getattr(claimed, name), f"{value} found", places, found)
    if lines.faulty:
        return
    prompt = digest(lines.prompts())
    if run.prompt != prompt:
        found.error(
            "prompt",
            SUBMISSION,
            f"run.prompt is {run.prompt}, the responses make {prompt}",
            places.line("run", "prompt"),
        )
    signature = str(
        Signature(
            task=run.task,
            version=run.version,
            tweets=len(lines.tweets),
            samples=run.samples,
            seeds=None if run.seeds is None else tuple(run.seeds),
            prompt=prompt,
            parser=run.parser,
            data=run.data,
            adapter=run.adapter,
            generation=run.generation,
            harness=run.harness,
            package=run.package,
            libraries=run.libraries,
            bootstrap=f"{RESAMPLES}.{BOOTSTRAP_SEED}",
        )
    )
    if run.signature != signature:
        found.error(
            "signature",
            SUBMISSION,
            f"does not follow from the rest: {_first_difference(run.signature, signature)}",
            places.line("run", "signature"),
        )


def _first_difference(claimed: str, right: str) -> str:
    for one, other in zip(claimed.split("|"), right.split("|"), strict=False):
        if one != other:
            return f"{one!r} claimed, {other!r} follows"
    return "it is longer or shorter"


def check_size(lines: Lines, run: RunFacts, found: Collector) -> None:
    """Check the number of tweets, which is known of most tasks without their data."""
    relations = get_set(get_task(run.task).set_name).relations
    if relations is not None and len(lines.tweets) != sum(relations):
        found.error(
            "tweets",
            SUBMISSION,
            f"{len(lines.tweets)} tweets, {base_task(run.task)} has {sum(relations)}",
        )


def check_words(
    submission: Submission, reference: Reference, places: Places, found: Collector
) -> None:
    """Check that what the submitter wrote quotes no tweet."""
    for place, text in (
        (("reason",), submission.reason),
        (("model", "remark"), submission.model.remark),
        (("run", "command"), submission.run.command),
    ):
        for tweet, texts in reference.texts.items():
            if text is not None and quotations(text, texts):
                found.error(
                    "quotation",
                    SUBMISSION,
                    f"{'.'.join(place)}: quotes {LEAST} or more consecutive words of tweet {tweet}",
                    places.line(*place),
                )


def check_unscored(
    answers: Mapping[Item, tuple[Answer, ...]],
    submission: Submission,
    places: Places,
    found: Collector,
) -> None:
    """Check the one figure that needs no labels, and whether the others can be at all."""
    read = [answer for samples in answers.values() for answer in samples]
    unread = round(read.count(Answer.NONE) / len(read), DECIMALS)
    claimed = submission.score
    if claimed.unread_rate != unread:
        said = f"{unread} follows from the responses"
        _wrong("unread_rate", claimed.unread_rate, said, places, found)
    most = min(claimed.adds_accuracy, claimed.represented_accuracy)
    if claimed.accuracy > most:
        _wrong(
            "accuracy", claimed.accuracy, f"at most {most}: both have to be right", places, found
        )
    ends = [0, *(claimed.interval or ()), 1]
    if sorted(ends) != ends:
        _wrong("interval", claimed.interval, "expected two shares in order", places, found)
    deviation = claimed.accuracy_sd
    if (deviation is None) != (claimed.samples == 1) or (deviation or 0) > _LARGEST_DEVIATION:
        said = f"expected none for one sample, and at most {_LARGEST_DEVIATION} for more"
        _wrong("accuracy_sd", deviation, said, places, found)


def check_score(scored: Score, submission: Submission, places: Places, found: Collector) -> None:
    """Check every figure that is claimed."""
    right = ClaimedScore.of(scored)
    for name in ClaimedScore.model_fields:
        claimed, computed = getattr(submission.score, name), getattr(right, name)
        if claimed != computed and name not in ("tweets", "samples"):
            _wrong(name, claimed, f"{computed} follows from the responses", places, found)


def _wrong(name: str, claimed: object, right: str, places: Places, found: Collector) -> None:
    found.error(
        "score",
        SUBMISSION,
        f"score.{name}: {claimed} claimed, {right}",
        places.line("score", name),
    )
