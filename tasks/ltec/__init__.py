"""LTEC: tweets of the Latvian Twitter Eater Corpus with images."""
