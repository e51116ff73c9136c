"""In Postgres: the same policies as on what people say, for the server's role alone.

The roles and safycore.uid() come from supabase/migrations. Nobody of the Data API's gets anything.
"""

from django.db import migrations

from safycore_backend.postgres_sql import PostgresSQL

FORWARD = """
revoke all on schema safycore_django from public, anon, authenticated, service_role;
grant usage on schema safycore_django to safycore_user;

alter table safycore_django.django_migrations enable row level security;
alter table safycore_django.django_migrations force row level security;
alter table safycore_django.user_profiles enable row level security;
alter table safycore_django.user_profiles force row level security;

create policy user_profiles_owner on safycore_django.user_profiles for all to safycore_user
  using ((select safycore.uid()) = user_id) with check ((select safycore.uid()) = user_id);

revoke all on table safycore_django.django_migrations, safycore_django.user_profiles
from public, anon, authenticated, service_role, safycore_user;
-- Nobody can give a person, an address or a date: keep_profile() takes them from the claims and the clock.
grant select, delete, update (default_session_id, updated_at) on table safycore_django.user_profiles to safycore_user;

-- SECURITY DEFINER because an address that Supabase gave to somebody else must go from where it was. It can take none
-- away but the caller's own, which the server has from the verified token, and tells nothing of anybody.
create or replace function safycore_django.keep_profile() returns void
  language plpgsql volatile security definer
  set search_path = ''
  as $$
    declare
      person uuid := safycore.uid();
      address text := nullif(pg_catalog.current_setting('request.jwt.claims', true), '')::jsonb ->> 'email';
    begin
      if person is null then
        raise exception 'nobody is signed in' using errcode = 'PT401';
      end if;
      perform pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('profile of ' || address, 0));
      insert into safycore_django.user_profiles (user_id, created_at, updated_at)
      values (person, pg_catalog.now(), pg_catalog.now()) on conflict (user_id) do nothing;
      update safycore_django.user_profiles set email = null where email = address and user_id <> person;
      update safycore_django.user_profiles set email = address, updated_at = pg_catalog.now()
      where user_id = person and email is distinct from address;
    end
  $$;

comment on function safycore_django.keep_profile() is
  'Makes the caller''s profile where there is none, with the address of the claims; whose it was before loses it.';

revoke all on function safycore_django.keep_profile() from public, anon, authenticated, service_role;
grant execute on function safycore_django.keep_profile() to safycore_user;
"""
BACKWARD = """
drop function safycore_django.keep_profile();
drop policy user_profiles_owner on safycore_django.user_profiles;
revoke all on table safycore_django.user_profiles from safycore_user;
"""


class Migration(migrations.Migration):
    dependencies = [("users", "0001_initial")]

    operations = [PostgresSQL(FORWARD, BACKWARD)]
