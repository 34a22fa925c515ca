"""Tiny translation checkpoints with random weights, in the files of three families.

They are made at test time and speak a salad of letters that depends on the text. Each knows
Latvian, English, French, German, Italian and Spanish, in the codes of its family.
"""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

_SENTENCES = (
    *("Labrīt visiem, šodien cepu ābolu plātsmaizi ar kanēli!", "Kā jums iet? Man ļoti labi."),
    *("Good morning to all of you. How are you doing today?", "Un kafija [1] un tēja [2]: 0123."),
    *("Bonjour à tous, ça va très bien.", "Schöne Grüße aus Riga!", "¿Qué tal? Mañana más."),
    *("Buongiorno a tutti, perché no?", 'JKQWXYZ jkqwxyz 456789 (un) "tā" ; - \' <1>  & /'),
)
_LANGUAGES = ("lav", "eng", "fra", "deu", "ita", "spa")
_SIZES = {
    "d_model": 32,
    "encoder_layers": 1,
    "decoder_layers": 1,
    "encoder_attention_heads": 2,
    "decoder_attention_heads": 2,
    "encoder_ffn_dim": 32,
    "decoder_ffn_dim": 32,
    "dropout": 0.0,
    "attention_dropout": 0.0,
}


def make(family: str, folder: Path, *, seed: int = 0, ends: bool = True, **changes: Any) -> Path:
    """Write a checkpoint into *folder*.

    Args:
        family: ``marian``, ``marian-multilingual``, ``m2m100`` or ``nllb``.
        folder: made if missing.
        seed: of the weights.
        ends: whether it ever ends a text.
        changes: of the configuration.
    """
    import torch
    import transformers

    folder.mkdir(parents=True)
    tokenizer = _TOKENIZERS[family.partition("-")[0]](folder, family)
    pad, stop = tokenizer.pad_token_id, tokenizer.eos_token_id
    marian = family.startswith("marian")
    settings = {
        **_SIZES,
        "vocab_size": 1 + max(_vocabulary(tokenizer).values()),
        "pad_token_id": pad,
        "eos_token_id": stop,
        "bos_token_id": 0,
        "decoder_start_token_id": pad if marian else stop,
        "max_position_embeddings": 512,
        **changes,
    }
    if marian:
        config = transformers.MarianConfig(
            **{"forced_eos_token_id": stop, "scale_embedding": True, **settings}
        )
        kind = transformers.MarianMTModel
    else:
        config = transformers.M2M100Config(**settings)
        kind = transformers.M2M100ForConditionalGeneration
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = kind(config)
        with torch.no_grad():
            for name, weight in sorted(model.named_parameters()):
                if weight.ndim == 2:
                    embedding = "embed" in name or "shared" in name
                    weight.normal_(std=1.0 if embedding else 2.0 * weight.shape[1] ** -0.5)
    # It says words only, nothing twice, and from some length on it wants to end; or it never does.
    silent = _special(tokenizer) + ([] if ends else [stop])
    model.generation_config.update(
        pad_token_id=pad,
        eos_token_id=stop,
        decoder_start_token_id=settings["decoder_start_token_id"],
        bad_words_ids=[[index] for index in silent],
        no_repeat_ngram_size=2,
        min_new_tokens=4,
        exponential_decay_length_penalty=(6, 1.5) if ends else None,
        forced_eos_token_id=stop if marian else None,
        max_length=200,
        num_beams=4,
    )
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def _vocabulary(tokenizer: Any) -> dict[str, int]:
    return {**tokenizer.get_vocab(), **getattr(tokenizer, "lang_token_to_id", {})}


def _special(tokenizer: Any) -> list[int]:
    return sorted(
        index
        for token, index in _vocabulary(tokenizer).items()
        if index != tokenizer.eos_token_id
        and (index in tokenizer.all_special_ids or token[:2] in (">>", "__"))
    )


def _sentencepiece(folder: Path) -> Path:
    import sentencepiece

    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(_SENTENCES * 20),
        model_writer=model,
        vocab_size=150,
        model_type="unigram",
        character_coverage=1.0,
        bos_id=-1,
        eos_id=1,
        unk_id=0,
        pad_id=-1,
        hard_vocab_limit=False,
        minloglevel=2,
    )
    path = folder / "source.spm"
    path.write_bytes(model.getvalue())
    return path


def _pieces(path: Path) -> list[str]:
    import sentencepiece

    found = sentencepiece.SentencePieceProcessor()
    found.Load(str(path))
    return [found.IdToPiece(i) for i in range(found.GetPieceSize())]


def _marian(folder: Path, family: str) -> Any:
    import transformers

    path = _sentencepiece(folder)
    pieces = [p for p in _pieces(path) if p not in ("<unk>", "</s>")]
    codes = [f">>{c}<<" for c in _LANGUAGES if c != "lav"] if "multi" in family else []
    tokens = ["</s>", "<unk>", *codes, *pieces, "<pad>"]
    (folder / "target.spm").write_bytes(path.read_bytes())
    vocabulary = folder / "vocab.json"
    vocabulary.write_text(json.dumps({token: i for i, token in enumerate(tokens)}))
    return transformers.MarianTokenizer(
        source_spm=str(path),
        target_spm=str(folder / "target.spm"),
        vocab=str(vocabulary),
        source_lang="lv",
        target_lang="mul" if codes else "en",
    )


def _m2m100(folder: Path, family: str) -> Any:
    import transformers

    path = _sentencepiece(folder)
    pieces = [p for p in _pieces(path) if p not in ("<unk>", "</s>")]
    tokens = ["<s>", "<pad>", "</s>", "<unk>", *pieces]
    vocabulary = folder / "vocab.json"
    vocabulary.write_text(json.dumps({token: i for i, token in enumerate(tokens)}))
    return transformers.M2M100Tokenizer(vocab_file=str(vocabulary), spm_file=str(path))


def _nllb(folder: Path, family: str) -> Any:
    import transformers
    from tokenizers import Tokenizer, models, pre_tokenizers
    from tokenizers.trainers import BpeTrainer

    backend = Tokenizer(models.BPE(unk_token="<unk>"))
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    backend.train_from_iterator(
        _SENTENCES, BpeTrainer(vocab_size=200, special_tokens=special, show_progress=False)
    )
    found = json.loads(backend.to_str())["model"]
    merges = [tuple(merge) for merge in found["merges"]]
    return transformers.NllbTokenizer(vocab=found["vocab"], merges=merges)


_TOKENIZERS = {"marian": _marian, "m2m100": _m2m100, "nllb": _nllb}
