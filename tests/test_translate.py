"""`itr-bench data translate`: what is kept whole, models, servers, log, the set it makes."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from itr_bench.cli.data_translate import command
from itr_bench.data import build, home
from itr_bench.data.languages import LANGUAGES, TARGETS
from itr_bench.data.loading import open_set
from itr_bench.data.manifest import Manifest
from itr_bench.data.sets import LTEC_BALANCED
from itr_bench.data.writing import write_translation
from itr_bench.errors import DataError, ItrBenchError
from itr_bench.tasks.documents import LINK, documents
from itr_bench.tasks.loading import open_task
from itr_bench.tasks.spec import get_task
from itr_bench.translation.dropped_entities import dropped_entities
from itr_bench.translation.entities import Masked, entities, parted, sentences, without_entities
from itr_bench.translation.job import Job
from itr_bench.translation.make import make, plan
from itr_bench.translation.output_log import LENGTH, Output, OutputLog, opened
from itr_bench.translation.server import PROMPT, ServerTranslator
from itr_bench.translation.translate import Outputs, Translation, translate
from tests import forked
from tests.served import served

FAMILY = "👩‍👩‍👧‍👦"  # four people with joiners between them
ENGLAND = "🏴󠁧󠁢󠁥󠁮󠁧󠁿"  # a flag spelled with tags


# What is kept whole


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("Labrīt, 15. maijs!", []),
        ("a https://t.co/Ab1 b http://x.lv/č?d=1#e.", ["https://t.co/Ab1", "http://x.lv/č?d=1#e."]),
        ("(https://t.co/a) HTTPS://T.CO/B", ["https://t.co/a)", "HTTPS://T.CO/B"]),
        ("www.x.lv pic.twitter.com/a1 t.co/b", ["www.x.lv", "pic.twitter.com/a1", "t.co/b"]),
        ("ēdu@, @anna_b: ＠ome @Āža", ["@anna_b", "＠ome", "@Āža"]),
        ("raksti a.b+c@e-pasts.x.lv. ēdu@kūka.lv!", ["a.b+c@e-pasts.x.lv", "ēdu@kūka.lv"]),
        ("a@b a@b.c @a@b.lv", ["@a@b"]),
        ("(delfi.lv/a?b=1) Kūka.lv/ē, bit.ly/x", ["delfi.lv/a?b=1)", "Kūka.lv/ē,", "bit.ly/x"]),
        ("delfi.lv un/vai u.c./utt. 15.maijs/jūnijs kūka.Un/vai labi.kafija/tēja x.lv/ y", []),
        (".@anna !@bērns", ["@anna", "@bērns"]),
        ("#kafija#tēja ＃Ķīna_2 #2023gads", ["#kafija#tēja", "＃Ķīna_2", "#2023gads"]),
        ("#a\u0304bols", ["#a\u0304bols"]),  # a letter in two characters
        ("#1 C# a#b &#39; &#x27;", []),
        ("☕️ ☕ ❤ ❤️ 👍 👍🏽", ["☕️", "☕", "❤", "❤️", "👍", "👍🏽"]),
        (f"{FAMILY}{ENGLAND}❤️‍🔥", [FAMILY, ENGLAND, "❤️‍🔥"]),
        ("🇱🇻🇪🇪🇱🇹 🇱", ["🇱🇻", "🇪🇪", "🇱🇹", "🇱"]),
        ("1️⃣ #️⃣ *⃣ 1 # *", ["1️⃣", "#️⃣", "*⃣"]),
        ("☕️@anna 1️⃣#rīts", ["☕️", "@anna", "1️⃣", "#rīts"]),
        ("labi☕#rīts@anna", ["☕", "#rīts@anna"]),
    ],
)
def test_links_mentions_hashtags_and_emoji_are_found_whole(text: str, expected: list[str]) -> None:
    assert entities(text) == expected


@pytest.mark.parametrize(
    ("text", "core", "kept", "segments"),
    [
        ("Labrīt! https://t.co/a", "Labrīt!", [], ["Labrīt!"]),
        ("@a @b Labrīt ☕ #rīts  https://t.co/a ", "Labrīt", [], ["Labrīt"]),
        ("Paldies @a, par ☕👍 un!", "Paldies [1], par [2] un!", ["@a", "☕👍"], None),
        ("Kā [1] un [ 2 ] ☕ tā", "Kā [1] un [ 2 ] [3] tā", ["☕"], ["Kā [1] un [ 2 ]", "tā"]),
        ("Čau @a, kā?", "Čau [1], kā?", ["@a"], ["Čau", "kā?"]),
        ("A ☕! ☕ B", "A [1]! [2] B", ["☕", "☕"], ["A", "", "B"]),
        ("☕ https://t.co/a", "", [], [""]),
    ],
)
def test_what_is_translated(
    text: str, core: str, kept: list[str], segments: list[str] | None
) -> None:
    masked = Masked(text, "[{}]")
    assert (masked.core, masked.kept_inside) == (core, kept)
    if segments is not None:
        assert [words for _, words, _ in masked.segments] == segments


@pytest.mark.parametrize(
    ("text", "translation", "expected"),
    [
        ("Paldies @a par ☕ jā", "Thanks [1] for [2] yes", "Thanks @a for ☕ yes"),
        ("Paldies @a par ☕ jā", "[ 2 ] yes, thanks[1]for", "☕ yes, thanks @a for"),
        ("Čau https://t.co/a, te.", "See [1].", "See https://t.co/a, ."),
        ("Čau @a, te. #b", "Hi [1]. Here", "Hi @a. Here #b"),
        ("Čau @a, te", "Hi, here", None),  # lost
        ("Čau @a, te", "Hi [1] [1], here", None),  # doubled
        ("Čau @a, te", "Hi [11], here", None),
        ("Čau @a, te", "Hi [1] ☕", None),  # made up
        ("Čau @a, te", "Hi [1] @a", None),
        ("Čau @a, te", " [1] ", None),  # nothing said
        ("Čau #b", "Hi @you", None),
    ],
)
def test_marks_are_put_back(text: str, translation: str, expected: str | None) -> None:
    assert Masked(text, "[{}]").restored(translation) == expected


@pytest.mark.parametrize(
    ("text", "translations", "expected"),
    [
        ("Čau, @a, kā iet? ☕", ["Hi,", "how are you?"], "Hi, @a, how are you? ☕"),
        ("A☕B", ["x", "y"], "x☕y"),
        ("Čau(@a)", ["Hi", ""], "Hi @a)"),  # a bracket lost; no mention behind a letter
        ("A ☕ B", ["☕ x #y @z", "w"], "x ☕ w"),  # what was made up is dropped
        ("A ☕ B", ["☕", "w"], None),
        ("A ☕ 5 👍 B", ["x", "", "y"], "x ☕ 5 👍 y"),
    ],
)
def test_segments_are_joined(text: str, translations: list[str], expected: str | None) -> None:
    assert Masked(text, "[{}]").joined(translations) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Labrīt! Kā iet?  Man labi.", ["Labrīt!", "Kā iet?", "Man labi."]),
        ("15. maijā J. Bērziņš cēla alko. sidru", ["15. maijā J. Bērziņš cēla alko. sidru"]),
        (
            'Viņa teica: "Nāc!" Es gāju... Un viss.',
            ['Viņa teica: "Nāc!"', "Es gāju...", "Un viss."],
        ),
        ("Labi. [1] Jā", ["Labi.", "[1] Jā"]),
    ],
)
def test_sentences(text: str, expected: list[str]) -> None:
    assert sentences(text)[::2] == expected
    assert "".join(sentences(text)) == text


TEXTS = st.lists(
    st.one_of(
        st.sampled_from(
            [
                *("@anna", "＠ome", "#kafija", "#️⃣", "https://t.co/a", "http://", "www.x", "t.co/"),
                *(FAMILY, ENGLAND, "🇱🇻", "🇱", "1️⃣", "👍🏽", "☕", "❤️", "\ufe0f", "\u200d", "\u20e3"),
                *("x.lv/a", "x.lv", ".lv/", "/a", "a@x.lv", "@x.lv", "+a", ".", "-"),
                *("[1]", "[2]", "[ 1 ]", "@", "#", "&#39;", " ", "  ", "labi", "ā", "1", ".", ", "),
            ]
        ),
        st.text(max_size=3),
    ),
    max_size=12,
).map("".join)
STYLES = st.sampled_from(["[{}]", "<{}>", "X{}X"])


@given(TEXTS, STYLES)
def test_a_system_that_copies_changes_nothing(text: str, style: str) -> None:
    masked = Masked(text, style)
    assert "".join(parted(text)) == text
    assert [found for part in parted(text)[1::2] for found in entities(part)] == entities(text)
    if masked.has_letters:
        assert masked.restored(masked.core) == text
        assert masked.joined([words for _, words, _ in masked.segments]) == text
    assert not LINK.search("".join(parted(text)[::2]))  # no prompt cuts out more than is kept


class Fake:
    """A system that says what *say* makes of a string; remembers what it was asked."""

    mark, batch_size, by_sentence, whole_batches, longest = "[{}]", 4, False, True, None
    repeats, advice = True, "Try another model."

    def __init__(self, say: Callable[[str, int], Output | str]) -> None:
        self.configuration: dict[str, Any] = {}
        self.metadata: dict[str, Any] = {}
        self._say = say
        self.asked: list[str] = []

    def translate(self, strings: Sequence[str], limit: int) -> Outputs:
        self.asked += strings
        said = [(string, self._say(string, limit)) for string in strings]
        yield [(s, Output(o) if isinstance(o, str) else o) for s, o in said]


class Forgetful(OutputLog):
    """A log in memory."""

    served: list[str] = []  # noqa: RUF012

    def __init__(self) -> None:
        self._kept: dict[tuple[str, int], Output] = {}

    def find(self, string: str, limit: int) -> Output | None:
        return self._kept.get((string, limit))

    def add(self, outputs: Any, limit: int) -> None:
        self._kept.update({(string, limit): output for string, output in outputs})

    def forget(self, strings: Any) -> None:
        self._kept = {key: output for key, output in self._kept.items() if key[0] not in strings}


def translated(texts: dict[str, str], fake: Fake, limit: int = 8) -> Translation:
    return translate(texts, fake, Forgetful(), limit=limit)


@given(TEXTS, st.randoms(use_true_random=False), st.booleans())
def test_nothing_is_lost_whatever_a_system_says(text: str, random: Any, by_sentence: bool) -> None:
    def garbled(string: str, limit: int) -> str:
        parts = [
            *string,
            *random.choices(["[1]", "@anna", "☕", "\ufe0f", "#", "https://t.co/a", "z"]),
        ]
        random.shuffle(parts)
        return "".join(random.choices(parts, k=len(parts)))

    fake = Fake(garbled)
    fake.by_sentence = by_sentence
    found = translated({"1": text}, fake)
    assert len(found.texts) + len(found.refused) == 1
    if found.texts:
        assert Counter(entities(found.texts["1"])) == Counter(entities(text))
    else:
        assert "empty" in found.refused["1"]


@given(TEXTS, TEXTS)
def test_nothing_made_up_is_left(text: str, said: str) -> None:
    assert not entities(without_entities(text + said))


# The ladder, and what is refused


def test_each_text_goes_the_shortest_way() -> None:
    def say(string: str, limit: int) -> str:
        return (string.replace("[1]", "") if "zaudē" in string else string).upper()

    fake = Fake(say)
    found = translated(
        {
            "1": "☕ https://t.co/a",
            "2": "labrīt ☕",
            "3": "paldies @a visiem",
            "4": "zaudē @a, šo",
            "5": "labrīt https://t.co/b",
        },
        fake,
    )
    assert found.texts == {
        "1": "☕ https://t.co/a",
        "2": "LABRĪT ☕",
        "3": "PALDIES @a VISIEM",
        "4": "ZAUDĒ @a, ŠO",
        "5": "LABRĪT https://t.co/b",
    }
    assert sorted(fake.asked) == ["labrīt", "paldies [1] visiem", "zaudē", "zaudē [1], šo", "šo"]
    assert found.counts == {
        "texts": 5,
        "nothing to translate": 1,
        "in one go": 2,
        "with marks": 1,
        "split": 1,
        "generated": 5,
        "from the log": 0,
    }
    assert found.unchanged == ["2", "3", "4", "5"]  # but for capitals
    found.check()


def test_a_model_of_sentences_gets_them_one_by_one() -> None:
    fake = Fake(lambda string, limit: string.lower())
    fake.by_sentence = True
    found = translated({"1": "Labrīt! @a ☕ Kā iet? 5! Man [labi] https://t.co/a"}, fake)
    assert sorted(fake.asked) == ["Labrīt!", "Man [labi]", "[1] Kā iet? 5!"]
    assert found.texts["1"] == "labrīt! @a ☕ kā iet? 5! man [labi] https://t.co/a"


def test_what_is_cut_off_gets_twice_the_limit_once() -> None:
    needs = {"īss": 3, "garāks": 12, "garš": 17}

    def say(string: str, limit: int) -> Output:
        return Output(string.upper()) if needs[string] <= limit else Output(string, LENGTH)

    found = translated({"1": "īss", "2": "garāks", "3": "garš"}, Fake(say))
    assert found.texts == {"1": "ĪSS", "2": "GARĀKS"}
    assert found.refused == {"3": "cut off after 16 tokens"}
    assert found.counts["retried"] == 1
    assert "1 strings were cut off" in " ".join(found.notes())
    with pytest.raises(DataError, match=r"1 of 3 translations(?s:.*)tweet 3: cut off after 16"):
        found.check()


def test_bad_output_is_refused_by_tweet() -> None:
    answers = {"tukšs": "", "balts": " \n", "liegts": Output("", "too long"), "labs": "a\tb\nc"}
    found = translated(
        {str(i): text for i, text in enumerate(answers)}, Fake(lambda s, limit: answers[s])
    )
    assert found.refused == {
        "0": "the translation is empty",
        "1": "the translation is empty",
        "2": "too long",
    }
    assert found.texts == {"3": "a b c"}  # a line of a TSV file


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("a\tb\nc\r\nd\ve\ff", "a b c d e f"),
        ("a\u2028b\u2029c\x85d\x1ce\x1df\x1eg\x1fh", "a b c d e f g h"),
        ("a\x00b\x07c\x1b[0md\x7fe\x80f\x9fg", "abc[0mdefg"),
        ("a\u00a0b\u200bc\u0304", "a\u00a0b\u200bc\u0304"),
    ],
)
def test_a_translation_is_one_line_without_controls(said: str, expected: str) -> None:
    text = translated({"1": "labi"}, Fake(lambda s, limit: said)).texts["1"]
    assert text == expected
    assert len(text.splitlines()) == 1


def test_the_untranslated_are_named_and_not_refused() -> None:
    def say(string: str, limit: int) -> str:
        return f"{string.upper()} " if string[0] == "R" else "k"

    texts = {"7": "Rīga @a", "8": "☕", "9": "Labi", "10": "Rā"}
    found = translated(texts, Fake(say))
    assert found.unchanged == ["7", "10"]
    assert found.warnings() == (
        "most translations (2 of 3) are the same as their source. Does the model know both "
        "languages, and was --from right?",
    )
    assert not any("same" in note for note in found.notes())
    found = translated({**texts, "11": "Jā"}, Fake(say))  # just half of them
    assert found.warnings() == ()
    assert "2 translations are the same as their source: 7, 10" in found.notes()
    many = {str(i): ("R" if i < 5 else "L") + "a" * i for i in range(20)}
    notes = translated(many, Fake(say)).notes()
    assert notes == ("5 translations are the same as their source: 0, 1, 2 and 2 more",)


def test_what_a_system_that_repeats_itself_said_is_kept(home: Path) -> None:
    """The refusal of a model of this machine costs nothing the second time."""
    fake = Fake(lambda s, limit: "")
    with opened("s", {}) as log:
        for _ in range(2):
            with pytest.raises(DataError, match=r"tweet 1: .*empty\n.* Try another model."):
                translate({"1": "labi"}, fake, log, limit=8).check()
    assert fake.asked == ["labi"]


def test_an_interrupted_batch_is_asked_for_whole_and_written_once(home: Path) -> None:
    texts = {str(i): f"teksts {i:02}" for i in range(10)}
    with opened("ltec_fr_mt@x", {"a": 1}) as log:
        log.add([("teksts 01", Output("VIENS"))], 8)
        fake = Fake(lambda s, limit: s.upper())
        found = translate(texts, fake, log, limit=8)
        assert fake.asked == [f"teksts {i:02}" for i in range(10)]
        assert found.texts["1"] == "VIENS"
        assert found.counts["generated"] == 9
        fake.whole_batches = False
        assert translate(texts, fake, log, limit=8).counts["generated"] == 0


# The log


def test_a_log_takes_up_where_it_was_torn(home: Path) -> None:
    with opened("s", {"a": 1}) as log:
        log.add([("ā\n", Output("b\u2028c", served="m-1")), ("d", Output("", LENGTH))], 8)
        path = log.folder / "outputs.jsonl"
        with pytest.raises(DataError, match="another process"), opened("s", {"a": 1}):
            pass
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:20])
    with opened("s", {"a": 1}) as log:
        assert len(log) == 2
        assert log.find("ā\n", 8) == log.find("ā\n", 9) == Output("b\u2028c", "stop", "m-1")
        assert log.find("d", 8) == Output("", LENGTH)
        assert log.find("d", 16) is None
        assert log.served == ["m-1"]
        assert path.read_bytes() == whole
    with opened("s", {"a": 2}) as log:
        assert len(log) == 0
    path.write_bytes(whole.replace(b'"stop"', b'"best"'))
    with pytest.raises(DataError, match=r"line 1: damaged .*checksum"), opened("s", {"a": 1}):
        pass


# Models


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Tiny checkpoints by family, each made once."""
    pytest.importorskip("torch", reason="the extra `eval` is not installed")
    from tests.tiny_seq2seq import make as make_tiny

    made: dict[str, Path] = {}
    root = tmp_path_factory.mktemp("tiny")

    def get(family: str, name: str = "", **changes: Any) -> Path:
        key = name or family
        if key not in made:
            made[key] = make_tiny(family, root / key, **changes)
        return made[key]

    return get


