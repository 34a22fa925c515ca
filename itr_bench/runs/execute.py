"""A run from its folders to its scores: locked, checked, resumed, recorded."""

from __future__ import annotations

import contextlib
import datetime
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from itr_bench.errors import RunError, bullet_list
from itr_bench.models.machine import missing
from itr_bench.models.output import Output
from itr_bench.models.spec import ModelSpec
from itr_bench.relation import QUESTIONS, Answer
from itr_bench.runs.asked import Observed
from itr_bench.runs.manifest import (
    LOADED,
    difference_lines,
    differences,
    read_manifest,
    write_json,
    write_manifest,
)
from itr_bench.runs.plan import Request, TaskPlan
from itr_bench.runs.progress import Progress
from itr_bench.runs.replicas import Replicas
from itr_bench.runs.response import Key, Response
from itr_bench.runs.response_log import (
    RESPONSES,
    ResponseLog,
    check_responses,
    locked_folder,
)
from itr_bench.runs.response_warnings import read_response, response_warnings
from itr_bench.runs.run import Run
from itr_bench.runs.run_folder import LOCK, SCORES, read_run_folder

if TYPE_CHECKING:
    from itr_bench.runs.generation import Model
    from itr_bench.runs.replicas import Backend
    from itr_bench.runs.server_model import ServerModel

SILENT_AT_FIRST = 20
"""So many empty responses at first, and nothing else, call for a warning."""

Log = Callable[[str], None]
Loaded = Callable[[ModelSpec, Sequence[TaskPlan]], contextlib.AbstractContextManager[Any]]


@dataclass(frozen=True)
class RunConfig:
    """What is run, and how.

    Attributes:
        folder: of the run; each task has a folder in it.
        command: the command line, as the manifest keeps it.
        processes: how many replicas of the model generate, each in a process of its own; by
            default one, and with Ray as many as fit.
        batch_size: requests at a time, for adapters that take batches.
        ray: the address of the Ray that the replicas run on; ``None`` for this machine.
        gpus_per_replica: GPUs of each replica on Ray; by default what the model needs.
        label: how tables call the model, where its own name does not say enough.
        loaded: what loads the model, where it is not the adapter by itself.
    """

    model: ModelSpec
    plans: Sequence[TaskPlan]
    folder: Path
    command: str
    processes: int | None = None
    batch_size: int | None = None
    ray: str | None = None
    gpus_per_replica: float | None = None
    label: str | None = None
    loaded: Loaded | None = None


@dataclass
class TaskRun:
    """A task with its folder, opened and locked.

    Attributes:
        manifest: what the folder says of the run, ``None`` before the first session.
        failed: requests that failed in this session.
        failure: why the last one failed.
        scored: its score at the end, where at least one tweet is complete.
    """

    plan: TaskPlan
    folder: Path
    response_log: ResponseLog
    manifest: dict[str, Any] | None
    failed: int = 0
    failure: str | None = None
    scored: Run | None = None

    @property
    def missing(self) -> list[Request]:
        """The responses that are not there yet."""
        return self.plan.missing(self.response_log.responses)

    @property
    def lacking(self) -> str | None:
        """What is missing, in words; ``None`` for nothing."""
        missing = len(self.missing)
        if not missing:
            return None
        last = f" (the last with {self.failure!r})" if self.failure else ""
        return (
            f"{self.plan.task}: {missing} of {self.plan.total} responses are missing, "
            f"{self.failed} requests failed{last}"
        )


def execute(config: RunConfig, log: Log) -> list[TaskRun]:
    """Generate what is missing in the folders of *config*, and write the scores.

    Args:
        log: takes what a user should know meanwhile, a line or more.

    Returns:
        The tasks as they are at the end; what failed in this session is still missing.

    Raises:
        ItrBenchError: a folder is another run's, damaged or in use; the model cannot be loaded or
            raises; the disk is full. What was answered before is kept.
    """
    with contextlib.ExitStack() as stack:
        runs = [stack.enter_context(_opened(plan, config.folder, log)) for plan in config.plans]
        waiting = [run for run in runs if run.missing]
        if waiting:
            _generate(waiting, config, log)
        for run in runs:
            if not run.missing:
                run.response_log.arrange(run.plan.keys)
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
def _opened(plan: TaskPlan, parent: Path, log: Log) -> Iterator[TaskRun]:
    """The folder of a task with its lock held, checked against the plan."""
    folder = parent / plan.task
    busy = (
        f"another process is running in {folder}; wait for it, or choose another folder with --name"
    )
    with contextlib.ExitStack() as stack:
        stack.enter_context(locked_folder(folder, LOCK, busy))
        response_log = stack.enter_context(contextlib.closing(ResponseLog(folder)))
        if response_log.cut_off:
            log(
                f"{response_log.path}: the last line was torn, {response_log.cut_off} bytes are "
                "cut off; its response is generated again"
            )
        manifest = checked_manifest(folder, plan, response_log.responses)
        if (
            manifest is not None
            and _count_killed(manifest, len(response_log.responses))
            and not plan.missing(response_log.responses)  # so nothing will be written later
        ):
            write_manifest(folder, manifest)
        yield TaskRun(plan, folder, response_log, manifest)


