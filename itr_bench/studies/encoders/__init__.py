"""What answers without a VLM: contrastive encoders, a linear model of the text, and retrieval."""
