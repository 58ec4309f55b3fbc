-- Held options are exercised on request, or kept from being exercised: asked of the broker once, done when the broker tells of it.

create table public.exercises (
  id uuid primary key,
  user_id uuid not null,
  broker_account_id uuid not null,
  symbol text not null references public.instruments (symbol) on delete restrict,
  wish text not null check (wish in ('exercise', 'do_not_exercise')),
  quantity private.amount not null check (quantity > 0),
  idempotency_key text not null check (idempotency_key <> ''),
  reason text not null default '',
  requested_by text not null,
  requested_at timestamptz not null,
  status text not null default 'requested'
    check (status in ('requested', 'sending', 'accepted', 'unknown', 'done', 'rejected', 'expired', 'not_taken')),
  status_at timestamptz not null,
  refusal text,
  attempt integer not null default 0 check (attempt >= 0),
  claimed_by text,
  claimed_at timestamptz,
  lease_until timestamptz,
  retry_at timestamptz,
  looks integer not null default 0 check (looks >= 0),
  looked_at timestamptz,
  adjustment_id uuid references public.position_adjustments (id) on delete restrict,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  version bigint not null default 1,
  unique (broker_account_id, idempotency_key),
  foreign key (broker_account_id, user_id) references public.broker_accounts (id, user_id) on delete restrict,
  constraint refused_with_a_reason check ((status in ('rejected', 'expired', 'not_taken')) = (refusal is not null) or status = 'done'),
  constraint sending_is_leased check (status <> 'sending' or (claimed_by is not null and claimed_at is not null and lease_until is not null))
);
comment on table public.exercises is 'Wishes to exercise a held option, or to keep it from being exercised at expiry: each on its way to the broker, or over.';
comment on column public.exercises.id is 'Made of account and key: the same request is the same row.';
comment on column public.exercises.user_id is 'Owner of the account.';
comment on column public.exercises.broker_account_id is 'The account that holds the option.';
comment on column public.exercises.symbol is 'The option.';
comment on column public.exercises.wish is 'exercise, or do_not_exercise: left to expire although it is in the money.';
comment on column public.exercises.quantity is 'Contracts that the account held when it was asked: brokers exercise all of them.';
comment on column public.exercises.idempotency_key is 'The sender''s own name of the request.';
comment on column public.exercises.reason is 'Why, in words.';
comment on column public.exercises.requested_by is 'Who asked.';
comment on column public.exercises.requested_at is 'When, UTC.';
comment on column public.exercises.status is
  'requested; sending; accepted by the broker; unknown (it did not answer); done (the broker has told of the exercise); rejected; expired (too late); not_taken (it did not answer, and holds the option still).';
comment on column public.exercises.status_at is 'Event time of the last change of status, UTC.';
comment on column public.exercises.refusal is 'Why it came to nothing, as CODE: what.';
comment on column public.exercises.attempt is 'How often it was sent.';
comment on column public.exercises.claimed_by is 'Which sender has sent it last.';
comment on column public.exercises.claimed_at is 'Machine time at which that began, UTC.';
comment on column public.exercises.lease_until is 'Machine time until which the sender may still be at work, UTC.';
comment on column public.exercises.retry_at is 'Machine time before which it is not sent again, UTC: nothing had reached the broker.';
comment on column public.exercises.looks is 'How often the broker was looked at since its answer was lost, and held all of it still.';
comment on column public.exercises.looked_at is 'Machine time of the last look, UTC.';
comment on column public.exercises.adjustment_id is 'What was booked when the broker told of the exercise.';
comment on column public.exercises.created_at is 'When the row was written, UTC.';
comment on column public.exercises.updated_at is 'When the row last changed, UTC.';
comment on column public.exercises.version is 'Grows by one with every change of the row.';
create index exercises_user on public.exercises (user_id, requested_at desc);
create index exercises_account on public.exercises (broker_account_id, user_id);
create index exercises_symbol on public.exercises (symbol);
create index exercises_adjustment on public.exercises (adjustment_id) where adjustment_id is not null;
create index exercises_due on public.exercises (broker_account_id) where status in ('requested', 'sending', 'unknown');
-- Asked for once at a time: a second request beside one whose outcome nobody knows might exercise what was bought since.
create unique index exercises_one_on_its_way on public.exercises (broker_account_id, symbol)
  where status in ('requested', 'sending', 'unknown') or (status = 'accepted' and wish = 'exercise');
