"""What keeps a benchmark from being run."""


class BenchError(Exception):
    """The benchmark cannot go on. The message is a sentence for the person who typed the command."""
