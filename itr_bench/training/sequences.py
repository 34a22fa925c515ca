"""Tweets as sequences to learn from: both questions after one picture, neither seeing the other."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.nn.utils.rnn import pad_sequence

from itr_bench.engine.layers import takes
from itr_bench.engine.loading import Vlm
from itr_bench.engine.products import patches_as_rows
from itr_bench.engine.prompts import Chat, is_tokenwise, placed, prepare
from itr_bench.training.leaner import Lean
from itr_bench.training.pictures import PictureStore, joined, moved, noting, on_cpu, serving

NO_LABEL = -100


@dataclass(frozen=True)
class Way:
    """How the sequences of a model are made.

    Attributes:
        shared: both questions of a tweet stand in one sequence after what they share.
        cached: pictures are encoded once, not at every step.
    """

    shared: bool
    cached: bool

    def __str__(self) -> str:
        sequences = "one sequence a tweet" if self.shared else "one sequence a question"
        return f"{sequences}, pictures encoded {'once' if self.cached else 'at every step'}"


WAYS = (Way(True, True), Way(False, True), Way(True, False), Way(False, False))
"""From the fastest on; the first is taken that gives what single prompts give."""


@dataclass(frozen=True)
class Example:
    """A tweet in one language, with what is to be learned about it.

    Attributes:
        name: what errors call it.
        picture: key of its picture.
        chats: the prompts of its questions, with the picture in them; made when called.
        answers: what the model is to answer, one a question.
        weights: of the answers in the loss.
    """

    name: str
    picture: str
    prompts: Any
    answers: tuple[str, ...]
    weights: tuple[float, ...]


@dataclass(frozen=True)
class Tokens:
    """One sequence. All tensors but ``inputs`` are along its tokens.

    Attributes:
        ids: tokens, shape (tokens,).
        labels: the tokens of the answers, ``NO_LABEL`` elsewhere, shape (tokens,).
        weights: of each token in the loss, shape (tokens,).
        parts: 0 for what all questions share, else the question, shape (tokens,); ``None`` where
            there is one question.
        positions: as the text decoder gets them, shape (..., tokens); ``None`` where the model
            makes them itself.
        along: further inputs along the tokens.
        picture: key of the picture.
        inputs: what else belongs to the picture, such as its size; no pixels.
    """

    ids: Tensor
    labels: Tensor
    weights: Tensor
    parts: Tensor | None
    positions: Tensor | None
    along: Mapping[str, Tensor]
    picture: str
    inputs: Mapping[str, Tensor]


Made = dict[tuple[str, tuple[str, ...], tuple[float, ...], Way], list[Tokens]]
"""Sequences by what they were made of."""


class Encoder:
    """Makes sequences of examples, and batches of sequences.

    Args:
        vlm: model and processor.
        store: of pictures.
        made: the sequences of other folds, which do not depend on weights.
    """

    def __init__(self, vlm: Vlm, store: PictureStore, made: Made | None = None) -> None:
        self._made: Made = {} if made is None else made
        self._model, self._processor = vlm.model, vlm.processor
        self._store = store
        self._end = _end_of_answer(vlm)

    def encode(self, example: Example, way: Way) -> list[Tokens]:
        """The sequences of *example*; its picture is in the store afterwards.

        Raises:
            ItrBenchError: a prompt that cannot be put to the model.
        """
        key = (example.name, example.answers, example.weights, way)
        if key not in self._made:
            self._made[key] = self._encode(example, way)
        return self._made[key]

    def _encode(self, example: Example, way: Way) -> list[Tokens]:
        chats, images = example.prompts()
        prompts = prepare(self._model, self._processor, images, chats, whole=not way.shared)
        inputs = prompts.inputs if len(prompts.inputs) > 1 else prompts.inputs * len(prompts.ids)
        singles = [
            self._single(example, number, ids, own)
            for number, (ids, own) in enumerate(zip(prompts.ids, inputs, strict=True))
        ]
        self._keep_picture(example, inputs[0], way)
        return [self._together(singles, prompts.shared)] if prompts.shared else singles

    def _single(
        self, example: Example, number: int, ids: Tensor, inputs: Mapping[str, Tensor]
    ) -> Tokens:
        tokenizer = self._processor.tokenizer
        answer = tokenizer.encode(example.answers[number], add_special_tokens=False)
        own = torch.tensor([*answer, self._end])
        length, known = len(ids) + len(own), inputs["input_ids"].shape[1]
        along, rest = {}, {}
        for name, value in inputs.items():
            if name in ("input_ids", "attention_mask"):
                continue
            if is_tokenwise(name, value, known):  # of what follows: like that of the last token
                along[name] = torch.cat([value[0], *[value[0][-1:]] * (length - known)])
            elif not name.startswith("pixel_values"):
                rest[name] = value
        return Tokens(
            ids=torch.cat([ids, own]),
            labels=torch.cat([torch.full_like(ids, NO_LABEL), own]),
            weights=torch.full((length,), example.weights[number]),
            parts=None,
            positions=None,
            along=along,
            picture=example.picture,
            inputs=rest,
        )

    def _together(self, singles: Sequence[Tokens], shared: int) -> Tokens:
        """What the questions share, once, then the rest of each, at the positions that it has."""
        lengths = [len(one.ids) for one in singles]
        positions = []
        for one in singles:
            found = self._positions(one)
            own = torch.arange(len(one.ids)) if found is None else found
            positions.append(own)
        starts = [0, *[shared] * (len(singles) - 1)]
        parts = [
            torch.cat([torch.zeros(shared), torch.full((length - shared,), number + 1.0)])
            for number, length in enumerate(lengths)
        ]

        def put_together(tensors: Sequence[Tensor]) -> Tensor:
            pairs = zip(tensors, starts, strict=True)
            return torch.cat([tensor[start:] for tensor, start in pairs])

        return replace(
            singles[0],
            ids=put_together([one.ids for one in singles]),
            labels=put_together([one.labels for one in singles]),
            weights=put_together([one.weights for one in singles]),
            parts=put_together(parts).long(),
            positions=put_together([own.movedim(-1, 0) for own in positions]).movedim(0, -1),
            along={
                name: put_together([one.along[name] for one in singles])
                for name in singles[0].along
            },
        )

    def _keep_picture(self, example: Example, inputs: Mapping[str, Tensor], way: Way) -> None:
        """Put what is to be given of a picture at each step into the store, if it is not there."""
        pixels = {n: v for n, v in inputs.items() if n.startswith("pixel_values")}
        if not way.cached:
            if pixels and not self._store.has(_pixels(example.picture)):
                self._store.put(_pixels(example.picture), on_cpu(pixels))
            return
        if pixels and not self._store.has(example.picture):
            with (
                torch.no_grad(),
                patches_as_rows(self._model),
                noting(self._model) as found,
                _until_decoder(self._model),
            ):
                self._model(**placed(self._model, inputs), use_cache=False)
            if len(found) != 1:
                raise UnsuitableError("its pictures have no features apart, or these are trained")
            self._store.put(example.picture, on_cpu(found[0]))

    def _positions(self, sequence: Tokens) -> Tensor | None:
        """The positions that the text decoder is given, shape (..., tokens), without the batch."""
        batch = self.batch([[sequence]], Way(False, self._store.has(sequence.picture)))
        features = batch.pop("features")
        for name in ("labels", "weights", "tail"):
            del batch[name]
        with (
            torch.no_grad(),
            serving(self._model, moved(self._model, features)),
            _until_decoder(self._model) as found,
        ):
            self._model(**placed(self._model, batch), use_cache=False)
        positions = found[0] if found else None
        return None if positions is None else positions[..., 0, :].cpu()

    def batch(self, examples: Sequence[Sequence[Tokens]], way: Way) -> dict[str, Any]:
        """The model's inputs for *examples*, with ``labels``, ``weights`` and ``features``.

        And ``tail``: the place before which the mask is the usual one, where there are parts.
        """
        sequences = [one for example in examples for one in example]
        pad = self._processor.tokenizer.pad_token_id or 0
        ids = _padded([one.ids for one in sequences], pad)
        there = _padded([torch.ones_like(one.ids) for one in sequences], 0)
        found: dict[str, Any] = {
            "input_ids": ids,
            "labels": _padded([one.labels for one in sequences], NO_LABEL),
            "weights": _padded([one.weights for one in sequences], 0),
            "attention_mask": there,
            "features": None,
            "tail": None,
        }
        along = sequences[0].along
        found |= {name: _padded([one.along[name] for one in sequences], 0) for name in along}
        if sequences[0].parts is not None:
            parts = _padded([one.parts for one in sequences if one.parts is not None], -1)
            found["attention_mask"] = _mask(parts, self._model.dtype)
            found["tail"] = int((parts > 1).any(dim=0).nonzero()[0])
            positions = [one.positions for one in sequences if one.positions is not None]
            found["position_ids"] = torch.stack(
                [
                    functional.pad(own, (0, ids.shape[1] - own.shape[-1]), value=1)
                    for own in positions
                ],
                dim=-2,
            )
        for name in sequences[0].inputs:
            found[name] = torch.cat([one.inputs[name] for one in sequences])
        keys = [one.picture for one in sequences]
        if way.cached and self._store.has(keys[0]):
            found["features"] = joined([self._store.get(key) for key in keys])
            found["pixel_values"] = torch.zeros(1)  # without any, models ask for no features
        elif self._store.has(_pixels(keys[0])):
            pixels = [self._store.get(_pixels(key)) for key in keys]
            found |= {name: _stacked([one[name] for one in pixels]) for name in pixels[0]}
        return found


class UnsuitableError(Exception):
    """A model that one way of making sequences does not suit."""


def answer_scores(
    model: Any, batch: Mapping[str, Any], lean: Lean | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    """The logits of the tokens of the answers.

    Args:
        model: it is called; its mode and gradients are the caller's.
        batch: as :meth:`Encoder.batch` makes it, on the model's device.
        lean: of *model*, to leave out what is not read; ``None`` to compute all.

    Returns:
        Logits, float32, shape (N, vocabulary) for N tokens of answers; these tokens and their
        weights, shape (N,).
    """
    inputs = dict(batch)
    labels, weights = inputs.pop("labels")[:, 1:], inputs.pop("weights")[:, 1:]
    features, tail = inputs.pop("features"), inputs.pop("tail")
    places = (labels != NO_LABEL).any(dim=0).nonzero().flatten()
    if takes(model, "logits_to_keep"):
        inputs["logits_to_keep"] = places
    if lean is not None:
        lean.read(places, None if tail is None else inputs["attention_mask"], tail or 0)
    with serving(model, features):
        logits = model(**inputs, use_cache=False).logits
    if logits.shape[1] != len(places) or not takes(model, "logits_to_keep"):
        logits = logits[:, places]
    answered = labels[:, places] != NO_LABEL
    return logits[answered].float(), labels[:, places][answered], weights[:, places][answered]


def _pixels(picture: str) -> str:
    return f"{picture}-pixels"


def _mask(parts: Tensor, dtype: torch.dtype) -> Tensor:
    """Which token sees which: what comes before it, shared or of its own question.

    Returns:
        What is added to the scores of attention, shape (sequences, 1, tokens, tokens).
    """
    length = parts.shape[1]
    earlier = torch.ones(length, length, dtype=torch.bool).tril()
    own = (parts[:, None, :] == 0) | (parts[:, None, :] == parts[:, :, None])
    seen = earlier & own
    seen |= torch.eye(length, dtype=torch.bool)  # a filler sees itself, or it would see nothing
    return torch.zeros(seen.shape, dtype=dtype).masked_fill(~seen, torch.finfo(dtype).min)[:, None]


def _padded(tensors: Sequence[Tensor], value: float) -> Tensor:
    return pad_sequence(list(tensors), batch_first=True, padding_value=value)


def _stacked(tensors: Sequence[Tensor]) -> Tensor:
    """Tensors one after the other, filled up with zeros where their shapes differ."""
    most = [max(sizes) for sizes in zip(*(one.shape[1:] for one in tensors), strict=True)]
    filled = []
    for one in tensors:
        missing = [(0, more - size) for more, size in zip(most, one.shape[1:], strict=True)]
        filled.append(functional.pad(one, [n for pair in reversed(missing) for n in pair]))
    return torch.cat(filled)


class _ReachedError(Exception):
    """The text decoder was called; nothing more is wanted."""


@contextlib.contextmanager
def _until_decoder(model: Any) -> Iterator[list[Tensor]]:
    """Let a call of *model* end where its text decoder begins, noting its positions."""
    found: list[Tensor] = []

    def stop(_: Any, arguments: Any, keywords: Mapping[str, Any]) -> None:
        if (positions := keywords.get("position_ids")) is not None:
            found.append(positions)
        raise _ReachedError

    hook = model.get_decoder().register_forward_pre_hook(stop, with_kwargs=True)
    base = model.base_model
    if hasattr(base, "rope_deltas"):
        base.rope_deltas = None  # the module keeps what the last picture left
    try:
        with contextlib.suppress(_ReachedError):
            yield found
    finally:
        hook.remove()


def _end_of_answer(vlm: Vlm) -> int:
    """The token that ends an answer: the one of the chat template, where it has one.

    A checkpoint may name several that end a response.
    """
    tokenizer = vlm.processor.tokenizer
    given = vlm.model.generation_config.eos_token_id
    given = tokenizer.eos_token_id if given is None else given
    ends = [given] if isinstance(given, int) else list(given or ())
    turns: Chat = [
        {"role": "user", "content": [{"type": "text", "text": "?"}]},
        {"role": "assistant", "content": [{"type": "text", "text": "Yes"}]},
    ]
    with contextlib.suppress(Exception):  # a template is code of its own
        rendered = vlm.processor.apply_chat_template(turns, tokenize=False)
        after = rendered[rendered.rindex("Yes") :]
        for token in tokenizer.encode(after, add_special_tokens=False):
            if token in ends:
                return int(token)
    if not ends:
        raise UnsuitableError("the checkpoint names no token that ends an answer")
    return int(ends[0])
