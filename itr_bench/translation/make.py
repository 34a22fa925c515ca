"""Making a set of machine translations: what is asked for, what is there, and what is written."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from itr_bench.data import home
from itr_bench.data.files import refuse_output, write_text
from itr_bench.data.languages import LANGUAGES
from itr_bench.data.loading import open_set
from itr_bench.data.sets import SETS, SetSpec, check_system, get_set
from itr_bench.data.tsv import read_tweets
from itr_bench.data.writing import write_translation
from itr_bench.errors import DataError
from itr_bench.translation.entities import VERSION, Masked
from itr_bench.translation.output_log import OutputLog, logs, opened
from itr_bench.translation.translate import Translation, Translator, translate


@dataclass(frozen=True)
class Job:
    """A translation that is asked for.

    Attributes:
        set_name: the set whose texts are translated.
        source: code of their language.
        target: code of the language to translate into.
        model: name on the Hub, a folder, or as a server calls it.
        system: how scores will name it, ``None`` for a name made of the model's.
        revision: branch, tag or commit of the model.
        server: address of the server that is asked, ``None`` for a model of this machine.
        batch_size: texts a batch, or requests in flight.
        num_beams: width of the beam search of a model of this machine.
        max_new_tokens: limit of an output.
        device: of a model of this machine.
        dtype: likewise.
        unit: what a model of this machine is given at a time, ``sentence`` or ``tweet``.
        limit: only the first so many texts, to try out.
        tweets: a list of one's own in place of the set, TSV with ``tweet_id`` and ``text``.
    """

    set_name: str
    source: str
    target: str
    model: str
    system: str | None = None
    revision: str | None = None
    server: str | None = None
    batch_size: int = 16
    num_beams: int = 5
    max_new_tokens: int = 256
    device: str = "auto"
    dtype: str = "float32"
    unit: str = "sentence"
    limit: int | None = None
    tweets: Path | None = None

    @property
    def makes_set(self) -> bool:
        """Whether a set is written: of all texts of a set, and of nothing else."""
        return self.tweets is None and self.limit is None

    @cached_property
    def spec(self) -> SetSpec:
        """The set that is made, with the system in its name."""
        for spec in SETS.values():
            if spec.base == self.set_name and spec.texts == (self.target,):
                return get_set(f"{spec.name}@{self.slug}")
        known = {spec.base for spec in SETS.values() if spec.base}
        if self.set_name not in known:
            raise DataError(
                f"there are no translations of the set {self.set_name!r}, only of "
                f"{', '.join(sorted(known))}. A list of your own: --tweets FILE.tsv --out FILE.tsv"
            )
        raise DataError(f"the set {self.set_name!r} is not translated into {self.target!r}")

    @cached_property
    def slug(self) -> str:
        """The system's name: the model's last part, what names must not have replaced."""
        if self.system is not None:
            return check_system(self.system)
        name = Path(self.model).resolve().name if Path(self.model).is_dir() else self.model
        slug = re.sub(r"[^A-Za-z0-9.+-]+", "-", name.rstrip("/").rpartition("/")[2]).strip("-.+")
        slug += "" if self.source == "lv" else f"-from-{self.source}"
        if len(slug) > 64 or not slug:
            raise DataError(f"no name can be made of {self.model!r}; give one: --system NAME")
        return slug

    @cached_property
    def texts(self) -> Mapping[str, str]:
        """The texts by tweet id."""
        if self.tweets is not None:
            rows = read_tweets(self.tweets, {"text": "text"}, labelled=False)
            found = {row.values["tweet_id"]: row.values["text"] for row in rows}
        else:
            base = open_set(self.set_name)
            found = dict(zip(base.tweet_ids, base.texts(self.source), strict=True))
        return dict(list(found.items())[: self.limit])

    @property
    def asked(self) -> Mapping[str, Any]:
        """The configuration that is known before a model is loaded."""
        texts = json.dumps(list(self.texts.items()), ensure_ascii=False)
        return {
            "model": self.model,
            "from": self.source,
            "to": self.target,
            "texts_sha256": hashlib.sha256(texts.encode()).hexdigest(),
            "placeholders": VERSION,
        }

    def check(self, *, out: Path | None = None, replace: bool) -> None:
        """Refuse what cannot be made, before anything is loaded.

        Args:
            out: where the translations are to be written too.
            replace: whether a set that is there already may be replaced.

        Raises:
            DataError: no model, languages that are the same, no address of a server, a set that
                is there already, or an *out* that cannot be written or is the list itself.
        """
        if not self.model.strip():
            raise DataError("--model is empty; name a model, such as facebook/nllb-200-1.3B")
        if self.source == self.target:
            raise DataError(f"--from and --to are both {LANGUAGES[self.source].name}")
        if self.tweets is None and self.source not in get_set(self.set_name).texts:
            languages = ", ".join(get_set(self.set_name).texts)
            raise DataError(
                f"--from {self.source}: the texts of {self.set_name!r} are in {languages}"
            )
        if self.server is not None:
            from itr_bench.translation.server import check_address

            check_address(self.server)
        if out is not None:
            refuse_output(out, [] if self.tweets is None else [self.tweets])
            if not out.resolve().parent.is_dir():
                raise DataError(f"--out {out}: there is no folder {out.resolve().parent}")
        name = self.spec.name
        if self.makes_set and home.is_built(name) and not replace:
            raise DataError(
                f"the data set {name!r} is there already, at {home.set_folder(name)}. To "
                "translate anew, add --replace; for another system or other settings, name it: "
                "--system NAME"
            )


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

        return ServerTranslator(
            job.server, job.model, job.source, job.target, batch_size=job.batch_size
        )
    from itr_bench.translation.seq2seq import Seq2SeqTranslator

    return Seq2SeqTranslator(
        job.model,
        job.source,
        job.target,
        revision=job.revision,
        batch_size=job.batch_size,
        num_beams=job.num_beams,
        max_new_tokens=job.max_new_tokens,
        device=job.device,
        dtype=job.dtype,
        by_sentence=job.unit == "sentence",
    )


def _write(
    job: Job, translator: Translator, log: OutputLog, found: Translation, replace: bool
) -> Path:
    counts = {
        key: number
        for key, number in sorted(found.counts.items())
        if key not in ("generated", "from the log")  # of this session only
    }
    facts = {
        "what": "machine translation",
        **translator.facts,
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
        facts=facts,
        where=log.folder,
        notes=(*found.warnings(), *found.notes()),
        replace=replace,
    )
