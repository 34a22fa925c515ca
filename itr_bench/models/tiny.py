"""Tiny checkpoints, for the demo and the tests: with random weights, or to be trained.

Those of `make_checkpoint` have the real architecture, the real files and the real form of prompt of
three families, so that the stock adapters of lmms-eval load and run them on a CPU within seconds,
without a network. What they say is a salad of words that depends on the image and on the text, and
nothing more: no score of theirs means anything.

    make_checkpoint("qwen2_vl", Path("/tmp/qwen"))
    # lmms-eval --model qwen2_vl --model_args pretrained=/tmp/qwen,device=cpu,device_map=cpu ...

The adapters are ``qwen2_vl`` for "qwen2_vl", ``llava_hf`` for "llava_next" and ``llama_vision``
for "mllama". That of `make_untrained` is smaller still, and learns the set ``drawn`` in minutes.

Needs torch, torchvision, tokenizers and transformers, imported only when called.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from itr_bench.errors import unknown_name

_HIDDEN = 128  # width of the text decoders, 32 a head; the vision towers are half as wide
_LAYERS = 3
_HEADS = 4
_PATCH = 14
_TILE = 4 * _PATCH  # side of the image tiles of LLaVA-NeXT and Mllama, in pixels

_GAINS = {"q_proj": 2.0, "k_proj": 2.0, "patch": 8.0}

_ANSWERS = (" Yes", " No", " yes", " no", " Jā", " Nē")
_WORDS = (
    *(" a", " and", " the", " of", " in", " is", " not", " text", " image", " tweet", " photo"),
    *(" picture", " shows", " adds", " meaning", " words", " people", " city", " because"),
    *(" un", " ir", " nav", " attēls", " teksts", " tvīts", " bilde", " cilvēki", " pilsēta"),
    *(" Rīga", " šodien", ",", "."),
)

# The content of a message: a string, or parts of which IMAGE is what stands for an image.
CONTENT = (
    "{% if message['content'] is string %}{{ message['content'] }}"
    "{% else %}{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}{{ 'IMAGE' }}"
    "{% elif part['type'] == 'text' %}{{ part['text'] }}{% endif %}"
    "{% endfor %}{% endif %}"
)
_QWEN2_VL_TEMPLATE = (
    "{% for message in messages %}{% if loop.first and message['role'] != 'system' %}"
    "{{ '<|im_start|>system\\nYou are a helpful assistant.<|im_end|>\\n' }}{% endif %}"
    "{{ '<|im_start|>' + message['role'] + '\\n' }}"
    + CONTENT.replace("IMAGE", "<|vision_start|><|image_pad|><|vision_end|>")
    + "{{ '<|im_end|>\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
# The template released with llava-v1.6-vicuna puts all images first; this one keeps the order of
# the parts. lmms-eval's simple adapter gives it a string that has <image> in it.
_LLAVA_NEXT_TEMPLATE = (
    "{% for message in messages %}"
    "{% if message['role'] != 'system' %}{{ message['role'] | upper + ': ' }}{% endif %}"
    + CONTENT.replace("IMAGE", "<image>\\n")
    + "{{ eos_token if message['role'] == 'assistant' else ' ' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ 'ASSISTANT:' }}{% endif %}"
)
_UNTRAINED_TEMPLATE = (
    "{% for message in messages %}{{ '<|' + message['role'] + '|>' }}"
    + CONTENT.replace("IMAGE", "<image>")
    + "{{ '<|end|>' }}{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)
_MLLAMA_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}"
    "{{ '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n' }}"
    + CONTENT.replace("IMAGE", "<|image|>")
    + "{{ '<|eot_id|>' }}{% endfor %}{% if add_generation_prompt %}"
    "{{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{% endif %}"
)


@dataclass(frozen=True)
class _Family:
    """What sets one architecture apart."""

    special: str  # the special tokens, by id; their ids follow those of the text
    bos: str | None  # in front of each encoded text
    eos: str  # ends an answer
    pad: str  # fills up a batch
    template: str
    build: Callable[[Any], tuple[Any, Any]]  # tokenizer -> processor, model with any weights


def make_checkpoint(architecture: str, folder: str | Path, *, seed: int = 0) -> Path:
    """Write a tiny checkpoint of *architecture* with random float32 weights into *folder*.

    The same seed gives the same weights, with the same versions of the libraries. The state of
    torch's global random generator stays as it is.

    Args:
        architecture: one of `ARCHITECTURES`.
        folder: made if missing; files of the same names are replaced.
        seed: of the weights.

    Returns:
        The folder, to be given to ``from_pretrained`` or to lmms-eval as ``pretrained=``.

    Raises:
        ValueError: the architecture is none of the known ones.
    """
    family = _FAMILIES.get(architecture)
    if family is None:
        raise ValueError(unknown_name("architecture", architecture, ARCHITECTURES))
    import torch
    from transformers import GenerationConfig

    tokenizer = _tokenizer(family)
    with torch.random.fork_rng(devices=[]):
        processor, model = family.build(tokenizer)
    processor.chat_template = family.template
    _set_weights(model, tokenizer, seed)
    model.generation_config = GenerationConfig(
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    model.eval().save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def make_untrained(folder: str | Path, *, seed: int = 0) -> Path:
    """Write a tiny LLaVA as it is before any training, to be trained on the set ``drawn``.

    It has some 200,000 parameters with the usual initial weights, and sees four patches of a
    picture, scaled to 28 x 28 pixels. Its tokenizer encodes any text; what all prompts of the
    protocol share, such as a whole question, is one token, so that a prompt has 20 to 30.

    Args:
        folder: made if missing; files of the same names are replaced.
        seed: of the weights.

    Returns:
        The folder, to be given to ``from_pretrained`` or to ``itr_vlm`` as ``pretrained=``.
    """
    import torch
    import transformers

    tokenizer = _protocol_tokenizer()
    image_id = tokenizer.convert_tokens_to_ids("<image>")
    ids = {f"{name}_token_id": getattr(tokenizer, f"{name}_token_id") for name in ("eos", "pad")}
    # 1 / sqrt(hidden_size): with the 0.02 of large models, one of this width learns far slower.
    scale = {"initializer_range": 0.125}
    config = transformers.LlavaConfig(
        text_config=transformers.LlamaConfig(
            **ids,
            **scale,
            bos_token_id=None,
            vocab_size=len(tokenizer),
            hidden_size=64,
            intermediate_size=128,
            num_hidden_layers=2,
            num_attention_heads=4,
            max_position_embeddings=2048,
            tie_word_embeddings=True,
        ),
        vision_config=transformers.CLIPVisionConfig(
            **scale,
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=1,
            num_attention_heads=2,
            image_size=2 * _PATCH,
            patch_size=_PATCH,
        ),
        image_token_index=image_id,
        image_seq_length=4,
        vision_feature_layer=-1,
        tie_word_embeddings=True,
        **scale,
    )
    processor = transformers.LlavaProcessor(
        image_processor=transformers.CLIPImageProcessor(
            size={"height": 2 * _PATCH, "width": 2 * _PATCH},
            do_center_crop=False,
            image_mean=[0.5] * 3,
            image_std=[0.5] * 3,
        ),
        tokenizer=tokenizer,
        patch_size=_PATCH,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=_UNTRAINED_TEMPLATE,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = transformers.LlavaForConditionalGeneration(config)
    model.generation_config = transformers.GenerationConfig(**ids)
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    model.eval().save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def _protocol_tokenizer() -> Any:
    """A tokenizer that has the words of ``drawn`` and what all prompts share as single tokens."""
    import transformers
    from tokenizers import AddedToken

    from itr_bench.data.drawn import MOST, draw
    from itr_bench.tasks.definitions import define
    from itr_bench.tasks.spec import get_task

    wording = define(get_task("itr_drawn_lv"), "itr_vlm").wording
    begin, _, _ = wording["prompt"].partition("{{")
    phrases = [begin, *wording["questions"].values(), wording["answer_formats"]["plain"]]
    rows = [row.values for shifted in (False, True) for row in draw(MOST, shifted=shifted)[0]]
    texts = [row[column] for row in rows for column in ("text_lv", "text_en")]
    special = ["<pad>", "<|user|>", "<|assistant|>", "<|end|>", "<image>"]
    backend = byte_level(special, ["Latvian", "English", "Yes", "No", *texts])
    backend.add_tokens([AddedToken(phrase, normalized=False) for phrase in phrases])
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=backend,
        eos_token="<|end|>",
        pad_token="<pad>",
        additional_special_tokens=special,
        clean_up_tokenization_spaces=False,
        model_max_length=2048,
        padding_side="left",
        model_input_names=["input_ids", "attention_mask"],
    )


def byte_level(special: Sequence[str], texts: Sequence[str] = (*_ANSWERS, *_WORDS)) -> Any:
    """A byte-level BPE that can encode any text, with the words of *texts* and *special* tokens."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    from tokenizers.trainers import BpeTrainer

    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = BpeTrainer(vocab_size=1800, initial_alphabet=alphabet, show_progress=False)
    backend.train_from_iterator(texts, trainer)
    backend.add_special_tokens([AddedToken(token, special=True) for token in special])
    return backend