select private.protect_from_delete('public.exercises');

create function private.exercise_refusal(p_exercise public.exercises) returns jsonb
language plpgsql stable set search_path = ''
as $$
declare
  option public.instruments;
  held numeric;
  gate text;
  working uuid;
begin
  select * into option from public.instruments where symbol = p_exercise.symbol and kind = 'option';
  select b.quantity into held from public.position_books as b
  where b.broker_account_id = p_exercise.broker_account_id and b.symbol = p_exercise.symbol;
  if option.symbol is null or coalesce(held, 0) <= 0 then
    return jsonb_build_object('status', 404, 'code', 'NO_SUCH_POSITION', 'hint', 'Name an option that the account holds; what is sold is assigned, not exercised.',
      'numbers', jsonb_build_object('symbol', p_exercise.symbol, 'held', trim_scale(coalesce(held, 0))::text));
  elsif p_exercise.wish = 'exercise' and held <> p_exercise.quantity then
    return jsonb_build_object('status', 422, 'code', 'WHOLE_POSITION_ONLY',
      'hint', 'A broker exercises every contract that the account holds. Sell those that you do not want exercised first.',
      'numbers', jsonb_build_object('quantity', trim_scale(p_exercise.quantity)::text, 'held', trim_scale(held)::text));
  end if;
  if p_exercise.wish = 'exercise' then
    if option.style = 'european' then
      return jsonb_build_object('status', 422, 'code', 'EUROPEAN_OPTION', 'hint', 'It is exercised at its expiry alone, by itself where it is in the money; sell it.',
        'numbers', jsonb_build_object('symbol', p_exercise.symbol));
    end if;
    select l.trade_id into working from public.trade_legs as l join public.trades as t on t.id = l.trade_id
    where t.broker_account_id = p_exercise.broker_account_id and l.symbol = p_exercise.symbol and not private.is_final(t.status) limit 1;
    if working is not null then
      return jsonb_build_object('status', 409, 'code', 'ORDERS_WORK', 'hint', 'Cancel the orders in this option first, and wait for their end.',
        'numbers', jsonb_build_object('trade', working));
    end if;
    -- It ends an option and opens the shares: what is halted opens nothing.
    gate := private.closed_gate(p_exercise.user_id, p_exercise.broker_account_id, null);
    if gate is not null then
      return jsonb_build_object('status', 409, 'code', 'GATE_CLOSED', 'hint', 'Trading is halted for this scope, and an exercise opens the shares: sell the option, or have the halt lifted.',
        'numbers', jsonb_build_object('gate', gate));
    end if;
  end if;
  return null;
end $$;
comment on function private.exercise_refusal(public.exercises) is
  'Why an exercise, or the wish that there be none, cannot be asked of the broker now: {"status", "code", "hint", "numbers"}; null where it can. Call under lock_scopes().';

create function private.guard_exercise() returns trigger
language plpgsql security definer set search_path = ''
as $$
declare
  refused jsonb;
