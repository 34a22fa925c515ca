"""A study of fine-tuning: models trained fold by fold, and run folders of what they predict."""

from __future__ import annotations

import contextlib
import gc
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from itr_bench.data.sets import get_set
from itr_bench.errors import RunError, bullet_list
from itr_bench.models.spec import ModelSpec
from itr_bench.relation import QUESTIONS, Answer, Relation
from itr_bench.runs.asked import Observed, OnResponses
from itr_bench.runs.execute import RunConfig, TaskRun, execute
from itr_bench.runs.manifest import difference_lines, differences, read_json, write_json
from itr_bench.runs.plan import Request, TaskPlan, plan_task
from itr_bench.runs.response_log import locked_folder, one_writes
from itr_bench.runs.settings import settings_of
from itr_bench.tasks import documents
from itr_bench.tasks.spec import TASKS, TaskSpec
from itr_bench.training.config import AT_ONCE, TrainingConfig, check_number
from itr_bench.training.splits import (
    FOLDS,
    Folds,
    Part,
    Pool,
    common_pool,
    divide,
    missing_tweets,
    pool_name,
    pool_of,
)

if TYPE_CHECKING:
    from itr_bench.engine.loading import Vlm
    from itr_bench.training.sequences import Example, Made, Way

_CONFIG = "training.json"
_LOCK = ".training-lock"
_NOT_LOADING = frozenset({"rows_in_flight", "seeds", "shared", "batch_size"})
"""Arguments of ``itr_vlm`` that say how it generates, not what it is."""

Log = Callable[[str], None]


@dataclass(frozen=True)
class TrainingJob:
    """What is trained and predicted.

    Attributes:
        model: the model to begin with, of ``itr_vlm``.
        bases: the tasks that are predicted.
        configs: one a training.
        seeds: with which each question is asked.
        folder: of the model; trainings get folders beside it.
        command: how it was asked for, for manifests.
        at_once: tweets in the memory at a time in training.
        recompute: whether training saves memory by computing activations twice.
        only_folds: train these alone, from 0 on, and predict nothing; empty for all.
    """

    model: ModelSpec
    bases: Sequence[TaskSpec]
    configs: Sequence[TrainingConfig]
    seeds: Sequence[int]
    folder: Path
    command: str
    at_once: int = AT_ONCE
    recompute: bool = False
    only_folds: Sequence[int] = ()

    def __post_init__(self) -> None:
        """Refuse what makes no sense.

        Raises:
            RunError: names the setting, the value and what was expected.
        """
        check_number("at_once", self.at_once, 1, None)
        folds = min(config.folds for config in self.configs)
        for fold in self.only_folds:
            check_number("only_folds", fold + 1, 1, folds)

    def trained_folder(self, config: TrainingConfig) -> Path:
        """Where a training and its predictions are."""
        return self.folder.with_name(f"{self.folder.name}-trained-{config.label}")

    def trained_name(self, config: TrainingConfig) -> str:
        """How tables call the models of a training."""
        return f"{self.model.name}, trained on {config.label}"


def language_tasks(bases: Sequence[TaskSpec]) -> dict[str, TaskSpec]:
    """The task that each language is learned from, by its code: that of the most tweets.

    Its prompts are those of the zero-shot tasks.
    """
    pool, answers = pool_name(bases[0]), {base.answer_language for base in bases}
    found: dict[str, TaskSpec] = {}
    for task in TASKS.values():
        if pool_name(task) == pool and task.answer_language in answers:
            known = found.get(task.language)
            if known is None or (task.set_name == pool and known.set_name != pool):
                found[task.language] = task
    return found


def check_bases(bases: Sequence[TaskSpec], model: ModelSpec) -> None:
    """Refuse tasks and models whose answers are not a bare yes or no.

    Raises:
        RunError: says which, and what to give in place of it.
        DataError: the tasks are of different sets.
    """
    common_pool(bases)
    if model.adapter != "itr_vlm":
        raise RunError(
            f"--model {model.adapter}: study training trains models of itr_vlm; give "
            "--model itr_vlm --model_args pretrained=NAME"
        )
    if model.arguments.get("peft"):
        raise RunError(
            "--model_args peft=...: a model with an adapter cannot be given another; train its base"
        )
    answers = {base.answer_language for base in bases}
    if len(answers) > 1:
        raise RunError("--base: the tasks ask in different languages; give them one at a time")
    for base in bases:
        wording = settings_of(base, model).wording
        if base.variant.name or base.explained or wording["answer_format"] != "plain":
            raise RunError(
                f"{base.name}: trained models answer with a bare yes or no to the plain prompt; "
                f"take {base.family}, and a model whose preset asks for the plain answer format"
            )


