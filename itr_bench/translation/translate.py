"""Texts to translations: what is kept whole, batches, the log, and what is refused."""

from __future__ import annotations

import contextlib
import re
from collections import Counter
from collections.abc import Generator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

from tqdm import tqdm

from itr_bench.errors import DataError, bullet_list
from itr_bench.translation.dropped_entities import alike
from itr_bench.translation.entities import Masked, sentences
from itr_bench.translation.output_log import LENGTH, STOP, Output, OutputLog

# A text is one line of a list: tabs and all that readers take for the end of a line.
_BREAKS = re.compile("[\t-\r\x1c-\x1f\x85\u2028\u2029]+")
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f]")

_SHOWN = 3
_SHARE_ALIKE = 0.2  # of texts that differ; more is no translation


Outputs: TypeAlias = Generator[Sequence[tuple[str, Output]], None, None]


class Translator(Protocol):
    """A translation system, with one source and one target language.

    Attributes:
        mark: how it is shown what is kept, with ``{}`` for a number.
        batch_size: strings that are asked for at once.
        by_sentence: whether it is made for single sentences, and loses some of several.
        whole_batches: whether an output may depend on what is translated beside it, in its last
            bits; a batch of which anything is missing is then translated whole.
        repeats: whether it says the same when it is asked again. Of one that may not, the log
            keeps only what can be used.
        advice: what to do where it said what cannot be used.
        longest: the most new tokens that it can be asked for, ``None`` where it does not say.
    """

    mark: str
    batch_size: int
    by_sentence: bool
    whole_batches: bool
    repeats: bool
    advice: str

    @property
    def longest(self) -> int | None: ...

    @property
    def configuration(self) -> Mapping[str, Any]:
        """What could change an output, JSON values."""
        ...

    @property
    def metadata(self) -> Mapping[str, Any]:
        """What the manifest says of it: ``name``, ``revision``, ``licence``, settings."""
        ...

    def translate(self, strings: Sequence[str], limit: int) -> Outputs:
        """Translate *strings*; yield outputs by string as they come, to be written down.

        At most :attr:`batch_size` strings are given. Closing the generator ends all work.
        """
        ...


@dataclass
class Translation:
    """What came of all texts.

    Attributes:
        texts: the translations by tweet id, in the order of the sources.
        refused: why there is none, by tweet id.
        counts: how many texts went which way, and how many outputs were made and found.
        unchanged: the tweets whose translation is their source.
        served: what servers said that they are, sorted.
        advice: what to do about what was refused.
    """

    texts: dict[str, str] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    unchanged: list[str] = field(default_factory=list)
    served: Sequence[str] = ()
    advice: str = ""

    def check(self) -> None:
        """Raise :class:`DataError` where a text was refused, naming all of them."""
        if self.refused:
            problems = [f"tweet {tweet}: {reason}" for tweet, reason in self.refused.items()]
            raise DataError(
                f"{len(problems)} of {len(self.refused) + len(self.texts)} translations cannot be "
                f"used, and no set was written:\n{bullet_list(problems)}\n"
                f"What was translated is kept in the log. {self.advice}"
            )

    def warnings(self) -> tuple[str, ...]:
        """What should keep a user from taking it for a translation."""
        if not self._mostly_unchanged:
            return ()
        return (
            f"most translations ({len(self.unchanged)} of {self._with_letters}) are the same as "
            "their source. Does the model know both languages, and was --from right?",
        )

    def notes(self) -> tuple[str, ...]:
        """What a user may want to know of it."""
        said = {
            "nothing to translate": "{} texts have nothing to translate and stand as they are",
            "split": "{} texts were translated in segments: the system lost a mark for what is "
            "kept whole, or made up a link, mention, hashtag or emoji",
            "retried": "{} strings were cut off by the limit at first, and not with twice as many "
            "tokens",
        }
        notes = [text.format(self.counts[key]) for key, text in said.items() if self.counts[key]]
        if self.unchanged and not self._mostly_unchanged:
            notes.append(
                f"{len(self.unchanged)} translations are the same as their source: "
                + _some(self.unchanged)
            )
        if len(self.served) > 1:
            notes.append(
                f"{len(self.served)} models answered under the same name, so these are not the "
                f"translations of one system: {_some(self.served)}"
            )
        return tuple(notes)

    @property
    def _with_letters(self) -> int:
        return self.counts["texts"] - self.counts["nothing to translate"]

    @property
    def _mostly_unchanged(self) -> bool:
        return 2 * len(self.unchanged) > self._with_letters


def _some(names: Sequence[str]) -> str:
    """The first of *names*, and how many there are beside them."""
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


