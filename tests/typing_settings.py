"""The settings as the type checker's Django plugin loads them."""

import tests.environment  # noqa: F401  # before the settings, which refuse to load without
from safycore_backend.settings import *  # noqa: F403
