// Runs in the page before its own scripts: notes when a message came, when a row's new quantity was painted, and how long
// frames were. Times are of the wall clock, in milliseconds, so that they stand beside the database's.
(() => {
  // Date.now() counts whole milliseconds; at the moment it goes on, performance.now() tells the rest.
  const origin = (() => {
    // What holds the process up between the two readings makes the sum too small, so the largest of some is the truest.
    const tick = () => {
      const before = Date.now();
      let now = before;
      while (now === before) now = Date.now();
      return now - performance.now();
    };
    return Math.max(...Array.from({ length: 10 }, tick));
  })();
  const wall = () => origin + performance.now();
  let messages = [];
  let next = [];
  let painted = [];
  let frames = [];
  /** "messages", "frames", or null. */
  let counting = null;

  const Plain = window.WebSocket;
  window.WebSocket = class extends Plain {
    constructor(...given) {
      super(...given);
      this.addEventListener("message", ({ data }) => {
        messages.push([wall(), data]);
        // The floor: when a page that draws at once would be painted.
        if (counting === "messages") requestAnimationFrame(() => next.push([wall(), data]));
      });
    }
  };

  // The second cell is the quantity.
  const quantityOf = (row) => row.cells[1]?.textContent ?? "";
  const rowsOf = ({ target, addedNodes }) => {
    const around = (target.nodeType === Node.ELEMENT_NODE ? target : target.parentElement)?.closest("tr[data-key]");
    return around ? [around] : [...addedNodes].filter((node) => node.nodeType === Node.ELEMENT_NODE).flatMap((node) => (node.matches("tr[data-key]") ? [node] : [...node.querySelectorAll("tr[data-key]")]));
  };
  const shown = new Map();
  new MutationObserver((records) => {
    const changed = [];
    for (const row of new Set(records.flatMap(rowsOf))) {
      const quantity = quantityOf(row);
      if (shown.get(row.dataset.key) === quantity) continue;
      shown.set(row.dataset.key, quantity);
      changed.push([row.dataset.key, quantity]);
    }
    if (changed.length > 0) requestAnimationFrame(() => painted.push([wall(), changed]));
  }).observe(document, { subtree: true, childList: true, characterData: true });

  const count = (before) => {
    if (counting !== "frames") return;
    requestAnimationFrame((now) => {
      if (before !== null) frames.push(now - before);
      count(now);
    });
  };

  const nextFrame = () => new Promise((resolve) => { requestAnimationFrame(resolve); });
  /** Of a message about a position, or about a fill with the position in it. */
  const positionsIn = ([at, text]) => {
    if (typeof text !== "string" || !text.includes('"broadcast"')) return [];
    const { event, payload } = JSON.parse(text)[4];
    const position = event === "position_books" ? payload.row : (payload?.position ?? null);
    return position === null ? [] : [[at, position.symbol, Number(position.quantity)]];
  };

  window.watching = {
    begin(what) {
      [messages, next, painted, frames, counting] = [[], [], [], [], what];
      count(null);
    },
    end() {
      counting = null;
      return { arrived: messages.flatMap(positionsIn), next: next.flatMap(positionsIn), painted, frames };
    },
    heard: () => messages.length,
    /** Every row of a table, which has only those in sight: it is scrolled from top to bottom. */
    async rows(label) {
      const region = document.querySelector(`[role=region][aria-label="${label}"]`);
      const found = {};
      for (let top = 0; ; top += region.clientHeight / 2) {
        region.scrollTop = top;
        await nextFrame();
        await nextFrame();
        for (const row of region.querySelectorAll("tr[data-key]")) found[row.dataset.key] = quantityOf(row);
        if (top + region.clientHeight >= region.scrollHeight) break;
      }
      region.scrollTop = 0;
      return found;
    },
  };
})();