begin
  if tg_op = 'INSERT' then
    if new.status <> 'requested' then
      perform private.refuse(409, 'BAD_TRANSITION', 'An exercise begins as requested.', jsonb_build_object('to', new.status));
    end if;
  elsif (new.id, new.user_id, new.broker_account_id, new.symbol, new.wish, new.quantity, new.idempotency_key, new.reason, new.requested_by, new.requested_at)
      is distinct from (old.id, old.user_id, old.broker_account_id, old.symbol, old.wish, old.quantity, old.idempotency_key, old.reason, old.requested_by, old.requested_at) then
    perform private.refuse(409, 'EXERCISE_IS_FIXED', 'What was asked for never changes; ask anew.', jsonb_build_object('exercise', old.id));
  elsif new.status <> old.status and not (old.status || '>' || new.status) = any (array[
      'requested>sending', 'requested>rejected', 'requested>expired', 'sending>accepted', 'sending>rejected', 'sending>unknown',
      'sending>requested', 'sending>done', 'unknown>accepted', 'unknown>requested', 'unknown>not_taken', 'unknown>done', 'accepted>done',
      'not_taken>done']) then
    perform private.refuse(409, 'BAD_TRANSITION', 'An exercise does not move that way.',
      jsonb_build_object('exercise', old.id, 'from', old.status, 'to', new.status));
  end if;
  if new.status in ('requested', 'sending') and (tg_op = 'INSERT' or new.status = 'sending' and old.status <> 'sending') then
    refused := private.exercise_refusal(new);
    if refused is not null then
      perform private.refuse((refused ->> 'status')::integer, refused ->> 'code', refused ->> 'hint', refused -> 'numbers');
    end if;
  end if;
  return new;
end $$;
comment on function private.guard_exercise() is 'Keeps the states of an exercise, what was asked for, and that nothing is asked of the broker that the account does not hold.';

create function private.tell_exercise() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  if tg_op = 'UPDATE' and new.status = old.status then
    return null;
  end if;
  perform private.emit('account-events', 'exercise.' || new.status, new.broker_account_id::text, new.status_at,
    jsonb_build_object('exercise_id', new.id, 'user_id', new.user_id, 'broker_account_id', new.broker_account_id, 'symbol', new.symbol,
      'wish', new.wish, 'status', new.status, 'version', new.version),
    concat_ws('|', 'exercise', new.id, new.version));
  if new.status in ('rejected', 'not_taken', 'expired') then
    perform private.alert(new.user_id, new.broker_account_id,
      case new.status when 'not_taken' then 'EXERCISE_NOT_TAKEN' else 'EXERCISE_REFUSED' end,
      case new.status when 'not_taken' then 'critical' else 'warning' end,
      case new.status when 'not_taken'
        then 'The broker did not answer a request about an option and holds all of it still: nothing was done. Ask again, or call the broker before it expires.'
        else 'A request to exercise an option, or not to, came to nothing. Read why, and ask again or call the broker before it expires.' end,
      jsonb_build_object('exercise', new.id, 'symbol', new.symbol, 'wish', new.wish, 'because', new.refusal), 'exercise-refused|' || new.id);
  end if;
  return null;
end $$;
comment on function private.tell_exercise() is 'Every change of status is an event, in the same transaction; what came to nothing is an alert.';

create trigger a_touch before insert or update on public.exercises for each row execute function private.touch();
create trigger b_guard before insert or update on public.exercises for each row execute function private.guard_exercise();
create trigger tell after insert or update on public.exercises for each row execute function private.tell_exercise();
select private.audit_changes('public.exercises');

create function private.exercise_is_told() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  update public.exercises set status = 'done', status_at = greatest(new.effective_at, status_at), adjustment_id = new.id
  where id = (select e.id from public.exercises as e
    where e.broker_account_id = new.broker_account_id and e.symbol = new.symbol and e.wish = 'exercise'
      and e.status in ('sending', 'accepted', 'unknown', 'not_taken')
    order by e.requested_at limit 1);
  return null;
end $$;
comment on function private.exercise_is_told() is 'The broker''s word that an option was exercised ends the wish for it.';
create trigger exercised after insert on public.position_adjustments for each row
  when (new.kind = 'exercise' and new.from_adjustment_id is null) execute function private.exercise_is_told();

-- Asking ---------------------------------------------------------------------------------------------------------------

