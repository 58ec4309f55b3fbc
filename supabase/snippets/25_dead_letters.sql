-- Sends every dead letter of one consumer again, once its fault is mended. One letter: name its id instead.
-- To let one be: select public.dismiss_dead_letter('<id>', 'why');
select admin.i_am('alice@desk');
select public.redrive_dead_letter(id, 'the fault is mended') from admin.dead_letters where consumer = 'report_trade';
select id, stage, topic, consumer, error, died_at from admin.dead_letters order by died_at;
