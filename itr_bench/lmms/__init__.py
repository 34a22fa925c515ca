"""The plug into lmms-eval: discovery of the tasks, their hooks, and models of our own."""
