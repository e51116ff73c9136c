-- An account that is deleted leaves Supabase Auth's own log, too, which has its id and its address.

-- How many entries went. None where we may not delete there, or where there are so many, without an index, that looking
-- through them would make the deletion itself fail; see docs/security-log.md. For remove_caller alone.
create or replace function safycore.forget_in_audit_log(p_user_id uuid, p_email text) returns bigint
  language plpgsql volatile
  set search_path = ''
  as $$
    declare
      gone bigint;
    begin
      if not exists (
        select from pg_catalog.pg_class c
        where c.oid = to_regclass('auth.audit_log_entries') and c.reltuples < 200000
          -- Each by itself: of a list, this function wants but one.
          and pg_catalog.has_table_privilege(c.oid, 'select') and pg_catalog.has_table_privilege(c.oid, 'delete')
      ) then
        return 0;
      end if;
      execute 'delete from auth.audit_log_entries a
          where position($1 in a.payload::text) > 0 or position(to_json($2)::text in a.payload::text) > 0'
        using p_user_id::text, coalesce(nullif(p_email, ''), p_user_id::text);
      get diagnostics gone = row_count;
      return gone;
    end
  $$;

revoke all on function safycore.forget_in_audit_log(uuid, text) from public, anon, authenticated, service_role, safycore_user;

-- As before, and the log.
create or replace function safycore.remove_caller() returns integer
  language plpgsql volatile security definer
  set search_path = ''
  as $$
    declare
      removed integer;
      address text;
    begin
      if not exists (
        select from auth.sessions s
        where s.id = safycore.auth_session_id()
          and s.user_id = safycore.uid()
          and s.created_at > now() - interval '1 minute'
      ) then
        raise exception 'sign in again before removing the account' using errcode = 'PT401';
      end if;
      delete from auth.users where id = safycore.uid() returning email into address;
      get diagnostics removed = row_count;
      perform safycore.forget_in_audit_log(safycore.uid(), address);
      return removed;
    end
  $$;
