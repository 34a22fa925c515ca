"""A contrastive encoder: any checkpoint of transformers that embeds images and texts alike."""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from itr_bench.data import checkpoints
from itr_bench.errors import DataError

if TYPE_CHECKING:
    from PIL import Image

_EXPECTED = (
    "Expected a contrastive encoder of images and texts such as openai/clip-vit-base-patch32, "
    "google/siglip2-base-patch16-224 or another with get_image_features and get_text_features "
    "(a name on the Hugging Face Hub, or a folder)."
)
_load = partial(checkpoints.load, expected=_EXPECTED)
# These were trained on texts padded to their full length, without a mask.
_PADDED = ("siglip", "siglip2", "siglip_text_model", "siglip2_text_model")


class Encoder:
    """A loaded encoder, in fp32.

    Args:
        pretrained: name on the Hugging Face Hub, or a folder.
        revision: branch, tag or commit.
        subfolder: of the checkpoint, such as ``0_CLIPModel`` of sentence-transformers' CLIP.
        device: ``auto`` (the first GPU, else the CPU), ``cpu``, ``cuda`` or ``cuda:N``.
        trust_remote_code: whether code that comes with the checkpoint may run.

    Attributes:
        name: as tables call it; a folder by its last part.
        limit: the longest text in tokens, by the model's configuration; what is longer is cut.

    Raises:
        DataError: no such checkpoint, or one that is no such encoder.
        ItrBenchError: no such device.
    """

    def __init__(
        self,
        pretrained: str,
        *,
        revision: str | None = None,
        subfolder: str = "",
        device: str = "auto",
        trust_remote_code: bool = False,
    ) -> None:
        checkpoints.require("a contrastive encoder", "torch", "transformers")
        import transformers

        from itr_bench.engine.device import choose_device

        self._device = choose_device(device)
        self.name = checkpoints.name_of(pretrained)
        options: dict[str, Any] = {"revision": revision, "trust_remote_code": trust_remote_code}
        if subfolder:
            options["subfolder"] = subfolder
        with _quiet():
            config = _load(transformers.AutoConfig, pretrained, "configuration", **options)
            known = transformers.MODEL_MAPPING.get(type(config), None)
            if isinstance(known, type):
                self._check_dual(known, config)
            processor = _load(transformers.AutoProcessor, pretrained, "processor", **options)
            options |= {"dtype": "float32", "output_loading_info": True}
            model, loaded = _load(transformers.AutoModel, pretrained, "weights", **options)
        self._check_dual(type(model), config)
        missing = sorted(loaded["missing_keys"])
        if missing:
            raise DataError(
                f"{self.name}: {len(missing)} weights are not in the checkpoint ({missing[0]}, "
                f"...) and would be random. {_EXPECTED}"
            )
        tokenizer = getattr(processor, "tokenizer", None)
        image_processor = getattr(processor, "image_processor", None)
        if tokenizer is None or image_processor is None:
            raise DataError(
                f"{self.name}: its processor is a {type(processor).__name__}, expected one with a "
                f"tokenizer and an image processor. {_EXPECTED}"
            )
        self._tokenizer, self._image_processor = tokenizer, image_processor
        self._padded = config.model_type in _PADDED or config.text_config.model_type in _PADDED
        self._words = int(config.text_config.vocab_size)
        self.limit = _longest(model, config, tokenizer, self.name)
        self._model = model.to(self._device).eval()
        self._dimensions: int | None = None
        content = checkpoints.content_of(pretrained, config, revision)
        self._metadata = {
            "name": self.name,
            "content": content if Path(pretrained).is_dir() else f"commit:{content}",
            "subfolder": subfolder or None,
            "architecture": type(model).__name__,
            "token_limit": self.limit,
            "padding": "to the limit" if self._padded else "to the longest",
            "dtype": "float32",
            "device": self._device.type,
            "libraries": {
                library: version(library)
                for library in ("torch", "transformers", "tokenizers", "pillow", "numpy")
            },
        }

    @property
    def metadata(self) -> Mapping[str, Any]:
        """All that can change an embedding."""
        return self._metadata

    def _check_dual(self, kind: type, config: Any) -> None:
        lacking = [
            name for name in ("get_image_features", "get_text_features") if not hasattr(kind, name)
        ]
        if not hasattr(config, "text_config"):
            lacking.append("text_config")
        if lacking:
            raise DataError(
                f"{self.name} (a {kind.__name__}) is not a dual encoder of images and texts: it "
                f"has no {', '.join(lacking)}. {_EXPECTED}"
            )

    def tokens(self, texts: Sequence[str]) -> list[int]:
        """The number of tokens of each text before it is cut, marks of begin and end included."""
        with _quiet():
            return [len(ids) for ids in self._tokenizer(list(texts))["input_ids"]]

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return unit vectors, shape (N, D); rows that are no numbers are left as they are.

        Raises:
            DataError: the tokenizer is not the model's.
        """
        with _quiet():
            inputs = self._tokenizer(
                list(texts),
                padding="max_length" if self._padded else True,
                truncation=True,
                max_length=self.limit,
                return_tensors="pt",
            )
        if self._padded:
            inputs.pop("attention_mask", None)
        highest = int(inputs["input_ids"].max())
        if highest >= self._words:
            raise DataError(
                f"{self.name}: its tokenizer gives the token {highest}, its model knows tokens "
                f"below {self._words}: the files of two models were mixed"
            )
        return self._vectors("get_text_features", inputs)

    def embed_images(self, images: Sequence[Image.Image]) -> NDArray[np.float32]:
        """Return unit vectors, shape (N, D); rows that are no numbers are left as they are."""
        inputs = self._image_processor(images=list(images), return_tensors="pt")
        return self._vectors("get_image_features", inputs)

    def _vectors(self, method: str, inputs: Mapping[str, Any]) -> NDArray[np.float32]:
        import torch

        placed = {name: tensor.to(self._device) for name, tensor in inputs.items()}
        before = torch.backends.cudnn.allow_tf32
        torch.backends.cudnn.allow_tf32 = False  # fp32 is meant, in convolutions too
        try:
            with torch.inference_mode():
                found = getattr(self._model, method)(**placed)
        finally:
            torch.backends.cudnn.allow_tf32 = before
        # transformers 4 gives the vectors themselves.
        raw = found if isinstance(found, torch.Tensor) else getattr(found, "pooler_output", None)
        if raw is None or raw.ndim != 2 or raw.shape[1] != (self._dimensions or raw.shape[1]):
            shape = "nothing" if raw is None else str(tuple(raw.shape))
            raise DataError(
                f"{self.name} is not a dual encoder of images and texts: {method} gives {shape}, "
                f"expected one vector each, of {self._dimensions or 'one'} length. {_EXPECTED}"
            )
        self._dimensions = int(raw.shape[1])
        vectors = raw.double()
        vectors = vectors / vectors.norm(dim=1, keepdim=True)
        return np.asarray(vectors.float().cpu().numpy())


def _longest(model: Any, config: Any, tokenizer: Any, name: str) -> int:
    """The longest text in tokens: the model's positions, or less where the tokenizer says so.

    Many tokenizers state no length of their own (1e30), and would let too long texts through.
    """
    import torch

    positions = getattr(config.text_config, "max_position_embeddings", None)
    if not isinstance(positions, int) or positions < 1:
        raise DataError(
            f"{name}: its configuration does not say how long a text may be "
            f"(text_config.max_position_embeddings is {positions!r}). {_EXPECTED}"
        )
    for place, module in model.named_modules():
        # RoBERTa and its kin count positions from behind the one of padding.
        if (
            "position_embedding" in place
            and isinstance(module, torch.nn.Embedding)
            and module.num_embeddings == positions
            and module.padding_idx is not None
        ):
            positions -= module.padding_idx + 1
            break
    return min(positions, int(min(tokenizer.model_max_length, positions)))


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep what transformers says while loading and of long texts off the terminal: we count."""
    logger = logging.getLogger("transformers")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(before)
