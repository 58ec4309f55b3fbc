/** The pages in the order in which they are offered: in the side bar, in the palette, by shortcut (g and a letter). */
import {
  Activity, Bell, Bot, ChartCandlestick, Eye, FileText, History, Landmark, Layers, type LucideIcon, ListOrdered, Settings, ShieldCheck, Webhook,
} from "lucide-react";

export interface PageLink {
  path: string;
  name: string;
  icon: LucideIcon;
  /** The letter after g. */
  key: string;
  /** In the bar at the bottom of a phone. */
  phone?: boolean;
}

export const PAGES: readonly PageLink[] = [
  { path: "/", name: "Overview", icon: Activity, key: "o", phone: true },
  { path: "/trade", name: "Trade", icon: ChartCandlestick, key: "t", phone: true },
  { path: "/orders", name: "Orders", icon: ListOrdered, key: "r", phone: true },
  { path: "/positions", name: "Positions", icon: Layers, key: "p", phone: true },
  { path: "/strategies", name: "Strategies", icon: Bot, key: "s" },
  { path: "/risk", name: "Risk", icon: ShieldCheck, key: "k" },
  { path: "/alerts", name: "Alerts", icon: Bell, key: "a" },
  { path: "/history", name: "History", icon: History, key: "h" },
  { path: "/watchlist", name: "Watchlist", icon: Eye, key: "w" },
  { path: "/reports", name: "Reports", icon: FileText, key: "e" },
  { path: "/automation", name: "Automation", icon: Webhook, key: "u" },
  { path: "/accounts", name: "Accounts", icon: Landmark, key: "c" },
  { path: "/settings", name: "Settings", icon: Settings, key: "," },
];