def translate(
    sources: Mapping[str, str], translator: Translator, log: OutputLog, *, limit: int
) -> Translation:
    """Translate texts, each kept in the log as soon as it is there.

    Args:
        sources: the texts by tweet id.
        translator: the system.
        log: what is there already; gets what is new.
        limit: the most new tokens of an output. What is cut off is tried once with twice as many.

    Raises:
        DataError: the system cannot continue; the log keeps what there is.
    """
    limits = [limit, 2 * limit]
    if translator.longest is not None:
        limits = sorted({min(tokens, translator.longest) for tokens in limits})
    found = Translation(
        counts=Counter({"generated": 0, "from the log": 0}), advice=translator.advice
    )
    masked = {tweet: Masked(text, translator.mark) for tweet, text in sources.items()}
    whole = {tweet: one.text for tweet, one in masked.items() if not one.has_letters}
    found.counts.update({"nothing to translate": len(whole)} if whole else {})
    with tqdm(total=0, desc="translate", unit="text", disable=None, leave=False) as bar:
        asking = _Asking(translator, log, limits, masked, found, bar)
        cores = {tweet: [one.core] for tweet, one in masked.items() if tweet not in whole}
        segments = {}
        for tweet, (core,) in asking.said(cores).items():
            one = masked[tweet]
            text = one.restored(core)
            if text is None:
                segments[tweet] = [words for _, words, _ in one.segments]
            else:
                whole[tweet] = text
                found.counts["with marks" if one.kept_inside else "in one go"] += 1
        for tweet, translations in asking.said(segments).items():
            text = masked[tweet].joined(translations)
            if text is None:
                reason = "the translation is empty, or nothing but links, mentions and emoji"
                found.refused[tweet] = reason
            else:
                whole[tweet] = text
                found.counts["split"] += 1
    found.texts = {tweet: whole[tweet] for tweet in sources if tweet in whole}
    if not translator.repeats:
        _refuse_alike(found, sources)
    asking.forget_refused()
    found.unchanged = [
        tweet
        for tweet, text in found.texts.items()
        if _words(text) == _words(sources[tweet]) and masked[tweet].has_letters
    ]
    found.counts["texts"] = len(sources)
    found.served = log.served
    return found


def _words(text: str) -> list[str]:
    return text.casefold().split()


def _line(text: str) -> str:
    """Return *text* as one line, without characters that nothing shows."""
    return _CONTROLS.sub("", _BREAKS.sub(" ", text)).strip()


@dataclass
class _Asking:
    """What is asked of a system, and what it says.

    Attributes:
        limits: of new tokens; the next one is for what was cut off.
        masked: the texts by tweet id.
        found: gets counts and refusals.
        asked: the strings that were asked for last, by tweet id.
    """

    translator: Translator
    log: OutputLog
    limits: Sequence[int]
    masked: Mapping[str, Masked]
    found: Translation
    bar: Any
    asked: dict[str, list[str]] = field(default_factory=dict)

    def forget_refused(self) -> None:
        """Let what was refused, and may be said otherwise, be asked for again."""
        if not self.translator.repeats:
            refused = self.found.refused
            self.log.forget({string for t in refused for string in self.asked.get(t, ())})

    def said(self, strings: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
        """The translations of *strings*, both by tweet id, without those of refused tweets; what
        has no letters stays as it is.
        """
        by_sentence = self.translator.by_sentence
        pieces = {
            tweet: [sentences(string) if by_sentence else [string] for string in own]
            for tweet, own in strings.items()
        }
        for tweet, rows in pieces.items():
            is_text = self.masked[tweet].translatable
            self.asked[tweet] = [piece for row in rows for piece in row if is_text(piece)]
        lines, refusals = self._lines({piece for t in pieces for piece in self.asked[t]})
        translations = {}
        for tweet, rows in pieces.items():
            asked = self.asked[tweet]
            if reasons := [refusals[piece] for piece in asked if piece in refusals]:
                self.found.refused[tweet] = reasons[0]
                continue
            own = {piece: lines[piece] for piece in asked}
            translations[tweet] = ["".join(own.get(p, p) for p in row) for row in rows]
        self.forget_refused()
        return translations

    def _lines(self, strings: Set[str]) -> tuple[dict[str, str], dict[str, str]]:
        """What is said of *strings*, and why nothing is said of the others."""
        lines: dict[str, str] = {}
        refusals: dict[str, str] = {}
        for limit in self.limits:
            open_ones = strings - lines.keys() - refusals.keys()
            for string, output in self._outputs(open_ones, limit).items():
                if output.end == STOP and _line(output.text):
                    lines[string] = _line(output.text)
                    if limit > self.limits[0]:
                        self.found.counts["retried"] += 1
                elif output.end != LENGTH:
                    stopped = output.end == STOP
                    refusals[string] = "the translation is empty" if stopped else output.end
        cut_off = strings - lines.keys() - refusals.keys()
        return lines, refusals | dict.fromkeys(cut_off, f"cut off after {self.limits[-1]} tokens")

    def _outputs(self, strings: Set[str], limit: int) -> dict[str, Output]:
        """The outputs for *strings*, from the log or the system, in batches of like length."""
        translator, counts = self.translator, self.found.counts
        self.bar.total += len(strings)
        self.bar.refresh()
        ordered = sorted(strings, key=lambda string: (len(string), string))
        found: dict[str, Output] = {}
        for start in range(0, len(ordered), translator.batch_size):
            batch = ordered[start : start + translator.batch_size]
            there = {string: self.log.find(string, limit) for string in batch}
            missing = {string for string, output in there.items() if output is None}
            found |= {string: output for string, output in there.items() if output}
            self.bar.update(len(batch) - len(missing))
            counts["from the log"] += len(batch) - len(missing)
            if not missing:
                continue
            asked = batch if translator.whole_batches else sorted(missing)
            with contextlib.closing(translator.translate(asked, limit)) as answers:
                for outputs in answers:
                    new = [(string, output) for string, output in outputs if string in missing]
                    lasting = [o for o in new if translator.repeats or o[1].end == STOP]
                    self.log.add(lasting, limit)
                    found.update(new)
                    self.bar.update(len(new))
                    counts["generated"] += len(new)
        return found


def _refuse_alike(found: Translation, sources: Mapping[str, str]) -> None:
    """Refuse what is said of many different texts: a server answers them, and translates none."""
    different = {" ".join(_words(text)): tweet for tweet, text in sources.items()}.values()
    texts = {tweet: found.texts[tweet] for tweet in different if tweet in found.texts}
    for tweets in alike(texts, _SHARE_ALIKE).values():
        for tweet in tweets:
            said = found.texts.pop(tweet)
            found.refused[tweet] = f"{said!r:.60}, as of {len(tweets) - 1} other texts"
