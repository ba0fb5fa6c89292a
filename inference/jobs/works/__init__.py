"""The kinds of work there are, each in the module of its name."""
