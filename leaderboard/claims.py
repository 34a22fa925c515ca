"""Checking what the metadata of a submission claims against the rest of it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping

from itr_bench.answers import Parser, get_parser
from itr_bench.data.manifest import kind_of
from itr_bench.data.sets import get_set
from itr_bench.errors import DataError
from itr_bench.leaderboard.findings import Collector
from itr_bench.leaderboard.places import Place
from itr_bench.leaderboard.quotation import LEAST, quotations
from itr_bench.leaderboard.reference import Reference, version_here
from itr_bench.leaderboard.responses import Item, Lines
from itr_bench.leaderboard.schema import DECIMALS, ClaimedScore, RunFacts, Submission
from itr_bench.relation import Answer, Question
from itr_bench.scoring.intervals import BOOTSTRAP_SEED, RESAMPLES
from itr_bench.scoring.metrics import Score
from itr_bench.scoring.signature import Signature, digest
from itr_bench.tasks.spec import LEADERBOARD, NO_IMAGE, TRIAL, find_task, get_task
from itr_bench.tasks.variants import MARK

MADE_UP = ("placeholder", "demo")
"""Kinds of data that make no result."""

_UNIT = 1.5 * 10**-DECIMALS
"""Figures that are rounded one by one may miss a bound by one unit of their last decimal."""

_WHOLE = re.compile(r"0|[1-9][0-9]{0,8}")
FIRST_VERSION = 1
"""Of every task."""

_DATA = re.compile(r"(hub|local|placeholder|demo)-[0-9a-f]{12}(-.+)?")


def check_run(run: RunFacts, found: Collector, trial: bool) -> Parser | None:
    """Check task, version, data, parser and seeds.

    Returns:
        the parser that reads the responses, the newest of its name; ``None`` where it is no task
        of the leaderboard.
    """
    tasks = (*LEADERBOARD, *TRIAL) if trial else LEADERBOARD
    task = find_task(run.task)
    known = None if task is None else task.leaderboard_task
    if known not in tasks:
        why = "is not on it" if known is None else "is for trying things out"
        found.claim(
            "task",
            f"{run.task} {why}; the leaderboard has {', '.join(tasks)}, and of each the variant "
            f"{MARK}{NO_IMAGE}",
            "run.task",
        )
    kind = kind_of(run.data)
    if kind in MADE_UP and not trial:
        found.claim(
            "placeholder",
            f"made on {run.data}: {kind} data, no result; run it on the real set",
            "run.data",
        )
    elif not _DATA.fullmatch(run.data):
        found.claim(
            "data",
            f"{run.data}: expected the data's kind and hash, as signatures have them",
            "run.data",
        )
    _check_seeds(run, found)
    if known is None:
        return None
    try:
        spec = get_task(run.task)
    except DataError as error:  # of the system in its name
        found.claim("task", str(error), "run.task")
        return None
    _check_version(run, found)
    parser = get_parser(spec.parser)
    name, _, version = run.parser.removesuffix(f".{spec.answer_language}").rpartition(".")
    if (
        not run.parser.endswith(f".{spec.answer_language}")
        or name != parser.name
        or not _WHOLE.fullmatch(version)
        or not 1 <= int(version) <= parser.version
    ):
        found.claim(
            "parser",
            f"{run.parser}, this version of itr-bench reads {run.task} with "
            f"{parser.signature}.{spec.answer_language}",
            "run.parser",
        )
    return parser


def _check_version(run: RunFacts, found: Collector) -> None:
    newest = version_here(run.task)
    given = run.version or ""
    if not _WHOLE.fullmatch(given):
        said = "expected a whole number"
    elif int(given) > newest:
        said = "which does not exist yet"
    elif int(given) < FIRST_VERSION:
        said = "which never was"
    else:
        return
    found.claim(
        "version",
        f"version {run.version} of {run.task}: {said}; here is version {newest}",
        "run.version",
    )


def _check_seeds(run: RunFacts, found: Collector) -> None:
    if not run.seeded_each:
        return
    seeds = run.seeds or []
    if len(seeds) != run.samples or len(set(seeds)) != len(seeds):
        found.claim(
            "seeds",
            f"{len(set(seeds))} different seeds for {run.samples} samples; expected one each",
            "run.seeds",
        )


def check_totals(lines: Lines, submission: Submission, found: Collector) -> None:
    """Check what follows from the responses and the metadata alone."""
    run, claimed = submission.run, submission.score
    counts = (("tweets", len(lines.tweets)), ("samples", run.samples))
    wrong = [(name, f"{value} found") for name, value in counts if getattr(claimed, name) != value]
    _tell_wrong(wrong, claimed, found)
    if lines.faulty:
        return
    prompt = digest(lines.prompts())
    if run.prompt != prompt:
        found.claim(
            "prompt", f"run.prompt is {run.prompt}, the responses make {prompt}", "run.prompt"
        )
    signature = str(signature_of(run, len(lines.tweets), prompt))
    if run.signature != signature:
        found.claim(
            "signature",
            f"does not follow from the rest: {_first_difference(run.signature, signature)}",
            "run.signature",
        )


def signature_of(run: RunFacts, tweets: int, prompt: str) -> Signature:
    """The signature that follows from a run's facts, its *tweets* and the digest of its prompts."""
    return Signature(
        task=run.task,
        version=run.version,
        tweets=tweets,
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


def _first_difference(claimed: str, right: str) -> str:
    for one, other in zip(claimed.split("|"), right.split("|"), strict=False):
        if one != other:
            return f"{one!r} claimed, {other!r} follows"
    return "it is longer or shorter"


def check_size(lines: Lines, run: RunFacts, found: Collector) -> None:
    """Check the number of tweets, which is known of most tasks without their data."""
    relations = get_set(get_task(run.task).set_name).relations
    if relations is not None and len(lines.tweets) != sum(relations):
        found.claim(
            "tweets",
            f"{len(lines.tweets)} tweets, {get_task(run.task).base} has {sum(relations)}",
        )


def check_words(submission: Submission, reference: Reference, found: Collector) -> None:
    """Check that nothing in the metadata quotes a tweet, names of settings included."""
    strings = list(_strings(submission.model_dump(mode="json")))
    everything = tuple(text for texts in reference.texts.values() for text in texts)
    if not quotations("\n".join(text for _, text in strings), everything):  # nearly always
        return
    for place, text in strings:
        if not quotations(text, everything):
            continue
        tweets = [tweet for tweet, texts in reference.texts.items() if quotations(text, texts)]
        # A place may be named by what it quotes.
        shown = ".".join(map(str, place if len(place) < 3 else (*place[:2], "...")))
        found.claim(
            "quotation",
            f"{shown}: quotes {LEAST} or more consecutive words of tweet {', '.join(tweets)}",
            place,
        )


def _strings(value: object, place: Place = ()) -> Iterator[tuple[Place, str]]:
    """All texts within *value* with their places; those of names at the places of their values."""
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield (*place, name), name
            yield from _strings(inner, (*place, name))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _strings(inner, (*place, number))


def check_unscored(
    answers: Mapping[Item, tuple[Answer, ...]], claimed: ClaimedScore, found: Collector
) -> None:
    """Check the one figure that needs no labels, and whether the others can be at all."""
    _tell_wrong((*_impossible(answers, claimed), *_no_spread(claimed)), claimed, found)


def _impossible(
    answers: Mapping[Item, tuple[Answer, ...]], claimed: ClaimedScore
) -> Iterator[tuple[str, str]]:
    unparseable = {
        (tweet, question, sample)
        for (tweet, question), samples in answers.items()
        for sample, answer in enumerate(samples)
        if answer is Answer.NONE
    }
    pairs = claimed.tweets * claimed.samples
    rate = round(len(unparseable) / (2 * pairs), DECIMALS)
    if claimed.unparseable_rate != rate:
        yield "unparseable_rate", f"{rate} follows from the responses"
    share, adds, represented = claimed.accuracy, claimed.adds_accuracy, claimed.represented_accuracy
    for name, right, question in (
        ("adds_accuracy", adds, Question.ADDS),
        ("represented_accuracy", represented, Question.REPRESENTED),
    ):
        most = 1 - sum(asked == question.value for _, asked, _ in unparseable) / pairs
        if right > most + _UNIT:
            yield name, f"at most {most:.6f}: what is unparseable is wrong"
    if share > min(adds, represented) + _UNIT:
        yield "accuracy", "both answers have to be right"
    least = max(0.0, adds + represented - 1)
    if share < least - _UNIT:
        yield "accuracy", f"at least {least:.6f} follows from those to each question"
    read = 1 - len({(tweet, sample) for tweet, _, sample in unparseable}) / pairs
    if share > read + _UNIT:
        yield "accuracy", f"at most {read:.6f}: what is unparseable is wrong"
    if (claimed.macro_f1 == 0) != (share == 0):
        yield "macro_f1", f"expected 0 if the accuracy is 0, and only then; that is {share}"


def _no_spread(claimed: ClaimedScore) -> Iterator[tuple[str, str]]:
    """Why interval and deviation cannot belong to the accuracy."""
    share, samples, deviation = claimed.accuracy, claimed.samples, claimed.accuracy_sd
    if claimed.interval is None:
        fits = claimed.tweets < 2
    else:
        low, high = claimed.interval
        fits = 0 <= low <= share + _UNIT and share - _UNIT <= high <= 1 and low <= high
    if not fits:
        yield "interval", f"expected two shares in order, around the accuracy, {share}"
    if (deviation is None) != (samples == 1):
        yield "accuracy_sd", "expected none for one sample, and one for more"
    elif deviation is not None:
        variance = share * (1 - share)  # of samples that are 0 or 1, which spread most
        most = math.sqrt(samples / (samples - 1) * (variance and variance + _UNIT))
        if deviation > most + _UNIT:
            yield "accuracy_sd", f"at most {most:.6f} for {samples} samples of this accuracy"


def check_score(scored: Score, claimed: ClaimedScore, found: Collector) -> None:
    """Check every figure that is claimed."""
    right = ClaimedScore.of(scored)
    wrong = [
        (name, f"{getattr(right, name)} follows from the responses")
        for name in ClaimedScore.model_fields
        if getattr(claimed, name) != getattr(right, name) and name not in ("tweets", "samples")
    ]
    _tell_wrong(wrong, claimed, found)


def _tell_wrong(wrong: Iterable[tuple[str, str]], claimed: ClaimedScore, found: Collector) -> None:
    """Tell of figures, by name, what is right."""
    for name, right in wrong:
        said = f"score.{name}: {getattr(claimed, name)} claimed, {right}"
        found.claim("score", said, f"score.{name}")
