"""Fine-tuning with cross-validation: each tweet is predicted by a model that never saw it."""
