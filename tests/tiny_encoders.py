"""Tiny contrastive encoders with random weights, in the files of three families.

They are made at test time; a similarity of theirs means nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

_TEXT = {
    "hidden_size": 32,
    "intermediate_size": 32,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
}
_VISION = {**_TEXT, "image_size": 32, "patch_size": 16}


def make(family: str, folder: Path, *, seed: int = 0, length: int = 77, **text: Any) -> Path:
    """Write a checkpoint into *folder*.

    Args:
        family: ``clip``, ``siglip`` (64 tokens where nothing is said) or ``dual`` (a text encoder
            of another family, XLM-RoBERTa, beside CLIP's for images).
        folder: made if missing.
        seed: of the weights.
        length: positions of the text encoder.
        text: further settings of the text encoder.
    """
    import torch
    import transformers

    tokenizer = _tokenizer(bos=family != "siglip")
    of_text = {
        **_TEXT,
        "vocab_size": len(tokenizer),
        "max_position_embeddings": length,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
        **text,
    }
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if family == "siglip":
            pictures = transformers.SiglipImageProcessor(size={"height": 32, "width": 32})
            processor = transformers.SiglipProcessor(pictures, tokenizer)
            config = transformers.SiglipConfig(
                text_config={**of_text, "projection_size": 32}, vision_config=_VISION
            )
            model = transformers.SiglipModel(config)
        else:
            pictures = transformers.CLIPImageProcessor(
                size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}
            )
            if family == "clip":
                processor = transformers.CLIPProcessor(pictures, tokenizer)
                config = transformers.CLIPConfig(
                    text_config=of_text, vision_config=_VISION, projection_dim=24
                )
                model = transformers.CLIPModel(config)
            else:
                processor = transformers.VisionTextDualEncoderProcessor(pictures, tokenizer)
                config = transformers.VisionTextDualEncoderConfig.from_vision_text_configs(
                    transformers.CLIPVisionConfig(**_VISION),
                    transformers.XLMRobertaConfig(**of_text),
                    projection_dim=24,
                )
                model = transformers.VisionTextDualEncoderModel(config)
        with torch.no_grad():
            for _, weight in sorted(model.named_parameters()):
                if weight.ndim > 1:
                    weight.normal_(std=weight[0].numel() ** -0.5)
    model.eval().save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def _tokenizer(*, bos: bool) -> Any:
    """Bytes as tokens, one each, and a mark at the end; no length of its own (1e30)."""
    import transformers
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    special = ["<s>", "<pad>", "</s>", "<unk>"]
    tokens = [*special, *sorted(pre_tokenizers.ByteLevel.alphabet())]
    backend = Tokenizer(models.BPE(vocab={t: i for i, t in enumerate(tokens)}, merges=[]))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>" if bos else "$A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=backend,
        bos_token="<s>",
        pad_token="<pad>",
        eos_token="</s>",
        unk_token="<unk>",
        model_input_names=["input_ids", "attention_mask"],
    )