def _count_killed(manifest: Mapping[str, Any], responses: int) -> bool:
    """Give the last session, if it was killed, the *responses* that no other has counted."""
    *others, last = manifest["sessions"] or [{}]
    if last.get("end", "") is not None or last.get("responses"):
        return False
    last["responses"] = max(0, responses - sum(session["responses"] for session in others))
    return True


def checked_manifest(
    folder: Path, plan: TaskPlan, responses: Mapping[Key, Response]
) -> dict[str, Any] | None:
    """The manifest of a folder that belongs to *plan*, ``None`` where nothing was run yet.

    Raises:
        RunError: the folder is another run's, or was damaged; with the differences.
    """
    if not responses:  # a configuration under which nothing was answered binds nobody
        return None
    manifest = read_manifest(folder)
    there = {k: v for k, v in manifest["configuration"].items() if k not in LOADED}
    refuse_differences(folder, differences(there, plan.configuration))
    check_responses(
        folder / RESPONSES,
        responses,
        {
            (item.tweet_id, item.question): (item.relation, item.prompt_hash, item.image_sha256)
            for item in plan.items
        },
        plan.seeds,
    )
    return manifest


def refuse_differences(folder: Path, found: Mapping[str, tuple[Any, Any]]) -> None:
    """Refuse to resume *folder* where there are differences."""
    if found:
        raise RunError(
            f"{folder} holds a run of another configuration:\n"
            f"{bullet_list(difference_lines(found), most=30)}\n"
            "Give the old values to resume it, or another folder: --name NAME"
        )


def _generate(runs: Sequence[TaskRun], config: RunConfig, log: Log) -> None:
    """Load the model and generate what is missing in *runs*."""
    if config.ray is None:  # else each node is checked by itself
        check_machine(config.model)
    log(f"loading {config.model.name} ({config.model.adapter}) ...")
    with _loaded(config, runs, log) as model:
        for run in runs:
            there = _known([run])
            if there is not None:
                refuse_differences(run.folder, differences(there, model.configuration))
        for run in runs:
            _answer(run, model, config, log)


def check_machine(model: ModelSpec) -> None:
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
def _loaded(
    config: RunConfig, runs: Sequence[TaskRun], log: Log
) -> Iterator[Model | ServerModel | Replicas]:
    plans = [run.plan for run in runs]
    if config.loaded is not None:
        with config.loaded(config.model, plans) as model:
            yield model
    elif config.model.adapter == "itr_server":
        from itr_bench.runs.server_model import ServerModel

        yield ServerModel(config.model, plans)
    elif config.ray is None and config.processes in (None, 1):
        from itr_bench.runs.generation import Model

        yield Model(config.model, plans)
    else:
        backend = _backend(config, plans, log)
        with Replicas(backend, config.model, plans, log, _known(runs)) as replicas:
            yield replicas


def _backend(config: RunConfig, plans: Sequence[TaskPlan], log: Log) -> Backend:
    if config.ray is None:
        from itr_bench.runs.workers import Processes

        return Processes(config.model, plans, config.processes or 1)
    from itr_bench.runs.ray_replicas import RayReplicas

    return RayReplicas(
        config.ray,
        config.model,
        plans,
        count=config.processes,
        gpus_each=config.gpus_per_replica,
        log=log,
    )


def _known(runs: Sequence[TaskRun]) -> dict[str, Any] | None:
    """What an earlier session found when it had loaded the model, if there was one."""
    for run in runs:
        if run.manifest is not None:
            return {name: run.manifest["configuration"].get(name) for name in LOADED}
    return None


