"""What a translation keeps whole: links, e-mail addresses, mentions, hashtags and emoji.

A translation system garbles what it should copy, so it never sees it:

1. What stands at the beginning and at the end is cut off and put back.
2. What stands inside is masked by a numbered mark such as ``[1]`` and put back in its place.
3. Where the system loses or doubles a mark, or makes up a link or emoji of its own, the text is
   split at what is kept, the segments are translated apart, and what was made up is dropped.

After each step the entities of the result are found again: they must be those of the source,
each as often. Neighbours that would merge with an entity are set apart by a blank.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import regex

VERSION = 1
"""Of the scheme; stands in the manifest of translations and in a log's configuration."""

# UTS #51: flags, keycaps, and pictographs with skin tones, variation selectors or tags, joined.
_EMOJI_ELEMENT = (
    r"(?:\p{Regional_Indicator}{2}|[0-9#*]\uFE0F?\u20E3"
    r"|[\p{Extended_Pictographic}\p{Emoji_Modifier}\p{Regional_Indicator}]"
    r"(?:\p{Emoji_Modifier}|\uFE0F\u20E3?|\uFE0E|[\U000E0020-\U000E007E]+\U000E007F)?)"
)
_WORD = r"[\w\p{M}]"
_IN_WORD = r"\p{L}\p{N}_"  # not \w, which has the selector that ends many an emoji
# What is glued to a mention, hashtag or address is kept with it.
_GLUED = rf"(?:[@＠#＃]{_WORD}+)*"
# Without a scheme a link is known by its path; in lower case, as "tēja.Un/vai" lacks a blank.
_DOMAINS = r"(?:[\p{L}\p{N}][\p{L}\p{N}-]{0,62}\.){1,8}"
_BARE_LINK = (
    rf"(?<![{_IN_WORD}@]){_DOMAINS}"
    r"(?:[a-z]{2}|com|org|net|info|edu|gov|int|biz|app|dev|news|shop|blog|live|link)/\S+"
)
_EMAIL = (
    rf"[{_IN_WORD}.%+-]{{1,64}}@{_DOMAINS}"
    # A keycap may follow, and a link: what is kept must not depend on what is kept behind it.
    rf"[A-Za-z]{{2,}}(?![{_IN_WORD}](?!\uFE0F?\u20E3))(?:://\S+|{_GLUED})"
)
_ENTITY = regex.compile(
    # As the prompts find links: up to the next blank, whatever stands there.
    rf"(?i:https?://\S+|(?<![{_IN_WORD}@])(?:www\.|t\.co/|pic\.twitter\.com/)\S+)"
    rf"|{_BARE_LINK}|{_EMAIL}"
    rf"|{_EMOJI_ELEMENT}(?:\u200D{_EMOJI_ELEMENT})*"
    rf"|(?:(?<![{_IN_WORD}@＠])[@＠]|(?<![{_IN_WORD}&])[#＃](?=[\p{{N}}_]*\p{{L}})){_WORD}+{_GLUED}"
)
# What begins a segment after an entity, and no system needs to see: blanks, closing marks.
_OPENING = regex.compile(r"[\s.,;:!?…)\]}»”]*")
# The end of a sentence: no abbreviation of a letter, no ordinal ("15. septembrī").
_SENTENCE_END = regex.compile(
    r"(?<=(?:[\p{L}\p{M})\].]{2}\.|[!?…])[\"”»')]?)(\s+)(?=[\p{Lu}\[<\"„“«'(])"
)


def entities(text: str) -> list[str]:
    """Return the links, addresses, mentions, hashtags and emoji of *text*, in order."""
    return [match.group() for match in _ENTITY.finditer(text)]


def has_letters(text: str) -> bool:
    """Whether there is anything in *text* that could be translated."""
    return any(character.isalpha() for character in text)


def sentences(text: str) -> list[str]:
    """Return *text* in sentences at even places, and the blanks between them at odd ones."""
    return _SENTENCE_END.split(text)


def parted(text: str) -> list[str]:
    """Return *text* in parts: at even places what is translated, at odd places what is kept.

    Entities with nothing but blanks between them are one part. There is an even place first
    and last, empty where the text begins or ends with an entity. The parts make up the text.
    """
    parts, end = [""], 0
    for match in _ENTITY.finditer(text):
        between = text[end : match.start()]
        if len(parts) > 1 and not between.strip():
            parts[-2] += between + match.group()
        else:
            parts[-1] = between
            parts += [match.group(), ""]
        end = match.end()
    parts[-1] = text[end:]
    return parts


