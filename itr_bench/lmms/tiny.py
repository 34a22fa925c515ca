"""Tiny checkpoints with random weights, for the demo and the tests.

They have the real architecture, the real files and the real form of prompt of three families, so
that the stock adapters of lmms-eval load and run them on a CPU within seconds, without a network.
What they say is a salad of words that depends on the image and on the text, and nothing more: no
score of theirs means anything.

    make_checkpoint("qwen2_vl", Path("/tmp/qwen"))
    # lmms-eval --model qwen2_vl --model_args pretrained=/tmp/qwen,device=cpu,device_map=cpu ...

The adapters are ``qwen2_vl`` for "qwen2_vl", ``llava_hf`` for "llava_next" and ``llama_vision``
for "mllama". Needs torch, torchvision, tokenizers and transformers, imported only when called.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from itr_bench.errors import unknown_name

HIDDEN = 128
"""Width of every text decoder here; the vision towers are half as wide."""

PATCH = 14
TILE = 56
"""Side of LLaVA-NeXT's and Mllama's image tiles in pixels: 4 x 4 patches."""

_LAYERS = 3
_HEADS = 4

_GAINS = {"q_proj": 2.0, "k_proj": 2.0, "patch": 8.0}

_ANSWERS = (" Yes", " No", " yes", " no", " Jā", " Nē")
_WORDS = (
    *(" a", " and", " the", " of", " in", " is", " not", " text", " image", " tweet", " photo"),
    *(" picture", " shows", " adds", " meaning", " words", " people", " city", " because"),
    *(" un", " ir", " nav", " attēls", " teksts", " tvīts", " bilde", " cilvēki", " pilsēta"),
    *(" Rīga", " šodien", ",", "."),
)

_QWEN2_VL_TEMPLATE = (
    "{% for message in messages %}"
    "{% if loop.first and message['role'] != 'system' %}"
    "{{ '<|im_start|>system\\nYou are a helpful assistant.<|im_end|>\\n' }}{% endif %}"
    "{{ '<|im_start|>' + message['role'] + '\\n' }}"
    "{% if message['content'] is string %}{{ message['content'] }}"
    "{% else %}{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}{{ '<|vision_start|><|image_pad|><|vision_end|>' }}"
    "{% elif part['type'] == 'text' %}{{ part['text'] }}{% endif %}"
    "{% endfor %}{% endif %}"
    "{{ '<|im_end|>\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)

# The template of the released llava-v1.6-vicuna puts all images first; this one keeps the order
# of the parts. The simple adapter of lmms-eval gives the content as one string with <image> in it.
_LLAVA_NEXT_TEMPLATE = (
    "{% for message in messages %}"
    "{% if message['role'] != 'system' %}{{ message['role'] | upper + ': ' }}{% endif %}"
    "{% if message['content'] is string %}{{ message['content'] }}"
    "{% else %}{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}{{ '<image>\\n' }}"
    "{% elif part['type'] == 'text' %}{{ part['text'] }}{% endif %}"
    "{% endfor %}{% endif %}"
    "{{ eos_token if message['role'] == 'assistant' else ' ' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ 'ASSISTANT:' }}{% endif %}"
)

_MLLAMA_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}"
    "{{ '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n' }}"
    "{% if message['content'] is string %}{{ message['content'] }}"
    "{% else %}{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}{{ '<|image|>' }}"
    "{% elif part['type'] == 'text' %}{{ part['text'] }}{% endif %}"
    "{% endfor %}{% endif %}"
    "{{ '<|eot_id|>' }}{% endfor %}"
    "{% if add_generation_prompt %}"
    "{{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{% endif %}"
)


@dataclass(frozen=True)
class _Family:
    """What sets one architecture apart.

    Attributes:
        special: the special tokens in the order of their ids, which follow those of the text.
        bos: the token in front of each encoded text, or None.
        eos: the token that ends an answer.
        pad: the token that fills up a batch.
        template: the chat template, in Jinja.
        build: makes the processor and the model, weights not yet set, for a tokenizer.
    """

    special: tuple[str, ...]
    bos: str | None
    eos: str
    pad: str
    template: str
    build: Callable[[Any, str], tuple[Any, Any]]


def make_checkpoint(architecture: str, folder: Path, *, seed: int = 0) -> Path:
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
        processor, model = family.build(tokenizer, family.template)
    _set_weights(model, tokenizer, seed)
    model.generation_config = GenerationConfig(**_text_ids(tokenizer))
    folder.mkdir(parents=True, exist_ok=True)
    model.eval().save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def _tokenizer(family: _Family) -> Any:
    """Return a byte-level BPE tokenizer of a few hundred tokens that can encode any text."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors
    from tokenizers.trainers import BpeTrainer
    from transformers import PreTrainedTokenizerFast

    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    trainer = BpeTrainer(
        vocab_size=900,
        min_frequency=1,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    backend.train_from_iterator([*_ANSWERS, *_WORDS], trainer)
    backend.add_special_tokens([AddedToken(t, special=True) for t in family.special])
    if family.bos is not None:
        bos_id = backend.token_to_id(family.bos)
        backend.post_processor = processors.TemplateProcessing(
            single=f"{family.bos} $A",
            pair=f"{family.bos} $A {family.bos} $B",
            special_tokens=[(family.bos, bos_id)],
        )
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        bos_token=family.bos,
        eos_token=family.eos,
        pad_token=family.pad,
        additional_special_tokens=list(family.special),
        clean_up_tokenization_spaces=False,
        model_max_length=4096,
    )