def _answer(
    run: TaskRun, model: Model | ServerModel | Replicas, config: RunConfig, log: Log
) -> None:
    """One task of a session: its responses to the log, the session to the manifest."""
    plan, response_log = run.plan, run.response_log
    items = {item.doc_id: item for item in plan.items}
    a_tweet = len(QUESTIONS) * len(plan.seeds)
    unparseable = sum(
        _is_unparseable(plan, response) for response in response_log.responses.values()
    )
    session: dict[str, Any] = {
        "start": _now(),
        "end": None,
        "processes": model.count if isinstance(model, Replicas) else 1,
        **({"base_url": config.model.address} if config.model.address else {}),
        "responses": 0,
    }
    manifest = _manifest(run, model.configuration, config, session)
    write_manifest(run.folder, manifest)
    run.manifest = manifest
    progress = Progress(
        plan.task,
        total=plan.total,
        done=plan.total - len(run.missing),
        a_tweet=a_tweet,
        unparseable=unparseable,
    )

    def response_of(request: Request, output: Output) -> Response:
        item = items[request.doc_id]
        return Response(
            tweet_id=item.tweet_id,
            question=item.question,
            sample=plan.seeds.index(request.seed),
            seed=request.seed,
            response=output.text,
            tokens=output.tokens,
            prompt_hash=item.prompt_hash,
            image_sha256=item.image_sha256,
            finish_reason=output.finish_reason,
            relation=item.relation,
        )

    def on_responses(came: Sequence[tuple[Request, Output]]) -> None:
        failures = [output.failure for _, output in came if output.failure is not None]
        if failures:
            run.failed += len(failures)
            run.failure = failures[-1]
        _record_observed(run, model)  # before a response counts: a kill loses neither
        known = len(response_log.responses)
        responses = [response_of(*one) for one in came if one[1].failure is None]
        try:
            response_log.append(responses)
        finally:
            session["responses"] += len(response_log.responses) - known
        for response in responses:
            progress.add(unparseable=_is_unparseable(plan, response))
        all_of_it = response_log.responses.values()
        if known < SILENT_AT_FIRST <= len(all_of_it) and not any(
            one.response.strip() for one in all_of_it
        ):
            progress.write(
                f"{plan.task}: the first {SILENT_AT_FIRST} responses are all empty. A model that "
                "says nothing, or an adapter that hides its errors: look at what it prints above."
            )

    try:
        model.respond(plan.task, run.missing, on_responses, batch_size=config.batch_size)
    except BaseException:
        with contextlib.suppress(RunError):  # a full disk is not to hide what ended the session
            write_manifest(run.folder, _ended(run, session))
        raise
    finally:
        progress.close()
    write_manifest(run.folder, _ended(run, session))
    for warning in response_warnings(plan, config.model, response_log.responses):
        log(f"{plan.task}: {warning}")


def _is_unparseable(plan: TaskPlan, response: Response) -> bool:
    return read_response(plan, response) is Answer.NONE


def _manifest(
    run: TaskRun, found: Mapping[str, Any], config: RunConfig, session: dict[str, Any]
) -> dict[str, Any]:
    before = run.manifest or {}
    sessions = before.get("sessions", [])
    preset = config.model.preset
    return {
        "model": config.label or config.model.name,
        "preset": preset.name if preset else None,
        "command": config.command,
        "language": run.plan.language,
        "set_size": run.plan.set_size,
        "parser": run.plan.parser.signature,
        "configuration": {**run.plan.configuration, **found},
        **{name: before[name] for name in ("observed",) if name in before},
        "sessions": [*sessions, session],
    }


def _record_observed(run: TaskRun, model: Model | ServerModel | Replicas) -> None:
    """Write down what was seen to leave the adapter, where the manifest does not say so yet."""
    seen, manifest = model.observed, run.manifest
    if seen is None or manifest is None:
        return
    there = manifest.get("observed")
    if there is not None:
        seen = seen.joined(Observed(**there))
    if seen._asdict() != there:
        manifest["observed"] = seen._asdict()
        *before, session = manifest["sessions"]  # 0 responses: not counted yet
        write_manifest(run.folder, {**manifest, "sessions": [*before, {**session, "responses": 0}]})


def _ended(run: TaskRun, session: Mapping[str, Any]) -> dict[str, Any]:
    """The manifest at the end of a session."""
    manifest = run.manifest or {}
    return {**manifest, "sessions": [*manifest["sessions"][:-1], {**session, "end": _now()}]}


def _now() -> str:
    return datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
