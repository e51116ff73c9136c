-- PostgreSQL takes the replies that run for fewer than they are, as its statistics hardly ever see one. The smallest index
-- was then the cheapest way to any of them: saving one read all that ran, for everybody. Those of one person and session
-- are found by messages_one_running_reply, and so are all of them, by whoever looks for dead processes.

drop index if exists public.idx_messages_owner;
