"""Checking results of models that were fine-tuned with cross-validation: that they are marked as
such, and that no model saw a tweet that it predicts, nor a copy or near copy of one.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping

from pydantic import ValidationError

from itr_bench.data.sets import get_set
from itr_bench.errors import DataError
from itr_bench.leaderboard.findings import Collector, Severity
from itr_bench.leaderboard.layout import FOLDS, SUBMISSION, folds_bytes
from itr_bench.leaderboard.schema import Folds, Submission, Training, problems_of
from itr_bench.runs.training import WHOLE
from itr_bench.scoring.signature import digest
from itr_bench.tasks.spec import TASKS, get_task
from itr_bench.training.splits import pool_name, pool_of

_AGAIN = "make the submission with `itr-bench submit` from the folder of the training"
_LEAK = (
    "so what it predicts is no prediction of unseen tweets; divide the tweets as `itr-bench study "
    "training` does, train and run again"
)


def check_marked(submission: Submission, found: Collector) -> None:
    """Check that training block, signature and card say the same of the training."""
    card, training = submission.model, submission.training
    settings = submission.run.generation or {}
    signed = settings.get("training")

    def error(message: str, place: str) -> None:
        found.claim("training", message, place)

    if training is None:
        if signed is not None:
            error(
                "run.generation.training says that the model was fine-tuned, and there is no "
                f"training block: it cannot stand among models without training; {_AGAIN}",
                "run.generation.training",
            )
        if card.base_saw_this_data is not None:
            error(
                f"model.base_saw_this_data is {card.base_saw_this_data!r}, and there is no "
                "training block: expected it only of a model that was fine-tuned with "
                "cross-validation; leave it empty",
                "model.base_saw_this_data",
            )
        _look_at_adapter(settings.get("engine"), found)
        return
    if signed is None:
        error(
            "the training block says that the model was fine-tuned, run.generation has no "
            f"training: the run is of the model without training; {_AGAIN}",
            "training",
        )
    elif signed != training.signed():
        names = sorted(_differing(signed, training.signed()))
        error(
            f"{', '.join(names)}: the training block and run.generation.training differ; {_AGAIN}",
            ".".join(["training", *names[:1]]),
        )
    if training.content != settings.get("content"):
        error(
            f"training.content is {training.content}, run.generation.content is "
            f"{settings.get('content')}; {_AGAIN}",
            "training.content",
        )
    if training.shuffled_labels:
        error(
            "trained on shuffled labels: a control, no result; submit a run of a training on the "
            "labels as they are",
            "training.shuffled_labels",
        )
    if card.saw_this_data != "yes":
        error(
            f"model.saw_this_data is {card.saw_this_data!r}, and the model was fine-tuned on this "
            "data: expected 'yes'; what it saw before stands in base_saw_this_data",
            "model.saw_this_data",
        )
    if card.base_saw_this_data is None:
        error(
            "model.base_saw_this_data is empty: expected whether the model saw the data before the "
            "fine-tuning (yes, no or unknown)",
            "model.base_saw_this_data",
        )


def _differing(one: object, other: Mapping[str, object]) -> set[str]:
    if not isinstance(one, Mapping):
        return {"training"}
    return {name for name in one.keys() | other.keys() if one.get(name) != other.get(name)}


def _look_at_adapter(engine: object, found: Collector) -> None:
    if isinstance(engine, Mapping) and engine.get("peft"):
        found.add(
            Severity.LOOK,
            "adapter",
            SUBMISSION,
            f"the run added an adapter of peft ({engine['peft']}) to the checkpoint: what was it "
            "trained on?",
        )


def read_folds(content: bytes, found: Collector) -> Folds | None:
    """Read the file of folds; ``None``, and findings, where it is not as it should be."""
    try:
        folds = Folds.model_validate_json(content)
    except ValidationError as error:
        for name, problem in problems_of(error):
            found.error("folds", FOLDS, f"{name or 'file'}: {problem}; {_AGAIN}")
        return None
    if folds_bytes(folds) != content:
        found.error(
            "not-canonical",
            FOLDS,
            "not as `itr-bench submit` writes it (order, blanks, or a name that stands twice); "
            f"{_AGAIN}",
        )
        return None
    return folds


def check_folds(
    folds: Folds, training: Training, predicted: Iterable[str], found: Collector
) -> None:
    """Check all that needs no data: that each of the *predicted* tweets has a fold, and that no
    model was trained on a tweet of its own fold.
    """

    def error(code: str, message: str) -> None:
        found.error(code, FOLDS, message)

    follows = digest(folds.fold_of)
    for where, claimed in ((FOLDS, folds.hash), (SUBMISSION, training.fold_hash)):
        if claimed != follows:
            error(
                "fold-hash",
                f"{where} says that the hash of the folds is {claimed}, {follows} follows from "
                f"fold_of; {_AGAIN}",
            )
    for tweet in sorted(set(predicted) - folds.fold_of.keys()):
        error(
            "no-fold",
            f"tweet {tweet} is predicted and is in no fold: which model predicts it, and what was "
            f"that trained on? {_AGAIN}",
        )
    for tweet, fold in folds.fold_of.items():
        if fold >= training.folds:
            error(
                "folds",
                f"tweet {tweet}: fold {fold}, expected 0 to {training.folds - 1}; {_AGAIN}",
            )
    if len(folds.folds) != training.folds:
        error(
            "folds",
            f"says what {len(folds.folds)} models were trained on, expected {training.folds}: one "
            f"a fold; {_AGAIN}",
        )
        return
    for number, one in enumerate(folds.folds):
        used = {*one.train, *one.inner}
        others = {tweet for tweet, fold in folds.fold_of.items() if fold != number}
        for tweet in sorted(used - others):
            if tweet in folds.fold_of:
                said = f"trained on tweet {tweet}, which is in this fold, {_LEAK}"
                error("overlap", f"fold {number}: {said}")
            else:
                said = f"trained on tweet {tweet}, which is in no fold; {_AGAIN}"
                error("folds", f"fold {number}: {said}")
        if not one.train or (training.share == WHOLE and len(used & others) < len(others)):
            error(
                "folds",
                f"fold {number}: trained on {len(used)} tweets, the other folds have {len(others)} "
                f"and {training.share} % of the data were used: name all of them; {_AGAIN}",
            )


def check_copies(
    folds: Folds, task: str, predicted: Iterable[str], found: Collector, unchecked: list[str]
) -> bool:
    """Check that no model was trained on a copy or near copy of a tweet that it predicts.

    Returns:
        whether that could be checked; else a sentence in *unchecked* says why not.

    Raises:
        DataError: data that anybody can fetch is not here and cannot be fetched.
    """
    groups = _groups(task)
    if groups is None:
        unchecked.append(
            f"The data of {pool_name(get_task(task))} is not here, so copies of the predicted "
            "tweets among the training tweets could not be looked for: the figures are the "
            "submitter's."
        )
        return False
    for tweet in sorted(folds.fold_of.keys() - groups.keys()):
        found.error("folds", FOLDS, f"tweet {tweet} is none of the set; {_AGAIN}")
    for number, one in enumerate(folds.folds):
        held_out: dict[int, str] = {}
        for tweet in sorted(predicted):
            if folds.fold_of.get(tweet) == number and tweet in groups:
                held_out.setdefault(groups[tweet], tweet)
        for tweet in sorted({*one.train, *one.inner}):
            copied = held_out.get(groups.get(tweet, -1))
            if copied is not None and folds.fold_of.get(tweet) != number:
                found.error(
                    "near-copy",
                    FOLDS,
                    f"fold {number}: trained on tweet {tweet}, of which text or picture are those "
                    f"of tweet {copied}, or nearly so, which it predicts, {_LEAK}",
                )
    return True


def _groups(task: str) -> Mapping[str, int] | None:
    """The group of copies of each tweet of the set that *task* is from; ``None`` without data."""
    name = pool_name(get_task(task))
    try:
        return _groups_of(name)
    except DataError:
        if get_set(name).supply is None:
            raise
        return None


@functools.lru_cache(maxsize=8)
def _groups_of(set_name: str) -> Mapping[str, int]:
    pool = pool_of([next(task for task in TASKS.values() if task.set_name == set_name)])
    return dict(zip(pool.tweet_ids, pool.groups.tolist(), strict=True))
