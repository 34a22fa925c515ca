"""Checking one submission: nothing is trusted that can be computed."""

from __future__ import annotations

import functools
import hashlib
import math
import re
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from itr_bench.answers import Parser
from itr_bench.data.manifest import content_of, kind_of
from itr_bench.data.sets import get_set
from itr_bench.errors import DataError
from itr_bench.leaderboard import claims, files, responses, training
from itr_bench.leaderboard.claims import MADE_UP
from itr_bench.leaderboard.entry import Badge, Entry
from itr_bench.leaderboard.findings import Collector, Finding, Severity
from itr_bench.leaderboard.layout import (
    FOLDS,
    RESPONSES,
    SUBMISSION,
    SUMS,
    parse_sums,
    relative_folder,
)
from itr_bench.leaderboard.places import Place, read_places
from itr_bench.leaderboard.published import leaderboard_folder, read_published
from itr_bench.leaderboard.reference import Reference, open_reference
from itr_bench.leaderboard.schema import Folds, RunFacts, Submission, problems_of
from itr_bench.relation import Answer
from itr_bench.scoring.metrics import Score, score
from itr_bench.scoring.predictions import Predictions
from itr_bench.tasks.spec import get_task

_WHERE = re.compile(r"at line (\d+) column")


@dataclass(frozen=True)
class Checked:
    """A submission with what was found.

    Attributes:
        folder: its folder, by model, state and task.
        findings: all of them; none is an error where it is accepted.
        entry: what the leaderboard takes; ``None`` where it is refused.
        fingerprint: a hash of what was answered, see :meth:`Lines.fingerprint`.
        distinct: how many different responses there are.
        texts: a hash of each response, likewise.
        answers: a hash of the answers as they were parsed, samples sorted; ``None`` where all
            answers to a question are the same.
        arrived: the place of its commit in the history; ``None`` where it is in none.
    """

    folder: str
    findings: tuple[Finding, ...]
    entry: Entry | None = None
    fingerprint: str | None = None
    distinct: int = 0
    texts: bytes = b""
    answers: str | None = None
    arrived: int | None = None


@functools.lru_cache(maxsize=1)
def suspicious_accuracy() -> float:
    """The accuracy above which a person should look: twice the best published one."""
    figures = [
        figure.accuracy
        for published in read_published(leaderboard_folder() / "published")
        for model in published.models
        for figure in model.figures
        if figure.accuracy is not None
    ]
    return 2 * max(figures) / 100 if figures else 1.0


def check(folder: Path, *, trial: bool = False) -> Checked:
    """Check the submission in *folder*.

    Args:
        folder: with the three files of one submission.
        trial: whether demo and placeholder data is admitted, for a dry run.

    Raises:
        DataError: the data of a task that anybody can fetch is not here and cannot be fetched.
    """
    found = Collector(files.shown(folder))
    contents, problems = files.read(folder)
    for problem in problems:
        found.take(problem)
    for name in [name for name, content in contents.items() if _of_windows(content)]:
        del contents[name]
        found.error(
            "line-ends",
            name,
            r"its lines end as on Windows (\r\n), so its hash is another: git changed them at "
            "checkout, or an editor did. Set core.autocrlf to false, check it out again, and "
            "submit it anew",
        )
    _check_sums(contents, found)
    submission = lines = None
    if SUBMISSION in contents:
        submission = _metadata(contents[SUBMISSION], found)
    if RESPONSES in contents:
        lines = responses.read_lines(contents[RESPONSES], _adder(found))
    if submission is None:
        return Checked(found.folder, found.all())
    wanted = str(relative_folder(submission))
    if found.folder != wanted:
        found.claim("path", f"lies in {found.folder}, its metadata says {wanted}")
    parser = claims.check_run(submission.run, found, trial)
    training.check_marked(submission, found)
    folds = _folds(submission, contents.get(FOLDS), found)
    if lines is None:
        return Checked(found.folder, found.all())
    responses.check_run(lines, submission.run, _adder(found))
    claims.check_totals(lines, submission, found)
    if folds is not None and submission.training is not None:
        training.check_folds(folds, submission.training, lines.tweets, found)
    if parser is None or not lines.by_item:
        return Checked(found.folder, found.all())
    return _with_data(submission, lines, folds, parser, found)


def _folds(submission: Submission, content: bytes | None, found: Collector) -> Folds | None:
    """The folds of a fine-tuned model, where they are there and as they should be."""
    if submission.training is None:
        if content is not None:
            said = "the folds of a training, and submission.json has no training block: take it out"
            found.error("unexpected-file", FOLDS, said)
        return None
    if content is None:
        said = (
            "expected the fold of each tweet, and what the model of each fold was trained on; "
            "`itr-bench submit` writes it"
        )
        found.error("missing-file", FOLDS, said)
        return None
    return training.read_folds(content, found)


def _adder(found: Collector) -> responses.Add:
    return lambda code, line, message: found.error(code, RESPONSES, message, line)


