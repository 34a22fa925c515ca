"""A model behind a server, as a run asks it: without torch and lmms-eval."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from itr_bench.errors import RunError
from itr_bench.models.adapters import Seeding
from itr_bench.models.boundary import DifferentError, Watch
from itr_bench.models.libraries import libraries_of_server
from itr_bench.models.output import Output
from itr_bench.models.server_client import Asking, ServerClient, picture_to_send
from itr_bench.models.spec import ModelSpec
from itr_bench.runs.asked import Observed, OnResponses, asked_of
from itr_bench.runs.plan import Request, TaskPlan
from itr_bench.tasks import documents
from itr_bench.version import __version__


class ServerModel:
    """A server and the tasks that it is to answer; used as ``generation.Model``.

    Attributes:
        configuration: what of a run's configuration is known only now.
    """

    def __init__(self, spec: ModelSpec, plans: Sequence[TaskPlan]) -> None:
        """Reach the server.

        Raises:
            ItrBenchError: an argument is wrong; the server cannot be reached, or refuses the key.
        """
        self._spec = spec
        self._plans = {plan.task: plan for plan in plans}
        arguments = {name: value for name, value in spec.arguments.items() if name != "seeds"}
        self._client = ServerClient(**arguments)
        self._watch = Watch(spec.allow_different)
        self.configuration = {
            "adapter_class": f"{ServerClient.__module__}.{ServerClient.__name__} (chat)",
            "content": None,
            "device": None,
            "dtype": None,
            "engine": {"served": self._client.served},
            "libraries": {"itr-bench": __version__, **libraries_of_server()},
        }

    @property
    def observed(self) -> Observed:
        """What was seen to leave the client."""
        return Observed(self._watch.engine, dict(self._watch.sent))

    def respond(
        self,
        task: str,
        requests: Sequence[Request],
        on_responses: OnResponses,
        *,
        batch_size: int | None = None,
    ) -> None:
        """Generate the responses to *requests*; see ``generation.Model.respond``.

        Raises:
            ItrBenchError: the server refuses what all requests have in common, or is gone; or what
                *on_responses* raises.
        """
        plan = self._plans[task]
        self._watch.begin(asked_of(plan, self._spec, requests))

        def on_output(place: int, output: Output) -> None:
            on_responses([(requests[place], output)])

        try:
            with self._watch.installed():
                self._client.answer(self._askings(plan, requests), on_output)
        except DifferentError:
            raise RunError(f"{task}: {self._watch.why_different(self._spec.adapter)}") from None

    def _askings(self, plan: TaskPlan, requests: Sequence[Request]) -> Iterator[Asking]:
        found = [document for document, _ in documents.rows(plan.settings.task)]
        settings = plan.settings
        seeded = self._spec.handling.seeding is not Seeding.NONE
        for place, request in enumerate(requests):
            document = found[request.doc_id]
            yield Asking(
                place,
                request.doc_id,
                partial(documents.chat, document, settings.wording, picture=picture_to_send),
                document,
                {**settings.generation, **({"seed": request.seed} if seeded else {})},
            )
