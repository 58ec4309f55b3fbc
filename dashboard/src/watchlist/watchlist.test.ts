import { describe, expect, it } from "vitest";
import { added, moved, removed } from "./watchlist";

const LIST = ["SPY", "QQQ", "IWM"];

describe("watchlist", () => {
  it("keeps a symbol once when it is added twice, and gives it its place back", () => {
    expect(added("DIA")(LIST)).toEqual(["SPY", "QQQ", "IWM", "DIA"]);
    expect(added("QQQ")(LIST)).toBe(LIST);
    expect(added("QQQ", 1)(removed("QQQ")(LIST))).toEqual(LIST);
  });

  it("moves by a step or to another's place when asked, and stays at the ends", () => {
    expect(moved("IWM", { by: -1 })(LIST)).toEqual(["SPY", "IWM", "QQQ"]);
    expect(moved("SPY", { by: -1 })(LIST)).toEqual(LIST);
    expect(moved("IWM", { by: 1 })(LIST)).toEqual(LIST);
    expect(moved("IWM", { before: "SPY" })(LIST)).toEqual(["IWM", "SPY", "QQQ"]);
    expect(moved("SPY", { before: "IWM" })(LIST)).toEqual(["QQQ", "IWM", "SPY"]);
  });

  it("stays as it is when the symbol is gone on another device", () => {
    expect(moved("DIA", { by: 1 })(LIST)).toEqual(LIST);
    expect(moved("SPY", { before: "DIA" })(LIST)).toEqual(LIST);
    expect(removed("DIA")(LIST)).toEqual(LIST);
  });
});
