import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parseRegisteredOrigin } from '../../../lambdas/domain/tenancy/origin.ts';
import { explainOrigin } from '../../../web/dashboard/src/sites/explain-origin.ts';

/** Texts near the edge between an origin and none. */
const nearOrigins = fc.oneof(
  fc.webUrl({ withFragments: true, withQueryParameters: true }),
  fc.string(),
  fc
    .tuple(
      fc.constantFrom('https://', 'http://', 'ftp://', '', 'https:/', 'HTTPS://'),
      fc.constantFrom('', '*.', '*', 'www.', 'user@', 'localhost', '127.0.0.1'),
      fc.constantFrom('example.com', 'example', '.com', '', 'exämple.de', 'a..b', 'example.com:443'),
      fc.constantFrom('', '/', '/path', '?x', '#y', ':8080', ':99999', ' '),
    )
    .map((parts) => parts.join('')),
);

describe('the origin checker', () => {
  it('accepts exactly what the API accepts, in the stored form', () => {
    fc.assert(
      fc.property(nearOrigins, (text) => {
        const verdict = explainOrigin(text);
        const stored = parseRegisteredOrigin(text.trim());
        expect(verdict.ok).toBe(stored !== undefined);
        if (verdict.ok) expect(verdict.canonical).toBe(stored);
      }),
    );
  });

  it('never suggests an origin that would be refused', () => {
    fc.assert(
      fc.property(nearOrigins, (text) => {
        const verdict = explainOrigin(text);
        if (verdict.ok || verdict.suggestion === undefined) return;
        expect(parseRegisteredOrigin(verdict.suggestion)).toBe(verdict.suggestion);
      }),
    );
  });

  it.each([
    ['*', /every website/],
    ['null', /Sandboxed/],
    ['www.example.com', /scheme is missing/],
    ['http://www.example.com', /localhost only/],
    ['https://www.example.com/shop', /Remove the path/],
    ['https://me:secret@www.example.com', /does not contain a user name/],
    ['https://*.com', /domain of your own/],
    ['https://shop.*.example.com', /at the front/],
    ['http://*.example.com', /wildcard needs https/],
    ['ftp://example.com', /ftp:\/\//],
    ['https://a.example https://b.example', /One origin at a time/],
    ['https://', /host is missing/],
    ['https://example.com:99999', /65535/],
  ])('explains why %s is refused', (text, why) => {
    const verdict = explainOrigin(text);
    expect(verdict).toMatchObject({ ok: false, why: expect.stringMatching(why) });
  });

  it.each([
    ['www.example.com/shop?x=1', 'https://www.example.com'],
    ['http://www.example.com', 'https://www.example.com'],
    ['https://me@www.example.com/', 'https://www.example.com'],
  ])('suggests a correction of %s', (text, suggestion) => {
    expect(explainOrigin(text)).toMatchObject({ ok: false, suggestion });
  });
});