create function private.exercise_shown(p_exercise public.exercises) returns jsonb
language sql stable set search_path = ''
as $$
  select jsonb_build_object('id', p_exercise.id, 'broker_account_id', p_exercise.broker_account_id, 'symbol', p_exercise.symbol,
    'wish', p_exercise.wish, 'quantity', trim_scale(p_exercise.quantity)::text, 'status', p_exercise.status, 'status_at', p_exercise.status_at,
    'refusal', p_exercise.refusal, 'reason', p_exercise.reason, 'requested_at', p_exercise.requested_at, 'version', p_exercise.version)
$$;
comment on function private.exercise_shown(public.exercises) is 'An exercise as its owner is told of it; amounts as text.';

create function public.request_exercise(p_account_id uuid, p_symbol text, p_request jsonb) returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  caller constant uuid := (select auth.uid());
  key constant text := p_request ->> 'idempotency_key';
  wanted public.exercises;
  kept public.exercises;
  strange text;
begin
  if caller is null then
    perform private.refuse(401, 'SIGN_IN', 'Sign in to exercise an option.');
  end if;
  perform private.require_scope('trade');
  perform private.require_trader();
  if coalesce(key, '') = '' then
    perform private.refuse(422, 'IDEMPOTENCY_KEY_NEEDED', 'Send an idempotency_key: with it the same request is never made twice.');
  end if;
  select k into strange from jsonb_object_keys(p_request) as k where k <> all (array['idempotency_key', 'quantity', 'do_not_exercise', 'reason']) limit 1;
  if strange is not null then
    perform private.refuse(422, 'BAD_EXERCISE', 'Say quantity, do_not_exercise and reason.', jsonb_build_object('field', strange));
  end if;
  if not exists (select from public.broker_accounts where id = p_account_id and user_id = caller and status = 'active') then
    perform private.refuse(404, 'NO_SUCH_ACCOUNT', 'Name an active broker account of your own.', jsonb_build_object('account', p_account_id));
  end if;
  wanted.wish := case when (p_request ->> 'do_not_exercise')::boolean then 'do_not_exercise' else 'exercise' end;
  wanted.quantity := (p_request ->> 'quantity')::numeric;

  perform private.lock_scopes(caller, p_account_id, null);
  select * into kept from public.exercises where broker_account_id = p_account_id and idempotency_key = key;
  if found then
    if (kept.symbol, kept.wish) is distinct from (p_symbol, wanted.wish) or kept.quantity <> wanted.quantity then
      perform private.refuse(409, 'SIGNAL_REUSED', 'This idempotency key belongs to another request; use a new one.',
        jsonb_build_object('exercise', kept.id));
    end if;
    return private.exercise_shown(kept);
  end if;
  select * into kept from public.exercises where broker_account_id = p_account_id and symbol = p_symbol
    and (status in ('requested', 'sending', 'unknown') or (status = 'accepted' and wish = 'exercise'));
  if found then
    perform private.refuse(409, 'EXERCISE_IN_PROGRESS', 'Another request about this option is on its way; wait for its outcome.',
      jsonb_build_object('exercise', kept.id, 'status', kept.status));
  end if;
  if wanted.quantity is null then
    select b.quantity into wanted.quantity from public.position_books as b
    where b.broker_account_id = p_account_id and b.symbol = p_symbol and b.quantity > 0;
  end if;
  if wanted.quantity is null or private.occ_parts(p_symbol) is null then
    perform private.refuse(404, 'NO_SUCH_POSITION', 'Name an option that the account holds; what is sold is assigned, not exercised.',
      jsonb_build_object('symbol', p_symbol));
  end if;
  if wanted.wish = 'exercise' then
    perform private.require_verified(p_account_id);
    perform private.require_live_consent(p_account_id);
  end if;
  insert into public.exercises (id, user_id, broker_account_id, symbol, wish, quantity, idempotency_key, reason, requested_by, requested_at, status_at)
  values (private.named_uuid(concat_ws('|', 'exercise', p_account_id, key)), caller, p_account_id, p_symbol, wanted.wish, wanted.quantity, key,
    coalesce(p_request ->> 'reason', ''), private.actor(), now(), now())
  returning * into kept;
  return private.exercise_shown(kept);
