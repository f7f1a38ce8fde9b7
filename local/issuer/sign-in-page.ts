import { createHash } from 'node:crypto';

const STYLE = `
:root{color-scheme:light dark;--bg:#f5f6f8;--card:#fff;--line:#d9dde5;--text:#161b26;--muted:#566074;--accent:#3146c9;--on:#fff}
@media(prefers-color-scheme:dark){:root{--bg:#0e1118;--card:#171b25;--line:#2c3342;--text:#eceff5;--muted:#a3adc0;--accent:#a3b2ff;--on:#10152b}}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;display:grid;place-items:center;padding:24px;background:var(--bg);color:var(--text);font:16px/1.5 system-ui,sans-serif}
main{width:100%;max-width:400px;background:var(--card);border:1px solid var(--line);border-radius:14px;padding:32px}
h1{font-size:22px;line-height:1.25;margin:0 0 8px}
p{margin:0 0 20px;color:var(--muted);font-size:14px}
label{display:block;font-size:14px;font-weight:600;margin-bottom:6px}
input{width:100%;font:inherit;padding:10px 12px;border:1px solid var(--line);border-radius:8px;background:var(--bg);color:inherit}
button{width:100%;margin-top:16px;font:inherit;font-weight:600;padding:11px 12px;border:0;border-radius:8px;background:var(--accent);color:var(--on);cursor:pointer}
:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
`;

/** The form's response redirects back to this machine, and Chromium applies `form-action` to redirects. */
export const SIGN_IN_PAGE_POLICY = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'; form-action 'self' http://127.0.0.1:* http://localhost:*; base-uri 'none'; frame-ancestors 'none'`;

const escapeHtml = (text: string): string =>
  text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

const page = (title: string, content: string): string =>
  `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>${title}</title><style>${STYLE}</style></head><body><main>${content}</main></body></html>`;

/** Asks for a name and trusts the answer. `fields` are sent along unchanged. */
export function signInPage(fields: Readonly<Record<string, string>>, suggested: string): string {
  const hidden = Object.entries(fields)
    .map(([name, value]) => `<input type="hidden" name="${escapeHtml(name)}" value="${escapeHtml(value)}">`)
    .join('');
  return page(
    'Sign in · local issuer',
    `<h1>Who are you?</h1><p>This issuer runs on your machine and asks for no password. The demo workspace belongs to <strong>${escapeHtml(suggested)}</strong>; any other name is a new person.</p><form method="post" action="/authorize">${hidden}<label for="sub">Sign in as</label><input id="sub" name="sub" value="${escapeHtml(suggested)}" required maxlength="256" autocomplete="username" autofocus><button type="submit">Continue</button></form>`,
  );
}

/**
 * The reason why the sign-in is not possible; shown instead of a redirect, because the redirect address is not trusted.
 */
export function refusalPage(reasons: readonly string[]): string {
  return page(
    'Sign-in refused · local issuer',
    `<h1>This sign-in request is not valid</h1><p>${reasons.map(escapeHtml).join('<br>')}</p>`,
  );
}
