"""Checking the responses of a submission, line by line and as a whole."""

from __future__ import annotations

import hashlib
import io
import itertools
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from pydantic import ValidationError

from itr_bench.answers import Parser
from itr_bench.leaderboard.quotation import LEAST, folded, quotations
from itr_bench.leaderboard.reference import FORMATS, Reference
from itr_bench.leaderboard.schema import RESPONSE, RunFacts, problems_of, response_line
from itr_bench.relation import QUESTIONS, Answer, Question
from itr_bench.runs.response import Response
from itr_bench.runs.run_folder import read_answer
from itr_bench.scoring.predictions import Predictions, ReadItem, pair
from itr_bench.tasks.showing import NO_PICTURE
from itr_bench.tasks.spec import EXPLAINED, find_task

LONGEST_LINE = 2**16
"""In bytes: sixteen times what 512 tokens need."""

FEW_TEXTS = 20
MOST_FAULTY_LINES = 200
MOST_PROBLEMS = 10
"""So many are told of one line, or of one question."""

Add = Callable[[str, int | None, str], None]
"""Takes a finding: its code, its line, and the message."""

Item = tuple[str, str]
"""Tweet and question."""


class Line(NamedTuple):
    """A response, and the number of its line in the file."""

    number: int
    response: Response


@dataclass
class Lines:
    """The responses of a file.

    Attributes:
        by_item: by tweet and question: the responses by sample.
        faulty: how many lines could not be read.
    """

    by_item: dict[Item, dict[int, Line]] = field(default_factory=dict)
    faulty: int = 0

    def take(self, number: int, response: Response) -> Line:
        """Take the *response* of a line, unless it was there before; return what is there."""
        samples = self.by_item.setdefault((response.tweet_id, response.question), {})
        line = Line(number, response)
        return samples.setdefault(response.sample, line)

    @property
    def tweets(self) -> list[str]:
        """The tweets, each once."""
        return list(dict.fromkeys(tweet for tweet, _ in self.by_item))

    def prompts(self) -> dict[str, str]:
        """The prompt's digest of each question about each tweet, as signatures take them."""
        return {
            f"{tweet} {question}": next(iter(samples.values())).response.prompt_hash
            for (tweet, question), samples in self.by_item.items()
        }

    def fingerprint(self) -> tuple[str, int, bytes]:
        """A hash of what was answered, how many different texts are in it, and a hash of each.

        Texts are their letters and digits, case folded, and the samples of an item are sorted: a
        blank, a full stop, an accent or another order makes no other answer. The hashes are of two
        bytes each, little endian, 0 for an empty text; by tweet and question, sorted within. None
        are given where there are few different texts, which tell nothing.
        """
        digest = hashlib.sha256()
        codes: dict[str, int] = {}
        known: dict[str, str] = {}
        texts = []
        for item, samples in sorted(self.by_item.items()):
            own = []
            for line in samples.values():
                raw = line.response.response
                if raw not in known:
                    text = known[raw] = folded(raw)
                    codes.setdefault(text, zlib.crc32(text.encode()) % 65535 + 1 if text else 0)
                own.append(known[raw])
            own.sort()
            texts += sorted(map(codes.__getitem__, own))
            digest.update("\n".join([*item, *own, ""]).encode())  # no text has a line break left
        each = np.array(texts, "<u2").tobytes() if len(codes) > FEW_TEXTS else b""
        return digest.hexdigest(), len(codes), each


def read_lines(content: bytes, add: Add) -> Lines:
    """Read the file of responses; what cannot be read is a finding each."""
    lines = Lines()
    if not content:
        add("empty", None, "no responses in it")
    number = 0
    for number, line in enumerate(io.BytesIO(content), start=1):
        fault = _take(lines, number, line.removesuffix(b"\n"))
        if fault is None:
            continue
        lines.faulty += 1
        add(*fault)
        if lines.faulty == MOST_FAULTY_LINES:
            add("too-many-faults", None, f"{MOST_FAULTY_LINES} faulty lines; the rest was not read")
            return lines
    if content and not content.endswith(b"\n"):
        add("last-line", number, "no line break at its end; the file was cut off")
    return lines


