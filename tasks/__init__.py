"""Task definitions for lmms-eval: one folder a data set, over one template and three prompts."""