def _tokenizer(family: _Family) -> Any:
    """Return a tokenizer of a few hundred tokens that can encode any text."""
    import transformers
    from tokenizers import processors

    backend = byte_level(family.special.split())
    if family.bos is not None:
        backend.post_processor = processors.TemplateProcessing(
            single=f"{family.bos} $A",
            special_tokens=[(family.bos, backend.token_to_id(family.bos))],
        )
    kind = transformers.PreTrainedTokenizerFast
    if family.build is _build_qwen2_vl and transformers.__version__.startswith("4."):
        kind = transformers.Qwen2TokenizerFast  # its processor took no other before version 5
    return kind(
        tokenizer_object=backend,
        bos_token=family.bos,
        eos_token=family.eos,
        pad_token=family.pad,
        additional_special_tokens=family.special.split(),
        clean_up_tokenization_spaces=False,
        model_max_length=4096,
        padding_side="left",  # the adapter qwen2_vl pads its batches with the default
        model_input_names=["input_ids", "attention_mask"],
    )


def _text_sizes(tokenizer: Any) -> dict[str, Any]:
    """Return the settings that the three text decoders have in common."""
    return {
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
        "vocab_size": len(tokenizer),
        "hidden_size": _HIDDEN,
        "intermediate_size": 2 * _HIDDEN,
        "num_hidden_layers": _LAYERS,
        "num_attention_heads": _HEADS,
        "num_key_value_heads": _HEADS // 2,
        "max_position_embeddings": 4096,
    }


