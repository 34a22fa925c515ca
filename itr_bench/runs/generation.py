"""A loaded model that answers what is wanted, each generation with a seed of its own.

lmms-eval's adapter is driven in small batches and stays unaware of it.
"""

from __future__ import annotations

import contextlib
import contextvars
import functools
import inspect
import random
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from itr_bench.answers.text import FAILURE_PREFIXES, is_failure
from itr_bench.data.catalog import get_task
from itr_bench.data.manifest import folder_hash
from itr_bench.errors import ItrBenchError, RunError
from itr_bench.lmms.hooks import NO_ORDER
from itr_bench.packages import explained
from itr_bench.results.arguments import CHECKPOINT, format_arguments
from itr_bench.results.libraries import libraries_in_use
from itr_bench.runs.adapters import Seeding
from itr_bench.runs.plan import Item, Model, TaskPlan, Wanted, open_blocks
from itr_bench.scoring.signature import digest
from itr_bench.version import __version__

Deliver = Callable[[Wanted, str | None, int | None], None]
"""Takes a response as it comes: what was wanted, the text (``None``: it failed), its tokens."""

MANY = 20
"""So many requests at once that all fail mean that the next ones will, too."""

_PROCESSORS = ("processor", "_processor", "_image_processor")
"""Where chat adapters have what renders their prompts."""

_SEED: contextvars.ContextVar[int] = contextvars.ContextVar("seed")
_NO_PARAMETERS_OF_OPENAI = ("top_k", "min_p", "repetition_penalty")


def has_failed(response: str | None) -> bool:
    """Whether a request failed: nothing, or a framework's mark. The word *None* is a response."""
    return response is None or (response.strip() != "None" and is_failure(response))


