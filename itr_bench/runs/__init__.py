"""Evaluating a model under the paper's protocol, durably: ``itr-bench run``."""
