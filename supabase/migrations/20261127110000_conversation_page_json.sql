-- A page of history in half the time: its messages are written as they are read. Before, each of them was a call of
-- safycore.message_json and of safycore.rfc3339, and was put together as jsonb, which nobody looked into. The fields
-- are those of safycore.message_json.

drop function if exists public.conversation_page(text, integer, bigint, boolean);

create or replace function public.conversation_page(p_session_id text, p_limit integer, p_before bigint, p_versions boolean) returns json
  language plpgsql volatile
  set search_path = ''
  as $$
    declare
      me uuid := safycore.caller();
      newest bigint := coalesce(p_before, 9223372036854775807);
      page json;
      following bigint;
    begin
      perform safycore.interrupt_dead_replies(me, p_session_id);
      -- One more than is shown tells whether there is a page before this one.
      select coalesce(json_agg(json_build_object(
          'id', n.id, 'user_id', n.user_id, 'session_id', n.session_id, 'seq', n.seq, 'role', n.role,
          'content', n.content, 'status', n.status, 'reply_to', n.reply_to, 'client_message_id', n.client_message_id,
          'model', n.model, 'finish_reason', n.finish_reason, 'usage', n.usage, 'error_code', n.error_code,
          'superseded', n.superseded,
          'created_at', to_char(n.created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
        ) order by n.seq) filter (where n.place <= p_limit), '[]'::json),
        case when count(*) > p_limit then min(n.seq) filter (where n.place <= p_limit) end
      into page, following
      from (
        select m.*, row_number() over (order by m.seq desc) as place
        from public.messages m
        where m.user_id = me and m.session_id = p_session_id and m.seq < newest and (p_versions or not m.superseded)
        order by m.seq desc
        limit p_limit + 1
      ) n;
      return json_build_object('messages', page, 'next', following);
    end
  $$;

do $$
declare
  was_open boolean := has_table_privilege('authenticated', 'public.messages', 'select');
  routine regprocedure := 'public.conversation_page(text, integer, bigint, boolean)'::regprocedure;
begin
  execute format('revoke all on function %s from public, anon, authenticated, service_role', routine);
  execute format('grant execute on function %s to safycore_user', routine);
  if was_open then
    call safycore.set_data_api(true);
  end if;
end
$$;
