-- The roles and grants that every hosted Supabase project starts with, as far as SafyCore meets
-- them. Run at every start by the superuser, in the database of the project; changes nothing then.

do $$
begin
  if to_regrole('anon') is null then
    create role anon nologin noinherit;
  end if;
  if to_regrole('authenticated') is null then
    create role authenticated nologin noinherit;
  end if;
  if to_regrole('service_role') is null then
    create role service_role nologin noinherit bypassrls;
  end if;
  if to_regrole('authenticator') is null then
    create role authenticator login noinherit;
    grant anon, authenticated, service_role to authenticator;
  end if;
end
$$;

revoke all on database safycore from public;
-- The local Supabase makes its own tables, in a schema of its own.
grant connect, create on database safycore to authenticator;

create schema if not exists auth authorization authenticator;
grant usage on schema auth, public to anon, authenticated, service_role;

-- A hosted project gives these to anon and authenticated as well. Here they get what a migration
-- grants and no more, so that a forgotten grant is seen in a test.
alter default privileges in schema public grant all on tables to service_role;
alter default privileges in schema public grant all on sequences to service_role;
alter default privileges in schema public grant all on functions to service_role;

-- lite reads information_schema, which shows a role what it has some right to; PostgREST reads the
-- catalogue itself. This right is the smallest that makes tables visible, and gives no row away.
alter default privileges in schema public grant references on tables to authenticator;