class Respondent:
    """A model and the tasks that it is to answer, loaded."""

    def __init__(self, model: Model, plans: Sequence[TaskPlan]) -> None:
        """Load the model of *plans*' tasks.

        Raises:
            ItrBenchError: the adapter cannot be loaded, or lmms-eval asks other prompts.
        """
        self._model = model
        self._plans = {plan.task: plan for plan in plans}
        self._items = {plan.task: {item.doc_id: item for item in plan.items} for plan in plans}
        self._lm = _load(model, plans)
        self._hidden = _watch(self._lm, model) if model.handling.hides_errors else []
        self._requests = {plan.task: self._build(plan) for plan in plans}

    @property
    def found(self) -> dict[str, Any]:
        """The conditions that are known only now; see ``run_folder.LOADED``."""
        lm = self._lm
        kind = "simple" if lm.is_simple else "chat"
        local = self._model.handling.seeding in (Seeding.PROCESS, Seeding.REQUEST)
        return {
            "adapter_class": f"{type(lm).__module__}.{type(lm).__name__} ({kind})",
            "content": _content(self._model),
            "device": _device(lm) if local else None,
            "dtype": _dtype(lm),
            "engine": dict(getattr(lm, "conditions", None) or {}),
            "libraries": {"itr-bench": __version__, **libraries_in_use()},
        }

    def respond(
        self, task: str, wanted: Sequence[Wanted], deliver: Deliver, *, batch_size: int | None
    ) -> None:
        """Generate what is *wanted*, and *deliver* each response as it comes.

        Args:
            task: one of the tasks that it was made for.
            wanted: tweet by tweet. Adapters that take whole blocks of tweets are asked for all of
                a block of which anything is wanted.
            deliver: called once for each of *wanted*, in any order.
            batch_size: requests at a time, for adapters that take batches.

        Raises:
            ItrBenchError: the adapter raised, or gave fewer responses than requests; or what
                *deliver* raises.
        """
        open_ = set(wanted)

        def deliver_wanted(one: Wanted, text: str | None, tokens: int | None) -> None:
            if one in open_:
                deliver(one, text, tokens)

        for batch in self._batches(task, wanted, batch_size):
            self._respond(task, batch, deliver_wanted)

    def _batches(
        self, task: str, wanted: Sequence[Wanted], batch_size: int | None
    ) -> Iterator[Sequence[Wanted]]:
        size = batch_size or self._model.handling.batch
        if size is None:
            yield from open_blocks(self._plans[task], self._lm.rows_in_flight, wanted)
            return
        for start in range(0, len(wanted), size):
            yield wanted[start : start + size]

    def _respond(self, task: str, batch: Sequence[Wanted], deliver: Deliver) -> None:
        seeding = self._model.handling.seeding
        if seeding is Seeding.PROCESS:
            _seed_process(batch[0].seed)
        settings = dict(self._plans[task].settings.generation)
        requests = []
        for one in batch:
            own = dict(settings)
            if seeding in (Seeding.REQUEST, Seeding.PAYLOAD):
                own["seed"] = one.seed
            requests.append(_with_settings(self._requests[task][one.doc_id], own))
        early: set[int] = set()

        def arrived(place: int, text: str, tokens: int | None) -> None:
            early.add(place)
            deliver(batch[place], text, tokens)

        try:
            with _no_bars(), _at_server(self._lm, seeding, settings, arrived):
                outputs = self._lm.generate_until(requests)
        except _Refused as stop:
            raise stop.error from None
        except Exception as error:
            raise RunError(self._went_wrong(task, batch, error)) from error
        if len(outputs) != len(batch):
            raise RunError(
                f"{task}: {self._model.adapter} gave {len(outputs)} responses to {len(batch)} "
                f"requests ({self._about(task, batch)}); none of them is kept"
            )
        late = {
            place: self._unhidden(*_unwrap(out))
            for place, out in enumerate(outputs)
            if place not in early
        }
        for place, (text, tokens) in late.items():
            deliver(batch[place], text, tokens)
        failed = [text for text, _ in late.values() if has_failed(text)]
        # A block of tweets can be one tweet, whose fault is its own.
        if self._model.handling.batch is not None and len(failed) == len(batch) >= MANY:
            raise RunError(
                f"{task}: {len(batch)} requests in a row failed ({failed[-1]}). Is the server up? "
                "Give the same command again when it is."
            )

    def _unhidden(self, text: str | None, tokens: int | None) -> tuple[str | None, int | None]:
        """A response, or the failure that the adapter took for an empty one."""
        if not self._model.handling.hides_errors:
            return text, tokens
        raised = self._hidden.pop() if self._hidden else None
        # The chat class counts the tokens of every response that it got.
        if not text and (raised or (tokens is None and not self._lm.is_simple)):
            return f"{FAILURE_PREFIXES[0]}] {raised or 'see above'}", None
        return text, tokens

    def _build(self, plan: TaskPlan) -> dict[int, Any]:
        """lmms-eval's requests by document, checked to ask what the plan says."""
        from lmms_eval.tasks import TaskManager, get_task_dict

        kind = "simple" if self._lm.is_simple else "chat"
        with _no_bars():
            manager = _task_manager(TaskManager, self._model.adapter)
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

    def _about(self, task: str, batch: Sequence[Wanted]) -> str:
        """Which requests a batch is, in words."""
        first: Item = self._items[task][batch[0].doc_id]
        others = f" and {len(batch) - 1} more at once" if len(batch) > 1 else ""
        return f"tweet {first.tweet_id}, {first.question}, seed {batch[0].seed}{others}"

    def _went_wrong(self, task: str, batch: Sequence[Wanted], error: Exception) -> str:
        """What to say of an adapter that raised."""
        lead = f"{task}, {self._about(task, batch)}: "
        if isinstance(error, ItrBenchError):
            return f"{lead}{error}"
        frame = traceback.extract_tb(error.__traceback__)[-1]
        return (
            f"{lead}{self._model.adapter} raised {type(error).__name__}: {error} "
            f"({Path(frame.filename).name}, line {frame.lineno}). What was answered before is "
            "kept; mend the cause and give the same command again."
        )


def _load(model: Model, plans: Sequence[TaskPlan]) -> Any:
    """The adapter of *model*, loaded for the tasks of *plans*."""
    try:
        from lmms_eval.models import get_model
        from loguru import logger
    except ImportError as error:
        raise RunError(explained("lmms-eval", error)) from error
    logger.remove()
    logger.add(sys.stderr, level="WARNING", format="{level}: {message}")
    handling = model.handling
    arguments = {k: v for k, v in model.arguments.items() if k not in handling.processor}
    if not handling.takes_batches:
        arguments.setdefault("batch_size", 1)
    try:
        with _no_bars():
            kind = get_model(model.adapter, model.force_simple)
            _check_checkpoint(kind, model)
            _check_order(kind, model, plans)
            lm = kind(**arguments)
    except ItrBenchError:
        raise
    except ImportError as error:
        raise RunError(explained(f"--model {model.adapter}", error)) from error
    except (Exception, SystemExit) as error:
        raise RunError(
            f"{model.adapter} could not be loaded with {_listed(arguments)}: "
            f"{type(error).__name__}: {error}"
        ) from error
    for name in handling.processor:
        if name in model.arguments:
            _set_on_processor(lm, name, model.arguments[name])
    _check_template(lm, model, plans)
    return lm


