-- Turns that outlive their process, and answers made again.

alter table public.messages
  add column if not exists owner varchar(255),
  add column if not exists superseded boolean not null default false;

comment on column public.messages.owner is 'Which process makes a reply: <machine>:<process id>:<start>; see chat/owners.py.';
comment on column public.messages.superseded is 'A former answer: another one to the same message was asked for.';

create index if not exists idx_messages_owner on public.messages (owner) where status = 'streaming';

grant insert (owner), update (superseded) on table public.messages to safycore_user;

create or replace function safycore.message_json(m public.messages) returns jsonb
  language sql stable
  set search_path = ''
  return jsonb_build_object(
    'id', m.id, 'user_id', m.user_id, 'session_id', m.session_id, 'seq', m.seq, 'role', m.role, 'content', m.content,
    'status', m.status, 'reply_to', m.reply_to, 'client_message_id', m.client_message_id, 'model', m.model,
    'finish_reason', m.finish_reason, 'usage', m.usage, 'error_code', m.error_code, 'superseded', m.superseded,
    'created_at', safycore.rfc3339(m.created_at)
  );

-- Processes are heard of every second; one that was silent for this long is dead, or cannot save what it makes. Longer
-- than a process tries to save (chat/turns.py), and short enough for "interrupted within a minute".
create or replace function safycore.lease() returns interval
  language sql immutable
  set search_path = ''
  return interval '45 seconds';

-- Why no reply can begin now, as an outcome of begin_turn; null when one can. Ends what a dead process left.
create or replace function safycore.refusal(p_me uuid, p_session_id text, p_dead_owner text, p_max_running integer)
  returns jsonb
  language plpgsql volatile
  set search_path = ''
  as $$
    declare
      running public.messages;
    begin
      -- Two sessions of one person begin one after the other, so that they are counted rightly.
      perform safycore.lock_session(p_me, '');
      perform safycore.interrupt_dead_replies(p_me, p_session_id);
      update public.messages set status = 'interrupted', error_code = 'process_lost'
        where user_id = p_me and session_id = p_session_id and status = 'streaming' and owner = p_dead_owner;
      select * into running from public.messages m
        where m.user_id = p_me and m.session_id = p_session_id and m.status = 'streaming';
      if found then
        return jsonb_build_object('outcome', 'running', 'message_id', running.id, 'owner', running.owner);
      end if;
      if p_max_running <= (
        select count(*) from public.messages m
        where m.user_id = p_me and m.status = 'streaming' and m.owner is distinct from p_dead_owner
          and m.heartbeat_at >= clock_timestamp() - safycore.lease()
      ) then
        return jsonb_build_object('outcome', 'too_many');
      end if;
      return null;
    end
  $$;

create or replace function safycore.put_down_reply(
  p_me uuid, p_session_id text, p_reply_to uuid, p_model text, p_owner text
) returns public.messages
  language sql volatile
  set search_path = ''
  as $$
    insert into public.messages (user_id, session_id, role, status, reply_to, model, owner, heartbeat_at)
      values (p_me, p_session_id, 'assistant', 'streaming', p_reply_to, p_model, p_owner, clock_timestamp())
      returning *
  $$;

create or replace function safycore.recent_messages(
  p_owner uuid, p_session_id text, p_before bigint, p_max_messages integer, p_max_chars integer
) returns jsonb
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
      jsonb_agg(jsonb_build_object('role', role, 'content', content, 'status', status) order by seq),
      '[]'::jsonb)
    from measured where running <= p_max_chars
  $$;

drop function if exists public.begin_turn(text, text, text, text, text, text, integer, integer, integer);

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
) returns jsonb
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
      return jsonb_build_object('outcome', 'started',
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
) returns jsonb
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
      return jsonb_build_object('outcome', 'started',
        'user_message', safycore.message_json(sent), 'message', safycore.message_json(reply),
        'history', safycore.recent_messages(me, p_session_id, sent.seq, p_history_max_messages, p_history_max_chars),
        'training_data', safycore.training_texts(me, p_session_id));
    end
  $$;

drop function if exists public.get_message(uuid);

create or replace function public.get_message(p_message_id uuid) returns jsonb
  language plpgsql volatile
  set search_path = ''
  as $$
    declare
      me uuid := safycore.caller();
      wanted public.messages;
    begin
      update public.messages set status = 'interrupted', error_code = 'process_lost'
        where id = p_message_id and user_id = me and status = 'streaming'
          and heartbeat_at < clock_timestamp() - safycore.lease();
      select * into wanted from public.messages m where m.id = p_message_id and m.user_id = me;
      if not found then
        return null;
      end if;
      return safycore.message_json(wanted);
    end
  $$;

drop function if exists public.conversation_page(text, integer, bigint);

