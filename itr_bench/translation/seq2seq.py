"""Translation by a sequence-to-sequence model of transformers: NLLB, OPUS-MT, M2M100, mBART-50.

Beam search without sampling. What a checkpoint's own generation settings say of the search
(length penalty, repetition, bad words) stays, and stands in the manifest. In half precision the
last bits of a score depend on what is padded beside a text, so the batches of a set are fixed by
its texts and the batch size, and computed whole.
"""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from itr_bench.data import checkpoints
from itr_bench.data.languages import LANGUAGES
from itr_bench.errors import DataError, unknown_name
from itr_bench.translation.codes import language_marks
from itr_bench.translation.output_log import LENGTH, STOP, Output
from itr_bench.translation.translate import Outputs

if TYPE_CHECKING:
    from itr_bench.translation.job import Job

DTYPES = ("float32", "bfloat16", "float16")

_EXPECTED = (
    "Expected a sequence-to-sequence model such as facebook/nllb-200-distilled-600M or "
    "Helsinki-NLP/opus-mt-tc-big-lv-en (a name on the Hugging Face Hub, or a folder). A chat model "
    "is asked by --server."
)

# The most likely to be copied first: footnote marks are frequent in what such models learn from.
_MARKS = ("[{}]", "<{}>", "X{}X")
_NO_SETTINGS = (
    *("transformers_version", "_from_model_config", "max_length", "use_cache"),
    *("output_attentions", "output_hidden_states"),
)


