-- Who is asking. The claims of the verified token are put into the transaction by PostgREST or by our own server;
-- nothing here takes a user from a parameter.

create schema if not exists safycore;
revoke all on schema safycore from public;

do $$
begin
  if not exists (select from pg_roles where rolname = 'safycore_user') then
    create role safycore_user nologin;
  end if;
  -- NOINHERIT: after logging in the server can do nothing until it becomes safycore_user for one transaction.
  -- The password is set by whoever deploys (docs/configuration.md).
  if not exists (select from pg_roles where rolname = 'safycore_app') then
    create role safycore_app login noinherit;
  end if;
end
$$;

grant safycore_user to safycore_app;
grant usage on schema public to safycore_user;
grant usage on schema safycore to authenticated, safycore_user;

create or replace function safycore.uid() returns uuid
  language sql stable
  set search_path = ''
  return coalesce(
    nullif(current_setting('request.jwt.claim.sub', true), ''),
    nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub'
  )::uuid;

comment on function safycore.uid() is
  'The user of the current claims, or null. Reads both forms, as some gateways set the one and some the other.';

create or replace function safycore.auth_session_id() returns uuid
  language sql stable
  set search_path = ''
  return (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'session_id')::uuid;

comment on function safycore.auth_session_id() is 'The signed-in session (auth.sessions.id) of the current claims, or null.';

-- SECURITY DEFINER because nobody but the owner may read auth.sessions; it tells the caller about their own claims only.
create or replace function safycore.session_is_live() returns boolean
  language sql stable security definer
  set search_path = ''
  as $$
    select exists (
      select from auth.sessions s
      join auth.users u on u.id = s.user_id
      where s.id = safycore.auth_session_id()
        and s.user_id = safycore.uid()
        and (s.not_after is null or s.not_after > now())
        and (u.banned_until is null or u.banned_until < now())
        and u.deleted_at is null
    )
  $$;

comment on function safycore.session_is_live() is
  'Whether the caller''s signed-in session still stands: not signed out, not timed out, the user not banned or deleted.';

create or replace function safycore.caller() returns uuid
  language plpgsql stable
  set search_path = ''
  as $$
    begin
      if safycore.uid() is null or not safycore.session_is_live() then
        raise exception 'the signed-in session has ended' using errcode = 'PT401';
      end if;
      return safycore.uid();
    end
  $$;

comment on function safycore.caller() is 'The user of the current claims; raises PT401 when their session has ended.';

create or replace function public.session_is_live() returns boolean
  language sql stable
  set search_path = ''
  return safycore.session_is_live();

-- A fresh password sign-in is asked for, so that a stolen access token alone cannot remove an account.
create or replace function safycore.remove_caller() returns integer
  language plpgsql volatile security definer
  set search_path = ''
  as $$
    declare
      removed integer;
    begin
      if not exists (
        select from auth.sessions s
        where s.id = safycore.auth_session_id()
          and s.user_id = safycore.uid()
          and s.created_at > now() - interval '1 minute'
      ) then
        raise exception 'sign in again before removing the account' using errcode = 'PT401';
      end if;
      delete from auth.users where id = safycore.uid();
      get diagnostics removed = row_count;
      return removed;
    end
  $$;

comment on function safycore.remove_caller() is
  'Deletes the caller''s row of auth.users and what hangs on it; raises PT401 unless they signed in within the last minute.';

revoke all on function
  safycore.uid(), safycore.auth_session_id(), safycore.session_is_live(), safycore.caller(), safycore.remove_caller(),
  public.session_is_live()
from public, anon, authenticated, service_role;

grant execute on function
  safycore.uid(), safycore.auth_session_id(), safycore.session_is_live(), safycore.caller(), safycore.remove_caller(),
  public.session_is_live()
to safycore_user;
