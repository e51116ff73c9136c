-- Everything the chat path asks of the database. SECURITY INVOKER throughout: row level security decides, and one call
-- is one round trip. chat/store.py is the only caller.

create or replace function safycore.rfc3339(moment timestamptz) returns text
  language sql immutable
  set search_path = ''
  return to_char(moment at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"');

create or replace function safycore.message_json(m public.messages) returns jsonb
  language sql stable
  set search_path = ''
  return jsonb_build_object(
    'id', m.id, 'user_id', m.user_id, 'session_id', m.session_id, 'seq', m.seq, 'role', m.role, 'content', m.content,
    'status', m.status, 'reply_to', m.reply_to, 'client_message_id', m.client_message_id, 'model', m.model,
    'finish_reason', m.finish_reason, 'usage', m.usage, 'error_code', m.error_code,
    'created_at', safycore.rfc3339(m.created_at)
  );

-- A reply whose process has not been heard of for this long is taken for dead.
create or replace function safycore.lease() returns interval
  language sql immutable
  set search_path = ''
  return interval '30 seconds';

create or replace function safycore.interrupt_dead_replies(p_owner uuid, p_session_id text) returns void
  language sql volatile
  set search_path = ''
  as $$
    update public.messages
    set status = 'interrupted', error_code = 'process_lost'
    where user_id = p_owner and session_id = p_session_id and status = 'streaming'
      and heartbeat_at < clock_timestamp() - safycore.lease()
  $$;

-- The text counts once per session; returns null when it would not fit.
create or replace function safycore.keep_training_data(p_owner uuid, p_session_id text, p_content text, p_max_chars integer)
  returns jsonb
  language plpgsql volatile
  set search_path = ''
  as $$
    declare
      kept public.training_data;
      used bigint;
    begin
      perform safycore.lock_session(p_owner, p_session_id);
      select * into kept from public.training_data t
        where t.user_id = p_owner and t.session_id = p_session_id and t.content_md5 = md5(p_content);
      if not found then
        select coalesce(sum(length(t.content)), 0) into used from public.training_data t
          where t.user_id = p_owner and t.session_id = p_session_id;
        if used + length(p_content) > p_max_chars then
          return null;
        end if;
        insert into public.training_data (user_id, session_id, content)
          values (p_owner, p_session_id, p_content) returning * into kept;
      end if;
      return jsonb_build_object('id', kept.id, 'session_id', kept.session_id, 'content', kept.content,
        'created_at', safycore.rfc3339(kept.created_at), 'updated_at', safycore.rfc3339(kept.updated_at));
    end
  $$;

-- The newest messages before p_before whose text fits p_max_chars, oldest first, as [{role, content, status}].
create or replace function safycore.recent_messages(
  p_owner uuid, p_session_id text, p_before bigint, p_max_messages integer, p_max_chars integer
) returns jsonb
  language sql stable
  set search_path = ''
  as $$
    with newest as (
      select m.seq, m.role, m.content, m.status
      from public.messages m
      where m.user_id = p_owner and m.session_id = p_session_id and m.seq < p_before
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

create or replace function safycore.training_texts(p_owner uuid, p_session_id text) returns jsonb
  language sql stable
  set search_path = ''
  as $$
    select coalesce(jsonb_agg(t.content order by t.created_at, t.id), '[]'::jsonb)
    from public.training_data t where t.user_id = p_owner and t.session_id = p_session_id
  $$;

-- What an earlier call with the same key made: {outcome: repeated, user_message, message} or {outcome: key_reused}.
create or replace function safycore.earlier_turn(p_owner uuid, p_key text, p_request_hash text) returns jsonb
  language plpgsql stable
  set search_path = ''
  as $$
    declare
      sent public.messages;
      reply public.messages;
    begin
      select * into sent from public.messages m where m.user_id = p_owner and m.client_message_id = p_key;
      if not found then
        return null;
      end if;
      if sent.request_hash is distinct from p_request_hash then
        return jsonb_build_object('outcome', 'key_reused');
      end if;
      select * into reply from public.messages m
        where m.user_id = p_owner and m.session_id = sent.session_id and m.reply_to = sent.id
        order by m.seq desc limit 1;
      return jsonb_build_object('outcome', 'repeated',
        'user_message', safycore.message_json(sent), 'message', safycore.message_json(reply));
    end
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
  p_history_max_chars integer
) returns jsonb
  language plpgsql volatile
  set search_path = ''
  as $$
    declare
      me uuid := safycore.caller();
      earlier jsonb;
      running uuid;
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
      perform safycore.interrupt_dead_replies(me, p_session_id);
      select m.id into running from public.messages m
        where m.user_id = me and m.session_id = p_session_id and m.status = 'streaming';
      if running is not null then
        return jsonb_build_object('outcome', 'running', 'message_id', running);
      end if;
      if p_training_data is not null
        and safycore.keep_training_data(me, p_session_id, p_training_data, p_training_max_chars) is null then
        return jsonb_build_object('outcome', 'training_data_full');
      end if;
      insert into public.messages (user_id, session_id, role, content, status, client_message_id, request_hash)
        values (me, p_session_id, 'user', p_content, 'sent', p_client_message_id, p_request_hash)
        returning * into sent;
      insert into public.messages (user_id, session_id, role, status, reply_to, model, heartbeat_at)
        values (me, p_session_id, 'assistant', 'streaming', sent.id, p_model, clock_timestamp())
        returning * into reply;
      return jsonb_build_object('outcome', 'started',
        'user_message', safycore.message_json(sent), 'message', safycore.message_json(reply),
        'history', safycore.recent_messages(me, p_session_id, sent.seq, p_history_max_messages, p_history_max_chars),
        'training_data', safycore.training_texts(me, p_session_id));
    end
  $$;

comment on function public.begin_turn(text, text, text, text, text, text, integer, integer, integer) is
  'Stores the message and an empty reply, and returns what the prompt is made of. outcome: started, repeated, key_reused, running or training_data_full.';

-- {running, stop_requested}; running is false once the reply was ended, cleared or taken for dead.
create or replace function public.checkpoint_turn(p_message_id uuid, p_content text) returns jsonb
  language plpgsql volatile
  set search_path = ''
  as $$
    declare
      asked boolean;
    begin
      update public.messages
        set content = p_content, heartbeat_at = clock_timestamp()
        where id = p_message_id and user_id = safycore.uid() and status = 'streaming'
        returning stop_requested into asked;
      return jsonb_build_object('running', found, 'stop_requested', coalesce(asked, false));
    end
  $$;

-- {saved, status}: saved is true when the row now says what was asked, also when an earlier try had done it already.
-- p_usage is JSON as text: gateways differ in how they hand an object to a jsonb parameter.
create or replace function public.finish_turn(
  p_message_id uuid, p_content text, p_status text, p_finish_reason text, p_usage text, p_error_code text
) returns jsonb
  language plpgsql volatile
  set search_path = ''
  as $$
    declare
      found_status text;
    begin
      update public.messages
        set content = p_content, status = p_status, finish_reason = p_finish_reason, usage = p_usage::jsonb,
          error_code = p_error_code, heartbeat_at = clock_timestamp()
        where id = p_message_id and user_id = safycore.uid() and status = 'streaming';
      if found then
        return jsonb_build_object('saved', true, 'status', p_status);
      end if;
      select m.status into found_status from public.messages m
        where m.id = p_message_id and m.user_id = safycore.uid();
      return jsonb_build_object('saved', coalesce(found_status = p_status, false), 'status', found_status);
    end
  $$;

create or replace function public.stop_turn(p_session_id text) returns jsonb
  language plpgsql volatile
  set search_path = ''
  as $$
    declare
      me uuid := safycore.caller();
      running uuid;
    begin
      perform safycore.interrupt_dead_replies(me, p_session_id);
      update public.messages set stop_requested = true
        where user_id = me and session_id = p_session_id and status = 'streaming'
        returning id into running;
      return jsonb_build_object('message_id', running);
    end
  $$;

-- The running reply, or else null.
create or replace function public.running_turn(p_session_id text) returns jsonb
  language plpgsql volatile
  set search_path = ''
  as $$
    declare
      me uuid := safycore.caller();
      reply public.messages;
    begin
      perform safycore.interrupt_dead_replies(me, p_session_id);
      select * into reply from public.messages m
        where m.user_id = me and m.session_id = p_session_id and m.status = 'streaming';
      if not found then
        return null;
      end if;
      return safycore.message_json(reply);
    end
  $$;

create or replace function public.get_message(p_message_id uuid) returns jsonb
  language plpgsql stable
  set search_path = ''
  as $$
    declare
      wanted public.messages;
    begin
      select * into wanted from public.messages m where m.id = p_message_id and m.user_id = safycore.caller();
      if not found then
        return null;
      end if;
      return safycore.message_json(wanted);
    end
  $$;

-- {messages, next}: oldest first within the page; next is the cursor of the page before it, null when there is none.
create or replace function public.conversation_page(p_session_id text, p_limit integer, p_before bigint) returns jsonb
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
        order by seq desc limit p_limit
      ) m;
      return jsonb_build_object('messages', page, 'next', (
        select oldest where exists (
          select from public.messages where user_id = me and session_id = p_session_id and seq < oldest)));
    end
  $$;

