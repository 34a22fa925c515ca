"""A run and a model card to a submission: checked, its quotations masked, its places left out."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from itr_bench.data.manifest import content_of, kind_of
from itr_bench.errors import DataError, ItrBenchError, bullet_list
from itr_bench.leaderboard.quotation import masked, quotations
from itr_bench.leaderboard.reference import Reference, open_reference
from itr_bench.leaderboard.responses import LONGEST_LINE
from itr_bench.leaderboard.schema import (
    ClaimedScore,
    Folds,
    ModelCard,
    RunFacts,
    Submission,
    Training,
    problems_of,
    response_line,
)
from itr_bench.leaderboard.sources import Source, public_command, read_source, without_places
from itr_bench.runs.manifest import read_json
from itr_bench.runs.response import Response
from itr_bench.runs.run import Run
from itr_bench.tasks.spec import LEADERBOARD, NO_IMAGE, TRIAL, get_task
from itr_bench.tasks.variants import MARK
from itr_bench.training.splits import FOLDS


class SubmissionError(ItrBenchError):
    """A run cannot be submitted as it is."""


def make_submission(
    run_path: Path, card: ModelCard, *, reason: str, submitted: str, trial: bool = False
) -> tuple[Submission, list[Response], list[str]]:
    """Make a submission of one run.

    Args:
        run_path: a folder of ``itr-bench run``, or a file of samples of lmms-eval.
        reason: why it is submitted, for the history.
        submitted: the day, YYYY-MM-DD.
        trial: whether demo and placeholder data is admitted, for a dry run.

    Returns:
        the submission, its responses, and notes on what was changed or could not be checked.

    Raises:
        SubmissionError: why the run cannot be submitted, all reasons at once.
        ItrBenchError: the run cannot be read; or a quotation cannot be masked.
    """
    source = read_source(run_path)
    problems, reference = _problems(source, card, trial=trial)
    if reference is None or problems:
        raise SubmissionError(f"{run_path} cannot be submitted:\n{bullet_list(problems)}")
    notes = _unsure(source, card)
    facts = _facts(source, card, notes)
    try:
        responses = _responses(source, reference, notes)
        submission = Submission(
            format=1,
            submitted=submitted,
            reason=reason,
            model=card,
            run=RunFacts(**facts),
            training=_training(source),
            score=ClaimedScore.of(source.run.score),
        )
    except ValidationError as error:
        found = [f"{field}: {problem}" for field, problem in problems_of(error)]
        raise SubmissionError(
            f"{run_path} cannot be put into the format of submissions:\n{bullet_list(found)}"
        ) from error
    return submission, responses, notes


def folds_of(run_path: Path) -> Folds | None:
    """The folds of the training that the run at *run_path* is of; ``None`` where it is of none.

    Raises:
        ItrBenchError: they are not there, or are not those of the run.
    """
    training = (read_source(run_path).run.generation or {}).get("training")
    if training is None:
        return None
    path = run_path.parent / FOLDS
    if not path.is_file():
        raise SubmissionError(
            f"{run_path} is of a fine-tuned model and {path}, which says what each fold was "
            "trained on, is not there: submit from the folder that `itr-bench study training` wrote"
        )
    try:
        folds = Folds.model_validate(read_json(path))
    except ValidationError as error:
        field, problem = problems_of(error)[0]
        raise SubmissionError(
            f"{path}: {field}: {problem}; put the file back that `itr-bench study training` wrote"
        ) from error
    if folds.hash != training["fold_hash"]:
        raise SubmissionError(
            f"{path} is of the folds {folds.hash}, the run is of {training['fold_hash']}: put the "
            "training's own file back"
        )
    return folds


# What stands against it


def _problems(
    source: Source, card: ModelCard, *, trial: bool
) -> tuple[list[str], Reference | None]:
    """All that stands against a submission; and the task's data, where it is here."""
    run = source.run
    problems = _of_task(run, trial=trial)
    reference = None
    if not run.parser.of_likelihoods and not _other_variant(run):
        try:
            reference = open_reference(get_task(run.task).base)
        except DataError as error:
            problems.append(f"quotations cannot be looked for without the task's data: {error}")
        else:
            problems += _of_data(source, reference)
    if run.version is None:
        problems.append(
            "it does not say the version of its task; keep the results file (..._results.json) "
            "that lmms-eval writes beside the samples"
        )
    if source.missing:
        problems.append(
            f"unfinished: {source.missing} responses are missing; give the command of the run again"
        )
    if run.score.failed_rate:
        problems.append(f"{run.score.failed_rate:.2%} of its requests failed: run it again")
    return problems + _of_model(source, card) + _of_training(source, card), reference