def _with_data(
    submission: Submission,
    lines: responses.Lines,
    folds: Folds | None,
    parser: Parser,
    found: Collector,
) -> Checked:
    """The part of the check that needs the data of the task, where that is here."""
    run = submission.run
    unchecked: list[str] = []
    reader = parser, get_task(run.task).answer_language
    newest = f"{parser.signature}.{reader[1]}"
    is_older = run.parser != newest
    predictions: Predictions | None = None
    scored: Score | None = None
    answer_format: str | None = None
    answers: dict[responses.Item, tuple[Answer, ...]] = {}
    reference = _reference(run, unchecked)
    if reference is not None:
        claims.check_words(submission, reference, found)
        responses.check_quotations(lines, reference, _adder(found))
        if not _same_data(run, reference, found, unchecked):
            reference = None
    if folds is not None and not training.check_copies(
        folds, run.task, lines.tweets, found, unchecked
    ):
        reference = None
    current = reference is not None and run.version == reference.version
    if reference is None:
        claims.check_size(lines, run, found)
        responses.check_images(lines, run, _adder(found))
    else:
        if not current:
            unchecked.append(
                f"The prompts of version {run.version} of {run.task} are not known here, the "
                f"version here is {reference.version}: the figures are the submitter's, and it "
                "stands in a table apart."
            )
        answer_format = responses.check_content(lines, run.task, reference, current, _adder(found))
    if reference is not None and current and not found.failed:
        answers = responses.read_answers(lines, run, *reader, _adder(found))
        predictions = responses.predictions(answers, reference)
        scored = score(predictions)
        if is_older:
            unchecked.append(
                f"The figures as submitted, which {run.parser} read; those here are of {newest}, "
                "which has read the same responses again."
            )
        else:
            claims.check_score(scored, submission.score, found)
    elif not found.failed and is_older:
        unchecked.append(f"The figures, which {run.parser} read and not {newest}.")
    elif not found.failed:
        answers = responses.read_answers(lines, run, *reader, _adder(found))
        claims.check_unscored(answers, submission.score, found)
    _look(submission, found)
    for sentence in unchecked:
        found.add(Severity.UNCHECKED, "unchecked", SUBMISSION, sentence)
    entry = Entry(
        submission=submission,
        path=found.folder,
        badge=Badge.REPORTED if scored is None else Badge.RECOMPUTED,
        score=scored,
        predictions=predictions,
        kind=kind_of(run.data),
        answer_format=answer_format,
        current=current,
        unchecked=tuple(unchecked),
    )
    return Checked(
        found.folder,
        found.all(),
        None if found.failed else entry,
        *lines.fingerprint(),
        responses.answers_hash(answers),
    )


def _of_windows(content: bytes) -> bool:
    """Whether each line, and there are some, ends as on Windows."""
    ends = content.count(b"\r\n")
    return ends > 0 and ends == content.count(b"\n")


def _check_sums(contents: dict[str, bytes], found: Collector) -> None:
    if SUMS not in contents:
        return
    try:
        sums = parse_sums(contents[SUMS])
    except ValueError as error:
        found.error("checksums", SUMS, f"{error}; expected what `sha256sum` writes")
        return
    if FOLDS in contents and FOLDS not in sums:
        found.error("checksums", SUMS, f"{FOLDS} is not in it; submit it anew")
    for name, sha256 in sums.items():
        right = hashlib.sha256(contents.get(name, b"")).hexdigest()
        if name in contents and sha256 != right:
            found.error("checksum", name, f"its SHA-256 is {right}, {SUMS} says {sha256}")


def _metadata(content: bytes, found: Collector) -> Submission | None:
    """The metadata, where it is as it should be; *found* learns where its parts stand."""
    submission = None
    problems: list[tuple[Place, str]] = []
    try:
        submission = Submission.model_validate_json(content)
    except ValidationError as error:
        listed = error.errors(include_url=False, include_context=False)
        for one, (name, problem) in zip(listed, problems_of(error), strict=True):
            problems.append((one["loc"], f"{name or 'file'}: {problem}"))
        if listed[0]["type"] == "json_invalid":
            where = _WHERE.search(listed[0]["msg"])
            line = int(where.group(1)) if where else None
            found.error("schema", SUBMISSION, problems[0][1], line)
            return None
    places = found.places = read_places(content.decode())
    for place, problem in problems:
        found.claim("schema", problem, place)
    known = {place for place, _ in problems}
    for fault in places.faults:
        if known.isdisjoint({fault.place, (*fault.place, "[key]")}):
            name = ".".join(map(str, fault.place))
            found.error("schema", SUBMISSION, f"{name}: {fault.message}", fault.line)
    return None if places.faults else submission


def _reference(run: RunFacts, unchecked: list[str]) -> Reference | None:
    """What the task asks, where its data is here; that of data that anybody can fetch has to be."""
    spec = get_task(run.task)
    try:
        return open_reference(spec.base)
    except DataError:
        if get_set(spec.set_name).supply is None:
            raise
    unchecked.append(
        f"The data of {run.task} is not here, so nothing could be recomputed: the figures are the "
        "submitter's."
    )
    return None


def _same_data(run: RunFacts, reference: Reference, found: Collector, unchecked: list[str]) -> bool:
    """Whether it was made on the very data that is here."""
    if content_of(reference.data) != content_of(run.data):
        unchecked.append(
            f"Made on the data {run.data}, here is {reference.data}: nothing could be recomputed, "
            "the figures are the submitter's, and it stands in a table apart."
        )
        return False
    kind = kind_of(reference.data)
    if kind in MADE_UP and kind != kind_of(run.data):
        found.claim(
            "placeholder",
            f"{run.data} claimed, but that very data is {reference.data}",
            "run.data",
        )
    return True


def _look(submission: Submission, found: Collector) -> None:
    accuracy = submission.score.accuracy
    limit = suspicious_accuracy()
    if accuracy > limit and not math.isclose(accuracy, limit):
        found.add(
            Severity.LOOK,
            "too-good",
            SUBMISSION,
            f"accuracy {100 * accuracy:.1f} %, over twice the best published one: "
            + (
                "was the model trained on these labels?"
                if submission.training is None
                else "did a label of a predicted tweet reach the training?"
            ),
        )
