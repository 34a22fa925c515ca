"""The data as a release: what may be in it, its files, and putting it onto the Hub."""