-- p_versions: whether superseded answers are shown too.
create or replace function public.conversation_page(p_session_id text, p_limit integer, p_before bigint, p_versions boolean) returns jsonb
  language plpgsql volatile
  set search_path = ''
  as $$
    declare
      me uuid := safycore.caller();
      page jsonb;
      oldest bigint;
    begin
      perform safycore.interrupt_dead_replies(me, p_session_id);
      select coalesce(jsonb_agg(safycore.message_json(m) order by m.seq), '[]'::jsonb), min(m.seq) into page, oldest
      from (
        select * from public.messages
        where user_id = me and session_id = p_session_id and (p_before is null or seq < p_before)
          and (p_versions or not superseded)
        order by seq desc limit p_limit
      ) m;
      return jsonb_build_object('messages', page, 'next', (
        select oldest where exists (
          select from public.messages where user_id = me and session_id = p_session_id and seq < oldest and (p_versions or not superseded))));
    end
  $$;

-- As before; and an answer that failed without a word does not take the place of the one before it.
create or replace function public.finish_turn(
  p_message_id uuid, p_content text, p_status text, p_finish_reason text, p_usage text, p_error_code text
) returns jsonb
  language plpgsql volatile
  set search_path = ''
  as $$
    declare
      ended public.messages;
      former uuid;
    begin
      update public.messages
        set content = p_content, status = p_status, finish_reason = p_finish_reason, usage = p_usage::jsonb,
          error_code = p_error_code, heartbeat_at = clock_timestamp()
        where id = p_message_id and user_id = safycore.uid() and status = 'streaming'
        returning * into ended;
      if not found then
        return jsonb_build_object('status', (
          select m.status from public.messages m where m.id = p_message_id and m.user_id = safycore.uid()));
      end if;
      if p_content = '' and p_status <> 'complete' then
        select m.id into former from public.messages m
          where m.user_id = ended.user_id and m.session_id = ended.session_id and m.reply_to = ended.reply_to
            and m.superseded and m.content <> ''
          order by m.seq desc limit 1;
        if found then
          update public.messages set superseded = (id = p_message_id) where id in (p_message_id, former);
        end if;
      end if;
      return jsonb_build_object('status', p_status);
    end
  $$;

-- The two below work across people, and see and tell nothing of what they said: SECURITY DEFINER, for our server alone.

create or replace function public.running_owners() returns jsonb
  language sql stable security definer
  set search_path = ''
  as $$
    select coalesce(jsonb_agg(distinct m.owner), '[]'::jsonb) from public.messages m
    where m.status = 'streaming' and m.owner is not null
  $$;

comment on function public.running_owners() is 'The processes that replies wait for now.';

create or replace function public.reap_replies(p_dead_owners text[], p_by_lease boolean) returns integer
  language plpgsql volatile security definer
  set search_path = ''
  as $$
    declare
      reaped integer;
    begin
      update public.messages set status = 'interrupted', error_code = 'process_lost'
      where id in (
        select m.id from public.messages m
        where m.status = 'streaming'
          and (m.owner = any (p_dead_owners)
            or (p_by_lease and m.heartbeat_at < clock_timestamp() - safycore.lease()))
        for update skip locked);
      get diagnostics reaped = row_count;
      return reaped;
    end
  $$;

comment on function public.reap_replies(text[], boolean) is
  'Interrupts what dead processes left; several servers may call it at once. How many replies it ended.';

-- As before, without what is for our server alone.
create or replace procedure safycore.set_data_api(open boolean)
  language plpgsql
  set search_path = ''
  as $$
    declare
      verb text := case when open then 'grant' else 'revoke' end;
      direction text := case when open then 'to' else 'from' end;
      routine regprocedure;
    begin
      execute format('%s select, delete,
          insert (user_id, session_id, role, content, status, reply_to, client_message_id, request_hash, model, owner, heartbeat_at),
          update (content, status, finish_reason, usage, error_code, stop_requested, superseded, heartbeat_at)
        on table public.messages %s authenticated', verb, direction);
      execute format('%s select, delete, insert (user_id, session_id, content), update (content, updated_at)
        on table public.training_data %s authenticated', verb, direction);
      for routine in
        select p.oid::regprocedure from pg_catalog.pg_proc p
        where p.prokind = 'f' and pg_catalog.has_function_privilege('safycore_user', p.oid, 'execute')
          and p.proname not in ('running_owners', 'reap_replies')
          and (p.pronamespace = 'safycore'::regnamespace
            or (p.pronamespace = 'public'::regnamespace
              and not pg_catalog.has_function_privilege('public', p.oid, 'execute')))
      loop
        execute format('%s execute on function %s %s authenticated', verb, routine, direction);
      end loop;
    end
  $$;

do $$
declare
  was_open boolean := has_table_privilege('authenticated', 'public.messages', 'select');
  routine regprocedure;
begin
  for routine in
    select p.oid::regprocedure from pg_proc p
    where (p.pronamespace = 'safycore'::regnamespace and p.prokind = 'f')
      or (p.pronamespace = 'public'::regnamespace
        and p.proname in ('begin_turn', 'regenerate_turn', 'get_message', 'conversation_page', 'running_owners', 'reap_replies'))
  loop
    execute format('revoke all on function %s from public, anon, authenticated, service_role', routine);
    execute format('grant execute on function %s to safycore_user', routine);
  end loop;
  if was_open then
    call safycore.set_data_api(true);
  end if;
end
$$;
