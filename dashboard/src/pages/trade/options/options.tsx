/** The options desk on a page of its own. */
import { useState } from "react";
import { useNavigate, useParams } from "react-router";
import { Button } from "@/ui/button";
import { Input } from "@/ui/form";
import { Page } from "@/ui/panel";
import { Empty } from "@/ui/states";
import { useTradeAccount } from "../placing/use_trade_account";
import { OptionsDesk } from "./options_desk";

export function Options() {
  const symbol = useParams()["symbol"]?.toUpperCase() ?? "";
  const navigate = useNavigate();
  const on = useTradeAccount();
  const [wanted, setWanted] = useState(symbol);
  return (
    <Page title="Options" actions={
      <form className="flex gap-2" onSubmit={(event) => { event.preventDefault(); void navigate(`/options/${encodeURIComponent(wanted.trim().toUpperCase())}`); }}>
        <Input aria-label="Underlying" placeholder="Underlying" className="w-32" value={wanted} onChange={(event) => setWanted(event.target.value)} />
        <Button type="submit">Show</Button>
      </form>
    }>
      {symbol === "" ? <Empty>Enter the symbol of an underlying to see its options.</Empty> : <OptionsDesk symbol={symbol} on={on} />}
    </Page>
  );
}
