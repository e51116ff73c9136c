-- The pages of the export, row by row: what is longer than a page is not read to be left out. Nothing else is changed:
-- arguments, answers and grants are those of the functions that stand here already.

create or replace function public.export_messages(p_after text, p_limit integer, p_max_chars integer) returns jsonb
  language plpgsql stable
  set search_path = ''
  as $$
    declare
      me uuid := safycore.caller();
      -- No session is called '', and no message has the number 0.
      after_session text := coalesce(p_after::jsonb ->> 0, '');
      after_seq bigint := coalesce((p_after::jsonb ->> 1)::bigint, 0);
      m public.messages;
      told jsonb[] := '{}';
      following text;
      chars bigint := 0;
    begin
      -- A long text lies apart from its row until somebody asks for it, and nobody does behind the end of the page.
      for m in
        select n.* from public.messages n
        where n.user_id = me and (n.session_id, n.seq) > (after_session, after_seq)
        order by n.session_id, n.seq
        limit p_limit
      loop
        told := array_append(told, safycore.message_json(m) - 'seq');
        following := jsonb_build_array(m.session_id, m.seq)::text;
        chars := chars + length(m.content);
        exit when chars >= p_max_chars;
      end loop;
      return jsonb_build_object('rows', to_jsonb(told), 'next', following);
    end
  $$;

create or replace function public.export_training_data(p_after text, p_limit integer, p_max_chars integer) returns jsonb
  language plpgsql stable
  set search_path = ''
  as $$
    declare
      me uuid := safycore.caller();
      after_session text := coalesce(p_after::jsonb ->> 0, '');
      after_created timestamptz := coalesce((p_after::jsonb ->> 1)::timestamptz, '-infinity');
      after_id uuid := coalesce((p_after::jsonb ->> 2)::uuid, '00000000-0000-0000-0000-000000000000');
      t public.training_data;
      told jsonb[] := '{}';
      following text;
      chars bigint := 0;
    begin
      for t in
        select n.* from public.training_data n
        where n.user_id = me and (n.session_id, n.created_at, n.id) > (after_session, after_created, after_id)
        order by n.session_id, n.created_at, n.id
        limit p_limit
      loop
        told := array_append(told, jsonb_build_object('id', t.id, 'session_id', t.session_id, 'content', t.content,
          'created_at', safycore.rfc3339(t.created_at), 'updated_at', safycore.rfc3339(t.updated_at)));
        following := jsonb_build_array(t.session_id, safycore.rfc3339(t.created_at), t.id)::text;
        chars := chars + length(t.content);
        exit when chars >= p_max_chars;
      end loop;
      return jsonb_build_object('rows', to_jsonb(told), 'next', following);
    end
  $$;
