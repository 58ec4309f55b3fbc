/** What the legs make over the price of the underlying: at expiry, and if it were there today. Pixels are floats. */
import { useMemo } from "react";
import { dollars, grouped, signedDollars } from "@/money/amount";
import { Figure } from "@/ui/panel";
import { atExpiry, now, profile, type PayoffLeg } from "./payoff";

interface Props {
  legs: readonly PayoffLeg[];
  spot: number;
  years: number;
  rate: number;
  underlying: string;
}

const [WIDTH, HEIGHT, LEFT, BOTTOM, TOP] = [640, 240, 64, 24, 10];
const POINTS = 160;

const cents = (value: number) => value.toFixed(2);

export function Payoff({ legs, spot, years, rate, underlying }: Props) {
  const told = useMemo(() => profile(legs), [legs]);
  const drawn = useMemo(() => drawing(legs, spot, years, rate, told.breakEvens), [legs, spot, years, rate, told]);
  const breakEvens = told.breakEvens.map((one) => `$${grouped(cents(one), { least: 2 })}`).join(" and ");
  return (
    <div className="flex flex-col gap-3">
      <dl className="grid grid-cols-2 gap-3 sm:grid-cols-3" aria-label="At expiry">
        <Figure name="Max profit">{told.maxProfit === null ? "unlimited" : dollars(cents(told.maxProfit))}</Figure>
        <Figure name="Max loss">{told.maxLoss === null ? "unlimited" : dollars(cents(told.maxLoss))}</Figure>
        <Figure name={told.breakEvens.length > 1 ? "Break-evens" : "Break-even"}>{breakEvens === "" ? "none" : breakEvens}</Figure>
      </dl>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" className="w-full text-[11px]" aria-label={`Payoff over the price of ${underlying}: max profit ${told.maxProfit === null ? "unlimited" : dollars(cents(told.maxProfit))}, max loss ${told.maxLoss === null ? "unlimited" : dollars(cents(told.maxLoss))}, break-even ${breakEvens === "" ? "none" : breakEvens}`}>
        {drawn.levels.map((level) => (
          <g key={level}>
            <line x1={LEFT} x2={WIDTH} y1={drawn.y(level)} y2={drawn.y(level)} className={level === 0 ? "stroke-dim" : "stroke-line"} />
            <text x={LEFT - 6} y={drawn.y(level) + 4} textAnchor="end" className="fill-dim">{signedDollars(cents(level)).replace(/\.00$/, "")}</text>
          </g>
        ))}
        <path d={drawn.gain} className="fill-gain opacity-15" />
        <path d={drawn.loss} className="fill-loss opacity-15" />
        <line x1={drawn.x(spot)} x2={drawn.x(spot)} y1={TOP} y2={HEIGHT - BOTTOM} className="stroke-dim" strokeDasharray="3 3" />
        <polyline points={drawn.expiry} fill="none" strokeWidth="2" strokeLinejoin="round" className="stroke-ink" />
        {drawn.today !== null && <polyline points={drawn.today} fill="none" strokeWidth="1.5" strokeDasharray="5 3" className="stroke-accent" />}
        {told.breakEvens.map((one) => <circle key={one} cx={drawn.x(one)} cy={drawn.y(0)} r="4" className="fill-panel stroke-ink" strokeWidth="1.5" />)}
        {drawn.ticks.map((tick) => <text key={tick} x={drawn.x(tick)} y={HEIGHT - 6} textAnchor="middle" className="fill-dim">${grouped(cents(tick), { most: 2 })}</text>)}
      </svg>
      <p className="text-xs text-dim">
        Dollars over the price of {underlying}. <span className="text-ink">Solid</span>: at expiry, before fees.{" "}
        {drawn.today === null ? "Today's curve is missing: the feed says no volatility of a leg." : <><span className="text-accent">Dashed</span>: today, by Black and Scholes with each leg's own volatility.</>}{" "}
        Dotted: {underlying} at ${grouped(cents(spot), { least: 2 })}.
      </p>
    </div>
  );
}

function drawing(legs: readonly PayoffLeg[], spot: number, years: number, rate: number, breakEvens: readonly number[]) {
  const strikes = legs.filter(({ right }) => right !== "share").map(({ strike }) => strike);
  const marks = [spot, ...strikes, ...breakEvens.filter((one) => Math.abs(one - spot) < spot / 4)];
  const [least, most] = [Math.min(...marks), Math.max(...marks)];
  const room = Math.max((most - least) * 0.6, spot * 0.015);
  const [from, to] = [Math.max(0, least - room), most + room];
  const sampled = Array.from({ length: POINTS + 1 }, (_, at) => from + ((to - from) * at) / POINTS);
  const spots = [...sampled, ...marks].sort((a, b) => a - b);
  const ends = spots.map((at) => atExpiry(legs, at));
  const todays = spots.map((at) => now(legs, at, years, rate));
  const known = todays.filter((one) => one !== null);
  const values = [...ends, ...known, 0];
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const span = high - low || 1;
  const x = (at: number) => LEFT + ((at - from) / (to - from)) * (WIDTH - LEFT);
  const y = (at: number) => HEIGHT - BOTTOM - ((at - low) / span) * (HEIGHT - BOTTOM - TOP);
  const line = (of: readonly number[]) => of.map((value, at) => `${x(spots[at] ?? 0).toFixed(1)},${y(value).toFixed(1)}`).join(" ");
  const area = (of: readonly number[]) => `M${x(from).toFixed(1)},${y(0).toFixed(1)} L${line(of)} L${x(to).toFixed(1)},${y(0).toFixed(1)} Z`;
  const step = nice((to - from) / 6);
  const first = Math.ceil((from + step * 0.4) / step);
  return {
    x, y,
    expiry: line(ends),
    today: known.length === todays.length ? line(known) : null,
    gain: area(ends.map((one) => Math.max(0, one))),
    loss: area(ends.map((one) => Math.min(0, one))),
    levels: [...new Set([low, 0, high])],
    ticks: Array.from({ length: 12 }, (_, at) => (first + at) * step).filter((tick) => tick < to - step * 0.3),
  };
}

/** 1, 2 or 5 times a power of ten. */
function nice(rough: number): number {
  const power = 10 ** Math.floor(Math.log10(rough));
  return ([1, 2, 5, 10].find((one) => one * power >= rough) ?? 10) * power;
}
