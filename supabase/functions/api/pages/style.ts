/** How the page looks; follows the reader's light or dark. */
export const STYLE = `
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 66rem; margin: 0 auto; padding: 1rem; }
nav ul { display: flex; flex-wrap: wrap; gap: .25rem 1rem; list-style: none; padding: 0; }
article { border-top: 1px solid color-mix(in srgb, currentColor 20%, transparent); padding: .5rem 0 1rem; }
h1 small { font-weight: normal; font-size: 1rem; }
h3 { margin: .5rem 0; overflow-wrap: anywhere; }
h4 { margin: .75rem 0 .25rem; }
.prose { white-space: pre-line; }
.who { margin: .25rem 0; }
.method { display: inline-block; min-width: 4rem; font-size: .875rem; }
table { border-collapse: collapse; width: 100%; display: block; overflow-x: auto; }
th, td { text-align: left; vertical-align: top; padding: .2rem 1rem .2rem 0; font-weight: normal; }
code { font: .875em ui-monospace, monospace; overflow-wrap: anywhere; }
:target { background: color-mix(in srgb, Highlight 12%, transparent); }
`;
