"""Read answers of another form: a parser is a name, a version and a function.

The version stands in the signature of every score; raise it whenever a rule changes.
"""

import tempfile
from pathlib import Path

import itr_bench
from itr_bench.answers import Parser, Reading, Rule
from itr_bench.relation import Answer


def read_stars(response: str | None, language: str) -> Reading:
    """One star is no, five stars are yes, anything else is unparseable."""
    if response is None:
        return Reading(Answer.FAILED, Rule.FAILED)
    answer = {"*": Answer.NO, "*****": Answer.YES}.get(response.strip(), Answer.NONE)
    return Reading(answer, Rule.NONE if answer is Answer.NONE else Rule.WORDS)


stars = Parser("stars", 1, read_stars)
for response in ("*****", "*", "***", None):
    print(repr(response), itr_bench.parse(response, parser=stars).answer.value)

with tempfile.TemporaryDirectory() as folder:
    rated, gold = Path(folder, "rated.tsv"), Path(folder, "gold.tsv")
    rated.write_text("id\tadds\trepr\n1\t*****\t*****\n2\t*\t*****\n", encoding="utf-8")
    gold.write_text("relation\ttweet_id\n0\t1\n2\t2\n", encoding="utf-8")
    print(itr_bench.score(rated, gold=gold, parser=stars)[0].signature)
