from django.db import models

from users.models import UserProfile


class ConversationSession(models.Model):
    """A session as the list shows it; what was said in it is in Supabase."""

    session_id = models.CharField(max_length=255)
    user = models.ForeignKey(
        UserProfile,
        on_delete=models.CASCADE,
        to_field="user_id",
        related_name="sessions",
        db_index=False,
    )
    title = models.CharField(max_length=255)
    created_at = models.DateTimeField(auto_now_add=True)
    # Set by hand: renaming a session does not make it the newest.
    updated_at = models.DateTimeField()

    class Meta:
        db_table = "conversation_sessions"
        constraints = [
            # Two people may both have a session called "chat".
            models.UniqueConstraint(fields=["user", "session_id"], name="conversation_sessions_per_user")
        ]
        indexes = [models.Index(fields=["user", "-updated_at", "-id"], name="conversation_sessions_newest")]

    def __str__(self) -> str:
        return self.session_id