def tweets(folder: Path, count: int = 12) -> Path:
    words = ["Labrīt visiem!", "Cepu ☕ un tēju @anna_b", "Kā iet? Man labi", f"Mēs {FAMILY} te"]
    lines = [f"{i}\t{words[i % 4]} {'abcdefg'[i % 7]} https://t.co/{i}" for i in range(count)]
    path = folder / "tweets.tsv"
    path.write_text("\n".join(["tweet_id\ttext", *lines]) + "\n", encoding="utf-8")
    return path


def job(model: Path | str, target: str = "en", **settings: Any) -> Job:
    usual = {"num_beams": 2, "device": "cpu", "max_new_tokens": 40, "system": "tiny"}
    return Job("ltec", "lv", target, str(model), **{**usual, **settings})


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("family", ["nllb", "m2m100", "marian-multilingual"])
def test_every_family_translates_into_every_language(
    tmp_path: Path, models: Callable[..., Path], family: str, target: str
) -> None:
    from itr_bench.translation.seq2seq import Seq2SeqTranslator

    translator = Seq2SeqTranslator(job(models(family), target))
    language = LANGUAGES[target]
    expected = {
        "nllb": ("", language.flores),
        "m2m100": ("", f"__{target}__"),
        "marian-multilingual": (f">>{language.flores[:3]}<< ", None),
    }[family]
    settings = translator.settings
    assert (settings["prefix"], settings["forced_bos_token"]) == expected
    made = make(job(models(family), target, tweets=tweets(tmp_path, 4)))
    sources = [line.split("\t") for line in (tmp_path / "tweets.tsv").read_text().splitlines()[1:]]
    assert list(made.texts) == [tweet for tweet, _ in sources]
    for tweet, text in sources:
        assert Counter(entities(made.texts[tweet])) == Counter(entities(text))
        assert made.texts[tweet] != text
        assert "__" not in made.texts[tweet]
        assert ">>" not in made.texts[tweet]


