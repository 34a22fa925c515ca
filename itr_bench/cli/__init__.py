"""The command ``itr-bench``: one module a subcommand, imported only when it is called."""
