"""What every simulated broker stands on: the tape and its clock, prices, accounts, order desks and fault switches.

Nothing here knows a broker's wire. How a wire is put around it:

1. `class Simulator(Venue)` with its `DeskRules` and `Faults(REQUESTS | DESK | STREAMS | ITS_OWN, default_path=...)`.
   `on_event(DeskEvent)` writes an order's change into the `StreamHub`; the record is live, so it is rendered at once.
   `on_activities` hears of settlements, dividends and so on. What overrides an `on_` method calls the one here too.
2. The application has in its state `simulator`, `pace` and `loaded`; it serves `control.routes` and
   `account_control.routes` (the books of all brokers have one shape, `book_view`), answers BadInput with 422, and is
   wrapped in the `FaultLayer`.
3. A submit is `order = desk.enter(request)` (raises `DeskRefusal`, whose reason the wire words), then the wire renders
   the order as it was before the exchange had it, then `desk.route(order)`. `enter_group` and `route(*orders)` take
   brackets, OCOs and OTOs; `enter_replacement` and `route_replacement` a replace; `check` is the dry run (with
   `order_checks.cost`, `option_cost`, `required_more` and `ledger.fee_of` for what it would take).
4. Options are canonical OCC symbols: `venue.options` is the market (`chain`, `listed`, `view` with quote and greeks),
   `venue.account(id).settling` exercises and assigns.
5. A fault of its own is a row in its table and one `faults.take("name", account_id, symbol)` where it strikes; request
   faults (a `RequestFault` in the row) are done by the `FaultLayer`. `fill_before_response` and `drop_stream` are
   taken by the wire's routes and stream door, everything else in `DESK` and `STREAMS` happens by itself.
"""
