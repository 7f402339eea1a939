"""The rulebook in plain Python: the tests' oracle and the voice of explanations."""
