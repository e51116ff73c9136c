-- A running reply is saved every second, its heartbeat with it. With an index on the heartbeat that was a new entry
-- in every index of the table; without it, and with some room in each page, a row is saved where it is. Those that run,
-- few among all, are found by idx_messages_owner and messages_one_running_reply.

drop index if exists public.idx_messages_heartbeat;

alter table public.messages set (fillfactor = 80);
