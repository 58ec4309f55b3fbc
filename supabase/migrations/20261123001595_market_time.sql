-- The market's time: the machine's, except where the market is replayed on one machine.

create table private.tape_time (
  is_the_one boolean primary key default true check (is_the_one),
  at timestamptz not null check (isfinite(at))
);
comment on table private.tape_time is 'Where the tape of a replay stands; without a row, as in every hosted project, the market''s time is the clock''s.';
comment on column private.tape_time.is_the_one is 'There is one tape.';
comment on column private.tape_time.at is 'Tape time, UTC; written by whoever conducts the replay.';

create function private.market_time() returns timestamptz
language sql stable set search_path = ''
as $$
  select coalesce((select t.at from private.tape_time as t), now());
$$;
comment on function private.market_time() is 'When something is done by a person who looks at the market: now, or where the tape stands.';
