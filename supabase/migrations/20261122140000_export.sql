-- All that a person has, page by page, for the export. Keyset pages: each begins after the row that the last one ended
-- with, so that rows written or deleted meanwhile neither double nor hide others.

-- {rows, next}: at most p_limit rows, and none more once p_max_chars characters are passed. next is the cursor of what
-- follows, null after an empty page.
create or replace function public.export_messages(p_after text, p_limit integer, p_max_chars integer) returns jsonb
  language plpgsql stable
  set search_path = ''
  as $$
    declare
      me uuid := safycore.caller();
      -- No session is called '', and no message has the number 0.
      after_session text := coalesce(p_after::jsonb ->> 0, '');
      after_seq bigint := coalesce((p_after::jsonb ->> 1)::bigint, 0);
      answer jsonb;
    begin
      select jsonb_build_object(
        'rows', coalesce(jsonb_agg(safycore.message_json(p.message) - 'seq' order by p.place), '[]'::jsonb),
        'next', (array_agg(jsonb_build_array((p.message).session_id, (p.message).seq)::text order by p.place desc))[1])
      into answer
      from (
        select n.message, row_number() over places as place,
          sum(length((n.message).content)) over places - length((n.message).content) as chars_before
        from (
          select m as message from public.messages m
          where m.user_id = me and (m.session_id, m.seq) > (after_session, after_seq)
          order by m.session_id, m.seq
          limit p_limit
        ) n
        window places as (order by (n.message).session_id, (n.message).seq)
      ) p
      where p.chars_before < p_max_chars;
      return answer;
    end
  $$;

comment on function public.export_messages(text, integer, integer) is
  'The caller''s messages, superseded answers too, by session and in their order: {rows, next}.';

create or replace function public.export_training_data(p_after text, p_limit integer, p_max_chars integer) returns jsonb
  language plpgsql stable
  set search_path = ''
  as $$
    declare
      me uuid := safycore.caller();
      after_session text := coalesce(p_after::jsonb ->> 0, '');
      after_created timestamptz := coalesce((p_after::jsonb ->> 1)::timestamptz, '-infinity');
      after_id uuid := coalesce((p_after::jsonb ->> 2)::uuid, '00000000-0000-0000-0000-000000000000');
      answer jsonb;
    begin
      select jsonb_build_object(
        'rows', coalesce(jsonb_agg(jsonb_build_object('id', p.id, 'session_id', p.session_id, 'content', p.content,
            'created_at', safycore.rfc3339(p.created_at), 'updated_at', safycore.rfc3339(p.updated_at))
          order by p.place), '[]'::jsonb),
        'next', (array_agg(jsonb_build_array(p.session_id, safycore.rfc3339(p.created_at), p.id)::text
          order by p.place desc))[1])
      into answer
      from (
        select n.*, row_number() over places as place,
          sum(length(n.content)) over places - length(n.content) as chars_before
        from (
          select * from public.training_data t
          where t.user_id = me and (t.session_id, t.created_at, t.id) > (after_session, after_created, after_id)
          order by t.session_id, t.created_at, t.id
          limit p_limit
        ) n
        window places as (order by n.session_id, n.created_at, n.id)
      ) p
      where p.chars_before < p_max_chars;
      return answer;
    end
  $$;

comment on function public.export_training_data(text, integer, integer) is
  'What the caller''s sessions are answered from, by session, oldest first: {rows, next}.';

do $$
declare
  was_open boolean := has_table_privilege('authenticated', 'public.messages', 'select');
  routine regprocedure;
begin
  for routine in
    select p.oid::regprocedure from pg_proc p
    where p.pronamespace = 'public'::regnamespace and p.proname in ('export_messages', 'export_training_data')
  loop
    execute format('revoke all on function %s from public, anon, authenticated, service_role', routine);
    execute format('grant execute on function %s to safycore_user', routine);
  end loop;
  if was_open then
    call safycore.set_data_api(true);
  end if;
end
$$;
