"""A run from its folders to its scores: locked, checked, gone on with, recorded."""

from __future__ import annotations

import contextlib
import datetime
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from itr_bench.answers import Asked
from itr_bench.errors import RunError, bullet_list
from itr_bench.relation import QUESTIONS, Answer, Question
from itr_bench.results.run import Run
from itr_bench.results.run_folder import (
    LOADED,
    MANIFEST,
    RESPONSES,
    SCORES,
    Journal,
    Key,
    Record,
    check_records,
    differences,
    read_answer,
    read_manifest,
    read_run_folder,
    refused_by_disk,
    write_json,
    write_manifest,
)
from itr_bench.runs.machine import missing
from itr_bench.runs.plan import Model, TaskPlan, Wanted
from itr_bench.runs.progress import Progress
from itr_bench.storage import Lock, Timeout

if TYPE_CHECKING:
    from itr_bench.runs.generation import Respondent
    from itr_bench.runs.workers import Pool

LOCK = ".lock"
SILENT_AT_FIRST = 20
"""So many empty responses at first, and nothing else, call for a warning."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class Order:
    """What is run, and how.

    Attributes:
        model: the model.
        plans: the tasks.
        folder: of the run; each task has a folder in it.
        command: the command line, as the manifest keeps it.
        processes: how many processes generate.
        batch_size: requests at a time, for adapters that take batches.
    """

    model: Model
    plans: Sequence[TaskPlan]
    folder: Path
    command: str
    processes: int = 1
    batch_size: int | None = None


@dataclass
class TaskRun:
    """A task with its folder, opened and locked.

    Attributes:
        plan: what is to be done.
        folder: where.
        journal: what is done.
        manifest: what the folder says of the run, ``None`` before the first session.
        failed: requests that failed in this session.
        failure: what stood in the place of the last one's response.
        scored: its score at the end, where at least one tweet is complete.
    """

    plan: TaskPlan
    folder: Path
    journal: Journal
    manifest: dict[str, Any] | None
    failed: int = 0
    failure: str | None = None
    scored: Run | None = None

    @property
    def missing(self) -> list[Wanted]:
        """The responses that are not there yet."""
        return self.plan.missing(self.journal.records)

    @property
    def done(self) -> int:
        """How many responses are there."""
        return self.plan.total - len(self.missing)


def conduct(order: Order, say: Say) -> list[TaskRun]:
    """Generate what is missing in the folders of *order*, and write the scores.

    Args:
        order: what is run, and how.
        say: takes what a user should know meanwhile, a line or more.

    Returns:
        The tasks as they are at the end; what failed in this session is still missing.

    Raises:
        ItrBenchError: a folder is another run's, damaged or in use; the model cannot be loaded or
            raises; the disk is full. What was answered before is kept.
    """
    with contextlib.ExitStack() as stack:
        runs = [stack.enter_context(_opened(plan, order.folder, say)) for plan in order.plans]
        waiting = [run for run in runs if run.missing]
        if waiting:
            _generate(waiting, order, say)
        for run in runs:
            if _has_complete_tweet(run):
                run.scored = read_run_folder(run.folder)
            if run.scored is not None and not run.missing:
                write_json(run.folder / SCORES, run.scored.as_dict())
        return runs


def _has_complete_tweet(run: TaskRun) -> bool:
    tweet = {item.doc_id: item.tweet_id for item in run.plan.items}
    incomplete = {tweet[one.doc_id] for one in run.missing}
    return len(incomplete) < len(set(tweet.values()))


@contextlib.contextmanager
def _opened(plan: TaskPlan, parent: Path, say: Say) -> Iterator[TaskRun]:
    """The folder of a task with its lock held, checked against the plan."""
    folder = parent / plan.task
    with refused_by_disk(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = Lock(folder / LOCK, timeout=0)
        try:
            lock.acquire()
        except Timeout:
            raise RunError(
                f"another process is running in {folder}; wait for it, or choose another folder "
                "with --name"
            ) from None
    try:
        journal = Journal(folder)
        try:
            if journal.cut_off:
                say(
                    f"{journal.path}: the last line was torn, {journal.cut_off} bytes are cut off; "
                    "its response is generated again"
                )
            manifest = checked_manifest(folder, plan, journal.records)
            if manifest is not None and _left_open(manifest):
                # A killed session could not say how much it did.
                manifest["sessions"][-1]["responses"] = _not_counted(manifest, journal)
                if not plan.missing(journal.records):  # nothing will be written later
                    write_manifest(folder, manifest)
            yield TaskRun(plan, folder, journal, manifest)
        finally:
            journal.close()
    finally:
        lock.release()


def _left_open(manifest: Mapping[str, Any]) -> bool:
    """Whether the last session was killed, and nobody has counted its responses since."""
    last = manifest["sessions"][-1] if manifest["sessions"] else {}
    return last.get("end", "") is None and not last.get("responses")


def _not_counted(manifest: Mapping[str, Any], journal: Journal) -> int:
    """How many responses are there that no session but the last has counted."""
    counted: int = sum(session["responses"] for session in manifest["sessions"][:-1])
    return max(0, len(journal.records) - counted)


def checked_manifest(
    folder: Path, plan: TaskPlan, records: Mapping[Key, Record]
) -> dict[str, Any] | None:
    """The manifest of a folder that belongs to *plan*, ``None`` where nothing was run yet.

    Raises:
        RunError: the folder is another run's, or was damaged; with the differences.
    """
    if not (folder / MANIFEST).exists() and not records:
        return None
    manifest = read_manifest(folder)
    there = {k: v for k, v in manifest["conditions"].items() if k not in LOADED}
    refuse_differences(folder, differences(there, plan.conditions))
    check_records(
        folder / RESPONSES,
        records,
        {
            (item.tweet_id, item.question): (item.relation, item.prompt_hash, item.image_sha256)
            for item in plan.items
        },
        plan.seeds,
    )
    return manifest


def refuse_differences(folder: Path, found: Mapping[str, tuple[Any, Any]]) -> None:
    """Refuse to go on with *folder* where there are differences."""
    if found:
        lines = [f"{name}: {one!r} there, {other!r} now" for name, (one, other) in found.items()]
        raise RunError(
            f"{folder} holds a run under other conditions:\n{bullet_list(lines, most=30)}\n"
            "Give the old values to go on with it, or another folder: --name NAME"
        )


def _generate(runs: Sequence[TaskRun], order: Order, say: Say) -> None:
    """Load the model and generate what is missing in *runs*."""
    check_machine(order.model)
    plans = [run.plan for run in runs]
    say(f"loading {order.model.name} ({order.model.adapter}) ...")
    with _respondent(order, plans) as respondent:
        for run in runs:
            if run.manifest is not None:
                there = {name: run.manifest["conditions"].get(name) for name in LOADED}
                refuse_differences(run.folder, differences(there, respondent.found))
        for run in runs:
            _answer(run, respondent, order, say)


def check_machine(model: Model) -> None:
    """Check that what *model* needs is here.

    Raises:
        RunError: a package or a GPU is missing; with what to do.
    """
    lacks = missing(model.adapter, model.arguments, force_simple=model.force_simple)
    if lacks:
        name = model.preset.name if model.preset else model.adapter
        raise RunError(
            f"{name} needs what this machine has not:\n"
            + bullet_list(f"{what}: {hint}" for what, hint in lacks.items())
        )


@contextlib.contextmanager
def _respondent(order: Order, plans: Sequence[TaskPlan]) -> Iterator[Respondent | Pool]:
    if order.processes == 1:
        from itr_bench.runs.generation import Respondent

        yield Respondent(order.model, plans)
    else:
        from itr_bench.runs.workers import Pool

        with Pool(order.model, plans, order.processes) as pool:
            yield pool


def _answer(run: TaskRun, respondent: Respondent | Pool, order: Order, say: Say) -> None:
    """One task of a session: its responses to the journal, the session to the manifest."""
    from itr_bench.runs.generation import has_failed

    plan, journal = run.plan, run.journal
    items = {item.doc_id: item for item in plan.items}
    a_tweet = len(QUESTIONS) * len(plan.seeds)
    unread = sum(_is_unread(plan, record) for record in journal.records.values())
    before = run.done
    session: dict[str, Any] = {
        "start": _now(),
        "end": None,
        "processes": order.processes,
        "responses": 0,
    }
    manifest = _manifest(run, respondent.found, order, session)
    write_manifest(run.folder, manifest)
    run.manifest = manifest
    progress = Progress(plan.task, total=plan.total, done=before, a_tweet=a_tweet, unread=unread)

    def deliver(wanted: Wanted, response: str | None, tokens: int | None) -> None:
        if response is None or has_failed(response):
            run.failed += 1
            run.failure = response
            return
        item = items[wanted.doc_id]
        record = Record(
            tweet_id=item.tweet_id,
            question=item.question,
            seed=wanted.seed,
            response=response,
            tokens=tokens,
            relation=item.relation,
            prompt_hash=item.prompt_hash,
            image_sha256=item.image_sha256,
        )
        journal.append(record)
        session["responses"] += 1
        progress.add(unread=_is_unread(plan, record))
        if len(journal.records) == SILENT_AT_FIRST and _all_empty(journal):
            progress.write(
                f"{plan.task}: the first {SILENT_AT_FIRST} responses are all empty. A model that "
                "says nothing, or an adapter that hides its errors: look at what it prints above."
            )

    try:
        respondent.respond(plan.task, run.missing, deliver, batch_size=order.batch_size)
    except BaseException:
        with contextlib.suppress(RunError):  # a full disk is not to hide what ended the session
            write_manifest(run.folder, _ended(manifest, session))
        raise
    finally:
        progress.close()
    write_manifest(run.folder, _ended(manifest, session))
    most = plan.most_tokens
    at_limit = sum(most is not None and (r.tokens or 0) >= most for r in journal.records.values())
    if at_limit:
        say(
            f"{plan.task}: {at_limit} of {plan.total} responses ended at the limit of {most} tokens"
        )


def _is_unread(plan: TaskPlan, record: Record) -> bool:
    asked = Asked(record.tweet_id, Question(record.question))
    return read_answer(plan.parser, record.response, plan.language, asked) is Answer.NONE


def _all_empty(journal: Journal) -> bool:
    return not any(record.response.strip() for record in journal.records.values())


def _manifest(
    run: TaskRun, found: Mapping[str, Any], order: Order, session: dict[str, Any]
) -> dict[str, Any]:
    sessions = run.manifest["sessions"] if run.manifest else []
    preset = order.model.preset
    return {
        "model": order.model.name,
        "preset": preset.name if preset else None,
        "command": order.command,
        "language": run.plan.language,
        "set_size": run.plan.set_size,
        "parser": run.plan.parser.signature,
        "conditions": {**run.plan.conditions, **found},
        "sessions": [*sessions, session],
    }


def _ended(manifest: dict[str, Any], session: dict[str, Any]) -> dict[str, Any]:
    return {**manifest, "sessions": [*manifest["sessions"][:-1], {**session, "end": _now()}]}


def _now() -> str:
    return datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