exception
  when data_exception or check_violation then
    perform private.refuse_malformed('BAD_EXERCISE', 'Quantity is a number of contracts above zero, as text.', '', '', sqlerrm);
end $$;
comment on function public.request_exercise(uuid, text, jsonb) is
  'Asks for the exercise of all contracts of a held option: {"idempotency_key", "quantity", "do_not_exercise", "reason"}; with do_not_exercise that it be left to expire. Safe to call again.';

-- Sending --------------------------------------------------------------------------------------------------------------

create function public.exercises_due(p_account_id uuid default null) returns jsonb
language sql stable security definer set search_path = ''
as $$
  select coalesce(jsonb_agg(jsonb_build_object('exercise_id', e.id, 'broker_account_id', e.broker_account_id, 'symbol', e.symbol, 'wish', e.wish,
    'to_look', e.status <> 'requested') order by e.requested_at, e.id), '[]'::jsonb)
  from public.exercises as e
  where (p_account_id is null or e.broker_account_id = p_account_id)
    and ((e.status = 'requested' and coalesce(e.retry_at, '-infinity') <= clock_timestamp())
      or e.status = 'unknown' or (e.status = 'sending' and e.lease_until < clock_timestamp()))
$$;
comment on function public.exercises_due(uuid) is
  'The wishes about options that are to be sent, or whose outcome nobody knows ("to_look"); of one account or all.';

create function private.lock_exercise(p_exercise_id uuid) returns public.exercises
language plpgsql set search_path = ''
as $$
declare
  exercise public.exercises;
begin
  select * into exercise from public.exercises where id = p_exercise_id;
  if not found then
    perform private.refuse(404, 'NO_SUCH_EXERCISE', 'Name an exercise that exists.', jsonb_build_object('exercise', p_exercise_id));
  end if;
  -- The account before the row, as the broker's word on the exercise has it.
  perform private.lock_scopes(exercise.user_id, exercise.broker_account_id, null);
  select * into exercise from public.exercises where id = p_exercise_id for update;
  return exercise;
end $$;
comment on function private.lock_exercise(uuid) is 'The exercise, locked behind everything that an order of its account takes.';

create function public.claim_exercise(p_exercise_id uuid, p_owner text, p_now timestamptz, p_lease_seconds numeric) returns jsonb
language plpgsql security definer set search_path = ''
as $$
declare
  exercise public.exercises := private.lock_exercise(p_exercise_id);
  refused jsonb;
begin
  if exercise.status <> 'requested' or exercise.retry_at > clock_timestamp() then
    return jsonb_build_object('claimed', false, 'status', exercise.status, 'attempt', exercise.attempt);
  end if;
  -- By the clock of who sends: a replay's is not the database's.
  if exists (select from public.instruments as i where i.symbol = exercise.symbol and i.expires_on < (p_now at time zone 'America/New_York')::date) then
    update public.exercises set status = 'expired', status_at = greatest(p_now, status_at), refusal = 'OPTION_IS_OVER: ' || exercise.symbol
    where id = exercise.id returning * into exercise;
    return jsonb_build_object('claimed', false, 'status', exercise.status, 'attempt', exercise.attempt);
  end if;
  refused := private.exercise_refusal(exercise);
  if refused is not null then
    update public.exercises set status = 'rejected', status_at = greatest(p_now, status_at), refusal = (refused ->> 'code') || ': ' || (refused ->> 'hint')
    where id = exercise.id returning * into exercise;
    return jsonb_build_object('claimed', false, 'status', exercise.status, 'attempt', exercise.attempt);
  end if;
  update public.exercises
  set status = 'sending', status_at = greatest(p_now, status_at), attempt = attempt + 1, claimed_by = p_owner, claimed_at = clock_timestamp(),
    lease_until = clock_timestamp() + make_interval(secs => p_lease_seconds), retry_at = null, looks = 0, looked_at = null
  where id = exercise.id returning * into exercise;
  return jsonb_build_object('claimed', true, 'status', exercise.status, 'attempt', exercise.attempt);
