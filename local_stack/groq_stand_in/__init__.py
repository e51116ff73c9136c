"""A stand-in for Groq: its wire protocol, answered without any model.

`make up` without a key, the tests and the benchmarks talk to it. Run it as a process with
`python -m local_stack.groq_stand_in`, or inside a test with `async with serve() as stand_in`.
`script.py` lists the faults that a test can ask for.
"""

from .script import Script
from .server import StandIn, serve
from .settings import AT_FULL_SPEED, Settings

__all__ = ["AT_FULL_SPEED", "Script", "Settings", "StandIn", "serve"]
