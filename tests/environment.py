"""A complete environment for whatever imports the settings: the unit tests and the type checker.

Tests against real processes give those their own. No address here leads anywhere.
"""

import os

VALUES = {
    "DJANGO_SECRET_KEY": "only-for-tests-only-for-tests-only-for-tests",
    "SUPABASE_URL": "http://127.0.0.1:1",
    "SUPABASE_KEY": "sb_publishable_for_tests",
    "SUPABASE_JWT_SECRET": "only-for-tests-only-for-tests-only-for-tests",
    "SUPABASE_JWT_ISSUER": "",
    "GROQ_API_KEY": "for-tests",
    "GROQ_BASE_URL": "http://127.0.0.1:1",
}
os.environ.update(VALUES)
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "safycore_backend.settings")