def training_tasks(bases: Sequence[TaskSpec], languages: Sequence[str]) -> tuple[TaskSpec, ...]:
    """The tasks that *languages* are learned from.

    Raises:
        RunError: there is none for a language, or its data is not here.
    """
    from itr_bench.runs.plan import data_is_here

    known = language_tasks(bases)
    lacking = [code for code in languages if code not in known]
    if lacking:
        raise RunError(
            f"--train {'+'.join(languages)}: no texts in {', '.join(lacking)}; there are "
            f"{', '.join(known)}"
        )
    tasks = tuple(known[code] for code in languages)
    for task in tasks:
        supply = get_set(task.set_name).supply
        if supply is not None and not data_is_here(task):
            raise RunError(
                f"--train {'+'.join(languages)}: the data of {task.name} is not here. {supply}"
            )
    return tasks


@dataclass(frozen=True)
class Trained:
    """A training that is done, with what it predicted.

    Attributes:
        name: how tables call its models.
        folder: where it is.
        facts: what its runs say of it.
        records: of its folds, as :func:`itr_bench.training.fit.fit` leaves them.
        runs: of the tasks that it predicted.
    """

    name: str
    folder: Path
    facts: Mapping[str, Any]
    records: Sequence[Mapping[str, Any]]
    runs: Sequence[TaskRun]


def cross_validate(job: TrainingJob, log: Log) -> tuple[list[TaskRun], list[Trained]]:
    """Predict the bases without training, then by each training; resume what was begun.

    Args:
        job: what is trained and predicted.
        log: takes what a user should know meanwhile.

    Returns:
        The tasks without training as they are at the end, and the trainings; nothing where the job
        is to train some folds alone.

    Raises:
        ItrBenchError: data that cannot be divided or is not here, a folder of another training, or
            what ended the training; what was done before is kept.
    """
    check_bases(job.bases, job.model)
    plans = [plan_task(base, job.model, job.seeds) for base in job.bases]
    pool = pool_of(job.bases)
    for base, plan in zip(job.bases, plans, strict=True):
        missing_tweets(pool, base, [item.tweet_id for item in plan.items])
    trainings = [_prepared(job, config, pool) for config in job.configs]
    if job.only_folds:
        for training in trainings:
            training.train_folds(job.only_folds, log)
        return [], []
    runs = execute(RunConfig(job.model, plans, job.folder, job.command), log)
    return runs, [training.run(plans, log) for training in trainings]


def _prepared(job: TrainingJob, config: TrainingConfig, pool: Pool) -> _Training:
    folds = divide(pool, config)
    tasks = training_tasks(job.bases, config.languages)
    parts = [folds.training(fold, config) for fold in range(config.folds)]
    for task in tasks:
        documents.task_data(task)  # opened before anything is trained
    training = _Training(job, config, folds, tasks, parts)
    training.check_folder()
    return training


def _trained_by_one(folder: Path) -> contextlib.AbstractContextManager[None]:
    return locked_folder(folder, _LOCK, f"another process is training in {folder}; wait for it")