create or replace function public.clear_session(p_session_id text) returns jsonb
  language plpgsql volatile
  set search_path = ''
  as $$
    declare
      me uuid := safycore.caller();
      gone_messages bigint;
      gone_training_data bigint;
    begin
      perform safycore.lock_session(me, p_session_id);
      delete from public.messages where user_id = me and session_id = p_session_id;
      get diagnostics gone_messages = row_count;
      delete from public.training_data where user_id = me and session_id = p_session_id;
      get diagnostics gone_training_data = row_count;
      return jsonb_build_object('messages', gone_messages, 'training_data', gone_training_data);
    end
  $$;

create or replace function public.add_training_data(p_session_id text, p_content text, p_max_chars integer) returns jsonb
  language sql volatile
  set search_path = ''
  return safycore.keep_training_data(safycore.caller(), p_session_id, p_content, p_max_chars);

create or replace function public.list_training_data(p_session_id text) returns jsonb
  language plpgsql stable
  set search_path = ''
  as $$
    declare
      me uuid := safycore.caller();
    begin
      return (
        select coalesce(jsonb_agg(jsonb_build_object('id', t.id, 'session_id', t.session_id, 'content', t.content,
            'created_at', safycore.rfc3339(t.created_at), 'updated_at', safycore.rfc3339(t.updated_at))
          order by t.created_at, t.id), '[]'::jsonb)
        from public.training_data t where t.user_id = me and t.session_id = p_session_id);
    end
  $$;