def _take(lines: Lines, number: int, line: bytes) -> tuple[str, int, str] | None:
    """Take a line into *lines*, or say what is wrong with it."""
    if len(line) > LONGEST_LINE:
        return "long-line", number, f"{len(line)} bytes, at most {LONGEST_LINE} are taken"
    try:
        response = RESPONSE.validator.validate_json(line)
    except ValidationError as error:
        return "response", number, _problems(error)
    if response_line(response) != line or response.relation is not None:
        return (
            "not-canonical",
            number,
            "not as `itr-bench submit` writes it (blanks, order or escapes differ, or a field "
            "stands twice); make the submission with that command",
        )
    there = lines.take(number, response)
    if there.number != number:
        return (
            "twice",
            number,
            f"tweet {response.tweet_id}, {response.question}, sample {response.sample} stands "
            f"already in line {there.number}",
        )
    return None


def _problems(error: ValidationError) -> str:
    if error.error_count() > MOST_PROBLEMS:  # listing them costs more than reading the file
        return f"{error.error_count()} fields that are no response's"
    found = (f"{name or 'line'}: {what}" for name, what in problems_of(error))
    return "; ".join(found).replace("at line 1 column", "at column")


def check_run(lines: Lines, run: RunFacts, add: Add) -> None:
    """Check that every tweet has both questions with every sample, each with its seed.

    Seeds are checked where they are as many as the samples; else that is a finding of its own.
    """
    for tweet in lines.tweets:
        for question in QUESTIONS:
            _check_missing(tweet, question, lines, run, add)
    seeds: list[int | None] = [None] * run.samples
    unknown = run.seeded_each and len(run.seeds or ()) != run.samples
    if run.seeded_each and run.seeds:
        seeds = [*run.seeds]
    images: dict[str, str] = {}
    for (tweet, _), samples in lines.by_item.items():
        first = next(iter(samples.values())).response
        prompt, image = first.prompt_hash, images.setdefault(tweet, first.image_sha256)
        for sample, line in samples.items():
            if sample >= run.samples:
                add("sample", line.number, f"sample {sample}, the run states {run.samples} samples")
            elif not unknown and line.response.seed != seeds[sample]:
                said = f"seed {line.response.seed}, expected {seeds[sample]} for sample {sample}"
                add("seed", line.number, said)
            if line.response.prompt_hash != prompt:
                add("hash", line.number, "another prompt hash than the question's other samples")
            if line.response.image_sha256 != image:
                add("hash", line.number, "another image hash than the tweet's other responses")


def _check_missing(tweet: str, question: Question, lines: Lines, run: RunFacts, add: Add) -> None:
    found = lines.by_item.get((tweet, question.value), {})
    if len(found) == run.samples and max(found) < run.samples:
        return
    absent = (str(sample) for sample in range(run.samples) if sample not in found)
    missing = list(itertools.islice(absent, MOST_PROBLEMS + 1))
    if missing:
        more = ", ..." if len(missing) > MOST_PROBLEMS else ""
        add(
            "missing-response",
            None,
            f"tweet {tweet}, {question.value}: no sample {', '.join(missing[:MOST_PROBLEMS])}"
            f"{more}; expected 0 to {run.samples - 1}",
        )


def check_images(lines: Lines, run: RunFacts, add: Add) -> None:
    """Check that images are named where the task shows some, and only there.

    All that can be checked of images without the data of the task.
    """
    task = find_task(run.task)
    without_image = task is not None and task.without_image
    for (tweet, _), samples in lines.by_item.items():
        for line in samples.values():
            if (line.response.image_sha256 == NO_PICTURE) != without_image:
                shows = "no image" if without_image else "an image with each tweet"
                image = _image(line.response.image_sha256)
                said = f"{image} for tweet {tweet}; {run.task} shows {shows}"
                add("image-hash", line.number, said)


def _image(sha256: str) -> str:
    return "no image" if sha256 == NO_PICTURE else f"{sha256[:12]}..."


