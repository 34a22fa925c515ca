"""Raw response to answer: by rule, never by guess.

>>> from itr_bench.answers import read_answer
>>> read_answer("**Answer:** YES; **EXPLANATION:** no dish is named").answer.value
'yes'
"""

from itr_bench.answers.asked import Asked
from itr_bench.answers.explain import Explanation, explain
from itr_bench.answers.forms import new_forms
from itr_bench.answers.parser import Reading, Rule, read_answer
from itr_bench.answers.registry import DEFAULT_PARSER, Parser, get_parser

__all__ = [
    "DEFAULT_PARSER",
    "Asked",
    "Explanation",
    "Parser",
    "Reading",
    "Rule",
    "explain",
    "get_parser",
    "new_forms",
    "read_answer",
]
