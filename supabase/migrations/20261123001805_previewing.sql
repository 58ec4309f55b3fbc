-- What an order would come to, without placing it: placed as ever, judged as ever, and undone.

create function public.preview_user() returns uuid
language plpgsql stable security definer set search_path = ''
as $$
begin
  if (select auth.uid()) is null then
    perform private.refuse(401, 'SIGN_IN', 'Sign in to ask what an order would come to.');
  end if;
  perform private.require_scope('read', 'trade');
  perform private.require_trader();
  return (select auth.uid());
end $$;
comment on function public.preview_user() is
  'For whom the caller may preview an order: themselves; a program needs the scope read or trade. This is how preview_risk learns who asks.';
grant execute on function public.preview_user() to authenticated;

create function public.preview_book(p_user_id uuid, p_order jsonb, p_at timestamptz, p_verdict jsonb default null) returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  placed public.trades;
  answer jsonb;
  said text;
  hint text;
  numbers text;
begin
  begin
    placed := private.place(
      (p_order - 'event_at' - 'good_until' - 'trace' - 'idempotency_key')
        || jsonb_build_object('signal', 'preview|' || gen_random_uuid(), 'event_at', p_at),
      p_user_id, 'manual');
    -- What a placed order is held to when its transaction ends, this one is held to now.
    set constraints public.legs immediate;
    answer := jsonb_build_object('book', public.risk_book(placed.id));
    if p_verdict is not null then
      answer := answer || jsonb_build_object('approval', public.approve_trade(placed.id, p_verdict -> 'decisions',
        p_verdict -> 'marks', p_verdict ->> 'quantity', p_verdict ->> 'seen'));
    end if;
    raise exception using errcode = 'ATUND', message = 'a preview is undone';
  exception
    when sqlstate 'ATUND' then
      null;
    when sqlstate 'PT403' or sqlstate 'PT404' or sqlstate 'PT409' or sqlstate 'PT422' then
      get stacked diagnostics said = message_text, hint = pg_exception_hint, numbers = pg_exception_detail;
      answer := jsonb_build_object('refused', jsonb_build_object('code', split_part(said, ':', 1), 'text', said, 'hint', hint,
        'numbers', coalesce(nullif(numbers, ''), '{}')::jsonb));
  end;
  return answer;
end $$;
comment on function public.preview_book(uuid, jsonb, timestamptz, jsonb) is
  'Places an order of a user in a subtransaction, reads its book, asks approve_trade() where a verdict is given, and undoes all of it: {"book", "approval"}, or {"refused"} where it would not be placed. Nothing remains; sequences may skip.';
grant execute on function public.preview_book(uuid, jsonb, timestamptz, jsonb) to fn_risk;
