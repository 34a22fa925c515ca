"""Answers to scores: pairing, metrics with intervals, comparisons, tiers, and the signature."""