def _of_task(run: Run, *, trial: bool) -> list[str]:
    if run.parser.of_likelihoods:
        return [
            f"{run.task} scores likelihoods, of which the leaderboard has no table; submit a run "
            f"of {get_task(run.task).base}"
        ]
    if _other_variant(run):
        plain = get_task(run.task).plain
        return [
            f"{run.task} is a variant that the leaderboard does not take; submit a run of {plain}, "
            f"or of {plain}{MARK}{NO_IMAGE}"
        ]
    kind = kind_of(run.data or "")
    if kind in ("demo", "placeholder") and not trial:
        return [f"made on {kind} data, so it is no result; --trial makes one for a dry run"]
    known = (*LEADERBOARD, *TRIAL) if trial else LEADERBOARD
    if get_task(run.task).family not in known:
        return [f"{run.task} is not on the leaderboard; its tasks: {', '.join(known)}"]
    return []


def _other_variant(run: Run) -> bool:
    """Whether it is of a variant that the leaderboard does not take."""
    task = get_task(run.task)
    return bool(task.variant.name) and not task.without_image


def _of_data(source: Source, reference: Reference) -> list[str]:
    run = source.run
    if run.data is None or content_of(run.data) != content_of(reference.data):
        return [
            f"made on the data {run.data}, {reference.task} is {reference.data} here; quotations "
            "are looked for in the very texts, so submit where the run was made"
        ]
    tweets = {raw.tweet_id for raw in source.responses}
    unknown = sorted(tweets - reference.texts.keys())
    problems = [f"tweet {unknown[0]} is none of the task's"] if unknown else []
    if source.asked < len(reference.texts):
        problems.append(
            f"a part of the set, {source.asked} of {len(reference.texts)} tweets; run it without "
            "--limit"
        )
    return problems


def _of_model(source: Source, card: ModelCard) -> list[str]:
    problems = []
    checkpoint = source.checkpoint
    if checkpoint is not None and source.folder is None and not _is_called(checkpoint, card):
        problems.append(
            f"the run was of the checkpoint {checkpoint}, the card is of {card.id}; correct the "
            "card's id, or take another card"
        )
    if source.commit is not None and source.commit != card.revision:
        problems.append(
            f"the run was of the commit {source.commit}, the card's revision is {card.revision}; "
            "correct the card"
        )
    return problems


def _of_training(source: Source, card: ModelCard) -> list[str]:
    training = (source.run.generation or {}).get("training")
    if training is None:
        if card.base_saw_this_data is None:
            return []
        return [
            "the model was not fine-tuned with cross-validation: leave base_saw_this_data empty in "
            "the card, and say in saw_this_data what its training saw"
        ]
    problems = []
    if training["shuffled_labels"]:
        problems.append("trained on shuffled labels: a control, no result")
    if card.saw_this_data != "yes" or card.base_saw_this_data is None:
        problems.append(
            "the model was fine-tuned on this data: say saw_this_data: yes in the card, and in "
            "base_saw_this_data whether it saw the data before that (yes, no or unknown)"
        )
    return problems


def _is_called(checkpoint: str, card: ModelCard) -> bool:
    """Whether *checkpoint* is the card's model; an API has shorter names than the card's id."""
    if card.snapshot is None:
        return checkpoint == card.id
    return checkpoint == card.id or checkpoint.rpartition("/")[2] in (
        card.id.partition("/")[2],
        card.snapshot,
    )