def _build_qwen2_vl(tokenizer: Any) -> tuple[Any, Any]:
    import transformers

    def token_id(token: str) -> int:
        return int(tokenizer.convert_tokens_to_ids(token))

    config = transformers.Qwen2VLConfig(
        text_config={
            **_text_sizes(tokenizer),
            # Frequencies for time, height and width: half the width of a head in all.
            "rope_scaling": {"type": "mrope", "mrope_section": [6, 5, 5]},
        },
        vision_config={
            "depth": 2,
            "embed_dim": _HIDDEN // 2,
            "hidden_size": _HIDDEN,
            "mlp_ratio": 2,
            "num_heads": _HEADS,
            "patch_size": _PATCH,
        },
        image_token_id=token_id("<|image_pad|>"),
        video_token_id=token_id("<|video_pad|>"),
        vision_start_token_id=token_id("<|vision_start|>"),
        vision_end_token_id=token_id("<|vision_end|>"),
    )
    pixels = {"min_pixels": (2 * 2 * _PATCH) ** 2, "max_pixels": 64 * (2 * _PATCH) ** 2}
    processor = transformers.Qwen2VLProcessor(
        image_processor=transformers.Qwen2VLImageProcessor(**pixels),
        tokenizer=tokenizer,
        video_processor=transformers.Qwen2VLVideoProcessor(**pixels),
    )
    return processor, transformers.Qwen2VLForConditionalGeneration(config)


