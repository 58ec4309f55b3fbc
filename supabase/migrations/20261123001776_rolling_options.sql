-- Rolling options: the same strikes in the next listed expiry.

create function private.listed_as(p_symbol text, p_expires_on date) returns text
language sql stable parallel safe set search_path = ''
as $$ select o[1] || to_char(p_expires_on, 'YYMMDD') || o[3] || o[4] from private.occ_parts(p_symbol) as o $$;
comment on function private.listed_as(text, date) is 'The OCC symbol of the same root, right and strike with another expiry.';

create function private.next_listed(p_symbols text[]) returns date
language sql stable set search_path = ''
as $$
  -- The first day after theirs on which every one of them is listed with its own root, right and strike.
  select min(c.expires_on) from public.option_contracts as c
  where c.underlying = (select i.underlying from public.instruments as i where i.symbol = p_symbols[1])
    and c.expires_on > (select max(i.expires_on) from public.instruments as i where i.symbol = any (p_symbols))
    and not exists (
      select from unnest(p_symbols) as held (symbol)
      where not exists (select from public.option_contracts as o where o.symbol = private.listed_as(held.symbol, c.expires_on)))
$$;
comment on function private.next_listed(text[]) is
  'The next expiry in which all of these options, of one underlying, are listed again; null where none is known.';

create function private.roll_candidates(p_now timestamptz) returns setof text
language sql stable set search_path = ''
as $$
  select private.listed_as(p.symbol, private.next_listed(array[p.symbol]))
  from public.strategy_positions as p join public.instruments as i on i.symbol = p.symbol and i.kind = 'option'
  where p.quantity <> 0
    and i.expires_on between (p_now at time zone 'America/New_York')::date and (p_now at time zone 'America/New_York')::date + 1
    and exists (select from public.risk_limits as l
      where l.name = 'expiry_close' and l.act = 'roll' and l.value is not null
        and (l.scope = 'global' or (l.scope = 'user' and l.user_id = p.user_id) or l.broker_account_id = p.broker_account_id
          or l.strategy_id = p.strategy_id))
$$;
comment on function private.roll_candidates(timestamptz) is
  'What the options that are held and about to expire would be rolled into, where a limit asks for that: quoted in time, so that a roll has a price.';
