"""Raw response to answer: by rule, never by guess.

>>> from itr_bench.answers import read_answer
>>> read_answer("**Answer:** YES; **EXPLANATION:** no dish is named").answer.value
'yes'
"""

from itr_bench.answers.asked import Asked
from itr_bench.answers.parser import Reading, Rule, read_answer
from itr_bench.answers.registry import DEFAULT_PARSER, Parser, get_parser

__all__ = [
    "DEFAULT_PARSER",
    "Asked",
    "Parser",
    "Reading",
    "Rule",
    "get_parser",
    "read_answer",
]