create or replace function public.delete_training_data(p_id uuid) returns boolean
  language plpgsql volatile
  set search_path = ''
  as $$
    begin
      delete from public.training_data where id = p_id and user_id = safycore.caller();
      return found;
    end
  $$;

-- {messages, training_data, users}: how many rows went.
create or replace function public.delete_account() returns jsonb
  language plpgsql volatile
  set search_path = ''
  as $$
    declare
      me uuid := safycore.caller();
      gone_messages bigint;
      gone_training_data bigint;
    begin
      delete from public.messages where user_id = me;
      get diagnostics gone_messages = row_count;
      delete from public.training_data where user_id = me;
      get diagnostics gone_training_data = row_count;
      return jsonb_build_object('messages', gone_messages, 'training_data', gone_training_data,
        'users', safycore.remove_caller());
    end
  $$;

-- Who may call what: nobody by default, our server everything, a person with their own token while the Data API is open.
do $$
declare
  routine regprocedure;
begin
  for routine in
    select p.oid::regprocedure from pg_proc p
    where p.prokind = 'f' and (p.pronamespace = 'safycore'::regnamespace
      or (p.pronamespace = 'public'::regnamespace and p.proname in (
        'session_is_live', 'begin_turn', 'checkpoint_turn', 'finish_turn', 'stop_turn', 'running_turn', 'get_message',
        'conversation_page', 'clear_session', 'add_training_data', 'list_training_data', 'delete_training_data',
        'delete_account')))
  loop
    execute format('revoke all on function %s from public, anon, authenticated, service_role', routine);
    execute format('grant execute on function %s to safycore_user', routine);
  end loop;
end
$$;

-- The first door, opened and closed as a whole; only the owner may. See manage.py open_data_api and close_data_api.
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
          insert (user_id, session_id, role, content, status, reply_to, client_message_id, request_hash, model, heartbeat_at),
          update (content, status, finish_reason, usage, error_code, stop_requested, heartbeat_at)
        on table public.messages %s authenticated', verb, direction);
      execute format('%s select, delete, insert (user_id, session_id, content), update (content, updated_at)
        on table public.training_data %s authenticated', verb, direction);
      for routine in
        select p.oid::regprocedure from pg_catalog.pg_proc p
        where p.prokind = 'f' and pg_catalog.has_function_privilege('safycore_user', p.oid, 'execute')
          and (p.pronamespace = 'safycore'::regnamespace
            or (p.pronamespace = 'public'::regnamespace
              and not pg_catalog.has_function_privilege('public', p.oid, 'execute')))
      loop
        execute format('%s execute on function %s %s authenticated', verb, routine, direction);
      end loop;
    end
  $$;

revoke all on procedure safycore.set_data_api(boolean) from public, anon, authenticated, service_role;

call safycore.set_data_api(true);