@dataclass
class _Training:
    """The models of one training, and what they predict.

    Attributes:
        made: the sequences of all folds.
        told: how the last fold was trained, and why not faster, as the log says.
    """

    job: TrainingJob
    config: TrainingConfig
    folds: Folds
    tasks: Sequence[TaskSpec]
    parts: Sequence[Part]
    made: Made = field(default_factory=dict)
    told: tuple[Way, list[str]] | None = None

    @property
    def folder(self) -> Path:
        return self.job.trained_folder(self.config)

    def fold_folder(self, fold: int) -> Path:
        return self.folder / "folds" / str(fold + 1)

    @property
    def steps(self) -> int:
        return self.config.steps(len(self.folds.pool.tweet_ids))

    def facts(self) -> dict[str, Any]:
        """What of a training stands in the configuration of its runs, before the weights."""
        return {
            **self.config.as_dict(),
            "steps": self.steps,
            "tasks": {task.name: documents.identity(task) for task in self.tasks},
            "fold_hash": self.folds.hash,
        }

    def run(self, plans: Sequence[TaskPlan], log: Log) -> Trained:
        with _trained_by_one(self.folder):
            records = self.train_folds(range(self.config.folds), log)
            weights = {str(fold + 1): record["weights"] for fold, record in enumerate(records)}
            facts = {**self.facts(), "weights": weights}
            trained = [
                replace(plan, configuration={**plan.configuration, "training": facts})
                for plan in plans
            ]
            name = self.job.trained_name(self.config)
            runs = execute(
                RunConfig(
                    self.job.model,
                    trained,
                    self.folder,
                    self.job.command,
                    label=name,
                    loaded=self._loaded,
                ),
                log,
            )
            return Trained(name, self.folder, facts, records, runs)

    def _identity(self) -> dict[str, Any]:
        return {**self.facts(), "model": _identity(self.job.model)}

    def check_folder(self) -> None:
        """Refuse a folder of another training; changes nothing."""
        path = self.folder / _CONFIG
        if path.exists():
            found = differences(read_json(path), self._identity())
            if found:
                raise RunError(
                    f"{self.folder} holds another training:\n"
                    f"{bullet_list(difference_lines(found), most=30)}\n"
                    "Give the old values, and the data as it was, to go on with it, or another "
                    "folder: --name NAME"
                )

    def train_folds(self, folds: Sequence[int], log: Log) -> list[Mapping[str, Any]]:
        """Train those of *folds* that are not done, and return the records of all."""
        from itr_bench.training import fit

        with one_writes(self.folder):  # others may begin with other folds
            self.check_folder()
            self.folds.write(self.folder / FOLDS, self.parts)
            write_json(self.folder / _CONFIG, self._identity())  # last: where it is, the folds are
        records = [fit.read_record(self.fold_folder(fold)) for fold in folds]
        if None in records:
            log(f"training on {self.config.label}: {self.steps} steps a fold")
        return [
            record or self._train_fold(fold, log)
            for fold, record in zip(folds, records, strict=True)
        ]

    def _train_fold(self, fold: int, log: Log) -> Mapping[str, Any]:
        """Train the model of a fold where no other process does, and return the fold's record."""
        from itr_bench.training import fit

        folder = self.fold_folder(fold)
        with _trained_by_one(folder):
            return fit.read_record(folder) or self._fit(fold, folder, log)

    def _fit(self, fold: int, folder: Path, log: Log) -> Mapping[str, Any]:
        from transformers import set_seed

        from itr_bench.training import fit
        from itr_bench.training.sequences import Encoder

        vlm = load(self.job.model)
        set_seed(self.config.seed + fold)  # of LoRA's first weights
        trained = fit.adapt(vlm.model, self.config)
        if getattr(vlm.model, "is_quantized", False):
            # On a CPU bitsandbytes packs weights at the first answer of a model in eval, for good.
            vlm.model.train()
        encoder = Encoder(vlm, self._store(vlm), self.made)
        examples = self._examples(self.parts[fold], self.parts[fold].train)
        inner = self._examples(self.parts[fold], self.parts[fold].inner)
        every = [example for example, _ in [*examples, *inner]]
        way, lean, reasons = fit.choose_way(vlm, encoder, every, fold)
        if (way, reasons) != self.told:
            self.told = (way, reasons)
            log(f"training with {way}" + "".join(f"\n  not {reason}" for reason in reasons))
        lesson = fit.Lesson(
            train=[example for example, _ in examples],
            relations=[relation for _, relation in examples],
            inner=[example for example, _ in inner],
            steps=self.steps,
            steps_an_epoch=self.config.steps_an_epoch(len(self.folds.pool.tweet_ids)),
            at_once=self.job.at_once,
            recompute=self.job.recompute,
        )
        record = fit.fit(vlm, trained, encoder, way, lean, lesson, self.config, folder, fold, log)
        del vlm, trained, encoder
        _free()
        return record

    def _store(self, vlm: Vlm) -> Any:
        from itr_bench.training.pictures import PictureStore

        folder = self.job.folder.with_name(f"{self.job.folder.name}-pictures")
        return PictureStore(folder, {**_identity(self.job.model), "dtype": str(vlm.model.dtype)})

    def _examples(self, part: Part, tweets: Sequence[str]) -> list[tuple[Example, int]]:
        """The examples about *tweets* in each language that has them, with their relations."""
        from itr_bench.training.sequences import Example

        chosen, found = set(tweets), []
        weights = _weights(part, self.config)
        for task in self.tasks:
            wording = settings_of(task, self.job.model).wording
            pair: list[dict[str, Any]] = []
            for document, _ in documents.rows(task):
                if document["tweet_id"] not in chosen:
                    continue
                pair.append(document)
                if len(pair) < len(QUESTIONS):
                    continue
                relation = part.relations[document["tweet_id"]]
                example = Example(
                    name=f"{task.name}, tweet {document['tweet_id']}",
                    picture=document["image_sha256"],
                    prompts=_Prompts(tuple(pair), wording),
                    answers=tuple(documents.right_answer(one, relation) for one in pair),
                    weights=tuple(
                        weights[number, Relation(relation).answer(question)]
                        for number, question in enumerate(QUESTIONS)
                    ),
                )
                found.append((example, relation))
                pair = []
        return found

    @contextlib.contextmanager
    def _loaded(self, model: ModelSpec, plans: Sequence[TaskPlan]) -> Iterator[_FoldModels]:
        by_tweet = self.folds.by_tweet
        yield _FoldModels(
            model,
            plans,
            by_tweet,
            [self._trained(fold) for fold in range(self.config.folds)],
        )

    def _trained(self, fold: int) -> ModelSpec:
        """The model of one fold."""
        weights = str(self.fold_folder(fold) / "weights")
        named = {"pretrained": weights} if self.config.adapt == "full" else {"peft": weights}
        return replace(self.job.model, arguments={**self.job.model.arguments, **named})