end $$;
comment on function public.claim_exercise(uuid, text, timestamptz, numeric) is
  'Gives one sender the right to ask the broker, once: written before the call. What cannot be asked any more is rejected or expired.';

create function public.record_exercise(p_exercise_id uuid, p_attempt integer, p_outcome text, p_detail text, p_at timestamptz) returns text
language plpgsql security definer set search_path = ''
as $$
declare
  exercise public.exercises := private.lock_exercise(p_exercise_id);
  next_status text := case p_outcome when 'not_sent' then 'requested' else p_outcome end;
begin
  if (p_outcome in ('accepted', 'rejected', 'unknown', 'not_sent')) is not true then
    perform private.refuse(422, 'BAD_OUTCOME', 'An exercise is accepted, rejected, unknown or not_sent.', jsonb_build_object('outcome', p_outcome));
  end if;
  if exercise.status <> 'sending' or exercise.attempt <> p_attempt then
    return exercise.status; -- The broker has told of it already, or another attempt speaks for it.
  end if;
  update public.exercises
  set status = next_status, status_at = greatest(p_at, status_at), refusal = case p_outcome when 'rejected' then p_detail end,
    retry_at = case p_outcome when 'not_sent' then clock_timestamp() + interval '15 seconds' end
  where id = exercise.id;
  return next_status;
end $$;
comment on function public.record_exercise(uuid, integer, text, text, timestamptz) is
  'How the asking ended: accepted, rejected (p_detail says why), unknown, or not_sent: then it is sent again.';

create function public.record_exercise_look(
  p_exercise_id uuid, p_held text, p_at timestamptz, p_patience_seconds numeric, p_gap_seconds numeric) returns text
language plpgsql security definer set search_path = ''
as $$
declare
  exercise public.exercises := private.lock_exercise(p_exercise_id);
  next_status text := 'unknown';
begin
  if exercise.status = 'sending' and exercise.lease_until < clock_timestamp() then
    update public.exercises set status = 'unknown', status_at = greatest(p_at, status_at) where id = exercise.id returning * into exercise;
  end if;
  if exercise.status <> 'unknown' then
    return exercise.status;
  end if;
  if exercise.wish = 'do_not_exercise' then
    next_status := 'requested'; -- Said twice it means the same.
  elsif p_held::numeric < exercise.quantity then
    next_status := 'accepted';
  elsif exercise.looked_at > clock_timestamp() - make_interval(secs => p_gap_seconds) then
    return exercise.status; -- The same look, as good as.
  elsif exercise.looks > 0 and exercise.claimed_at < clock_timestamp() - make_interval(secs => p_patience_seconds) then
    next_status := 'not_taken';
  end if;
  update public.exercises
  set status = next_status, status_at = case when next_status = 'unknown' then status_at else greatest(p_at, status_at) end,
    looks = looks + case when next_status in ('unknown', 'not_taken') then 1 else 0 end, looked_at = clock_timestamp(),
    refusal = case next_status when 'not_taken' then 'NOT_TAKEN: the broker did not answer and holds ' || trim_scale(p_held::numeric) end
  where id = exercise.id;
  return next_status;
end $$;
comment on function public.record_exercise_look(uuid, text, timestamptz, numeric, numeric) is
  'What the broker holds of an option whose exercise it did not answer: less than before means that it was taken; all of it, in two looks and after the patience, that it was not.';

alter table public.exercises enable row level security;
create policy "a user reads their own exercises" on public.exercises for select to authenticated
  using (user_id = any ((select private.readable_users())::uuid[]));
grant select on public.exercises to authenticated;
grant execute on function public.request_exercise(uuid, text, jsonb) to authenticated;
grant execute on function public.exercises_due(uuid), public.claim_exercise(uuid, text, timestamptz, numeric),
  public.record_exercise(uuid, integer, text, text, timestamptz), public.record_exercise_look(uuid, text, timestamptz, numeric, numeric) to fn_execute;
