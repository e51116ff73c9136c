-- The history of a prompt, written as JSON as it is read, as a page of history is. Before, it was put together as jsonb,
-- twice, which nobody looked into; of four hundred messages that took longer than to read them.

drop function if exists safycore.recent_messages(uuid, text, bigint, integer, integer);
drop function if exists public.begin_turn(text, text, text, text, text, text, integer, integer, integer, text, text, integer);
drop function if exists public.regenerate_turn(text, text, integer, integer, text, text, integer);

-- The newest messages before p_before whose text fits p_max_chars, oldest first, as [{role, content, status}].
create or replace function safycore.recent_messages(
  p_owner uuid, p_session_id text, p_before bigint, p_max_messages integer, p_max_chars integer
) returns json
  language sql stable
  set search_path = ''
  as $$
    with newest as (
      select m.seq, m.role, m.content, m.status
      from public.messages m
      where m.user_id = p_owner and m.session_id = p_session_id and m.seq < p_before and not m.superseded
      order by m.seq desc
      limit p_max_messages
    ), measured as (
      select n.*, sum(length(n.content)) over (order by n.seq desc) as running from newest n
    )
    select coalesce(
      json_agg(json_build_object('role', role, 'content', content, 'status', status) order by seq),
      '[]'::json)
    from measured where running <= p_max_chars
  $$;

create or replace function public.begin_turn(
  p_session_id text,
  p_content text,
  p_client_message_id text,
  p_request_hash text,
  p_model text,
  p_training_data text,
  p_training_max_chars integer,
  p_history_max_messages integer,
  p_history_max_chars integer,
  p_owner text,
  p_dead_owner text,
  p_max_running integer
) returns json
  language plpgsql volatile
  set search_path = ''
  as $$
    declare
      me uuid := safycore.caller();
      earlier jsonb;
      refusal jsonb;
      sent public.messages;
      reply public.messages;
    begin
      if p_client_message_id is not null then
        perform safycore.lock_session(me, 'key/' || p_client_message_id);
        earlier := safycore.earlier_turn(me, p_client_message_id, p_request_hash);
        if earlier is not null then
          return earlier;
        end if;
      end if;
      perform safycore.lock_session(me, p_session_id);
      refusal := safycore.refusal(me, p_session_id, p_dead_owner, p_max_running);
      if refusal is not null then
        return refusal;
      end if;
      if p_training_data is not null
        and safycore.keep_training_data(me, p_session_id, p_training_data, p_training_max_chars) is null then
        return jsonb_build_object('outcome', 'training_data_full');
      end if;
      insert into public.messages (user_id, session_id, role, content, status, client_message_id, request_hash)
        values (me, p_session_id, 'user', p_content, 'sent', p_client_message_id, p_request_hash)
        returning * into sent;
      reply := safycore.put_down_reply(me, p_session_id, sent.id, p_model, p_owner);
      return json_build_object('outcome', 'started',
        'user_message', safycore.message_json(sent), 'message', safycore.message_json(reply),
        'history', safycore.recent_messages(me, p_session_id, sent.seq, p_history_max_messages, p_history_max_chars),
        'training_data', safycore.training_texts(me, p_session_id));
    end
  $$;

comment on function public.begin_turn is
  'Stores the message and an empty reply, and returns what the prompt is made of. outcome: started, repeated, key_reused, running, too_many or training_data_full.';

-- Another answer to the last message; the former ones are kept, as superseded. outcome: started, absent, running or too_many.
create or replace function public.regenerate_turn(
  p_session_id text,
  p_model text,
  p_history_max_messages integer,
  p_history_max_chars integer,
  p_owner text,
  p_dead_owner text,
  p_max_running integer
) returns json
  language plpgsql volatile
  set search_path = ''
  as $$
    declare
      me uuid := safycore.caller();
      refusal jsonb;
      sent public.messages;
      reply public.messages;
    begin
      perform safycore.lock_session(me, p_session_id);
      refusal := safycore.refusal(me, p_session_id, p_dead_owner, p_max_running);
      if refusal is not null then
        return refusal;
      end if;
      select * into sent from public.messages m
        where m.user_id = me and m.session_id = p_session_id and m.role = 'user'
        order by m.seq desc limit 1;
      if not found then
        return jsonb_build_object('outcome', 'absent');
      end if;
      update public.messages set superseded = true
        where user_id = me and session_id = p_session_id and seq > sent.seq and role = 'assistant' and not superseded;
      reply := safycore.put_down_reply(me, p_session_id, sent.id, p_model, p_owner);
      return json_build_object('outcome', 'started',
        'user_message', safycore.message_json(sent), 'message', safycore.message_json(reply),
        'history', safycore.recent_messages(me, p_session_id, sent.seq, p_history_max_messages, p_history_max_chars),
        'training_data', safycore.training_texts(me, p_session_id));
    end
  $$;

do $$
declare
  was_open boolean := has_table_privilege('authenticated', 'public.messages', 'select');
  routine regprocedure;
begin
  for routine in
    select p.oid::regprocedure from pg_proc p
    where p.pronamespace in ('public'::regnamespace, 'safycore'::regnamespace)
      and p.proname in ('recent_messages', 'begin_turn', 'regenerate_turn')
  loop
    execute format('revoke all on function %s from public, anon, authenticated, service_role', routine);
    execute format('grant execute on function %s to safycore_user', routine);
  end loop;
  if was_open then
    call safycore.set_data_api(true);
  end if;
end
$$;
