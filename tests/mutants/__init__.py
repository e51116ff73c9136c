"""A mutation run over the policies: weaken each in turn, and fail if no check notices. `python -m tests.mutants`"""
