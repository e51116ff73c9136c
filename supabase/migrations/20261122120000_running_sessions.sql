-- Which of a person's sessions are being answered now, for the list of sessions.

create or replace function public.running_sessions() returns jsonb
  language plpgsql stable
  set search_path = ''
  as $$
    declare
      me uuid := safycore.caller();
    begin
      return (
        select coalesce(jsonb_agg(m.session_id order by m.session_id), '[]'::jsonb)
        from public.messages m
        where m.user_id = me and m.status = 'streaming' and m.heartbeat_at >= clock_timestamp() - safycore.lease());
    end
  $$;

comment on function public.running_sessions() is
  'The ids of the caller''s sessions with a running reply; what a dead process left is none.';

do $$
declare
  was_open boolean := has_table_privilege('authenticated', 'public.messages', 'select');
begin
  revoke all on function public.running_sessions() from public, anon, authenticated, service_role;
  grant execute on function public.running_sessions() to safycore_user;
  if was_open then
    call safycore.set_data_api(true);
  end if;
end
$$;