def test_languages_and_seeds_say_different_things(
    tmp_path: Path, models: Callable[..., Path]
) -> None:
    said = [
        tuple(make(job(model, target, tweets=tweets(tmp_path, 2))).texts.values())
        for model in (models("nllb"), models("nllb", "nllb-1", seed=1))
        for target in ("fr", "de")
    ]
    assert len(set(said)) == 4


@pytest.mark.parametrize("family", ["marian", "nllb"])
def test_batches_and_runs_do_not_change_the_text(
    tmp_path: Path, models: Callable[..., Path], family: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for i, size in enumerate((1, 4, 4)):
        monkeypatch.setenv(home.ENVIRONMENT, str(tmp_path / str(i)))
        made = make(job(models(family), batch_size=size, tweets=tweets(tmp_path, 8)))
        assert made.counts["generated"] > 8
        found.append(made.texts)
    assert found[0] == found[1] == found[2]


def test_a_model_that_never_ends_is_refused(tmp_path: Path, models: Callable[..., Path]) -> None:
    """Also where the checkpoint would put an end token behind what it cuts off, as Marian's do."""
    endless = models("marian", "endless", ends=False)
    with pytest.raises(DataError, match=r"tweet 0: cut off after 20 tokens"):
        make(job(endless, tweets=tweets(tmp_path, 2), max_new_tokens=10))
    short = models("marian", "short", ends=False, max_position_embeddings=32)
    with pytest.raises(DataError, match=r"tweet 0: cut off after 31 tokens"):
        make(job(short, tweets=tweets(tmp_path, 2), max_new_tokens=30))


def test_a_text_that_is_too_long_is_refused(tmp_path: Path, models: Callable[..., Path]) -> None:
    path = tmp_path / "long.tsv"
    path.write_text("tweet_id\ttext\n1\tlabi\n2\t" + "labrīt " * 40 + "\n", encoding="utf-8")
    model = models("marian", "narrow", max_position_embeddings=32)
    with pytest.raises(DataError, match=r"1 of 2(?s:.*)tweet 2: too long: \d+ tokens, the model t"):
        make(job(model, tweets=path, max_new_tokens=20))


def test_a_model_that_cannot_do_it_is_refused(tmp_path: Path, models: Callable[..., Path]) -> None:
    some = tweets(tmp_path, 1)
    with pytest.raises(DataError, match="translates lv to en, not Latvian to French"):
        make(job(models("marian"), "fr", tweets=some))
    with pytest.raises(DataError, match="cannot load the configuration"):
        make(job(tmp_path / "nowhere", tweets=some))
    with pytest.raises(ItrBenchError, match="this machine has 0 CUDA devices"):
        make(job(models("marian"), device="cuda:7", tweets=some))
    with pytest.raises(ItrBenchError, match="expected auto, cpu"):
        make(job(models("marian"), device="tpu", tweets=some))
    chat = tmp_path / "chat"
    chat.mkdir()
    (chat / "config.json").write_text('{"model_type": "llama"}')
    with pytest.raises(DataError, match=r"cannot load (?s:.*)chat model is asked by --server"):
        make(job(chat, tweets=some))


def test_another_configuration_has_another_log(tmp_path: Path, models: Callable[..., Path]) -> None:
    some = tweets(tmp_path, 2)
    usual = make(job(models("nllb"), tweets=some))
    assert make(job(models("nllb"), tweets=some)).counts["generated"] == 0
    others = [
        make(job(models("nllb"), tweets=some, **change)).log
        for change in ({"num_beams": 1}, {"batch_size": 3}, {"max_new_tokens": 41}, {"limit": 1})
    ]
    others.append(make(job(models("nllb", "nllb-1", seed=1), tweets=some)).log)
    assert len({usual.log, *others}) == 6


def test_a_killed_translation_goes_on(
    tmp_path: Path, models: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    some = tweets(tmp_path, 28)
    asked = job(models("nllb"), tweets=some, batch_size=2)
    monkeypatch.setenv(home.ENVIRONMENT, str(tmp_path / "whole"))
    whole = make(asked)
    killed = tmp_path / "killed"
    out = tmp_path / "out.tsv"
    process = forked.start(
        forked.itr_bench,
        *("data", "translate", "--model", asked.model, "--system", "tiny"),
        *("--tweets", str(some), "--out", str(out), "--batch-size", "2"),
        *("--num-beams", "2", "--device", "cpu", "--max-new-tokens", "40"),
        output=tmp_path / "log.txt",
        env={**os.environ, "ITR_BENCH_HOME": str(killed), "OMP_NUM_THREADS": "1"},
    )
    lines: list[bytes] = []
    until = time.monotonic() + forked.TIMEOUT_S
    while len(lines) < 6 and process.is_alive() and time.monotonic() < until:
        time.sleep(0.02)
        for path in killed.glob("translations/*/outputs.jsonl"):
            lines = path.read_bytes().splitlines()
    process.kill()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert not out.exists()
    monkeypatch.setenv(home.ENVIRONMENT, str(killed))
    (path,) = killed.glob("translations/*/outputs.jsonl")
    before = path.read_bytes().count(b"\n")
    assert 6 <= before < whole.counts["generated"]
    made = make(asked, out=out)
    assert made.counts["generated"] == whole.counts["generated"] - before
    assert made.texts == whole.texts
    assert out.read_text(encoding="utf-8").splitlines()[1:] == [
        f"{tweet}\t{text}" for tweet, text in whole.texts.items()
    ]


# Servers


class Server(ThreadingHTTPServer):
    """A chat completion server; *reply* makes status and body of the tweet in a request."""

    daemon_threads = True

    def __init__(self, reply: Callable[[str, int], tuple[int, Any]]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.reply = reply
        self.tries: Counter[str] = Counter()
        self.requests: list[tuple[dict[str, str], dict[str, Any]]] = []
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        string = body["messages"][-1]["content"].rpartition("\n\n")[2]
        with self.server.lock:
            self.server.tries[string] += 1
            count = self.server.tries[string]
            self.server.requests.append((dict(self.headers), body))
        status, found = self.server.reply(string, count)
        if isinstance(found, str) and status == 200:
            found = {"choices": [{"message": {"content": found}, "finish_reason": "stop"}]}
            found["model"] = "served-2026"
        raw = found if isinstance(found, bytes) else json.dumps(found).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    with ExitStack() as running:

        def start(reply: Callable[[str, int], tuple[int, Any]]) -> Server:
            server = Server(reply)
            running.enter_context(served(server))
            return server

        yield start


def ask(server: Server, texts: dict[str, str], log: OutputLog, **settings: Any) -> Translation:
    asked = Job("ltec", "lv", "fr", "chat", server=server.url, batch_size=3)
    patience: dict[str, Any] = {"pauses_s": (0.0, 0.0), "timeout_s": 60, **settings}
    translator = ServerTranslator(asked, **patience)
    return translate(texts, translator, log, limit=8)


def test_a_server_is_asked_as_documented(
    serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-made-up")
    server = serve(lambda s, n: (200, f"<think>hm @x</think> {s.upper()}"))
    found = ask(server, {"1": "paldies @a visiem ☕", "2": "labrīt"}, Forgetful())
    assert found.texts == {"1": "PALDIES @a VISIEM ☕", "2": "LABRĪT"}
    headers, body = next(r for r in server.requests if "paldies" in str(r))
    assert headers["Authorization"] == "Bearer sk-made-up"
    prompt = PROMPT.format(source="Latvian", target="French", text="paldies [1] visiem")
    assert body == {
        "model": "chat",
        "messages": [{"role": "user", "content": prompt}],
        "temperature": 0,
        "max_tokens": 8,
    }


@pytest.mark.parametrize(
    "form",
    [
        "◁think▷hm @x◁/think▷{}",
        "<|begin_of_box|>{}<|end_of_box|>",
        "<think>x</think><answer>{}</answer>",
        "<|channel|>analysis<|message|>x<|end|><|start|>assistant<|channel|>final<|message|>{}",
        "analysisX.assistantfinal{}",
        "[THINK]x[/THINK]{}</s>",
        "x</think>\n\n{}<|im_end|>",
    ],
)
def test_marks_of_reasoning_do_not_reach_a_translation(
    form: str, serve: Callable[..., Server]
) -> None:
    server = serve(lambda s, n: (200, form.format(s.upper())))
    found = ask(server, {"1": "paldies @a visiem ☕", "2": "labrīt"}, Forgetful())
    assert found.texts == {"1": "PALDIES @a VISIEM ☕", "2": "LABRĪT"}


def test_a_server_that_says_one_thing_of_all_texts_is_refused(
    serve: Callable[..., Server], home: Path
) -> None:
    texts = {str(i): f"teksts numur{'s' * i} @a{i}" for i in range(6)}
    server = serve(lambda s, n: (200, "Yes" if "[1]" not in s else "Yes [1]"))
    with opened("x", {}) as log:
        found = ask(server, texts, log)
        with pytest.raises(DataError, match="6 of 6 translations cannot be used") as raised:
            found.check()
    assert "tweet 0: 'Yes @a0', as of 5 other texts" in str(raised.value)
    well = serve(lambda s, n: (200, s.upper()))
    with opened("x", {}) as log:  # asked again
        again = ask(well, texts, log)
    assert again.texts["1"] == "TEKSTS NUMURS @a1"
    assert (again.counts["generated"], again.refused) == (6, {})


def test_what_a_server_said_that_cannot_be_used_is_asked_for_again(
    serve: Callable[..., Server], home: Path
) -> None:
    """By the next command, and only that; whatever was wrong with it."""
    well = threading.Event()
    bad = {
        "tukšs": "",
        "vadība": "\x00",
        "puse": "labi \ud83d",  # half of an emoji: no UTF-8 can hold it
        "☕!?": "x",
        "svešs": "☕",  # nothing but what was made up
        "filtrs": {"choices": [{"message": {"content": ""}, "finish_reason": "content_filter"}]},
        "garš": {"choices": [{"message": {"content": "ga"}, "finish_reason": "length"}]},
    }

    def reply(string: str, count: int) -> tuple[int, Any]:
        return 200, string.upper() if well.is_set() else bad.get(string, string.upper())

    server = serve(reply)
    texts = {s: s for s in ("labs", *bad)}
    with opened("s", {}) as log:
        found = ask(server, texts, log)
        assert found.texts == {"labs": "LABS", "☕!?": "☕!?"}
        nothing = "the translation is empty, or nothing but links, mentions and emoji"
        assert found.refused == {
            "tukšs": "the translation is empty",
            "vadība": "the translation is empty",
            "puse": "the answer is no Unicode text (half of a surrogate pair)",
            "svešs": nothing,
            "filtrs": "the server ended it with 'content_filter'",
            "garš": "cut off after 16 tokens",
        }
        with pytest.raises(DataError, match="asks for these alone") as caught:
            found.check()
        assert "--num-beams" not in str(caught.value)
    assert server.tries["puse"] == server.tries["tukšs"] == server.tries["filtrs"] == 3
    server.tries.clear()
    well.set()
    with opened("s", {}) as log:
        assert len(log) == 1
        assert ask(server, texts, log).texts == {s: s if s == "☕!?" else s.upper() for s in texts}
    assert server.tries == Counter({s: 1 for s in bad if s != "☕!?"})


def test_an_answer_that_is_well_the_second_time_is_taken(
    serve: Callable[..., Server], home: Path
) -> None:
    server = serve(lambda s, n: (200, s.upper() if n > 1 else "\udc00" if s == "a" else " "))
    with opened("s", {}) as log:
        assert ask(server, {"a": "a", "b": "b"}, log).texts == {"a": "A", "b": "B"}
    assert server.tries == {"a": 2, "b": 2}


def test_several_models_behind_one_name_are_noted(serve: Callable[..., Server], home: Path) -> None:
    def reply(string: str, count: int) -> tuple[int, Any]:
        choice = {"message": {"content": string.upper()}, "finish_reason": "stop"}
        return 200, {"choices": [choice], "model": f"m-{string}"}

    server = serve(reply)
    with opened("s", {}) as log:
        ask(server, {"1": "a1b"}, log)
        found = ask(server, {s: s + "x" for s in "abcd"}, log)
    assert found.served == [f"m-{s}" for s in ("a1b", "ax", "bx", "cx", "dx")]
    assert any(
        note.startswith("5 models answered under the same name")
        and note.endswith(": m-a1b, m-ax, m-bx and 2 more")
        for note in found.notes()
    )


def test_the_key_does_not_come_back(
    serve: Callable[..., Server], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-made-up")

    def reply(string: str, count: int) -> tuple[int, Any]:
        end = "Bearer sk-made-up" if string == "b" else "stop"
        choice = {"message": {"content": string.upper()}, "finish_reason": end}
        return 200, {"choices": [choice], "model": "m \ud83d\n Bearer sk-made-up"}

    server = serve(reply)
    with opened("s", {}) as log:
        found = ask(server, {"a": "a", "b": "b"}, log)
        assert found.served == ["m Bearer ***"]
        assert found.refused == {"b": "the server ended it with 'Bearer ***'"}
        assert b"sk-made-up" not in (log.folder / "outputs.jsonl").read_bytes()


# Ctrl-C is ignored in what is started in the background, these tests perhaps, and all they start.
_TAKES_CTRL_C = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from itr_bench.cli.main import main
main()
"""


def test_ctrl_c_ends_it_and_the_log_is_its_own(
    serve: Callable[..., Server], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Requests that hang and long pauses do not hold it; nobody else gets at its log."""
    well = threading.Event()
    over = threading.Event()

    def reply(string: str, count: int) -> tuple[int, Any]:
        if not well.is_set() and string == "bb":
            return 503, "busy"
        if not well.is_set() and string == "ccc":
            over.wait()
        return 200, string.upper()

    server = serve(reply)
    source, out = tmp_path / "tweets.tsv", tmp_path / "out.tsv"
    source.write_text("tweet_id\ttext\n1\ta\n2\tbb\n3\tccc\n", encoding="utf-8")
    asked = Job("ltec", "lv", "en", "chat", server=server.url, tweets=source)
    process = subprocess.Popen(
        [
            *(sys.executable, "-c", _TAKES_CTRL_C, "data", "translate", "--model", "chat"),
            *("--server", server.url, "--tweets", str(source), "--out", str(out)),
        ],
        env={**os.environ, "ITR_BENCH_HOME": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        until = time.monotonic() + forked.TIMEOUT_S
        while len(server.requests) < 4 and process.poll() is None and time.monotonic() < until:
            time.sleep(0.05)  # "bb" was asked for twice: it is waiting for the third time
        monkeypatch.setenv(home.ENVIRONMENT, str(tmp_path))
        with pytest.raises(DataError, match="another process is making this very translation"):
            make(asked)
        tried = server.tries["bb"]
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=forked.TIMEOUT_S)[0].decode()
        assert server.tries["bb"] <= tried + 1  # of seven: one may have been on its way
    finally:
        process.kill()
        over.set()
    assert process.returncode == 130
    assert "interrupted. What was translated is kept" in said
    assert "Traceback" not in said
    assert not out.exists()
    before = server.tries.total()
    time.sleep(0.5)
    assert server.tries.total() == before
    well.set()
    made = make(asked, out=out)
    assert made.counts["from the log"] == 1
    assert out.read_text(encoding="utf-8") == "tweet_id\ttext\n1\tA\n2\tBB\n3\tCCC\n"


def test_a_server_that_stumbles_is_asked_again(serve: Callable[..., Server], home: Path) -> None:
    stumbles: dict[str, list[tuple[int, Any]]] = {
        "viens": [(500, "oops"), (429, {})],
        "divi": [(200, b"{garbage"), (200, {"choices": []})],
        "trīs": [(200, {"choices": [{"message": None}]}), (503, b"\xff")],
    }

    def reply(string: str, count: int) -> tuple[int, Any]:
        return [*stumbles.get(string, []), (200, string.upper())][
            min(count, 3) - 1 if string in stumbles else 0
        ]

    server = serve(reply)
    with opened("s", {}) as log:
        found = ask(server, {s: s for s in (*stumbles, "četri")}, log)
        assert found.texts == {s: s.upper() for s in (*stumbles, "četri")}
        assert log.served == ["served-2026"]
    assert server.tries == {"viens": 3, "divi": 3, "trīs": 3, "četri": 1}


def test_a_server_that_stays_down_loses_nothing(serve: Callable[..., Server], home: Path) -> None:
    well = threading.Event()

    def reply(string: str, count: int) -> tuple[int, Any]:
        return (200, string.upper()) if well.is_set() or "c" not in string else (500, "down")

    server = serve(reply)
    texts = {s: s for s in ("aa", "bb", "cc", "ddd")}
    with opened("s", {}) as log:
        with pytest.raises(DataError, match=r"status 500: \"down\", after 3 tries"):
            ask(server, texts, log)
        assert len(log) == 2
        well.set()
        before = sum(server.tries.values())
        assert ask(server, texts, log).texts == {s: s.upper() for s in texts}
        assert sum(server.tries.values()) - before == 2


def test_a_slow_server_is_given_up_and_asked_again(serve: Callable[..., Server]) -> None:
    asked_again = threading.Event()

    def reply(string: str, count: int) -> tuple[int, Any]:
        if count == 1:
            asked_again.wait()
        asked_again.set()
        return 200, string.upper()

    server = serve(reply)
    # Of a busy machine, the second answer may take some time, too.
    assert ask(server, {"1": "labi"}, Forgetful(), timeout_s=2).texts == {"1": "LABI"}
    assert server.tries == {"labi": 2}


def test_a_server_that_refuses_the_key_is_not_asked_again(
    serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-made-up")
    server = serve(lambda s, n: (401, {"error": "bad key sk-made-up\x1b[31m"}))
    with pytest.raises(
        DataError, match=r"refuses: status 401.*OPENAI_API_KEY is not acc"
    ) as caught:
        ask(server, {"1": "labi"}, Forgetful())
    assert "sk-made-up" not in str(caught.value)
    assert "\x1b" not in str(caught.value)
    assert server.tries == {"labi": 1}
    monkeypatch.delenv("OPENAI_API_KEY")
    with pytest.raises(DataError, match="OPENAI_API_KEY is not set"):
        ask(server, {"1": "labi"}, Forgetful())


def test_a_server_that_cuts_off_or_filters_is_refused(serve: Callable[..., Server]) -> None:
    def reply(string: str, count: int) -> tuple[int, Any]:
        end = {"garš": "length", "slikts": "content_filter"}.get(string, "stop")
        if count > 1 and string == "garš":
            end = "stop"
        content = None if string == "kluss" else string.upper()
        return 200, {"choices": [{"message": {"content": content}, "finish_reason": end}]}

    server = serve(reply)
    found = ask(server, {s: s for s in ("garš", "slikts", "kluss")}, Forgetful())
    assert found.texts == {"garš": "GARŠ"}
    assert found.refused == {
        "slikts": "the server ended it with 'content_filter'",
        "kluss": "the translation is empty",
    }
    assert sorted(body["max_tokens"] for _, body in server.requests) == [*[8] * 7, 16]


@pytest.mark.parametrize("status", [301, 307])
def test_a_key_is_not_sent_elsewhere(serve: Callable[..., Server], status: int) -> None:
    server = serve(lambda s, n: (status, {}))
    with pytest.raises(DataError, match=f"refuses: status {status}"):
        ask(server, {"1": "labi"}, Forgetful())


@pytest.mark.parametrize(
    "url", ["localhost:8000/v1", "ftp://x/v1", "http://", "http://[/v1", "http://x:99999/v1"]
)
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(DataError, match="expected an address"):
        ServerTranslator(Job("ltec", "lv", "en", "m", server=url))


@pytest.mark.parametrize(
    "url",
    [
        "http://u:secret@x/v1",
        "ftp://u:secret@h",
        "u:secret@h",
        "http://x/v1?key=secret",
        "http://[u:secret@x",
    ],
)
def test_an_address_with_a_password_is_refused_and_not_quoted(url: str) -> None:
    with pytest.raises(DataError, match="takes an address alone") as caught:
        Job("ltec", "lv", "en", "m", server=url).check(replace=True)  # a dry run does it too
    assert "secret" not in str(caught.value)


# The set


@pytest.fixture(scope="module")
def ltec(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with 350 made-up tweets and placeholder pictures."""
    folder = tmp_path_factory.mktemp("ltec-home")
    words = [
        "Labrīt visiem!",
        "Paldies @anna_b par ☕ tēju",
        "Mēs te #kafija",
        f"Kūka {FAMILY} laba",
    ]
    lines = ["relation\ttweet_id\ttext\tEnglish"]
    for relation, count in enumerate(LTEC_BALANCED):
        for _ in range(count):
            number = len(lines)
            text = "👍🏽" if number == 9 else words[number % len(words)]
            lines.append(f"{relation}\t{number}\t{text} https://t.co/{number}\tText {number % 20}")
    path = folder / "list.tsv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(home.ENVIRONMENT, str(folder))
        build.build("ltec", path, None, placeholder=True)
    return folder


def test_the_whole_way_to_a_task(
    ltec: Path, models: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(home.ENVIRONMENT, str(ltec))
    model = str(models("nllb"))
    (Path(model) / "README.md").write_text("---\nlicense: cc-by-nc-4.0\n---\n")
    out = tmp_path / "out.tsv"
    options = ["--to", "fr", "--model", model, "--num-beams", "1", "--device", "cpu"]
    options += ["--max-new-tokens", "40", "--system", "tiny"]

    def run(*more: str) -> str:
        found = CliRunner().invoke(command, [*options, *more], catch_exceptions=False)
        assert found.exit_code == 0
        return found.output

    planned = json.loads(run("--dry-run", "--json"))
    assert (planned["texts"], planned["there"], planned["logs"]) == (350, False, [])
    assert "350 texts" in run("--dry-run")
    assert not home.is_built("ltec_fr_mt@tiny")
    trial = run("--limit", "2")
    assert "no set was written" in trial
    assert "Mēs te #kafija https://t.co/2" in trial
    assert not home.is_built("ltec_fr_mt@tiny")

    said = run("--out", str(out))
    assert "itr-bench run --model MODEL --tasks ltec_itr_fr_mt@tiny" in said
    assert "1 texts have nothing to translate" in said
    data = open_task(get_task("ltec_itr_fr_mt"))
    sources = open_task(get_task("ltec_itr_lv"))
    assert data.identity.endswith("-tiny")
    for text, source in zip(data.texts, sources.texts, strict=True):
        assert Counter(entities(text)) == Counter(entities(source))
    assert data.texts[8] == sources.texts[8] == "👍🏽 https://t.co/9"
    written = [line.split("\t") for line in out.read_text(encoding="utf-8").splitlines()]
    assert [row[1] for row in written[1:]] == list(data.texts)
    assert {document["language"] for document in documents(get_task("ltec_itr_fr_mt@tiny"))} == {
        "French"
    }

    manifest = Manifest.read(home.set_folder("ltec_fr_mt@tiny"))
    (facts,) = manifest.sources
    assert manifest.system == "tiny"
    assert (facts["name"], facts["licence"]) == ("nllb", "cc-by-nc-4.0")
    assert facts["revision"].startswith("sha256:")
    assert (facts["from"], facts["to"], facts["max_new_tokens"]) == ("lv", "fr", 40)
    assert facts["settings"]["num_beams"] == 1
    assert facts["settings"]["do_sample"] is False
    assert facts["counts"]["texts"] == 350
    assert sum(facts["counts"].get(k, 0) for k in ("in one go", "with marks", "split")) == 349
    assert str(ltec) not in json.dumps(facts)

    with pytest.raises(DataError, match="is there already"):
        CliRunner().invoke(command, options, catch_exceptions=False)
    again = json.loads(run("--replace", "--json"))
    assert again["counts"].get("generated", 0) == 0
    assert list(open_task(get_task("ltec_itr_fr_mt")).texts) == list(data.texts)
    (matching,) = json.loads(run("--dry-run", "--json"))["logs"]
    assert matching["outputs"] == again["counts"]["from the log"]


def test_lmms_eval_finds_the_task(ltec: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("lmms_eval", reason="the extra `eval` is not installed")
    from lmms_eval.tasks import TaskManager

    from itr_bench.tasks import task_files

    monkeypatch.setenv(home.ENVIRONMENT, str(ltec))
    texts = {str(number): f"Texte {number}" for number in range(1, 351)}
    facts = {"what": "t", "name": "x"}
    write_translation("ltec_it_mt", texts, open_set("ltec"), system="x.1", facts=facts, where=ltec)
    manager = TaskManager(
        "ERROR", include_path=[str(f) for f in task_files.task_folders()], include_defaults=False
    )
    assert {"ltec_itr_it_mt@x.1", "ltec_itr_it_mt@x.1_explained"} <= set(manager.all_tasks)


def test_a_server_makes_a_set(
    ltec: Path, serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(home.ENVIRONMENT, str(ltec))
    monkeypatch.setenv("OPENAI_API_KEY", "sk-made-up")
    server = serve(lambda s, n: (200, f"de {s}"))
    asked = Job("ltec", "en", "de", "org/chat model:1", server=server.url)
    assert asked.slug == "chat-model-1-from-en"
    made = make(asked)
    (facts,) = Manifest.read(home.set_folder("ltec_de_mt@chat-model-1-from-en")).sources
    assert facts["served_as"] == ["served-2026"]
    assert facts["settings"]["temperature"] == 0
    assert "from English to German" in facts["settings"]["prompt"]
    assert (facts["revision"], facts["licence"]) == (None, None)
    assert open_task(get_task("ltec_itr_de_mt")).texts[0] == "de Text 1"
    files = [p for p in ltec.rglob("*") if p.is_file() and p.suffix != ".parquet"]
    assert not any("sk-made-up" in p.read_text(encoding="utf-8", errors="replace") for p in files)
    assert "127.0.0.1" not in json.dumps(facts)
    assert (made.log / "outputs.jsonl").read_text().count("\n") == 20


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"set_name": "demo"}, "no translations of the set 'demo', only of ltec"),
        ({"source": "fr"}, "texts of 'ltec' are in lv, en"),
        ({"source": "en", "target": "en"}, "both English"),
        ({"system": "a_b"}, "translation system 'a_b'"),
        ({"model": "///"}, "no name can be made"),
        ({"model": ""}, "--model is empty"),
        ({"model": " ", "system": "x"}, "--model is empty"),
        ({"server": "x:8000"}, "expected an address"),
    ],
)
def test_an_order_that_cannot_be_is_refused_first(settings: dict[str, Any], message: str) -> None:
    asked = {"set_name": "ltec", "source": "lv", "target": "en", "model": "m", **settings}
    with pytest.raises(DataError, match=message):
        Job(**asked).check(replace=False)


@pytest.mark.parametrize(
    ("given", "named"),
    [
        (["--num-beams", "5"], "--num-beams: for"),
        (["--dtype", "float32", "--device", "auto"], "--device, --dtype: for"),
        (["--unit", "tweet"], "--unit: for"),
        (["--revision", "main"], "--revision: for"),
    ],
)
def test_a_server_is_not_told_what_only_a_model_here_can_do(given: list[str], named: str) -> None:
    asked = ["--model", "m", "--server", "http://x/v1", "--dry-run", *given]
    with pytest.raises(DataError, match=f"^{named} a model of this machine, not with --server"):
        CliRunner().invoke(command, asked, catch_exceptions=False)


def test_no_file_is_lost_to_the_output(tmp_path: Path) -> None:
    source = tweets(tmp_path)
    before = source.read_bytes()
    (tmp_path / "link.tsv").symlink_to(source)
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    for name in ("tweets.tsv", "link.tsv", "fifo", "dangling"):
        for more in ([], ["--dry-run"]):
            asked = ["--model", "m", "--tweets", str(source), "--out", str(tmp_path / name), *more]
            with pytest.raises(DataError, match=r"would be overwritten|no regular file"):
                CliRunner().invoke(command, asked, catch_exceptions=False)
    assert source.read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 4


def test_a_list_of_ones_own_needs_a_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="--tweets needs --out"):
        CliRunner().invoke(
            command, ["--model", "m", "--tweets", str(tweets(tmp_path))], catch_exceptions=False
        )
    with pytest.raises(DataError, match="there is no folder"):
        make(job("m", tweets=tweets(tmp_path)), out=tmp_path / "no" / "out.tsv")


def test_the_plan_counts_without_a_model(tmp_path: Path) -> None:
    path = tmp_path / "t.tsv"
    path.write_text("tweet_id\ttext\n1\tlabi @a te\n2\t☕\n3\tlabi ☕\n", encoding="utf-8")
    found = plan(job("org/none", tweets=path))
    assert (found["texts"], found["characters"]) == (3, len("labi [1] te") + len("labi"))
    assert (found["kept_inside"], found["nothing_to_translate"], found["set"]) == (1, 1, None)


# Translations that were made elsewhere


@pytest.mark.parametrize(
    ("made", "notes"),
    [
        ({"1": "soup @a http://t.co/1", "2": "bread 😀"}, ()),
        ({"1": "soup", "2": "bread 😀"}, ("1 translations lack .* \\(2 in all\\), tweet 1 .*",)),
        (
            {"1": "zupa @a  http://t.co/1", "2": "bread"},
            ("1 translations equal their source, tweet 1 for example", "1 .* \\(1 in all\\).*"),
        ),
    ],
)
def test_what_translations_from_elsewhere_have_lost(
    made: dict[str, str], notes: tuple[str, ...]
) -> None:
    found = dropped_entities({"1": "zupa @a http://t.co/1", "2": "maize 😀", "3": "😀"}, made)
    assert len(found) == len(notes)
    for note, said in zip(found, notes, strict=True):
        assert re.fullmatch(said, note)


def test_translations_that_are_their_sources_are_refused() -> None:
    with pytest.raises(DataError, match="all 2 translations are the Latvian texts themselves"):
        dropped_entities(
            {"1": "zupa", "2": "maize", "3": "😀"}, {"1": "zupa", "2": " maize", "3": "😀"}
        )
