"""Making a set of machine translations: what would be done, and what is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from itr_bench.data import home
from itr_bench.data.files import write_text
from itr_bench.data.loading import open_set
from itr_bench.data.writing import write_translation
from itr_bench.translation.entities import VERSION, Masked
from itr_bench.translation.job import Job
from itr_bench.translation.output_log import OutputLog, logs, opened
from itr_bench.translation.translate import Translation, Translator, translate


@dataclass(frozen=True)
class Made:
    """What came of a job.

    Attributes:
        texts: the translations by tweet id.
        counts: of texts and strings, by what happened to them.
        notes: what a user may want to know.
        warnings: what should keep a user from taking them for translations.
        folder: of the set, where one was written.
        log: its folder.
    """

    texts: Mapping[str, str]
    counts: Mapping[str, int]
    notes: tuple[str, ...]
    warnings: tuple[str, ...]
    folder: Path | None
    log: Path


def plan(job: Job) -> dict[str, Any]:
    """What *job* would do, as JSON values; loads no model and asks no server."""
    masked = [Masked(text, "[{}]") for text in job.texts.values()]
    matching = [
        {"folder": str(folder), "outputs": count, "configuration": configuration}
        for folder, configuration, count in logs(job.spec.name)
        if all(configuration.get(key) == value for key, value in job.asked.items())
    ]
    return {
        "set": job.spec.name if job.makes_set else None,
        "folder": str(home.set_folder(job.spec.name)) if job.makes_set else None,
        "there": home.is_built(job.spec.name),
        "model": job.model,
        "server": job.server,
        "from": job.source,
        "to": job.target,
        "texts": len(masked),
        "characters": sum(len(text.core) for text in masked if text.has_letters),
        "nothing_to_translate": sum(not text.has_letters for text in masked),
        "kept_inside": sum(bool(text.kept_inside) for text in masked),
        "logs": matching,
    }


def make(job: Job, *, out: Path | None = None, replace: bool = False) -> Made:
    """Translate the texts of *job* and write the set, and *out*.

    Raises:
        DataError: anything that keeps it from being made; what was translated is kept.
    """
    job.check(out=out, replace=replace)
    texts = job.texts
    translator = _translator(job)
    configuration = {**job.asked, **translator.configuration}
    with opened(job.spec.name, configuration) as log:
        found = translate(texts, translator, log, limit=job.max_new_tokens)
        found.check()
        folder = _write(job, translator, log, found, replace) if job.makes_set else None
    if out is not None:
        lines = ["tweet_id\ttext", *(f"{tweet}\t{text}" for tweet, text in found.texts.items())]
        write_text(out, "\n".join(lines) + "\n")
    return Made(found.texts, found.counts, found.notes(), found.warnings(), folder, log.folder)


def _translator(job: Job) -> Translator:
    if job.server is not None:
        from itr_bench.translation.server import ServerTranslator

        return ServerTranslator(job)
    from itr_bench.translation.seq2seq import Seq2SeqTranslator

    return Seq2SeqTranslator(job)


def _write(
    job: Job, translator: Translator, log: OutputLog, found: Translation, replace: bool
) -> Path:
    counts = {
        key: number
        for key, number in sorted(found.counts.items())
        if key not in ("generated", "from the log")  # of this session only
    }
    metadata = {
        "what": "machine translation",
        **translator.metadata,
        **({"served_as": found.served} if found.served else {}),
        "from": job.source,
        "to": job.target,
        "placeholders": {"version": VERSION, "mark": translator.mark},
        "max_new_tokens": job.max_new_tokens,
        "counts": counts,
    }
    return write_translation(
        job.spec.name.partition("@")[0],
        found.texts,
        open_set(job.set_name),
        system=job.slug,
        facts=metadata,
        where=log.folder,
        notes=(*found.warnings(), *found.notes()),
        replace=replace,
    )
