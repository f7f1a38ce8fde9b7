const DARK = `color-scheme: dark;
  --bg: #17181d; --ink: #f4f4f6; --muted: #a8a9b4; --line: #2e3038; --soft: #24262d; --own: #2c2a55; --calm: #4a4c57; --wave: #c9c7ff;
  --shadow: 0 16px 48px rgb(0 0 0 / .55);`;

/**
 * One constructed sheet: a page whose policy forbids inline styles allows it. A page's rule that matches the host beats a
 * `:host` rule without `!important`, and what it gives to the host would be inherited; so the parts begin from nothing.
 */
export const STYLES = `
:host {
  all: initial; display: inline-block; box-sizing: border-box; max-inline-size: 100%;
  --accent: var(--spelo-accent, #4f46e5); --on-accent: var(--spelo-on-accent, #fff); --danger: #c4281c;
  --bg: #fff; --ink: #17181d; --muted: #5d5f6b; --line: #e6e7ec; --soft: #f3f3f7; --own: #e9e8fd; --calm: #5d5f6b; --wave: var(--accent);
  --shadow: 0 16px 48px rgb(20 20 50 / .18); --level: 0;
  inline-size: auto !important; block-size: auto !important; min-inline-size: 0 !important; min-block-size: 0 !important;
  padding: 0 !important; border: 0 !important; background: none !important; box-shadow: none !important; float: none !important;
  opacity: 1 !important; transform: none !important; rotate: none !important; scale: none !important; translate: none !important;
  zoom: 1 !important; max-block-size: none !important; filter: none !important; overflow: visible !important; clip-path: none !important;
}
:where(.launcher, .panel) { all: initial; visibility: inherit; color-scheme: inherit; }
.launcher, .panel { color: var(--ink);
  font: 400 15px/1.5 var(--spelo-font, system-ui, -apple-system, "Segoe UI", Roboto, sans-serif); }
@media (prefers-color-scheme: dark) { :host(:not([theme=light])) {${DARK} } }
:host([theme=dark]) {${DARK} }
:host([floating]) { position: fixed !important; inset-block: auto 20px !important; inset-inline: auto 20px !important; z-index: 2147483000 !important;
  margin: 0 !important; display: inline-block !important; max-inline-size: none !important; }
:host([floating][position*=left]) { left: 20px !important; right: auto !important; }
:host([floating][position*=right]) { left: auto !important; right: 20px !important; }
:host([floating][position^=top]) { top: 20px !important; bottom: auto !important; }
:host([hidden]), [hidden] { display: none !important; }
* { box-sizing: border-box; margin: 0; }
button { font: inherit; font-weight: 600; color: inherit; border: 0; border-radius: 999px; cursor: pointer;
  display: inline-flex; align-items: center; justify-content: center; gap: 8px; min-block-size: 44px; padding: 0 18px;
  background: var(--soft); transition: filter .15s, transform .15s; }
button:hover { filter: brightness(.95); }
button:active { transform: scale(.97); }
button:disabled { opacity: .55; cursor: default; filter: none; transform: none; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
svg { inline-size: 20px; block-size: 20px; flex: none; fill: none; stroke: currentColor; stroke-width: 2;
  stroke-linecap: round; stroke-linejoin: round; }
.main { background: var(--accent); color: var(--on-accent); }
.launcher { min-block-size: 52px; padding: 0 24px 0 20px; box-shadow: 0 6px 20px rgb(20 20 50 / .22); }
.panel { inline-size: min(348px, calc(100vw - 40px)); max-inline-size: 100%; background: var(--bg);
  border: 1px solid var(--line); border-radius: var(--spelo-radius, 22px); box-shadow: var(--shadow); padding: 20px;
  display: grid; gap: 16px; animation: appear .22s ease-out; }
@keyframes appear { from { opacity: 0; transform: translateY(8px); } }
.head { display: flex; align-items: center; gap: 14px; min-block-size: 52px; }
.words { flex: 1; min-inline-size: 0; }
.title { font-size: 17px; font-weight: 650; line-height: 1.3; }
.detail { font-size: 14px; color: var(--muted); }
.time { font-size: 14px; color: var(--muted); font-variant-numeric: tabular-nums; }
.orb { flex: none; inline-size: 52px; block-size: 52px; border-radius: 50%; display: flex; align-items: center;
  justify-content: center; gap: 3px; color: var(--on-accent); background: var(--accent);
  box-shadow: 0 0 0 calc(2px + var(--level) * 9px) color-mix(in srgb, var(--accent) 22%, transparent);
  transition: box-shadow .09s linear, background .2s; }
.orb svg { inline-size: 24px; block-size: 24px; }
.busy .orb, .error .orb, .muted .orb { background: var(--calm); color: #fff; }
.ended .orb { background: var(--soft); color: var(--muted); }
.text { font-size: 15px; color: var(--muted); }
.text a { color: inherit; text-underline-offset: 2px; }
.controls { display: flex; gap: 10px; }
.controls button { flex: 1; padding: 0 14px; white-space: nowrap; }
.controls .main { flex: 1.5; }
.controls .icon { flex: none; inline-size: 48px; min-block-size: 48px; padding: 0; }
.hang { background: var(--danger); color: #fff; min-block-size: 48px; }
@media (prefers-reduced-motion: reduce) { *, *::before { animation: none !important; transition: none !important; } }
@media (forced-colors: active) { button, .panel { border: 1px solid; } }
`;
