"""What the OpenAPI document says of the API as a whole."""

DESCRIPTION = """\
An AI chat that many people share and that never shows one person's words to another.

JSON in and out, UTF-8. Sign up or sign in, then send `Authorization: Bearer <access_token>` with every call that is not
marked as open. Errors always have the form `{"error": "…", "code": "…", "request_id": "…"}`; programs go by the code.
"""
ACCOUNTS = "Accounts"
CHAT = "Chat"
SESSIONS = "Sessions"
TRAINING_DATA = "Training data"
SERVER = "Server"
TAGS = [
    {"name": ACCOUNTS, "description": "Signing up, in and out, passwords, and everything that a person has."},
    {"name": CHAT, "description": "Messages and their replies, at once or as they are made."},
    {"name": SESSIONS, "description": "The list of a person's conversations."},
    {"name": TRAINING_DATA, "description": "What the bot answers from, per session."},
    {"name": SERVER, "description": "What this server offers."},
]