@dataclass(frozen=True)
class Masked:
    """A text and what a system is to translate of it.

    Attributes:
        text: the text.
        style: of the marks, with ``{}`` for the number.
    """

    text: str
    style: str

    @cached_property
    def _parts(self) -> tuple[str, list[str], str]:
        """What is cut off before, the parts in between, and what is cut off behind."""
        parts, before, after = parted(self.text), "", ""
        if len(parts) > 1 and not parts[0].strip():
            before, parts = parts[0] + parts[1], parts[2:]
        if len(parts) > 1 and not parts[-1].strip():
            after, parts = parts[-2] + parts[-1], parts[:-2]
        first, last = parts[0].lstrip(), parts[-1].rstrip()
        before += parts[0][: len(parts[0]) - len(first)]
        after = parts[-1][len(last) :] + after
        if len(parts) == 1:
            return before, [first.rstrip()], after
        return before, [first, *parts[1:-1], last], after

    @property
    def has_letters(self) -> bool:
        """Whether there is anything to translate."""
        return any(map(has_letters, self._parts[1][::2]))

    @property
    def kept_inside(self) -> list[str]:
        """What a mark stands for, by mark."""
        return self._parts[1][1::2]

    @cached_property
    def _marks(self) -> list[str]:
        """The marks, numbered so that none is found but where it is put."""
        for first in itertools.count(1):
            marks = [self.style.format(first + i) for i in range(len(self.kept_inside))]
            core = self._with(marks)
            if all(len(_spaced(mark).findall(core)) == 1 for mark in marks):
                return marks
        raise AssertionError("a text holds finitely many numbers")

    def _with(self, marks: Sequence[str]) -> str:
        parts = list(self._parts[1])
        parts[1::2] = marks
        return "".join(parts)

    @property
    def core(self) -> str:
        """What is translated in one go, with marks for what is kept inside."""
        return self._with(self._marks)

    def translatable(self, string: str) -> bool:
        """Whether *string*, a piece of :attr:`core`, is more than marks and signs."""
        for mark in self._marks:
            string = string.replace(mark, "")
        return has_letters(string)

    def restored(self, translation: str) -> str | None:
        """Return the whole text from the *translation* of :attr:`core`.

        ``None`` where a mark was lost or doubled, an entity made up, or nothing said.
        """
        before, parts, after = self._parts
        places = []
        for mark, kept, (left, right) in zip(
            self._marks, self.kept_inside, _neighbours(parts), strict=True
        ):
            found = list(_spaced(mark).finditer(translation))
            if len(found) != 1:
                return None
            places.append((found[0].span(), kept, left, right))
        pieces, end = [], 0
        for (start, stop), kept, left, right in sorted(places):
            if start < end:  # two marks run into each other
                return None
            said = translation[end:start]
            # The source's blanks around what is kept, where the system left them out.
            said += " " if left and said[-1:].isalnum() else ""
            follows = " " if right and translation[stop : stop + 1].isalnum() else ""
            pieces += [said, kept, follows]
            end = stop
        pieces.append(translation[end:])
        if not "".join(pieces[::3]).strip():
            return None
        return self._whole([before, *pieces, after])

    @cached_property
    def segments(self) -> list[tuple[str, str, str]]:
        """What stands between what is kept: what opens it, its words, the blanks that end it."""
        found = []
        for part in self._parts[1][::2]:
            opening = _OPENING.match(part)
            start = opening.end() if opening else 0
            start += len(part[start:]) - len(part[start:].lstrip())
            words = part[start:].rstrip()
            found.append((part[:start], words, part[start + len(words) :]))
        return found

    def joined(self, translations: Sequence[str]) -> str | None:
        """Return the whole text from the *translations* of its segments, in order.

        ``None`` where a segment that has letters is left with nothing to say.
        """
        before, _, after = self._parts
        pieces = [before]
        kept = iter([*self.kept_inside, after])
        for (opening, words, blanks), translation in zip(self.segments, translations, strict=True):
            # Words that look like an entity only when they stand alone are no words either.
            wordy = has_letters(without_entities(words))
            said = without_entities(translation).strip() if wordy else words
            if words and not said:
                return None
            pieces += [opening, said, blanks, next(kept)]
        return self._whole(pieces)

    def _whole(self, pieces: list[str]) -> str | None:
        expected = Counter(entities(self.text))
        for whole in ("".join(pieces), _apart(pieces)):
            if Counter(entities(whole)) == expected:
                return whole
        return None


def _spaced(mark: str) -> regex.Pattern[str]:
    """A pattern of *mark* as systems write it, with blanks in it."""
    inner = r"\s*".join(regex.escape(token) for token in regex.findall(r"\d+|\D", mark))
    return regex.compile(inner)


def _neighbours(parts: Sequence[str]) -> list[tuple[bool, bool]]:
    """For each part that is kept, whether blanks stand before and behind it."""
    return [
        (parts[i - 1][-1:].isspace(), parts[i + 1][:1].isspace()) for i in range(1, len(parts), 2)
    ]


def _apart(pieces: Iterable[str]) -> str:
    """Join *pieces*, with a blank where two of them would make other entities together."""
    whole, found = "", Counter[str]()
    for piece in pieces:
        found += Counter(entities(piece))
        joined = whole + piece
        whole = joined if Counter(entities(joined)) == found else f"{whole} {piece}"
    return whole


def without_entities(text: str) -> str:
    """Return *text* with a blank for each entity in it."""
    if not entities(text):
        return text
    while entities(text):
        text = _ENTITY.sub(" ", text)
    return regex.sub(r"\s{2,}", " ", text)