def _text_ids(tokenizer: Any) -> dict[str, Any]:
    """Return the ids that a text or generation configuration holds."""
    return {
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }


def _text_sizes(tokenizer: Any) -> dict[str, Any]:
    """Return the settings that the three text decoders have in common."""
    return {
        **_text_ids(tokenizer),
        "vocab_size": len(tokenizer),
        "hidden_size": HIDDEN,
        "intermediate_size": 2 * HIDDEN,
        "num_hidden_layers": _LAYERS,
        "num_attention_heads": _HEADS,
        "num_key_value_heads": _HEADS // 2,
        "max_position_embeddings": 4096,
    }


def _build_qwen2_vl(tokenizer: Any, template: str) -> tuple[Any, Any]:
    from transformers import (
        Qwen2VLConfig,
        Qwen2VLForConditionalGeneration,
        Qwen2VLImageProcessor,
        Qwen2VLProcessor,
        Qwen2VLVideoProcessor,
    )

    def token_id(token: str) -> int:
        return int(tokenizer.convert_tokens_to_ids(token))

    third = HIDDEN // _HEADS // 2 // 3  # of the rotary frequencies: time, height, width
    config = Qwen2VLConfig(
        text_config={
            **_text_sizes(tokenizer),
            "rope_scaling": {
                "type": "mrope",
                "mrope_section": [HIDDEN // _HEADS // 2 - 2 * third, third, third],
            },
        },
        vision_config={
            "depth": 2,
            "embed_dim": HIDDEN // 2,
            "hidden_size": HIDDEN,
            "mlp_ratio": 2,
            "num_heads": _HEADS,
            "patch_size": PATCH,
        },
        image_token_id=token_id("<|image_pad|>"),
        video_token_id=token_id("<|video_pad|>"),
        vision_start_token_id=token_id("<|vision_start|>"),
        vision_end_token_id=token_id("<|vision_end|>"),
    )
    pixels = {"min_pixels": (2 * 2 * PATCH) ** 2, "max_pixels": 64 * (2 * PATCH) ** 2}
    processor = Qwen2VLProcessor(
        image_processor=Qwen2VLImageProcessor(**pixels),
        tokenizer=tokenizer,
        video_processor=Qwen2VLVideoProcessor(**pixels),
        chat_template=template,
    )
    return processor, Qwen2VLForConditionalGeneration(config)


def _build_llava_next(tokenizer: Any, template: str) -> tuple[Any, Any]:
    from transformers import (
        CLIPVisionConfig,
        LlamaConfig,
        LlavaNextConfig,
        LlavaNextForConditionalGeneration,
        LlavaNextImageProcessor,
        LlavaNextProcessor,
    )

    grid = [[h * TILE, w * TILE] for h, w in ((1, 2), (2, 1), (2, 2), (3, 1), (1, 3))]
    config = LlavaNextConfig(
        text_config=LlamaConfig(**_text_sizes(tokenizer)),
        vision_config=CLIPVisionConfig(
            hidden_size=HIDDEN // 2,
            intermediate_size=HIDDEN,
            num_hidden_layers=3,
            num_attention_heads=_HEADS,
            image_size=TILE,
            patch_size=PATCH,
        ),
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
        image_grid_pinpoints=grid,
        image_seq_length=(TILE // PATCH) ** 2,
    )
    processor = LlavaNextProcessor(
        image_processor=LlavaNextImageProcessor(
            size={"shortest_edge": TILE},
            crop_size={"height": TILE, "width": TILE},
            image_grid_pinpoints=grid,
        ),
        tokenizer=tokenizer,
        patch_size=PATCH,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=template,
    )
    return processor, LlavaNextForConditionalGeneration(config)


def _build_mllama(tokenizer: Any, template: str) -> tuple[Any, Any]:
    from transformers import (
        MllamaConfig,
        MllamaForConditionalGeneration,
        MllamaImageProcessor,
        MllamaProcessor,
    )

    # As in Llama 3.2: the image token has the first id behind those that can be generated.
    image_id = int(tokenizer.convert_tokens_to_ids("<|image|>"))
    config = MllamaConfig(
        text_config={
            **_text_sizes(tokenizer),
            "vocab_size": image_id,
            "cross_attention_layers": [1, 2],
        },
        vision_config={
            "hidden_size": HIDDEN // 2,
            "intermediate_size": HIDDEN,
            "num_hidden_layers": 2,
            "num_global_layers": 1,
            "attention_heads": _HEADS,
            "intermediate_layers_indices": [0],
            "vision_output_dim": HIDDEN,  # one layer's features and the last one's, side by side
            "image_size": TILE,
            "patch_size": PATCH,
        },
        image_token_index=image_id,
    )
    processor = MllamaProcessor(
        image_processor=MllamaImageProcessor(size={"height": TILE, "width": TILE}),
        tokenizer=tokenizer,
        chat_template=template,
    )
    return processor, MllamaForConditionalGeneration(config)


def _set_weights(model: Any, tokenizer: Any, seed: int) -> None:
    """Draw all weights of *model*, at a scale at which its words follow from its input.

    Matrices keep the size of what passes through them. Queries and keys are larger, so that
    attention picks single positions; so are patches, so that pixels outweigh their places. Gates
    are 1 (in a fresh Mllama they are 0, and it is blind to its image).
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
        special=(
            *("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>"),
            *("<|vision_pad|>", "<|image_pad|>", "<|video_pad|>"),
        ),
        bos=None,
        eos="<|im_end|>",
        pad="<|endoftext|>",
        template=_QWEN2_VL_TEMPLATE,
        build=_build_qwen2_vl,
    ),
    "llava_next": _Family(
        special=("<unk>", "<s>", "</s>", "<image>", "<pad>"),
        bos="<s>",
        eos="</s>",
        pad="<pad>",
        template=_LLAVA_NEXT_TEMPLATE,
        build=_build_llava_next,
    ),
    "mllama": _Family(
        special=(
            *("<|begin_of_text|>", "<|end_of_text|>", "<|finetune_right_pad_id|>"),
            *("<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>", "<|python_tag|>"),
            "<|image|>",
        ),
        bos="<|begin_of_text|>",
        eos="<|eot_id|>",
        pad="<|finetune_right_pad_id|>",
        template=_MLLAMA_TEMPLATE,
        build=_build_mllama,
    ),
}

ARCHITECTURES = ("qwen2_vl", "llava_next", "mllama")
"""The names that `make_checkpoint` knows: the ``model_type`` of the configurations."""
