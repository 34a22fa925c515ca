"""Made-up results for the tests of the pages: seeded predictions, no tweet, no real model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from itr_bench.leaderboard.entry import Badge, Entry
from itr_bench.leaderboard.layout import relative_folder
from itr_bench.leaderboard.published import Figure, Published, PublishedModel, Source
from itr_bench.leaderboard.schema import (
    ClaimedScore,
    ModelCard,
    RunFacts,
    Submission,
    Submitter,
    Training,
)
from itr_bench.scoring.metrics import score
from itr_bench.scoring.predictions import Predictions
from itr_bench.tasks.spec import TRIAL, get_task

SEEDS = [11, 22, 33]

HOSTILE = '=<script>alert("x")</script> \' $a_b$ {{7*7}} {% x %} ]]> --> \\N 😀'
HOSTILE_ORGANISATION = '"><img src=x onerror=alert(1)> & Söhne'
LONG = "W" * 190

LTEC = ("ltec_itr_lv", "ltec_itr_en_manual", "ltec_itr_en_mt")
DATA = {
    "ltec_itr_lv": "hub-aaaaaaaaaaaa",
    "ltec_itr_en_manual": "hub-aaaaaaaaaaaa",
    "ltec_itr_en_mt": "local-bbbbbbbbbbbb-made-up",
    "tirt": "local-cccccccccccc",
    "itr_demo_lv": "demo-dddddddddddd",
    "itr_demo_en": "demo-dddddddddddd",
    "itr_drawn_lv": "placeholder-eeeeeeeeeeee",
    "itr_drawn_en": "placeholder-eeeeeeeeeeee",
}


@dataclass(frozen=True)
class Made:
    """How a made-up model answers: it knows a share, and says yes to a share of the rest."""

    name: str
    knows: float
    says_yes: float = 0.6
    organisation: str = "Made Up"
    identifier: str | None = None
    parameters: int | None = 7_000_000_000
    open_weights: bool = True
    state: int = 1


def tweets(task: str, number: int) -> tuple[tuple[str, ...], np.ndarray[Any, Any]]:
    """Ids and relations of the tweets of a task; those of LTEC are the same in each language."""
    family = {"tirt": 2, **dict.fromkeys(TRIAL, 3)}.get(task, 1)
    ids = tuple(str(family * 10**18 + 7919 * i) for i in range(number))
    shares = (0.25,) * 4 if family == 3 else (0.33, 0.2, 0.32, 0.15)
    return ids, np.random.default_rng(family).choice(4, number, p=shares).astype(np.int8)


def predictions(made: Made, task: str, number: int = 60, samples: int = 3) -> Predictions:
    """The answers of a made-up model, the same for the same arguments."""
    ids, gold = tweets(get_task(task).plain, number)
    rng = np.random.default_rng([*made.name.encode(), *task.encode(), made.state])
    both = []
    for right in (gold < 2, gold % 2 == 0):
        first = np.where(rng.random(number) < made.knows, right, rng.random(number) < made.says_yes)
        again = rng.random((number, samples)) < made.says_yes
        steady = rng.random((number, samples)) < 0.8
        answers = np.where(steady, first[:, None], again).astype(np.int8)
        answers[rng.random((number, samples)) < 0.03] = -1
        both.append(answers)
    return Predictions(ids, gold, both[0], both[1])


def entry(made: Made, task: str, **options: Any) -> Entry:
    """A submission of a made-up model to a task.

    Options: badge, version, data, explained, blind, scored (False: figures only), number, samples,
    saw, parser, prompt, current (else whether it is scored, with the version and data that the task
    has here).
    """
    shown = task + ("~no-image" if options.get("blind") else "")
    found = predictions(made, shown, options.get("number", 60), options.get("samples", 3))
    counted = score(found, resamples=500)
    name = shown + ("_explained" if options.get("explained") else "")
    data = options.get("data") or DATA[task]
    version = options.get("version", "1")
    card = ModelCard(
        name=made.name,
        organisation=made.organisation,
        id=made.identifier or f"made-up/{made.name.replace(' ', '-').lower()}",
        revision=f"{made.state:040x}",
        parameters=made.parameters,
        licence="Apache-2.0",
        open_weights=made.open_weights,
        saw_this_data=options.get("saw", "unknown"),
        submitter=Submitter(name=made.organisation, github="made-up"),
        paper="https://example.org/paper?a=1&b=2",
        remark=made.name,
    )
    seeds = SEEDS[: options.get("samples", 3)]
    run = RunFacts(
        task=name,
        version=version,
        data=data,
        source="itr-bench run",
        command=f"itr-bench run --model itr_vlm --tasks {name} # {made.name}",
        adapter="itr_vlm",
        harness="0.7.3",
        package="0.1.0",
        libraries={"torch": "2.13.0"},
        precision="bfloat16",
        hardware=None,
        generation={"temperature": 0.2, "note": made.name},
        seeds=seeds,
        seeded_each=True,
        samples=len(seeds),
        parser=options.get("parser", "yes-no.1.en"),
        prompt=options.get("prompt", "0123456789ab"),
        signature=f"task:{name}.{version}|tweets:{counted.tweets}|data:{data}",
    )
    submission = Submission(
        format=1,
        submitted=f"2026-01-{10 + made.state:02d}",
        reason=f"First submission of {made.name}.",
        model=card,
        run=run,
        score=ClaimedScore.of(counted),
    )
    scored = options.get("scored", True)
    return Entry(
        submission=submission,
        path=f"{card.folder}/{card.state}/{name}",
        badge=options.get("badge", Badge.RECOMPUTED if scored else Badge.REPORTED),
        score=counted if scored else None,
        predictions=found if scored else None,
        kind=data.split("-")[0],
        answer_format=("explained" if options.get("explained") else "plain") if scored else None,
        current=options.get("current", scored and (version, data) == ("1", DATA.get(task))),
        unchecked=() if scored else ("The data of this task is not here: nothing was computed.",),
    )


def fine_tuned(one: Entry, **settings: Any) -> Entry:
    """*one* as of a model that was fine-tuned with cross-validation, with other *settings*."""
    facts: dict[str, Any] = {
        "base": one.submission.model.id,
        "content": f"commit:{one.submission.model.revision}",
        "languages": "lv",
        "tasks": {"ltec_itr_full_lv": "hub-ffffffffffff"},
        "folds": 5,
        "fold_hash": "0123456789ab",
        "share": 100,
        "shuffled_labels": False,
        "adapt": "lora",
        "rank": 16,
        "alpha": 32,
        "steps": 123,
        "epochs": 3,
        "batch_size": 16,
        "learning_rate": 0.0001,
        "warmup": 0.1,
        "balance": "none",
        "early_stopping": 0,
        "seed": 1,
        "weights": {str(fold): f"{fold:012d}" for fold in range(1, 6)},
    }
    model = one.submission.model.model_copy(
        update={"saw_this_data": "yes", "base_saw_this_data": "no"}
    )
    training = Training.model_validate({**facts, **settings})
    submission = one.submission.model_copy(update={"training": training, "model": model})
    return replace(one, submission=submission, path=str(relative_folder(submission)))


ALPHA = Made("Alpha 7B", 0.45)
BETA = Made("Beta 13B", 0.2, parameters=13_000_000_000)
GAMMA = Made("Gamma closed", 0.6, parameters=None, open_weights=False)
HOSTILE_MODEL = Made(HOSTILE, 0.1, 0.3, HOSTILE_ORGANISATION, "hostile/one.of-them")
LONG_MODEL = Made(LONG, 0.05, 0.9, LONG, "long/" + "w" * 90)


def small() -> list[Entry]:
    """One of each kind that the pages tell apart."""
    newer = Made("Alpha 7B", 0.5, state=2)
    return [
        *(entry(ALPHA, task, saw="no") for task in (*LTEC, "tirt")),
        entry(newer, "ltec_itr_lv"),
        *(entry(BETA, task, badge=Badge.RERUN) for task in LTEC),
        entry(BETA, "ltec_itr_lv", explained=True),
        entry(GAMMA, "ltec_itr_lv", scored=False),
        entry(GAMMA, "tirt", scored=False),
        entry(Made("Delta old", 0.3), "ltec_itr_lv", version="0", data="hub-eeeeeeeeeeee"),
        *(entry(HOSTILE_MODEL, task) for task in ("ltec_itr_lv", "ltec_itr_en_manual")),
        entry(LONG_MODEL, "ltec_itr_lv", saw="yes"),
        entry(Made("Alpha 7B", 0.0), "ltec_itr_lv", blind=True, samples=2),
        entry(newer, "tirt", blind=True),
        entry(BETA, "ltec_itr_lv", blind=True),
        entry(GAMMA, "ltec_itr_lv", blind=True, scored=False),
    ]


def many(models: int, tasks: Sequence[str] = (*LTEC, "tirt"), **options: Any) -> list[Entry]:
    """*models* models on each of *tasks*."""
    rng = np.random.default_rng(models)
    return [
        entry(
            Made(
                f"Model {i:03d}",
                float(rng.beta(1.3, 5)),
                float(rng.uniform(0.2, 0.9)),
                parameters=int(rng.integers(1, 80)) * 10**9,
                open_weights=i % 4 > 0,
            ),
            task,
            badge=Badge.RERUN if i % 7 == 0 else Badge.RECOMPUTED,
            **options,
        )
        for i in range(models)
        for task in tasks
    ]


def published() -> list[Published]:
    """Two made-up figures: one on a task, one without a text, and one that is not known."""
    source = Source(
        title="A made-up paper <b>",
        authors="Nobody & Noone",
        year=2025,
        address="https://example.org/made-up",
        table=None,
        seeds=10,
        tweets={"ltec_itr_lv": 60},
        not_reported=["Responses by tweet."],
    )

    def model(name: str, figures: list[Figure]) -> PublishedModel:
        return PublishedModel(
            name=name,
            organisation="Paper",
            id=f"paper/{name.lower()}",
            parameters=4_000_000_000,
            licence=None,
            open_weights=True,
            precision=None,
            figures=figures,
        )

    return [
        Published(
            format=1,
            source=source,
            models=[
                model("Figured", [Figure(task="ltec_itr_lv", accuracy=33.07, deviation=None)]),
                model(
                    "Placeless",
                    [
                        Figure(
                            task=None,
                            among=["ltec_itr_en_manual", "ltec_itr_en_mt"],
                            accuracy=28.91,
                            deviation=8.03,
                            remark="On some text.",
                        ),
                        Figure(task=None, accuracy=15.71, deviation=None),
                        Figure(task="tirt", accuracy=None, deviation=None),
                    ],
                ),
            ],
        )
    ]
