"""A loaded model that answers requests, each generation with a seed of its own.

lmms-eval's adapter is driven in small batches and stays unaware of it.
"""

from __future__ import annotations

import functools
import random
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from itr_bench.errors import ItrBenchError, RunError
from itr_bench.models import async_openai
from itr_bench.models.adapters import Seeding
from itr_bench.models.boundary import DifferentError, Watch
from itr_bench.models.loading import load, loaded_configuration, no_bars
from itr_bench.models.output import Output, output_of
from itr_bench.models.service import MANY
from itr_bench.models.spec import ModelSpec
from itr_bench.runs.asked import Observed, OnResponses, asked_of
from itr_bench.runs.plan import Item, Request, TaskPlan, open_blocks
from itr_bench.scoring.signature import digest

OURS = ("itr_vlm", "itr_baseline")


class Model:
    """A model and the tasks that it is to answer, loaded.

    Attributes:
        configuration: what of a run's configuration is known only now.
    """

    def __init__(self, spec: ModelSpec, plans: Sequence[TaskPlan]) -> None:
        """Load the model for *plans*.

        Raises:
            ItrBenchError: the adapter cannot be loaded, or lmms-eval asks other prompts.
        """
        self._spec = spec
        self._plans = {plan.task: plan for plan in plans}
        self._items = {plan.task: {item.doc_id: item for item in plan.items} for plan in plans}
        self._lm = load(spec, list(self._plans))
        self.configuration = loaded_configuration(self._lm, spec)
        self._watch = Watch(spec.allow_different)
        self._calls = 0
        self._requests = {plan.task: self._build(plan) for plan in plans}

    @property
    def observed(self) -> Observed | None:
        """What was seen to leave the adapter; ``None`` where nothing is generated."""
        likelihoods = all(plan.settings.task.likelihood for plan in self._plans.values())
        if self._spec.adapter == "itr_baseline" or likelihoods:
            return None
        return Observed(self._watch.engine, dict(self._watch.sent))

    def respond(
        self,
        task: str,
        requests: Sequence[Request],
        on_responses: OnResponses,
        *,
        batch_size: int | None,
    ) -> None:
        """Generate the responses to *requests*.

        Args:
            requests: tweet by tweet. Adapters that take whole blocks of tweets are asked for all of
                a block of which anything is requested.
            on_responses: takes what came of each of *requests* once, in any order, as it comes.
            batch_size: requests at a time, for adapters that take batches.

        Raises:
            ItrBenchError: the adapter raised, or gave fewer responses than requests; or what
                *on_responses* raises.
        """
        asked = set(requests)

        def on_asked(came: Sequence[tuple[Request, Output]]) -> None:
            on_responses([one for one in came if one[0] in asked])

        batches = list(self._batches(task, requests, batch_size))
        looks_ahead = hasattr(self._lm, "expect")
        try:
            for batch, following in zip(batches, [*batches[1:], ()], strict=True):
                if looks_ahead:
                    self._lm.expect(self._instances(task, following))
                self._respond(task, batch, on_asked)
        finally:
            if looks_ahead:
                self._lm.expect_nothing()

    def _instances(self, task: str, batch: Sequence[Request]) -> list[Any]:
        """lmms-eval's requests, each with its generation settings."""
        settings = self._plans[task].settings.generation
        own = self._spec.handling.seeding in (Seeding.REQUEST, Seeding.PAYLOAD)
        return [
            _with_settings(
                self._requests[task][request.doc_id],
                {**settings, "seed": request.seed} if own else dict(settings),
            )
            for request in batch
        ]

    def _batches(
        self, task: str, requests: Sequence[Request], batch_size: int | None
    ) -> Iterator[Sequence[Request]]:
        size = batch_size or self._spec.handling.batch
        if size is None:
            yield from open_blocks(self._plans[task], self._lm.rows_in_flight, requests)
            return
        for start in range(0, len(requests), size):
            yield requests[start : start + size]

    def _respond(self, task: str, batch: Sequence[Request], on_responses: OnResponses) -> None:
        seeding = self._spec.handling.seeding
        if seeding is Seeding.PROCESS:
            _seed_process(batch[0].seed)
        settings = dict(self._plans[task].settings.generation)
        instances = self._instances(task, batch)
        early: set[int] = set()

        def on_early(place: int, output: Output) -> None:
            early.add(place)
            on_responses([(batch[place], output)])

        self._watch.begin(asked_of(self._plans[task], self._spec, batch))
        # A likelihood is no request, though one by one it is read off generations that are forced.
        likelihood = self._plans[task].settings.task.likelihood
        watched = nullcontext() if likelihood else self._watch.installed(self._lm)
        try:
            with no_bars(), watched:
                returned = self._generate(instances, settings, on_early)
        except async_openai.StopError as stopped:
            raise stopped.error from None
        except DifferentError:
            raise self._differs(task, batch) from None
        except Exception as error:
            if self._watch.differing:
                raise self._differs(task, batch) from error
            raise RunError(self._went_wrong(task, batch, error)) from error
        if self._watch.differing:
            raise self._differs(task, batch)
        if len(returned) != len(batch):
            raise RunError(
                f"{task}: {self._spec.adapter} gave {len(returned)} responses to {len(batch)} "
                f"requests ({self._about(task, batch)}); none of them is kept"
            )
        hidden = self._hidden_failure()
        late = {
            place: hidden or output_of(one)
            for place, one in enumerate(returned)
            if place not in early
        }
        on_responses([(batch[place], output) for place, output in late.items()])
        failures = [output.failure for output in late.values() if output.failure is not None]
        # A block of tweets can be one tweet, whose fault is its own.
        if self._spec.handling.batch is not None and len(failures) == len(batch) >= MANY:
            raise RunError(
                f"{task}: {len(batch)} requests in a row failed ({failures[-1]}). Is the server "
                "up? Give the same command again when it is."
            )

    def _generate(
        self,
        instances: Sequence[Any],
        settings: Mapping[str, Any],
        on_early: Callable[[int, Output], None],
    ) -> Sequence[Any]:
        """What the adapter returns; some outputs may go to *on_early* as they come."""
        if self._spec.handling.seeding is Seeding.PAYLOAD:
            with async_openai.seeded(self._lm, settings, on_early):
                return cast("Sequence[Any]", self._lm.generate_until(instances))
        return cast("Sequence[Any]", self._lm.generate_until(instances))

    def _hidden_failure(self) -> Output | None:
        """The failure that the adapter took for a response, if it did.

        Adapters of our own, and of servers, tell of each failure by itself.
        """
        if self._spec.handling.seeding is Seeding.PAYLOAD or self._spec.adapter in OURS:
            return None
        if self._watch.raised is not None:
            return Output(failure=self._watch.raised)
        if self._calls and not self._watch.calls:
            return Output(failure="the adapter did not get as far as to ask its model")
        self._calls += self._watch.calls
        return None

    def _differs(self, task: str, batch: Sequence[Request]) -> RunError:
        why = self._watch.why_different(self._spec.adapter)
        return RunError(f"{task}, {self._about(task, batch)}: {why}")

    def _build(self, plan: TaskPlan) -> dict[int, Any]:
        """lmms-eval's requests by document, checked to ask what the plan says."""
        from lmms_eval.tasks import TaskManager, get_task_dict

        kind = "simple" if self._lm.is_simple else "chat"
        with no_bars():
            manager = _task_manager(TaskManager, self._spec.adapter)
            task = get_task_dict([plan.task], manager, kind)[plan.task]
            task.lmms_eval_specific_kwargs.update(plan.settings.wording)
            last = max(plan.items, key=lambda item: item.doc_id)
            task.build_all_requests(limit=last.doc_id + 1)
        self._lm.task_dict[plan.task] = task.dataset
        requests = {request.doc_id: request for request in task.instances}
        for item in plan.items:
            if digest(requests[item.doc_id].args[0]) != item.prompt_hash:
                raise RunError(
                    f"{plan.task}, tweet {item.tweet_id}, {item.question}: lmms-eval asks another "
                    "prompt than this package's own task definitions; is another package's task "
                    "of the same name installed?"
                )
        return requests

    def _about(self, task: str, batch: Sequence[Request]) -> str:
        """Which requests a batch is, in words."""
        first: Item = self._items[task][batch[0].doc_id]
        others = f" and {len(batch) - 1} more at once" if len(batch) > 1 else ""
        return f"tweet {first.tweet_id}, {first.question}, seed {batch[0].seed}{others}"

    def _went_wrong(self, task: str, batch: Sequence[Request], error: Exception) -> str:
        """What to say of an adapter that raised."""
        lead = f"{task}, {self._about(task, batch)}: "
        if isinstance(error, ItrBenchError):
            return f"{lead}{error}"
        frame = traceback.extract_tb(error.__traceback__)[-1]
        return (
            f"{lead}{self._spec.adapter} raised {type(error).__name__}: {error} "
            f"({Path(frame.filename).name}, line {frame.lineno}). What was answered before is "
            "kept; fix the cause and give the same command again."
        )


@functools.lru_cache(maxsize=1)
def _task_manager(kind: Callable[..., Any], adapter: str) -> Any:
    """lmms-eval's view of our tasks alone; all of its own would take seconds to list."""
    return kind("ERROR", include_defaults=False, model_name=adapter)


def _with_settings(request: Any, settings: dict[str, Any]) -> Any:
    """A copy of lmms-eval's request with other generation settings."""
    arguments = tuple(settings if isinstance(part, dict) else part for part in request.args)
    fresh: dict[str, Any] = {"resps": [], "filtered_resps": {}, "raw_filtered_resps": {}}
    return replace(request, arguments=arguments, token_counts=[], **fresh)


def _seed_process(seed: int) -> None:
    import numpy as np

    from itr_bench.engine.device import seed_everywhere

    random.seed(seed)
    np.random.seed(seed)
    seed_everywhere(seed)