def check_content(
    lines: Lines, task: str, reference: Reference, prompts: bool, add: Add
) -> str | None:
    """Check the ids and the hashes against the data of the task.

    Args:
        task: the task, its suffix included.
        prompts: whether its prompts are those of this version of the task.

    Returns:
        the answer format that the prompts asked for, where they are known.
    """
    for tweet, question in reference.items:
        if (tweet, question) not in lines.by_item:
            add("missing-tweet", None, f"tweet {tweet}, {question}: no response")
    answer_format = _format_of(lines, task, reference) if prompts else None
    for (tweet, question), samples in lines.by_item.items():
        expected = reference.items.get((tweet, question))
        for line in samples.values():
            if expected is None:
                add("unknown-tweet", line.number, f"tweet {tweet} is none of the task's")
                continue
            if line.response.image_sha256 != expected.image_sha256:
                add(
                    "image-hash",
                    line.number,
                    f"{_image(line.response.image_sha256)}, the task's image of tweet {tweet} is "
                    f"{_image(expected.image_sha256)}",
                )
            if answer_format and line.response.prompt_hash != expected.prompt_hashes[answer_format]:
                add(
                    "prompt-hash",
                    line.number,
                    f"{line.response.prompt_hash}, the task's prompt for tweet {tweet} in the "
                    f"{answer_format} answer format is {expected.prompt_hashes[answer_format]}",
                )
    return answer_format


def check_quotations(lines: Lines, reference: Reference, add: Add) -> None:
    """Check that no response quotes its tweet, as far as the tweet is known."""
    for (tweet, _), samples in lines.by_item.items():
        texts = reference.texts.get(tweet)
        harmless: set[str] = set()  # few texts come often
        for line in samples.values() if texts else ():
            if line.response.response in harmless:
                continue
            if quotations(line.response.response, texts or ()):
                add(
                    "quotation",
                    line.number,
                    f"quotes {LEAST} or more consecutive words of tweet {tweet}; "
                    "`itr-bench submit` masks them",
                )
            else:
                harmless.add(line.response.response)


def _format_of(lines: Lines, task: str, reference: Reference) -> str:
    """The answer format that most prompts asked for, of those that the task may have."""
    if task.endswith(EXPLAINED):
        return "explained"
    votes = dict.fromkeys(FORMATS, 0)
    for item, samples in lines.by_item.items():
        if item in reference.items:
            given = next(iter(samples.values())).response.prompt_hash
            for name, expected in reference.items[item].prompt_hashes.items():
                votes[name] += given == expected
    return max(votes, key=votes.__getitem__)  # of equally many, the first


def read_answers(
    lines: Lines, run: RunFacts, parser: Parser, language: str, add: Add
) -> dict[Item, tuple[Answer, ...]]:
    """Read the answers again: by tweet and question, in the order of the samples.

    Call for responses of which nothing is missing.
    """
    # No failed request is in a run folder, so what reads like it was said.
    ours = run.source == "itr-bench run"
    known: dict[str, Answer] = {}
    found = {}
    for item, samples in lines.by_item.items():
        answers = []
        for sample in range(run.samples):
            line = samples[sample]
            text = line.response.response
            if text not in known:
                known[text] = (
                    read_answer(parser, text, language)
                    if ours
                    else parser.read(text, language).answer
                )
            if known[text] is Answer.FAILED:
                add("failed", line.number, "a failed request, no answer of the model: run it again")
            answers.append(known[text])
        found[item] = tuple(answers)
    return found


def answers_hash(answers: Mapping[Item, tuple[Answer, ...]]) -> str | None:
    """A hash of the parsed answers, the samples of an item sorted; see :class:`Checked`."""
    found = {item: sorted(answer.value for answer in own) for item, own in answers.items()}
    by_question: dict[str, set[str]] = {}
    for (_, question), own in found.items():
        by_question.setdefault(question, set()).update(own)
    if all(len(values) < 2 for values in by_question.values()):
        return None
    text = "\n".join(f"{' '.join(item)} {' '.join(own)}" for item, own in sorted(found.items()))
    return hashlib.sha256(text.encode()).hexdigest()


def predictions(answers: Mapping[Item, tuple[Answer, ...]], reference: Reference) -> Predictions:
    """Pair the *answers* with what is right."""
    return pair(
        ReadItem(tweet, Question(question), expected.relation, answers[tweet, question])
        for (tweet, question), expected in reference.items.items()
    )
