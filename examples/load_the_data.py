"""Load the tweets of a task. Those of the paper are fetched on first use; the demo is bundled."""

from collections import Counter

import itr_bench

tweets = itr_bench.load("itr_demo_lv")  # or "ltec_itr_lv", "ltec_itr_full_lv", ...
relation = tweets.features["relation"]
print(len(tweets), "tweets:", dict(Counter(map(relation.int2str, tweets["relation"]))))

first = tweets[0]
print(first["text"], "|", relation.int2str(first["relation"]), "|", first["image"].size)
