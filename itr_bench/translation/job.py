"""A translation that is asked for."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from itr_bench.data import home
from itr_bench.data.files import refuse_output
from itr_bench.data.languages import LANGUAGES
from itr_bench.data.loading import open_set
from itr_bench.data.manifest import text_hash
from itr_bench.data.sets import SETS, SetSpec, check_system, get_set
from itr_bench.data.tsv import read_texts
from itr_bench.errors import DataError
from itr_bench.translation.entities import VERSION
from itr_bench.translation.server import check_address


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
        device: of a model of this machine: ``auto`` (the first GPU, else the CPU), ``cpu``,
            ``cuda`` or ``cuda:N``.
        dtype: likewise: ``float32``, ``bfloat16`` or ``float16``.
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
            found = read_texts(self.tweets)
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
            "texts_sha256": text_hash(texts),
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
