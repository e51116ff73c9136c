-- What people say and what the bot answers from. Every row belongs to one user, and the policies alone decide who sees it.

create table if not exists public.messages (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null default safycore.uid() references auth.users (id) on delete cascade,
  session_id varchar(255) not null check (session_id <> ''),
  seq bigint not null,
  role varchar(20) not null check (role in ('system', 'user', 'assistant')),
  content text not null default '',
  status varchar(20) not null default 'complete'
    check (status in ('sent', 'streaming', 'complete', 'stopped', 'interrupted', 'error')),
  reply_to uuid references public.messages (id) on delete cascade,
  client_message_id varchar(255),
  request_hash varchar(64),
  model varchar(255),
  finish_reason varchar(64),
  usage jsonb,
  error_code varchar(64),
  stop_requested boolean not null default false,
  heartbeat_at timestamptz,
  created_at timestamptz not null default clock_timestamp()
);

comment on column public.messages.seq is 'Order within (user, session): 1, 2, 3, without gaps, given by a trigger under a lock.';
comment on column public.messages.status is 'A turn goes sent, streaming, then complete, stopped, interrupted or error; never back.';
comment on column public.messages.heartbeat_at is 'When the process that makes this reply was last heard of; null for other rows.';

create table if not exists public.training_data (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null default safycore.uid() references auth.users (id) on delete cascade,
  session_id varchar(255) not null check (session_id <> ''),
  content text not null check (content <> ''),
  content_md5 text not null generated always as (md5(content)) stored,
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp()
);

create unique index if not exists idx_messages_user_session on public.messages (user_id, session_id, seq);
create index if not exists idx_messages_created_at on public.messages (created_at);
create index if not exists idx_messages_reply_to on public.messages (reply_to) where reply_to is not null;
create unique index if not exists messages_one_running_reply
  on public.messages (user_id, session_id) where status = 'streaming';
create index if not exists idx_messages_heartbeat on public.messages (heartbeat_at) where status = 'streaming';
create unique index if not exists messages_client_message_id
  on public.messages (user_id, client_message_id) where client_message_id is not null;
create index if not exists idx_training_data_user_session
  on public.training_data (user_id, session_id, created_at);
create unique index if not exists training_data_same_text_once
  on public.training_data (user_id, session_id, content_md5);

alter table public.messages enable row level security;
alter table public.messages force row level security;
alter table public.training_data enable row level security;
alter table public.training_data force row level security;

-- Two doors, each with its own role and policy: the Data API (authenticated) and our server (safycore_user).
drop policy if exists messages_owner on public.messages;
create policy messages_owner on public.messages for all to authenticated
  using ((select auth.uid()) = user_id) with check ((select auth.uid()) = user_id);

drop policy if exists messages_owner_server on public.messages;
create policy messages_owner_server on public.messages for all to safycore_user
  using ((select safycore.uid()) = user_id) with check ((select safycore.uid()) = user_id);

drop policy if exists training_data_owner on public.training_data;
create policy training_data_owner on public.training_data for all to authenticated
  using ((select auth.uid()) = user_id) with check ((select auth.uid()) = user_id);

drop policy if exists training_data_owner_server on public.training_data;
create policy training_data_owner_server on public.training_data for all to safycore_user
  using ((select safycore.uid()) = user_id) with check ((select safycore.uid()) = user_id);

-- A hosted project grants everything on new tables to these roles, TRUNCATE included, which no policy stops.
revoke all on table public.messages, public.training_data from public, anon, authenticated;

-- Neither id nor created_at can be given, and a row never changes its owner, session, place or role.
grant select, delete,
  insert (user_id, session_id, role, content, status, reply_to, client_message_id, request_hash, model, heartbeat_at),
  update (content, status, finish_reason, usage, error_code, stop_requested, heartbeat_at)
on table public.messages to safycore_user;

grant select, delete, insert (user_id, session_id, content), update (content, updated_at)
on table public.training_data to safycore_user;

create or replace function safycore.lock_session(owner uuid, session_id text) returns void
  language sql volatile
  set search_path = ''
  return pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended(owner::text || '/' || session_id, 0));

comment on function safycore.lock_session(uuid, text) is
  'Held to the end of the transaction: what changes one session happens one after the other.';

create or replace function safycore.number_message() returns trigger
  language plpgsql
  set search_path = ''
  as $$
    begin
      -- The foreign key looks past row level security: without this it would tell which ids exist.
      if new.reply_to is not null and not exists (
        select from public.messages m
        where m.id = new.reply_to and m.user_id = new.user_id and m.session_id = new.session_id
      ) then
        raise exception 'a reply belongs to a message of its own session' using errcode = '23503';
      end if;
      perform safycore.lock_session(new.user_id, new.session_id);
      new.seq := 1 + coalesce(
        (select m.seq from public.messages m
          where m.user_id = new.user_id and m.session_id = new.session_id
          order by m.seq desc limit 1),
        0);
      return new;
    end
  $$;

create or replace trigger number_message before insert on public.messages
  for each row execute function safycore.number_message();

revoke all on function safycore.lock_session(uuid, text), safycore.number_message()
from public, anon, authenticated, service_role;
grant execute on function safycore.lock_session(uuid, text) to safycore_user;