def _check_checkpoint(kind: type, model: Model) -> None:
    """Refuse to load whatever checkpoint an adapter has by default.

    Raises:
        RunError: a local adapter that takes a checkpoint was given none.
    """
    if model.handling.seeding not in (Seeding.PROCESS, Seeding.REQUEST) or model.checkpoint:
        return
    taken = {
        name
        for base in inspect.getmro(kind)
        if "__init__" in vars(base)
        for name in inspect.signature(vars(base)["__init__"]).parameters
    }
    names = [name for name in (model.handling.checkpoint, *CHECKPOINT) if name in taken]
    if names and not any(model.arguments.get(name) for name in names):
        raise RunError(
            f"{model.adapter} was given no checkpoint: give --model_args {names[0]}=NAME"
        )


def _check_order(kind: type, model: Model, plans: Sequence[TaskPlan]) -> None:
    """Refuse the variants of the order where the adapter has an order of its own.

    Raises:
        RunError: it is a simple adapter, which gets text and image apart.
    """
    if model.adapter == "itr_baseline" or not getattr(kind, "is_simple", True):
        return  # the baseline looks at no prompt
    for plan in plans:
        if get_task(plan.task).variant.order:
            raise RunError(f"{plan.task}, --model {model.adapter}: {NO_ORDER}")


def _check_template(lm: Any, model: Model, plans: Sequence[TaskPlan]) -> None:
    """Refuse the variants of the order where the chat template may not keep it.

    Raises:
        RunError: both orders give the same prompt, or the adapter has no template to try it on.
    """
    asked = [plan.task for plan in plans if get_task(plan.task).variant.order]
    # The baseline looks at no prompt, and itr_vlm checks its own template.
    if not asked or model.adapter in ("itr_baseline", "itr_vlm"):
        return
    where = f"{asked[0]}, --model {model.adapter}: "
    held = (getattr(lm, name, None) for name in _PROCESSORS)
    processor = next((one for one in held if hasattr(one, "apply_chat_template")), None)
    if processor is None:
        raise RunError(
            f"{where}this adapter has no processor that shows in which order its model gets text "
            "and image; take --model itr_vlm"
        )
    parts = [{"type": "text", "text": "text"}, {"type": "image", "image": "image"}]
    try:
        one, other = (
            processor.apply_chat_template(
                [{"role": "user", "content": content}], tokenize=False, add_generation_prompt=True
            )
            for content in (parts, parts[::-1])
        )
    except Exception as error:  # templates raise what they like
        raise RunError(
            f"{where}its chat template cannot be tried ({type(error).__name__}: {error}); leave "
            "the task out"
        ) from error
    if one == other:
        raise RunError(
            f"{where}the chat template of this checkpoint puts the image into a place of its own, "
            "whatever the order of the message; leave the task out"
        )


def _watch(lm: Any, model: Model) -> list[str]:
    """Note what ``generate`` of the loaded model raises, in the list that is returned."""
    raised: list[str] = []
    inner = getattr(lm, "model", None)
    generate = getattr(inner, "generate", None)
    if generate is None:
        warnings.warn(
            f"{model.adapter} takes errors for empty responses, and its model cannot be watched",
            stacklevel=2,
        )
        return raised

    @functools.wraps(generate)
    def watched(*args: Any, **kwargs: Any) -> Any:
        raised.clear()
        try:
            return generate(*args, **kwargs)
        except Exception as error:
            raised.append(f"{type(error).__name__}: {error}")
            raise

    inner.generate = watched  # type: ignore[union-attr]
    return raised


def _listed(arguments: Mapping[str, Any]) -> str:
    return format_arguments(arguments) or "no arguments"


def _set_on_processor(lm: Any, name: str, value: Any) -> None:
    """Set what the adapter has no argument for on its image processor."""
    processor = getattr(getattr(lm, "_processor", None), "image_processor", None)
    if not hasattr(processor, name):
        raise RunError(
            f"{name}={value}: the image processor of this checkpoint has no {name!r}; leave the "
            "argument out, and the run differs from the paper in that"
        )
    setattr(processor, name, value)


@functools.lru_cache(maxsize=1)
def _task_manager(kind: Callable[..., Any], adapter: str) -> Any:
    """lmms-eval's view of our tasks alone; all of its own would take seconds to list."""
    return kind("ERROR", include_defaults=False, model_name=adapter)


def _with_settings(request: Any, settings: dict[str, Any]) -> Any:
    """A copy of lmms-eval's request with other generation settings."""
    arguments = tuple(settings if isinstance(part, dict) else part for part in request.args)
    fresh: dict[str, Any] = {"resps": [], "filtered_resps": {}, "raw_filtered_resps": {}}
    return replace(request, arguments=arguments, token_counts=[], **fresh)


