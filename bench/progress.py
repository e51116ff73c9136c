"""What the person who waits is told."""

import sys
import time

_begun = time.monotonic()


def say(text: str) -> None:
    """One line about what is being done now, with the seconds since the start; the report itself goes elsewhere."""
    print(f"{time.monotonic() - _begun:6.1f} s  {text}", file=sys.stderr, flush=True)
