"""Small checkpoints with random weights of today's families, and the way that each takes.

    python -m tests.families             # the table of docs/models.md: make families
    python -m tests.families gemma3 DIR  # one checkpoint

They have the real architecture, the real files and a chat template, and embeddings that are not
tied: a model of tied random ones repeats its last token, which hides faults. Written for
transformers 5.24; what another version cannot build is reported as such.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
import transformers as hf

from itr_bench.models import tiny

_CHATML = ("<|im_start|>", "<|im_end|>")
_QWEN = ("<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>")


@dataclass(frozen=True)
class Size:
    """How large a checkpoint is: widths, layers, and the vocabulary at least."""

    hidden: int = 128
    layers: int = 4
    heads: int = 4
    vision: int = 64
    vision_layers: int = 2
    vocabulary: int = 0

    @property
    def head(self) -> int:
        """Width of a head."""
        return self.hidden // self.heads


@dataclass(frozen=True)
class Built:
    """A processor, a model with any weights, and what stands for an image in a prompt."""

    processor: Any
    model: Any
    image: str
    start: str = ""


Build = Callable[[Size], Built]
FAMILIES: dict[str, Build] = {}
EXAMPLES: dict[str, str] = {}
"""By family, checkpoints that people evaluate."""


def family(name: str, examples: str) -> Callable[[Build], Build]:
    """Register what builds a family."""

    def add(build: Build) -> Build:
        FAMILIES[name], EXAMPLES[name] = build, examples
        return build

    return add


def tokenizer(special: tuple[str, ...], named: Mapping[str, str] | None = None) -> Any:
    """A byte-level tokenizer with ``<s>``, ``</s>``, ``<pad>`` and *special* tokens."""
    backend = tiny.byte_level((*special, "<s>", "</s>", "<pad>"))
    return hf.PreTrainedTokenizerFast(
        tokenizer_object=backend,
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<pad>",
        clean_up_tokenization_spaces=False,
        model_max_length=8192,
        padding_side="left",
        model_input_names=["input_ids", "attention_mask"],
        **({"extra_special_tokens": dict(named)} if named else {}),
    )


def text(words: Any, size: Size, **more: Any) -> dict[str, Any]:
    """What text decoders have in common."""
    return {
        "bos_token_id": words.bos_token_id,
        "eos_token_id": words.eos_token_id,
        "pad_token_id": words.pad_token_id,
        "vocab_size": max(size.vocabulary, len(words)),
        "hidden_size": size.hidden,
        "intermediate_size": 3 * size.hidden,
        "num_hidden_layers": size.layers,
        "num_attention_heads": size.heads,
        "num_key_value_heads": size.heads // 2,
        "max_position_embeddings": 8192,
        "tie_word_embeddings": False,
        **more,
    }


def vision(size: Size, **more: Any) -> dict[str, Any]:
    """What vision encoders have in common."""
    return {
        "hidden_size": size.vision,
        "intermediate_size": 2 * size.vision,
        "num_hidden_layers": size.vision_layers,
        "num_attention_heads": 4,
        **more,
    }


def _qwen(size: Size) -> tuple[Any, Any, dict[str, int]]:
    words = tokenizer((*_CHATML, *_QWEN))
    names = ("vision_start", "vision_end", "image", "video")
    ids = {
        f"{name}_token_id": words.convert_tokens_to_ids(token)
        for name, token in zip(names, _QWEN, strict=True)
    }
    # 64 tokens an image where checkpoints are tiny, as many as the picture has elsewhere
    pixels = {"shortest_edge": 64**2, "longest_edge": (64 if size.layers < 8 else 300) * 32**2}
    processor = hf.Qwen3VLProcessor(
        hf.Qwen2VLImageProcessor(
            size=pixels, patch_size=16, image_mean=[0.5] * 3, image_std=[0.5] * 3
        ),
        words,
        hf.Qwen3VLVideoProcessor(),
    )
    return words, processor, ids


def _qwen_vision(size: Size) -> dict[str, Any]:
    return {
        "depth": size.vision_layers,
        "hidden_size": size.vision,
        "intermediate_size": 2 * size.vision,
        "num_heads": 4,
        "patch_size": 16,
        "out_hidden_size": size.hidden,
        "num_position_embeddings": 64,
    }


def _mrope(size: Size, part: float = 1.0) -> dict[str, Any]:
    third = int(size.head * part) // 2 // 3
    rest = int(size.head * part) // 2 - 2 * third
    return {
        "rope_type": "default",
        "rope_theta": 10000.0,
        "mrope_section": [rest, third, third],
        "mrope_interleaved": True,
        "partial_rotary_factor": part,
    }


_QWEN_IMAGE = "<|vision_start|><|image_pad|><|vision_end|>"


@family("qwen3_vl", "Qwen3-VL")
def _qwen3_vl(size: Size) -> Built:
    words, processor, ids = _qwen(size)
    config = hf.Qwen3VLConfig(
        text_config=text(words, size, head_dim=size.head, rope_parameters=_mrope(size)),
        vision_config={**_qwen_vision(size), "deepstack_visual_indexes": [0, 1]},
        **ids,
    )
    return Built(processor, hf.Qwen3VLForConditionalGeneration(config), _QWEN_IMAGE)


@family("qwen3_5", "Qwen3.5")
def _qwen3_5(size: Size) -> Built:
    words, processor, ids = _qwen(size)
    linear = {
        "linear_key_head_dim": size.head // 2,
        "linear_value_head_dim": size.head // 2,
        "linear_num_key_heads": size.heads,
        "linear_num_value_heads": size.heads,
    }
    config = hf.Qwen3_5Config(
        text_config=text(
            words, size, head_dim=size.head, rope_parameters=_mrope(size, 0.5), **linear
        ),
        vision_config=_qwen_vision(size),
        **ids,
    )
    return Built(processor, hf.Qwen3_5ForConditionalGeneration(config), _QWEN_IMAGE)


def _gemma(window: int) -> Build:
    def build(size: Size) -> Built:
        names = {
            "boi_token": "<start_of_image>",
            "eoi_token": "<end_of_image>",
            "image_token": "<image_soft_token>",
        }
        words = tokenizer((*_CHATML, *names.values()), names)
        ids = words.convert_tokens_to_ids(list(names.values()))
        tiles = 4 if size.layers < 8 else 16
        side = 28 * tiles
        config = hf.Gemma3Config(
            text_config=text(
                words,
                size,
                head_dim=size.head,
                query_pre_attn_scalar=size.head,
                sliding_window=window,
                layer_types=_pattern(size, "sliding_attention", 2),
            ),
            vision_config=vision(size, image_size=side, patch_size=14),
            mm_tokens_per_image=tiles**2,
            boi_token_index=ids[0],
            eoi_token_index=ids[1],
            image_token_index=ids[2],
            tie_word_embeddings=False,
        )
        pictures = hf.Gemma3ImageProcessor(
            size={"height": side, "width": side}, image_seq_length=tiles**2
        )
        processor = hf.Gemma3Processor(pictures, words, image_seq_length=tiles**2)
        model = hf.Gemma3ForConditionalGeneration(config)
        return Built(processor, model, "<start_of_image>", "<s>")

    return build


def _pattern(size: Size, kind: str, run: int) -> list[str]:
    """Layers of *kind*, with full attention after each *run* of them."""
    return ["full_attention" if layer % (run + 1) == run else kind for layer in range(size.layers)]


family("gemma3", "Gemma 3")(_gemma(1024))
family("gemma3, window 64", "-")(_gemma(64))


def _gemma4(reused: int, **more: Any) -> Build:
    def build(size: Size) -> Built:
        # Each kind among the first layers, or the last ones have nothing to reuse.
        size = replace(size, layers=max(6, size.layers))
        names = {
            "boi_token": "<start_of_image>",
            "eoi_token": "<end_of_image>",
            "image_token": "<|image|>",
            "audio_token": "<|audio|>",
            "boa_token": "<start_of_audio>",
            "eoa_token": "<end_of_audio>",
        }
        words = tokenizer((*_CHATML, *names.values(), "<|video|>"), names)
        soft = 70 if size.layers < 8 else 280
        processor = hf.Gemma4Processor(
            hf.Gemma4AudioFeatureExtractor(),
            hf.Gemma4ImageProcessor(max_soft_tokens=soft),
            words,
            hf.Gemma4VideoProcessor(),
            image_seq_length=soft,
        )
        words = processor.tokenizer
        ids = {
            key.replace("_token", "_token_id"): words.convert_tokens_to_ids(token)
            for key, token in names.items()
            if key != "eoa_token"
        }
        kinds = _pattern(size, "sliding_attention", 2)
        kinds[-1] = "full_attention"
        config = hf.Gemma4Config(
            text_config=text(
                words,
                size,
                layer_types=kinds,
                head_dim=size.head,
                global_head_dim=2 * size.head,
                sliding_window=512,
                vocab_size_per_layer_input=max(size.vocabulary, len(words)),
                num_kv_shared_layers=reused,
                **more,
            ),
            vision_config=vision(
                size,
                num_key_value_heads=4,
                head_dim=size.vision // 4,
                patch_size=16,
                pooling_kernel_size=3,
                position_embedding_size=256,
            ),
            audio_config=None,
            video_token_id=words.convert_tokens_to_ids("<|video|>"),
            eoa_token_index=words.convert_tokens_to_ids("<end_of_audio>"),
            tie_word_embeddings=False,
            **ids,
        )
        model = hf.Gemma4ForConditionalGeneration(config)
        return Built(processor, model, "<|image|>", "<s>")

    return build


family("gemma4, E4B-like", "Gemma 4 E2B, E4B")(_gemma4(2, hidden_size_per_layer_input=16))
family("gemma4, 31B-like", "Gemma 4 31B")(
    _gemma4(
        0,
        hidden_size_per_layer_input=0,
        attention_k_eq_v=True,
        num_global_key_value_heads=1,
        use_bidirectional_attention="vision",
    )
)


@family("internvl", "InternVL3")
def _internvl(size: Size) -> Built:
    names = {
        "start_image_token": "<img>",
        "end_image_token": "</img>",
        "context_image_token": "<IMG_CONTEXT>",
        "video_token": "<video>",
    }
    words = tokenizer((*_CHATML, *names.values()), names)
    config = hf.InternVLConfig(
        text_config=hf.Qwen3Config(**text(words, size, head_dim=size.head)),
        vision_config=vision(size, image_size=[56, 56], patch_size=[14, 14], use_qk_norm=False),
        image_token_id=words.convert_tokens_to_ids("<IMG_CONTEXT>"),
        image_seq_length=4,
        downsample_ratio=0.5,
    )
    side = {"height": 56, "width": 56}
    processor = hf.InternVLProcessor(
        hf.GotOcr2ImageProcessor(size=side, crop_to_patches=True, max_patches=6),
        words,
        hf.InternVLVideoProcessor(size=side),
        image_seq_length=4,
    )
    return Built(processor, hf.InternVLForConditionalGeneration(config), "<IMG_CONTEXT>\\n")


def _pixtral(size: Size) -> tuple[Any, Any, Any]:
    words = tokenizer((*_CHATML, "[IMG]", "[IMG_BREAK]", "[IMG_END]"))
    pictures = hf.PixtralImageProcessor(size={"longest_edge": 224}, patch_size=14)
    processor = hf.PixtralProcessor(pictures, words, patch_size=14, spatial_merge_size=2)
    return words, processor, hf.PixtralVisionConfig(**vision(size, image_size=224, patch_size=14))


def _mistral(decoder: Callable[[Any, Size], Any], kind: str = "Mistral3") -> Build:
    def build(size: Size) -> Built:
        words, processor, pictures = _pixtral(size)
        config = getattr(hf, f"{kind}Config")(
            text_config=decoder(words, size),
            vision_config=pictures,
            image_token_index=words.convert_tokens_to_ids("[IMG]"),
            spatial_merge_size=2,
        )
        model = getattr(hf, f"{kind}ForConditionalGeneration")(config)
        return Built(processor, model, "[IMG]", "<s>")

    return build


def _mla(size: Size) -> dict[str, Any]:
    half = size.head // 2
    return {
        "num_key_value_heads": size.heads,
        "kv_lora_rank": size.hidden // 4,
        "q_lora_rank": size.hidden // 4,
        "qk_rope_head_dim": half,
        "qk_nope_head_dim": size.head,
        "v_head_dim": size.head,
        "n_routed_experts": 4,
        "num_experts_per_tok": 2,
        "moe_intermediate_size": size.hidden // 2,
        "n_shared_experts": 1,
        "n_group": 1,
        "topk_group": 1,
        "first_k_dense_replace": 1,
    }


family("mistral3", "Mistral Small 3.1, 3.2")(
    _mistral(
        lambda words, size: hf.MistralConfig(
            **text(words, size, head_dim=size.head, sliding_window=None)
        )
    )
)
family("mistral3, mistral4 text (MLA)", "Mistral 4")(
    _mistral(lambda words, size: hf.Mistral4Config(**text(words, size, **_mla(size))))
)
family("mistral_large4 (indexed)", "Mistral Large 4")(
    _mistral(
        lambda words, size: hf.MistralLarge4TextConfig(
            **text(
                words,
                size,
                **{
                    **_mla(size),
                    "q_lora_rank": None,
                    "head_dim": size.head // 2,
                    "qk_nope_head_dim": size.head // 2,
                    "index_topk": 2048,
                    "index_head_dim": size.head,
                    "index_n_heads": 4,
                },
            )
        ),
        "MistralLarge4",
    )
)


@family("kimi_k25 (MLA)", "Kimi K2.5")
def _kimi(size: Size) -> Built:
    special = ("<|media_pad|>", "<|media_begin|>", "<|media_content|>", "<|media_end|>")
    words = tokenizer((*_CHATML, *special, "<|kimi_k25_video_placeholder|>"))
    to_id = words.convert_tokens_to_ids
    config = hf.Kimi_K25Config(
        text_config=hf.DeepseekV3Config(**text(words, size, **_mla(size))),
        vision_config=vision(size, patch_size=14, pos_emb_height=16, pos_emb_width=16),
        projection_hidden_size=64,
        image_token_id=to_id("<|media_pad|>"),
        video_token_id=to_id("<|kimi_k25_video_placeholder|>"),
        vision_start_token_id=to_id("<|media_begin|>"),
        vision_end_token_id=to_id("<|media_end|>"),
    )
    processor = hf.Kimi_K25Processor(
        hf.Kimi_K25ImageProcessor(size={"max_height": 224, "max_width": 224}),
        words,
        hf.Kimi_K25VideoProcessor(),
    )
    image = "<|media_begin|>image<|media_content|><|media_pad|><|media_end|>\\n"
    return Built(processor, hf.Kimi_K25ForConditionalGeneration(config), image)


@family("cohere2_vision", "Command A Vision")
def _cohere2(size: Size) -> Built:
    names = {
        "boi_token": "<|START_OF_IMG|>",
        "eoi_token": "<|END_OF_IMG|>",
        "image_token": "<|IMG_PATCH|>",
        "img_line_break_token": "<|IMG_LINE_BREAK|>",
    }
    tiles = ("TILE_GLOBAL", *(f"TILE_{n}" for n in range(1, 7)))
    words = tokenizer((*_CHATML, *names.values(), *tiles), names)
    decoder = hf.Cohere2Config(
        **text(
            words,
            size,
            head_dim=size.head,
            sliding_window=4096,
            layer_types=_pattern(size, "sliding_attention", 3),
            logit_scale=0.5,
        )
    )
    config = hf.Cohere2VisionConfig(
        text_config=decoder,
        vision_config=hf.SiglipVisionConfig(**vision(size, image_size=32, patch_size=4)),
        image_token_id=words.convert_tokens_to_ids("<|IMG_PATCH|>"),
        downsample_factor=2,
        alignment_intermediate_size=2 * size.hidden,
    )
    pictures = hf.Cohere2VisionImageProcessor(
        size={"height": 32, "width": 32},
        crop_to_patches=True,
        max_patches=6,
        patch_size=4,
        downsample_factor=2,
    )
    processor = hf.Cohere2VisionProcessor(pictures, words)
    return Built(processor, hf.Cohere2VisionForConditionalGeneration(config), "<|IMG_PATCH|>")


@family("glm4v", "GLM-4.1V")
def _glm4v(size: Size) -> Built:
    kinds = ("image", "video")
    special = [f"<|{kind}|>" for kind in kinds]
    special += [f"<|{end}_of_{kind}|>" for kind in kinds for end in ("begin", "end")]
    words = tokenizer((*_CHATML, *special))
    to_id = words.convert_tokens_to_ids
    ids = {f"{kind}_token_id": to_id(f"<|{kind}|>") for kind in kinds}
    ids |= {f"{kind}_start_token_id": to_id(f"<|begin_of_{kind}|>") for kind in kinds}
    ids |= {f"{kind}_end_token_id": to_id(f"<|end_of_{kind}|>") for kind in kinds}
    rope = {k: v for k, v in _mrope(size, 0.5).items() if k != "mrope_interleaved"}
    config = hf.Glm4vConfig(
        text_config=text(words, size, rope_parameters=rope),
        vision_config={
            "depth": size.vision_layers,
            "hidden_size": size.vision,
            "num_heads": 4,
            "image_size": 112,
            "patch_size": 14,
            "out_hidden_size": size.hidden,
            "intermediate_size": 2 * size.vision,
        },
        **ids,
    )
    pixels = {"shortest_edge": 2 * 56**2, "longest_edge": 2 * 64 * 28**2}
    processor = hf.Glm4vProcessor(
        hf.Glm4vImageProcessor(size=pixels), words, hf.Glm4vVideoProcessor()
    )
    image = "<|begin_of_image|><|image|><|end_of_image|>"
    return Built(processor, hf.Glm4vForConditionalGeneration(config), image)


@family("lfm2_vl", "LFM2-VL")
def _lfm2(size: Size) -> Built:
    marks = ("<|image_start|>", "<|image_end|>", "<|img_thumbnail|>")
    words = tokenizer((*_CHATML, "<image>", *marks))
    tokens = 16 if size.layers < 8 else 256
    config = hf.Lfm2VlConfig(
        text_config=hf.Lfm2Config(
            **text(
                words,
                size,
                layer_types=_pattern(size, "conv", 1),
                block_auto_adjust_ff_dim=False,
            )
        ),
        vision_config=hf.Siglip2VisionConfig(**vision(size, patch_size=16, num_patches=4 * tokens)),
        image_token_id=words.convert_tokens_to_ids("<image>"),
        projector_hidden_size=2 * size.hidden,
    )
    pictures = hf.Lfm2VlImageProcessor(
        do_image_splitting=False,
        min_image_tokens=4,
        max_image_tokens=tokens,
        encoder_patch_size=16,
        max_num_patches=4 * tokens,
    )
    processor = hf.Lfm2VlProcessor(pictures, words)
    return Built(processor, hf.Lfm2VlForConditionalGeneration(config), "<image>", "<s>")


@family("idefics3", "Idefics3")
def _idefics3(size: Size) -> Built:
    marks = ("<fake_token_around_image>", "<global-img>", "<end_of_utterance>")
    rows = tuple(f"<row_{i}_col_{j}>" for i in range(1, 4) for j in range(1, 4))
    words = tokenizer((*_CHATML, "<image>", *marks, *rows))
    pictures = hf.Idefics3ImageProcessor(
        size={"longest_edge": 168}, max_image_size={"longest_edge": 56}
    )
    processor = hf.Idefics3Processor(pictures, words, image_seq_len=4)
    words = processor.tokenizer
    config = hf.Idefics3Config(
        text_config=hf.LlamaConfig(**text(words, size)),
        vision_config=vision(size, image_size=56, patch_size=14),
        image_token_id=words.convert_tokens_to_ids("<image>"),
        scale_factor=2,
    )
    return Built(processor, hf.Idefics3ForConditionalGeneration(config), "<image>")


@family("paligemma (looks ahead)", "PaliGemma")
def _paligemma(size: Size) -> Built:
    pictures = hf.SiglipImageProcessor(size={"height": 56, "width": 56}, image_seq_length=16)
    processor = hf.PaliGemmaProcessor(pictures, tokenizer(_CHATML))
    words = processor.tokenizer
    sizes = text(words, size, head_dim=size.head)
    config = hf.PaliGemmaConfig(
        text_config=hf.GemmaConfig(**sizes),
        vision_config=hf.SiglipVisionConfig(
            **vision(size, image_size=56, patch_size=14, vision_use_head=False)
        ),
        image_token_index=words.convert_tokens_to_ids("<image>"),
        projection_dim=size.hidden,
        hidden_size=size.hidden,
        vocab_size=sizes["vocab_size"],
        tie_word_embeddings=False,
    )
    return Built(processor, hf.PaliGemmaForConditionalGeneration(config), "<image>")


@family("florence2 (encoder-decoder)", "Florence-2")
def _florence2(size: Size) -> Built:
    words = tokenizer((*_CHATML, "<image>"), {"image_token": "<image>"})
    special = {
        name: getattr(words, name) for name in ("bos_token_id", "eos_token_id", "pad_token_id")
    }
    config = hf.Florence2Config(
        text_config=hf.BartConfig(
            vocab_size=len(words),
            d_model=64,
            encoder_layers=2,
            decoder_layers=2,
            encoder_attention_heads=4,
            decoder_attention_heads=4,
            encoder_ffn_dim=128,
            decoder_ffn_dim=128,
            max_position_embeddings=1024,
            decoder_start_token_id=words.eos_token_id,
            **special,
        ),
        vision_config={
            "depths": (1, 1, 1, 1),
            "embed_dim": (8, 16, 32, 64),
            "num_heads": (1, 2, 4, 8),
            "num_groups": (1, 2, 4, 8),
            "projection_dim": 64,
            "window_size": 4,
        },
        image_token_id=words.convert_tokens_to_ids("<image>"),
    )
    side = {"height": 64, "width": 64}
    pictures = hf.CLIPImageProcessor(size=side, crop_size=side, do_center_crop=False)
    pictures.image_seq_length = 5
    model = hf.Florence2ForConditionalGeneration(config)
    return Built(hf.Florence2Processor(pictures, words), model, "")


@family("blip-2 (needs pictures)", "BLIP-2")
def _blip2(size: Size) -> Built:
    words = tokenizer((*_CHATML, "<image>"))
    pictures = hf.BlipImageProcessor(size={"height": 56, "width": 56})
    processor = hf.Blip2Processor(pictures, words, num_query_tokens=8)
    words = processor.tokenizer
    special = {
        name: getattr(words, name) for name in ("bos_token_id", "eos_token_id", "pad_token_id")
    }
    config = hf.Blip2Config(
        vision_config=vision(size, image_size=56, patch_size=14),
        qformer_config=vision(size, encoder_hidden_size=size.vision),
        text_config=hf.OPTConfig(
            vocab_size=len(words),
            hidden_size=size.hidden,
            ffn_dim=2 * size.hidden,
            num_hidden_layers=2,
            num_attention_heads=size.heads,
            word_embed_proj_dim=size.hidden,
            **special,
        ),
        num_query_tokens=8,
        image_token_index=words.convert_tokens_to_ids("<image>"),
    )
    return Built(processor, hf.Blip2ForConditionalGeneration(config), "")


def make(
    name: str, folder: Path, size: Size | None = None, *, seed: int = 0, peak: float = 4.0
) -> Path:
    """Write a checkpoint of *name* into *folder*.

    Args:
        name: one of `FAMILIES`.
        folder: made if missing.
        size: tiny unless given.
        seed: of the weights.
        peak: standard deviation of the scores; those of a trained model are peaked.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        built = FAMILIES[name](size or Size())
    untie(built.model)
    set_weights(built.model, seed, peak)
    words = built.processor.tokenizer
    content = tiny.CONTENT.replace("IMAGE", built.image)
    built.processor.chat_template = (
        f"{built.start}{{% for message in messages %}}"
        "{{ '<|im_start|>' + message['role'] + '\\n' }}"
        + content
        + "{{ '<|im_end|>\\n' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
    )
    built.model.generation_config = hf.GenerationConfig(
        bos_token_id=words.bos_token_id,
        eos_token_id=words.eos_token_id,
        pad_token_id=words.pad_token_id,
    )
    folder.mkdir(parents=True, exist_ok=True)
    built.model.eval().save_pretrained(folder)
    built.processor.save_pretrained(folder)
    return folder


