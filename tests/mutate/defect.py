# What a planted defect is: an honest mistake, and the tests that have to notice it.
from typing import NamedTuple


class Defect(NamedTuple):
    file: str
    before: str  # stands in the file exactly once
    after: str
    tests: tuple[str, ...]  # of which at least one must fail: a program, or program:filter for some of its cases
    reason: str  # what goes wrong with it
