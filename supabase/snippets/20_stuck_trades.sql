-- Trades that have stood too long in a state that passes in seconds, the oldest first.
select id, status, stuck_for, email, account, strategy, symbol, side, quantity, filled_quantity, broker_order_id
from admin.stuck_trades order by stuck_for desc;
