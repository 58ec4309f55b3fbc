-- What a new installation starts with: the instruments this platform was made for. Others come from the broker.
insert into public.instruments (symbol, kind, name, settlement, lot, source) values
  ('SPY', 'equity', 'SPDR S&P 500 ETF Trust', 'physical', 1, 'seed'),
  ('IWM', 'equity', 'iShares Russell 2000 ETF', 'physical', 1, 'seed')
on conflict (symbol) do nothing;
