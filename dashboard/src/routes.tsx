/** Every page, loaded when it is first opened. */
import { createBrowserRouter, type RouteObject } from "react-router";
import { Crashed } from "./shell/crashed";
import { NotFound } from "./shell/not_found";
import { Loading } from "./ui/states";

type Loads = () => Promise<Record<string, React.ComponentType>>;

/** A page's module exports its component under the page's name. */
function page(path: string, name: string, load: Loads): RouteObject {
  return { path, lazy: async () => ({ Component: (await load())[name] ?? NotFound }), HydrateFallback: Waiting, ErrorBoundary: Crashed };
}

function Waiting() {
  return <Loading what="Loading the page" rows={6} />;
}

export const router = createBrowserRouter([
  page("/sign-in", "SignIn", () => import("./pages/entry/sign_in")),
  page("/sign-up", "SignUp", () => import("./pages/entry/sign_up")),
  page("/reset", "Reset", () => import("./pages/entry/reset")),
  {
    lazy: async () => ({ Component: (await import("./shell/frame")).Frame }),
    HydrateFallback: Waiting,
    ErrorBoundary: Crashed,
    children: [
      page("/", "Overview", () => import("./pages/overview/overview")),
      page("/trade/:symbol?", "Trade", () => import("./pages/trade/trade")),
      page("/options/:symbol?", "Options", () => import("./pages/trade/options/options")),
      page("/orders", "Orders", () => import("./pages/orders/orders")),
      page("/orders/:id", "OrderDetail", () => import("./pages/orders/order_detail")),
      page("/positions", "Positions", () => import("./pages/positions/positions")),
      page("/strategies", "Strategies", () => import("./pages/strategies/strategies")),
      page("/strategies/:id", "StrategyDetail", () => import("./pages/strategies/strategy_detail")),
      page("/risk", "Risk", () => import("./pages/risk/risk")),
      page("/alerts", "Alerts", () => import("./pages/alerts/alerts")),
      page("/history", "History", () => import("./pages/history/history")),
      page("/watchlist", "Watchlist", () => import("./pages/watchlist/watchlist")),
      page("/reports", "Reports", () => import("./pages/reports/reports")),
      page("/automation", "Automation", () => import("./pages/automation/automation")),
      page("/accounts", "Accounts", () => import("./pages/accounts/accounts")),
      page("/settings", "Settings", () => import("./pages/settings/settings")),
      { path: "*", Component: NotFound },
    ],
  },
]);
