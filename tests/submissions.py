"""Made-up submissions: responses drawn at random, and everything else as it should be."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np

from itr_bench.answers import get_parser
from itr_bench.leaderboard import layout, responses
from itr_bench.leaderboard.claims import signature_of
from itr_bench.leaderboard.reference import open_reference
from itr_bench.leaderboard.schema import (
    ClaimedScore,
    Folds,
    ModelCard,
    RunFacts,
    Submission,
    Training,
)
from itr_bench.relation import Question, Relation
from itr_bench.runs.response import Response
from itr_bench.scoring.metrics import score
from itr_bench.scoring.signature import digest
from itr_bench.seeds import PAPER_SEEDS
from itr_bench.tasks.spec import get_task
from itr_bench.training import splits
from itr_bench.training.config import TrainingConfig
from itr_bench.training.splits import Part

YES, NO = ("Yes", "Yes.", "**Answer:** YES"), ("No", "No.", "**Answer:** NO")


def card(number: int = 0, **changes: Any) -> ModelCard:
    """The card of the made-up model *number*."""
    facts: dict[str, Any] = {
        "name": f"Made-up {number}",
        "organisation": "made-up",
        "id": f"made-up/model-{number}",
        "revision": hashlib.sha1(str(number).encode()).hexdigest(),
        "parameters": 10**9 * (1 + number % 30),
        "licence": "MIT",
        "open_weights": number % 3 > 0,
        "saw_this_data": "no",
        "submitter": {"name": "The tests"},
        **changes,
    }
    return ModelCard.model_validate(facts)


def make(
    number: int = 0,
    task: str = "itr_demo_lv",
    *,
    right: float = 0.6,
    samples: int = 3,
    unread: float = 0.02,
    model: ModelCard | None = None,
    **run_changes: Any,
) -> tuple[Submission, list[Response]]:
    """A submission of the made-up model *number*.

    Args:
        number: decides everything that is drawn.
        task: with its data here.
        right: share of right answers to a question.
        samples: responses a question, with the first of the paper's seeds.
        unread: share of responses that say nothing.
        model: its card, where it is not the usual one.
        run_changes: of the facts of the run.
    """
    reference = open_reference(task)
    rng = np.random.default_rng([number, *task.encode()])
    seeds = list(PAPER_SEEDS[:samples])
    found = []
    for (tweet, question), expected in reference.items.items():
        answer = Relation(expected.relation).answer(Question(question)).value
        for sample, seed in enumerate(seeds):
            yes = (answer == "yes") == (rng.random() < right)
            text = str(rng.choice(YES if yes else NO)) if rng.random() >= unread else "Hm."
            found.append(
                Response(
                    tweet_id=tweet,
                    question=question,
                    sample=sample,
                    seed=seed,
                    response=text,
                    tokens=3,
                    prompt_hash=expected.prompt_hashes["plain"],
                    image_sha256=expected.image_sha256,
                )
            )
    return describe(model or card(number), task, found, seeds, **run_changes), found


def describe(
    model: ModelCard,
    task: str,
    found: list[Response],
    seeds: list[int] | None,
    **run_changes: Any,
) -> Submission:
    """The metadata that fits the responses *found*."""
    reference, spec = open_reference(task), get_task(task)
    parser = get_parser(spec.parser)
    lines = responses.Lines()
    for number, response in enumerate(found, start=1):
        lines.take(number, response)
    facts: dict[str, Any] = {
        "task": task,
        "version": reference.version,
        "data": reference.data,
        "source": "itr-bench run",
        "command": f"itr-bench run --model itr_vlm --tasks {task}",
        "adapter": "itr_bench.models.vlm.SharedImageVlm",
        "harness": "0.7.3",
        "package": "0.1.0",
        "libraries": {"torch": "2.15.0", "transformers": "5.23.0"},
        "precision": "bfloat16",
        "hardware": "made up",
        "generation": {"generation_kwargs": {"temperature": 0.2}, "order": ["image", "text"]},
        "seeds": seeds,
        "seeded_each": True,
        "samples": 1 + max(response.sample for response in found),
        "parser": f"{parser.signature}.{spec.answer_language}",
        "prompt": digest(lines.prompts()),
        "signature": "?",
        **run_changes,
    }
    run = RunFacts.model_validate(facts)
    answers = responses.read_answers(lines, run, parser, spec.answer_language, lambda *_: None)
    predictions = responses.predictions(answers, reference)
    signature = signature_of(run, len(predictions.tweet_ids), run.prompt)
    return Submission(
        format=1,
        submitted="2026-01-31",
        reason=f"First submission of {model.name}.",
        model=model,
        run=run.model_copy(update={"signature": str(signature)}),
        score=ClaimedScore.of(score(predictions)),
    )


def divided(task: str, config: TrainingConfig) -> tuple[dict[str, Any], splits.Folds, list[Part]]:
    """What a run of a training on *task* says of it, its folds and their parts."""
    folds = splits.divide(splits.pool_of([get_task(task)]), config)
    facts = {
        **config.as_dict(),
        "steps": config.steps(len(folds.pool.tweet_ids)),
        "tasks": {task: open_reference(task).data},
        "fold_hash": folds.hash,
        "weights": {str(fold + 1): digest(fold) for fold in range(config.folds)},
    }
    return facts, folds, [folds.training(fold, config) for fold in range(config.folds)]


def make_fine_tuned(
    number: int = 0, task: str = "itr_demo_lv", **settings: Any
) -> tuple[Submission, list[Response], Folds]:
    """A submission of the made-up model *number*, fine-tuned with cross-validation.

    Args:
        number: as of :func:`make`.
        task: that it was trained on and predicts.
        settings: of its :class:`TrainingConfig`.
    """
    config = TrainingConfig(**{"languages": ("lv",), "folds": 2, "batch_size": 4, **settings})
    facts, folds, parts = divided(task, config)
    generation = {"content": "commit:0", "training": facts}
    model = card(number, saw_this_data="yes", base_saw_this_data="unknown")
    submission, found = make(number, task, model=model, generation=generation)
    training = Training(**facts, base="made-up/model", content="commit:0")
    tweets = [{"train": list(part.train), "inner": list(part.inner)} for part in parts]
    return (
        submission.model_copy(update={"training": training}),
        found,
        Folds.model_validate({"hash": folds.hash, "fold_of": folds.by_tweet, "folds": tweets}),
    )


def write(
    root: Path, submission: Submission, found: list[Response], folds: Folds | None = None
) -> Path:
    """Write a submission below *root*, and return its folder."""
    folder = root / layout.relative_folder(submission)
    layout.write(folder, submission, found, folds)
    return folder
