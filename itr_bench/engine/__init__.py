"""One image, many questions: generation that computes what several rows share once.

A row is one generation: a prompt about an image, and a seed. Rows about one image share the
image's encoding and the common beginning of their prompts; rows of one prompt share all of it; rows
whose tokens have been equal so far share these as well. Imports torch and transformers, and knows
nothing of lmms-eval.
"""