def _unsure(source: Source, card: ModelCard) -> list[str]:
    """What the run does not say of the model, a note each."""
    if source.folder is not None:
        shown = f" ({source.folder})" if source.folder else ""
        return [
            f"The checkpoint was a local folder{shown}: whether it is {card.id} at {card.state} "
            "could not be checked."
        ]
    if source.checkpoint is None:
        return [f"The run names no checkpoint: that it was {card.id} could not be checked."]
    if source.commit is None and card.revision is not None:
        return [f"The run does not say which commit it was: {card.state} could not be checked."]
    return []


# What is said of it


def _facts(source: Source, card: ModelCard, notes: list[str]) -> dict[str, Any]:
    """The fields of :class:`RunFacts`."""
    run = dataclasses.replace(source.run, generation=_public(source.run.generation))
    if run.generation != source.run.generation:
        notes.append(
            "Settings of the model named folders of this machine. Their ends stay; the signature "
            "is made of what stays."
        )
    command = None if source.command is None else public_command(source.command)
    if command is not None and len(command) > _LONGEST_COMMAND:
        notes.append(f"The command is left out: over {_LONGEST_COMMAND} characters.")
        command = None
    elif command is None:
        notes.append("The run does not say its command: it is shown as not available.")
    elif command != source.command:
        notes.append(f"The command is published as: {command}")
    return {
        "task": run.task,
        "version": run.version,
        "data": run.data,
        "source": source.origin,
        "command": command,
        "adapter": run.adapter,
        "harness": run.harness,
        "package": run.package,
        "libraries": dict(run.libraries or {}),
        "precision": source.precision,
        "hardware": source.hardware or card.hardware,
        "generation": None if run.generation is None else dict(run.generation),
        "seeds": None if run.seeds is None else list(run.seeds),
        "seeded_each": source.seeded_each,
        "samples": run.predictions.samples,
        "parser": f"{run.parser.signature}.{run.language}",
        "prompt": run.prompt,
        "signature": str(run.signature),
    }


def _training(source: Source) -> Training | None:
    signed = source.run.generation or {}
    if "training" not in signed:
        return None
    base = without_places(source.checkpoint or source.run.model)
    return Training(**signed["training"], base=base, content=signed["content"])


_LONGEST_COMMAND = 2000


def _public(generation: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """The settings, without places among the arguments of the model."""
    arguments = (generation or {}).get("model_args")
    if generation is None or not isinstance(arguments, Mapping):
        return generation
    shown = {
        name: without_places(value) if isinstance(value, str) else value
        for name, value in arguments.items()
    }
    return {**generation, "model_args": shown}


# The responses


def _responses(source: Source, reference: Reference, notes: list[str]) -> list[Response]:
    """The responses as they may be published, each with the answer that it had."""
    found = []
    replaced = quoting = count = 0
    for raw in source.responses:
        where = f"tweet {raw.tweet_id}, {raw.question}, sample {raw.sample}"
        given = raw.response
        text = given.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        replaced += text != given
        texts = reference.texts[raw.tweet_id]
        quoted = quotations(text, texts)
        if quoted:
            quoting, count = quoting + 1, count + len(quoted)
            try:
                text = masked(text, texts, source.read)
            except ItrBenchError as error:
                raise SubmissionError(f"{where}: {error}") from error
        if text != given and source.read(text) is not source.read(given):
            raise SubmissionError(
                f"{where}: the response cannot be written as UTF-8 without changing its answer"
            )
        response = dataclasses.replace(raw, response=text)
        size = len(response_line(response))
        if size > LONGEST_LINE:
            raise SubmissionError(
                f"{where}: {size} bytes, at most {LONGEST_LINE} are taken; bound "
                "the length of responses with max_new_tokens"
            )
        found.append(response)
    if replaced:
        notes.append(f"Half surrogate pairs became U+FFFD in {replaced} responses.")
    if quoting:
        notes.append(
            f"Quotations of tweets were masked: {count} in {quoting} of {len(found)} responses. "
            "Every answer stays the same."
        )
    return found
