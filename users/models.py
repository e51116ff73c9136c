from django.db import models


class UserProfile(models.Model):
    """What SafyCore itself keeps of a person; who they are is Supabase's to say."""

    user_id = models.UUIDField(unique=True)
    # Null when Supabase knows no address, or when it has since given this one to somebody else.
    email = models.EmailField(unique=True, null=True)  # noqa: DJ001  # two unknown addresses must not collide
    default_session_id = models.CharField(max_length=255, null=True)  # noqa: DJ001  # "" is no session id
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "user_profiles"

    def __str__(self) -> str:
        return str(self.user_id)
