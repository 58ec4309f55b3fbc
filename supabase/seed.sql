-- What a new installation starts with: the instruments this platform was made for. Others come from the broker.
insert into public.instruments (symbol, kind, name, settlement, lot, source) values
  ('SPY', 'equity', 'SPDR S&P 500 ETF Trust', 'physical', 1, 'seed'),
  ('IWM', 'equity', 'iShares Russell 2000 ETF', 'physical', 1, 'seed')
on conflict (symbol) do nothing;

-- The seed is for a local installation, whose first user signs up without asking anybody. A hosted project is not seeded
-- and begins closed. Not repeated once somebody is there, so that an administrator's decision stays.
select set_config('app.actor', 'seed', false);
update private.settings set value = 'open' where name = 'sign_up' and not exists (select from auth.users);
