// Before the first paint, so that the page does not flash in the other theme. A file of its own: the
// Content-Security-Policy allows no script inside the page.
(function () {
  var chosen = null;
  try {
    chosen = localStorage.getItem("agenttrader.theme");
  } catch {
    // Storage may be forbidden: the system's theme then.
  }
  var dark = chosen === "dark" || (chosen !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.dataset.theme = dark ? "dark" : "light";
})();
