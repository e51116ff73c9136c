"""In Postgres: the list of sessions has the same policy as the profiles, for the server's role alone."""

from django.db import migrations

from safycore_backend.postgres_sql import PostgresSQL

FORWARD = """
alter table safycore_django.conversation_sessions enable row level security;
alter table safycore_django.conversation_sessions force row level security;

create policy conversation_sessions_owner on safycore_django.conversation_sessions for all to safycore_user
  using ((select safycore.uid()) = user_id) with check ((select safycore.uid()) = user_id);

revoke all on table safycore_django.conversation_sessions
from public, anon, authenticated, service_role, safycore_user;
-- A session never changes its person, its name or the day it began.
grant select, delete,
  insert (session_id, user_id, title, created_at, updated_at),
  update (title, updated_at)
on table safycore_django.conversation_sessions to safycore_user;
"""
BACKWARD = """
drop policy conversation_sessions_owner on safycore_django.conversation_sessions;
revoke all on table safycore_django.conversation_sessions from safycore_user;
"""


class Migration(migrations.Migration):
    dependencies = [("chat", "0001_initial"), ("users", "0002_policies")]

    operations = [PostgresSQL(FORWARD, BACKWARD)]