@dataclass(frozen=True)
class _Prompts:
    """The chats of a tweet's questions and its picture, made when called."""

    pair: tuple[dict[str, Any], ...]
    wording: Mapping[str, Any]

    def __call__(self) -> tuple[list[Any], list[Any]]:
        chats = [documents.chat(document, self.wording) for document in self.pair]
        picture = documents.image(self.pair[0])
        return chats, [] if picture is None else [picture]


class _FoldModels:
    """The models of all folds as one: each tweet is put to the one that never saw it.

    One is loaded at a time.
    """

    def __init__(
        self,
        base: ModelSpec,
        plans: Sequence[TaskPlan],
        fold_of: Mapping[str, int],
        models: Sequence[ModelSpec],
    ) -> None:
        self._base, self._plans = base, {plan.task: plan for plan in plans}
        self._fold_of, self._models = fold_of, models
        self._fold: int | None = None
        self._inner: Any = None
        self.configuration = self._configuration()

    @property
    def observed(self) -> Observed | None:
        """What was seen to leave the adapter."""
        found: Observed | None = self._inner.observed
        return found

    def respond(
        self,
        task: str,
        requests: Sequence[Request],
        on_responses: OnResponses,
        *,
        batch_size: int | None,
    ) -> None:
        """As of :class:`itr_bench.runs.generation.Model`, fold by fold."""
        fold = {item.doc_id: self._fold_of[item.tweet_id] for item in self._plans[task].items}
        for number in range(len(self._models)):
            own = [request for request in requests if fold[request.doc_id] == number]
            if own:
                self._load(number)
                self._inner.respond(task, own, on_responses, batch_size=batch_size)

    def _load(self, fold: int) -> None:
        from itr_bench.runs.generation import Model

        if fold == self._fold:
            return
        self._inner = self._fold = None
        _free()
        # Blocks are made of the tweets of this fold alone.
        plans = [
            replace(
                plan,
                items=tuple(item for item in plan.items if self._fold_of[item.tweet_id] == fold),
            )
            for plan in self._plans.values()
        ]
        self._inner = Model(self._models[fold], [plan for plan in plans if plan.items])
        self._fold = fold

    def _configuration(self) -> dict[str, Any]:
        """As of a loaded model, but for the weights, which the plan names fold by fold."""
        self._load(0)
        found = dict(self._inner.configuration)
        found["content"] = _content(self._base)
        found["engine"] = {k: v for k, v in found["engine"].items() if k != "peft"}
        return found


def load(model: ModelSpec) -> Vlm:
    """Load *model* to be trained.

    Raises:
        ItrBenchError: it cannot be loaded.
    """
    from itr_bench.engine.loading import load as load_vlm

    arguments = {k: v for k, v in model.arguments.items() if k not in _NOT_LOADING}
    return load_vlm(**arguments)


def _content(model: ModelSpec) -> str | None:
    from itr_bench.models.loading import content

    return content(model)  # a folder is hashed once a process


def _identity(model: ModelSpec) -> dict[str, Any]:
    """What a picture's features depend on."""
    import transformers

    apart = {"device", model.checkpoint_argument, *_NOT_LOADING}
    return {
        "content": _content(model) or model.checkpoint,
        "arguments": {k: v for k, v in model.arguments.items() if k not in apart},
        "transformers": transformers.__version__,
    }


def _weights(part: Part, config: TrainingConfig) -> dict[tuple[int, Answer], float]:
    """The weight of each answer to each question in the loss; their mean over the tweets is 1."""
    found = {}
    for number, question in enumerate(QUESTIONS):
        counts = Counter(Relation(part.relations[t]).answer(question) for t in part.train)
        for answer in (Answer.YES, Answer.NO):
            even = len(part.train) / (len(counts) * counts[answer]) if counts[answer] else 1.0
            found[number, answer] = even if config.balance == "weights" else 1.0
    return found


def _free() -> None:
    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
