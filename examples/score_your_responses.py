"""Score responses that you have already: one file a seed, and a file with the right relations."""

import tempfile
from pathlib import Path

import itr_bench

# Raw responses, as the model wrote them: to "does the image add?" and "is the text represented?".
RESPONSES = """\
id\tadds\trepr
101\tYes\tYes, the cake is in the picture.
102\t<think>No price is shown ...</think>Yes\tNo.
103\tNo\t\\boxed{Yes}
104\tI cannot tell.\tNo
"""
# 0: adds, represented; 1: adds, not represented; 2: adds nothing, represented; 3: neither.
GOLD = "relation\ttweet_id\n0\t101\n1\t102\n2\t103\n3\t104\n"

with tempfile.TemporaryDirectory() as folder:
    seed, gold = Path(folder, "my-model.tsv"), Path(folder, "gold.tsv")
    seed.write_text(RESPONSES, encoding="utf-8")
    gold.write_text(GOLD, encoding="utf-8")
    results = itr_bench.score([seed], gold=gold)

print(results)
print("accuracy:", results[0].score.accuracy)
