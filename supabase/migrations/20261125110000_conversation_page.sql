-- A page of a conversation costs what a page costs, however long the conversation and however far back the page.
-- Before, the cursor was no condition of the index once PostgreSQL had settled on one plan for every page, and a second
-- statement looked for an older message, in the worst case from the table's beginning.

create or replace function public.conversation_page(p_session_id text, p_limit integer, p_before bigint, p_versions boolean) returns jsonb
  language plpgsql volatile
  set search_path = ''
  as $$
    declare
      me uuid := safycore.caller();
      newest bigint := coalesce(p_before, 9223372036854775807);
      page jsonb;
      following bigint;
    begin
      perform safycore.interrupt_dead_replies(me, p_session_id);
      -- One more than is shown tells whether there is a page before this one.
      select coalesce(jsonb_agg(safycore.message_json(n.message) order by n.seq) filter (where n.place <= p_limit), '[]'::jsonb),
        case when count(*) > p_limit then min(n.seq) filter (where n.place <= p_limit) end
      into page, following
      from (
        select m as message, m.seq, row_number() over (order by m.seq desc) as place
        from public.messages m
        where m.user_id = me and m.session_id = p_session_id and m.seq < newest and (p_versions or not m.superseded)
        order by m.seq desc
        limit p_limit + 1
      ) n;
      return jsonb_build_object('messages', page, 'next', following);
    end
  $$;
