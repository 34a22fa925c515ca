"""A made-up demo set: 24 tweets, six a relation, with pictures drawn by `draw`."""