def _unwrap(output: Any) -> tuple[str | None, int | None]:
    """The text of an adapter's output, and how many tokens it has where that is known."""
    from lmms_eval.api.instance import unwrap_generation_output

    if output is None:
        return None, None
    text, counts = unwrap_generation_output(output)
    tokens = counts.output_tokens if counts is not None else None
    # Servers that do not count say 0.
    return text, tokens if tokens or not text else None


def _seed_process(seed: int) -> None:
    import numpy as np
    import torch

    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


@contextlib.contextmanager
def _no_bars() -> Iterator[None]:
    """Silence the progress bars of others: there is one, of the run."""
    import tqdm.std

    bar = tqdm.std.tqdm
    original = bar.__init__

    @functools.wraps(original)
    def silent(self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **{**kwargs, "disable": True})

    bar.__init__ = silent  # type: ignore[method-assign]
    try:
        yield
    finally:
        bar.__init__ = original  # type: ignore[method-assign]


# Servers


class _Refused(BaseException):
    """An error of ours on its way through an adapter that tries again after every exception."""

    def __init__(self, error: ItrBenchError) -> None:
        super().__init__(str(error))
        self.error = error


def _sent(payload: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """What ``async_openai`` would send, with the *settings* that it would drop or replace."""
    found = dict(payload)
    sampled = settings.get("do_sample")
    if sampled is False:
        found["temperature"] = 0
    elif sampled and "temperature" not in settings:
        found.pop("temperature", None)  # the server's own; the adapter would send 0
    if "top_p" in settings:
        found["top_p"] = settings["top_p"]
    if settings.get("until"):
        until = settings["until"]
        found["stop"] = [until] if isinstance(until, str) else list(until)
    more = {name: settings[name] for name in _NO_PARAMETERS_OF_OPENAI if name in settings}
    return {**found, "extra_body": more} if more else found


@contextlib.contextmanager
def _at_server(
    lm: Any,
    seeding: Seeding,
    settings: Mapping[str, Any],
    arrived: Callable[[int, str, int | None], None],
) -> Iterator[None]:
    """Put seed and settings into what ``async_openai`` sends, and take responses as they come.

    The adapter drops the seed, and returns nothing before the last response is there.
    """
    if seeding is not Seeding.PAYLOAD:
        yield
        return
    # Its connections belong to the event loop of the call before, which is closed.
    lm.client = type(lm.client)(api_key=lm.api_key, base_url=lm.base_url, timeout=lm.timeout)
    create, forward = lm.client.chat.completions.create, lm.maybe_forward_with_tool

    async def create_seeded(**payload: Any) -> Any:
        return await create(**_sent(payload, settings), seed=_SEED.get())

    async def forward_seeded(request: Any, place: int) -> Any:
        _SEED.set(request.args[2]["seed"])
        text, place, counts = await forward(request, place)
        if not has_failed(text):
            try:
                arrived(place, text, counts.output_tokens or None)
            except ItrBenchError as error:
                raise _Refused(error) from error
        return text, place, counts

    lm.client.chat.completions.create = create_seeded
    lm.maybe_forward_with_tool = forward_seeded
    try:
        yield
    finally:
        lm.maybe_forward_with_tool = forward


# What was loaded


def _device(lm: Any) -> str | None:
    """``cpu`` or the name of the GPU that *lm* is on; ``None`` where it does not say."""
    import torch

    device = str(getattr(lm, "device", "") or "")
    if device.startswith("cuda") and torch.cuda.is_available():
        return str(torch.cuda.get_device_name(device))
    return device or None


def _dtype(lm: Any) -> str | None:
    """The number format of the weights, such as ``bfloat16``."""
    dtype = getattr(getattr(lm, "model", None), "dtype", None)
    return None if dtype is None else str(dtype).removeprefix("torch.")


def _content(model: Model) -> str | None:
    """What exactly the checkpoint is: the commit of the Hub, or a hash of the folder's files."""
    checkpoint = model.checkpoint
    if checkpoint is None:
        return None
    if Path(checkpoint).is_dir():
        return f"sha256:{folder_hash(Path(checkpoint))}"
    return _commit(checkpoint, model.arguments.get("revision"))


def _commit(checkpoint: str, revision: object) -> str | None:
    """The commit that was loaded, from the Hub's cache; ``None`` for what is not in it."""
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    name = None if revision is None else str(revision)
    try:
        path = try_to_load_from_cache(checkpoint, "config.json", revision=name)
    except HFValidationError:
        return None
    return f"commit:{Path(path).parent.name}" if isinstance(path, str) else None
