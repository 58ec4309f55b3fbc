-- The catalogue of limits: what can be set, where, in what unit, and which way is stricter.

create table public.risk_limit_kinds (
  name text primary key check (name ~ '^[a-z][a-z_]{1,62}$'),
  family text not null check (family in ('rule', 'protection', 'watch', 'breaker', 'desk')),
  unit text not null,
  scopes text[] not null,
  default_value private.amount,
  tighter text not null check (tighter in ('lower', 'higher')),
  parameters jsonb not null default '{}',
  acts text[] not null default '{}',
  source text,
  counts boolean not null default false,
  summary text not null
);
comment on table public.risk_limit_kinds is 'Every limit that can be set, made from the code that enforces it. See docs/risk.md.';
comment on column public.risk_limit_kinds.name is 'The limit.';
comment on column public.risk_limit_kinds.family is
  'rule: refuses an order. protection: refuses entries for a while after losses. watch: acts when open positions break it. breaker: halts on what goes wrong. desk: what is done about expiry and assignment.';
comment on column public.risk_limit_kinds.unit is 'Of its value.';
comment on column public.risk_limit_kinds.scopes is 'Where it may be set: global, user, account, strategy; symbol where it may be for one symbol.';
comment on column public.risk_limit_kinds.default_value is 'What holds where none is set; null: it is off until one is.';
comment on column public.risk_limit_kinds.tighter is 'Which way a value is stricter: lower or higher. The strictest that applies counts.';
comment on column public.risk_limit_kinds.parameters is 'Further numbers: {name: {unit, default, summary}}.';
comment on column public.risk_limit_kinds.acts is 'What may be done when it is broken, the first where nobody says; none for what refuses an order.';
comment on column public.risk_limit_kinds.source is 'Data that it needs and that is not everywhere; it cannot be set while there is none.';
comment on column public.risk_limit_kinds.counts is 'Whether orders use it up together: where one is set for everybody, all users'' orders are approved one at a time.';
comment on column public.risk_limit_kinds.summary is 'What must hold.';
alter table public.risk_limit_kinds enable row level security;
create policy "everybody signed in reads the catalogue" on public.risk_limit_kinds for select to authenticated using (true);
grant select on public.risk_limit_kinds to authenticated;