def untie(model: Any) -> None:
    """Give *model* a head of its own."""
    if model.config.is_encoder_decoder:
        return
    head = model.get_output_embeddings()
    if head.weight is model.get_input_embeddings().weight:
        head.weight = torch.nn.Parameter(head.weight.detach().clone())
    for config in (model.config, model.config.get_text_config()):
        config.tie_word_embeddings = False


def set_weights(model: Any, seed: int, peak: float) -> None:
    """Draw all weights so that the scores follow from image and text, and differ clearly."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in sorted(model.named_parameters()):
            low = name.lower()
            if low.endswith(("a_log", "dt_bias")):
                weight.uniform_(0.1, 1.0, generator=generator)
            elif low.endswith(("class_embedding", "query_tokens")):
                weight.normal_(generator=generator)
            elif weight.ndim <= 1:
                weight.fill_(0.0 if low.endswith("bias") else 1.0)
            elif "embed" in low and "patch" not in low and "proj" not in low:
                weight.normal_(generator=generator)
            else:
                gain = 2.0 if "q_proj" in low or "k_proj" in low else 1.0
                gain = 4.0 if "patch" in low else gain
                fan = weight.shape[-1] if weight.ndim == 3 else weight[0].numel()
                weight.normal_(std=gain * fan**-0.5, generator=generator)
        model.get_output_embeddings().weight.mul_(peak)


def main() -> None:
    """Write one checkpoint, or print the table of all."""
    if len(sys.argv) == 3:
        make(sys.argv[1], Path(sys.argv[2]))
        return
    from itr_bench.engine.check import check

    builds = {name: partial(tiny.make_checkpoint, name) for name in tiny.ARCHITECTURES}
    builds |= {name: partial(make, name) for name in FAMILIES}
    examples = {
        "qwen2_vl": "Qwen2-VL",
        "llava_next": "LLaVA-NeXT",
        "mllama": "Llama 3.2 Vision",
        **EXAMPLES,
    }
    head = f"| family (transformers {hf.__version__}) | for example | way | beyond its window |"
    print(f"{head} why no earlier way |\n{'| --- ' * 5}|")
    for name, build in builds.items():
        with tempfile.TemporaryDirectory() as folder:
            build(Path(folder))
            found = check(folder, device="cpu")
        beyond = f"{found.beyond} ({found.window})" if found.window else "-"
        shown = (name, examples[name], found.way, beyond, found.why or "-")
        print(f"| {' | '.join(shown)} |", flush=True)


if __name__ == "__main__":
    main()