class Seq2SeqTranslator:
    """A checkpoint of ``AutoModelForSeq2SeqLM``; its weights are loaded when first needed.

    Raises:
        DataError: no such checkpoint, not a translation model, or not of these languages.
    """

    whole_batches = True
    repeats = True
    advice = "Try another --max-new-tokens or --num-beams, or another model."

    def __init__(self, job: Job) -> None:
        checkpoints.require(
            "translation by a model",
            *("torch", "transformers", "sentencepiece"),
            instead="; or ask a server: --server URL",
        )
        import transformers

        from itr_bench.engine.device import choose_device

        if job.dtype not in DTYPES:
            raise DataError(unknown_name("dtype", job.dtype, DTYPES))
        self._job = job
        self.batch_size, self.by_sentence = job.batch_size, job.unit == "sentence"
        self._device = str(choose_device(job.device))
        logging.getLogger("transformers").setLevel(logging.ERROR)
        config = self._load(transformers.AutoConfig, "configuration")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of sacremoses, which no model here needs
            self._tokenizer = self._load(transformers.AutoTokenizer, "tokenizer")
        try:
            search = transformers.GenerationConfig.from_pretrained(job.model, revision=job.revision)
        except OSError:
            search = transformers.GenerationConfig.from_model_config(config)
        self._search = _without_sampling(search, job.num_beams)
        self._prefix, self._forced = language_marks(
            self._tokenizer, LANGUAGES[job.source], LANGUAGES[job.target], job.model
        )
        positions = getattr(config, "max_position_embeddings", None)
        self._longest_input: int | None = positions
        self.longest: int | None = positions - 1 if positions else None
        self.mark = next((mark for mark in _MARKS if self._passes(mark)), _MARKS[-1])
        self._commit = checkpoints.content_of(job.model, config, job.revision)

    @property
    def name(self) -> str:
        """The model as the manifest names it: a folder by its last part."""
        return checkpoints.name_of(self._job.model)

    @property
    def configuration(self) -> Mapping[str, Any]:
        """What could change an output."""
        return {
            "revision": self._commit,
            "settings": self.settings,
            "libraries": self.libraries,
            "mark": self.mark,
        }

    @property
    def settings(self) -> Mapping[str, Any]:
        """How outputs are searched for, as the manifest states it."""
        chosen = json.loads(self._search.to_json_string(use_diff=True))
        return {
            **{key: value for key, value in chosen.items() if key not in _NO_SETTINGS},
            "num_beams": self._search.num_beams,
            "do_sample": False,
            "max_new_tokens": self._job.max_new_tokens,
            "unit": self._job.unit,
            "batch_size": self.batch_size,
            "dtype": self._job.dtype,
            "device": self._device.split(":", maxsplit=1)[0],
            "prefix": self._prefix,
            "forced_bos_token": self._tokenizer.convert_ids_to_tokens(self._forced)
            if self._forced is not None
            else None,
        }

    @property
    def libraries(self) -> Mapping[str, str]:
        """Versions of what computes the outputs."""
        return {name: version(name) for name in ("torch", "transformers", "tokenizers")}

    @property
    def metadata(self) -> Mapping[str, Any]:
        """What the manifest says of the model."""
        return {
            "name": self.name,
            "revision": self._commit,
            "licence": _licence(self._job.model, self._job.revision),
            "settings": self.settings,
            "libraries": self.libraries,
        }

    def translate(self, strings: Sequence[str], limit: int) -> Outputs:
        """Translate *strings* in one batch."""
        import torch

        encoded = self._tokenizer([self._prefix + string for string in strings])["input_ids"]
        lengths = dict(zip(strings, map(len, encoded), strict=True))
        most = self._longest_input
        fitting = [string for string in strings if most is None or lengths[string] <= most]
        found = {
            string: Output("", f"too long: {lengths[string]} tokens, the model takes {most}")
            for string in strings
            if string not in fitting
        }
        if fitting:
            try:
                found |= zip(fitting, self._generated(fitting, limit), strict=True)
            except torch.OutOfMemoryError as error:
                raise DataError(
                    f"the memory of {self._device} does not hold a batch of {self.batch_size} "
                    "texts. Use a smaller --batch-size; what is translated is kept, but other "
                    "batches are another configuration and start anew."
                ) from error
        yield [(string, found[string]) for string in strings]

    def _generated(self, strings: Sequence[str], limit: int) -> Iterator[Output]:
        import torch

        batch = self._tokenizer(
            [self._prefix + string for string in strings], return_tensors="pt", padding=True
        )
        names = self._tokenizer.model_input_names
        inputs = {name: batch[name].to(self._device) for name in names if name in batch}
        options = {} if self._forced is None else {"forced_bos_token_id": self._forced}
        with torch.inference_mode():
            rows = self._model.generate(**inputs, max_new_tokens=limit, **options)
        ends = self._search.eos_token_id
        ends = set(ends if isinstance(ends, list) else [ends])
        # A row begins with what starts the decoder, in some families the end token, and with
        # the language, which not every tokenizer knows for a special token.
        begin = 1 if self._forced is None else 2
        for row in rows[:, begin:].tolist():
            text = self._tokenizer.decode(row, skip_special_tokens=True)
            yield Output(text, STOP if ends & set(row) else LENGTH)

    @cached_property
    def _model(self) -> Any:
        import torch
        import transformers

        options = {"dtype": getattr(torch, self._job.dtype)}
        model = self._load(transformers.AutoModelForSeq2SeqLM, "weights", **options)
        # Its own settings would fill in what is unset here, such as an end token by force.
        model.generation_config = self._search
        return model.eval().to(self._device)

    def _load(self, kind: Any, what: str, **options: Any) -> Any:
        options["revision"] = self._job.revision
        return checkpoints.load(kind, self._job.model, what, _EXPECTED, **options)

    def _passes(self, mark: str) -> bool:
        """Whether the tokenizer can say *mark*."""
        shown = f"a {mark.format(1)} b"
        ids = self._tokenizer.encode(shown, add_special_tokens=False)
        said = self._tokenizer.decode(ids, skip_special_tokens=True)
        return mark.format(1) in said.replace(" ", "") and self._tokenizer.unk_token_id not in ids


def _without_sampling(search: Any, num_beams: int) -> Any:
    """The settings of a checkpoint for a beam search whose end shows."""
    plain = type(search)()
    search.do_sample, search.num_beams = False, num_beams
    for name in ("temperature", "top_k", "top_p", "typical_p", "min_p", "max_length"):
        setattr(search, name, getattr(plain, name, None))
    search.forced_eos_token_id = None  # it would make an output that is cut off look whole
    search.forced_bos_token_id = None  # the language, which is said for each call
    if num_beams == 1:
        search.early_stopping, search.length_penalty = plain.early_stopping, plain.length_penalty
    return search


def _licence(model: str, revision: str | None) -> str | None:
    """The licence that the model's card states, ``None`` where there is none to be had."""
    from huggingface_hub import ModelCard, hf_hub_download

    try:
        folder = Path(model)
        card = folder / "README.md"
        if not folder.is_dir():
            card = Path(hf_hub_download(model, "README.md", revision=revision))
        licence = ModelCard.load(card).data.get("license")
    except Exception:  # a card is optional, and the Hub raises many kinds of errors
        return None
    return str(licence) if licence else None
