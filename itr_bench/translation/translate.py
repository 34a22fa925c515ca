"""Texts to translations: what is kept whole, batches, the log, and what is refused."""

from __future__ import annotations

import contextlib
import re
from collections import Counter
from collections.abc import Generator, Mapping, Sequence
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
    def facts(self) -> Mapping[str, Any]:
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


_Ask: TypeAlias = Generator[tuple[list[str], int], list[Output], Any]


class _RefusedError(Exception):
    """This text gets no translation; the message says why.

    Attributes:
        strings: what was asked for, and cannot be used.
    """

    def __init__(self, reason: str, strings: Sequence[str]) -> None:
        super().__init__(reason)
        self.strings = strings


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
    asking: dict[str, tuple[_Ask, tuple[list[str], int]]] = {}
    answers: dict[str, list[Output]] = {}
    going = {
        tweet: _translated(
            Masked(text, translator.mark), translator.by_sentence, limits, found.counts
        )
        for tweet, text in sources.items()
    }
    whole: dict[str, str] = {}
    with tqdm(total=0, desc="translate", unit="text", disable=None, leave=False) as bar:
        while going:
            for tweet, steps in list(going.items()):
                try:
                    asking[tweet] = steps, steps.send(answers.get(tweet))  # type: ignore[arg-type]
                except StopIteration as end:
                    whole[tweet] = end.value
                    del going[tweet]
                except _RefusedError as refused:
                    found.refused[tweet] = str(refused)
                    del going[tweet]
                    if not translator.repeats:
                        log.forget(refused.strings)
            wanted = {tweet: asking[tweet][1] for tweet in going}
            outputs = _outputs(wanted.values(), translator, log, found.counts, bar)
            answers = {
                tweet: [outputs[string, tokens] for string in strings]
                for tweet, (strings, tokens) in wanted.items()
            }
    found.texts = {tweet: whole[tweet] for tweet in sources if tweet in whole}
    if not translator.repeats:
        _refuse_alike(found, sources)
        log.forget([s for t in found.refused if t in asking for s in asking[t][1][0]])
    found.unchanged = [
        tweet
        for tweet, text in found.texts.items()
        if _words(text) == _words(sources[tweet]) and Masked(text, translator.mark).has_letters
    ]
    found.counts["texts"] = len(sources)
    found.served = log.served
    return found


def _refuse_alike(found: Translation, sources: Mapping[str, str]) -> None:
    """Refuse what is said of many different texts: a server answers them, and translates none."""
    different = {" ".join(_words(text)): tweet for tweet, text in sources.items()}.values()
    texts = {tweet: found.texts[tweet] for tweet in different if tweet in found.texts}
    for tweets in alike(texts, _SHARE_ALIKE).values():
        for tweet in tweets:
            said = found.texts.pop(tweet)
            found.refused[tweet] = f"{said!r:.60}, as of {len(tweets) - 1} other texts"


def _words(text: str) -> list[str]:
    return text.casefold().split()


def _translated(
    masked: Masked, by_sentence: bool, limits: Sequence[int], counts: Counter[str]
) -> _Ask:
    """Ask for what is needed to translate a text, and return the translation."""

    asked: list[str] = []

    def said(strings: Sequence[str]) -> _Ask:
        """The translations of *strings*; what has no letters stays as it is."""
        pieces = [sentences(string) if by_sentence else [string] for string in strings]
        asked[:] = [piece for row in pieces for piece in row if masked.translatable(piece)]
        answers = iter((yield from _asked(asked, limits, counts)))
        return [
            "".join(next(answers) if masked.translatable(piece) else piece for piece in row)
            for row in pieces
        ]

    if not masked.has_letters:
        counts["nothing to translate"] += 1
        return masked.text
    whole = masked.restored(*(yield from said([masked.core])))
    if whole is not None:
        counts["with marks" if masked.kept_inside else "in one go"] += 1
        return whole
    whole = masked.joined((yield from said([words for _, words, _ in masked.segments])))
    if whole is None:
        reason = "the translation is empty, or nothing but links, mentions and emoji"
        raise _RefusedError(reason, asked)
    counts["split"] += 1
    return whole


def _line(text: str) -> str:
    """Return *text* as one line, without characters that nothing shows."""
    return _CONTROLS.sub("", _BREAKS.sub(" ", text)).strip()


def _asked(strings: list[str], limits: Sequence[int], counts: Counter[str]) -> _Ask:
    """Ask for *strings*, again with the next limit for what was cut off; return their texts."""
    said: dict[str, str] = {}
    for limit in limits:
        open_ones = [string for string in strings if string not in said]
        if not open_ones:
            break
        for string, output in zip(open_ones, (yield open_ones, limit), strict=True):
            if output.end == STOP:
                said[string] = _line(output.text)
                if limit > limits[0]:
                    counts["retried"] += 1
                if not said[string]:
                    raise _RefusedError("the translation is empty", [string])
            elif output.end != LENGTH:
                raise _RefusedError(output.end, [string])
    if cut_off := [string for string in strings if string not in said]:
        raise _RefusedError(f"cut off after {limits[-1]} tokens", cut_off)
    return [said[string] for string in strings]


def _outputs(
    wanted: Any, translator: Translator, log: OutputLog, counts: Counter[str], bar: Any
) -> dict[tuple[str, int], Output]:
    """The outputs that are *wanted*, from the log or the system, in batches of like length."""
    requests = {(limit, len(string), string) for strings, limit in wanted for string in strings}
    bar.total += len(requests)
    bar.refresh()
    found: dict[tuple[str, int], Output] = {}
    ordered = sorted(requests)
    for limit in sorted({limit for limit, _, _ in ordered}):
        strings = [string for tokens, _, string in ordered if tokens == limit]
        for start in range(0, len(strings), translator.batch_size):
            batch = strings[start : start + translator.batch_size]
            there = {string: log.find(string, limit) for string in batch}
            missing = {string for string, output in there.items() if output is None}
            found |= {(string, limit): output for string, output in there.items() if output}
            bar.update(len(batch) - len(missing))
            counts["from the log"] += len(batch) - len(missing)
            if not missing:
                continue
            asked = batch if translator.whole_batches else sorted(missing)
            with contextlib.closing(translator.translate(asked, limit)) as answers:
                for outputs in answers:
                    new = [(string, output) for string, output in outputs if string in missing]
                    lasting = [o for o in new if translator.repeats or o[1].end == STOP]
                    log.add(lasting, limit)
                    found |= {(string, limit): output for string, output in new}
                    bar.update(len(new))
                    counts["generated"] += len(new)
    return found