def _build_llava_next(tokenizer: Any) -> tuple[Any, Any]:
    import transformers

    grid = [[h * _TILE, w * _TILE] for h, w in ((1, 2), (2, 1), (2, 2), (3, 1), (1, 3))]
    config = transformers.LlavaNextConfig(
        text_config=transformers.LlamaConfig(**_text_sizes(tokenizer)),
        vision_config=transformers.CLIPVisionConfig(
            hidden_size=_HIDDEN // 2,
            intermediate_size=_HIDDEN,
            num_hidden_layers=3,
            num_attention_heads=_HEADS,
            image_size=_TILE,
            patch_size=_PATCH,
        ),
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
        image_grid_pinpoints=grid,
        image_seq_length=(_TILE // _PATCH) ** 2,
    )
    processor = transformers.LlavaNextProcessor(
        image_processor=transformers.LlavaNextImageProcessor(
            size={"shortest_edge": _TILE},
            crop_size={"height": _TILE, "width": _TILE},
            image_grid_pinpoints=grid,
        ),
        tokenizer=tokenizer,
        patch_size=_PATCH,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
    )
    return processor, transformers.LlavaNextForConditionalGeneration(config)


def _build_mllama(tokenizer: Any) -> tuple[Any, Any]:
    import transformers

    # As in Llama 3.2: the image token has the first id behind those that can be generated.
    image_id = int(tokenizer.convert_tokens_to_ids("<|image|>"))
    config = transformers.MllamaConfig(
        text_config={
            **_text_sizes(tokenizer),
            "vocab_size": image_id,
            "cross_attention_layers": [1, 2],
            "rope_scaling": {"rope_type": "default"},  # transformers 4 does not do without
        },
        vision_config={
            "hidden_size": _HIDDEN // 2,
            "intermediate_size": _HIDDEN,
            "num_hidden_layers": 2,
            "num_global_layers": 1,
            "attention_heads": _HEADS,
            "intermediate_layers_indices": [0],
            "vision_output_dim": _HIDDEN,  # one layer's features and the last one's, side by side
            "image_size": _TILE,
            "patch_size": _PATCH,
        },
        image_token_index=image_id,
    )
    processor = transformers.MllamaProcessor(
        image_processor=transformers.MllamaImageProcessor(size={"height": _TILE, "width": _TILE}),
        tokenizer=tokenizer,
    )
    return processor, transformers.MllamaForConditionalGeneration(config)


def _set_weights(model: Any, tokenizer: Any, seed: int) -> None:
    """Draw all weights of *model*, so that its words follow from its input.

    Matrices keep the size of what passes through them. Queries and keys are larger, so that
    attention picks single positions; so are patches, so that pixels outweigh their places. Gates
    are 1 (in a fresh Mllama they are 0, and it ignores its image).
    """
    import torch

    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in sorted(model.named_parameters()):
            if "gate" in name and weight.numel() == 1:
                weight.fill_(1.0)
            elif name.endswith(("class_embedding", "image_newline")):
                weight.normal_(generator=generator)
            elif weight.ndim == 1:
                weight.fill_(0.0 if name.endswith("bias") else 1.0)
            elif "embed" in name and "patch" not in name:
                weight.normal_(generator=generator)
            else:
                gain = next((gain for part, gain in _GAINS.items() if part in name), 1.0)
                weight.normal_(std=gain * weight[0].numel() ** -0.5, generator=generator)
        _set_words(model, tokenizer, generator)


def _set_words(model: Any, tokenizer: Any, generator: Any) -> None:
    """Let *model* speak in whole words, and stop now and then after an answer or a full stop.

    A direction of its own marks the embeddings of the tokens that may end a text, and the end
    token answers to it. No prompt ends with such a token, so no response is empty.
    """
    import torch

    embed, head = model.get_input_embeddings().weight, model.get_output_embeddings().weight
    last = torch.randn(embed.shape[1], generator=generator)
    scale = torch.full((head.shape[0], 1), 0.1)
    for word in _WORDS + _ANSWERS:
        (token_id,) = tokenizer.encode(word, add_special_tokens=False)
        scale[token_id] = 3.0 if word in _ANSWERS else 2.2
        if word in (".", *_ANSWERS):
            embed[token_id] += 2.0 * last
    head.mul_(scale)
    head[tokenizer.eos_token_id] = 0.8 * last / last.norm()


_FAMILIES = {
    "qwen2_vl": _Family(
        special="<|endoftext|> <|im_start|> <|im_end|> <|vision_start|> <|vision_end|> "
        "<|vision_pad|> <|image_pad|> <|video_pad|>",
        bos=None,
        eos="<|im_end|>",
        pad="<|endoftext|>",
        template=_QWEN2_VL_TEMPLATE,
        build=_build_qwen2_vl,
    ),
    "llava_next": _Family(
        special="<unk> <s> </s> <image> <pad>",
        bos="<s>",
        eos="</s>",
        pad="<pad>",
        template=_LLAVA_NEXT_TEMPLATE,
        build=_build_llava_next,
    ),
    "mllama": _Family(
        special="<|begin_of_text|> <|end_of_text|> <|finetune_right_pad_id|> <|start_header_id|> "
        "<|end_header_id|> <|eot_id|> <|python_tag|> <|image|>",
        bos="<|begin_of_text|>",
        eos="<|eot_id|>",
        pad="<|finetune_right_pad_id|>",
        template=_MLLAMA_TEMPLATE,
        build=_build_mllama,
    ),
}

ARCHITECTURES = ("qwen2_vl", "llava_next", "mllama")
"""The names that `make_checkpoint` knows: the ``model_type`` of the configurations."""
