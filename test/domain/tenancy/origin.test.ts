import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  originAllowed,
  parseRegisteredOrigin,
  refusedOriginOf,
  wildcardParentOf,
} from '../../../lambdas/domain/tenancy/origin.ts';

describe('registering an origin', () => {
  it.each([
    ['https://example.com', 'https://example.com'],
    ['https://www.example.co.uk', 'https://www.example.co.uk'],
    ['https://example.com/', 'https://example.com'],
    ['  https://example.com\n', 'https://example.com'],
    ['HTTPS://Example.COM', 'https://example.com'],
    ['https://example.com:443', 'https://example.com'],
    ['https://example.com:443/', 'https://example.com'],
    ['https://example.com:8443', 'https://example.com:8443'],
    ['https://example.com:80', 'https://example.com:80'],
    ['https://bücher.example', 'https://xn--bcher-kva.example'],
    ['https://BÜCHER.example', 'https://xn--bcher-kva.example'],
    ['https://xn--bcher-kva.example', 'https://xn--bcher-kva.example'],
    ['https://192.0.2.7', 'https://192.0.2.7'],
    ['https://[2001:DB8::1]:8443', 'https://[2001:db8::1]:8443'],
    ['http://localhost', 'http://localhost'],
    ['http://localhost:3000', 'http://localhost:3000'],
    ['http://LOCALHOST:80/', 'http://localhost'],
    ['http://127.0.0.1:5173', 'http://127.0.0.1:5173'],
    ['http://[::1]:5173', 'http://[::1]:5173'],
    ['https://localhost:3000', 'https://localhost:3000'],
    ['https://*.example.com', 'https://*.example.com'],
    ['https://*.Example.com/', 'https://*.example.com'],
    ['https://*.example.com:443', 'https://*.example.com'],
    ['https://*.example.com:8443', 'https://*.example.com:8443'],
    ['https://*.a.b.example.com', 'https://*.a.b.example.com'],
    ['https://*.xn--bcher-kva.example', 'https://*.xn--bcher-kva.example'],
    ['https://*.bücher.example', 'https://*.xn--bcher-kva.example'],
    ['HTTPS://*.BÜCHER.example:8443/', 'https://*.xn--bcher-kva.example:8443'],
    ['https://*.example.рф', 'https://*.example.xn--p1ai'],
    ['https://*.192.example', 'https://*.192.example'],
    ['https://my_shop.example', 'https://my_shop.example'],
    ['https://*.my_apps.example', 'https://*.my_apps.example'],
    // Apps and browser extensions
    ['capacitor://localhost', 'capacitor://localhost'],
    ['Capacitor://LOCALHOST/', 'capacitor://localhost'],
    ['capacitor-electron://localhost', 'capacitor-electron://localhost'],
    ['capacitor-electron://-', 'capacitor-electron://-'],
    ['app://-', 'app://-'],
    ['APP://-/', 'app://-'],
    ['ionic://localhost', 'ionic://localhost'],
    ['tauri://localhost', 'tauri://localhost'],
    ['app://localhost', 'app://localhost'],
    ['app://obsidian.md', 'app://obsidian.md'],
    ['wails://wails', 'wails://wails'],
    ['http://tauri.localhost', 'http://tauri.localhost'],
    ['https://tauri.localhost', 'https://tauri.localhost'],
    ['http://shop.localhost:3000', 'http://shop.localhost:3000'],
    [
      'chrome-extension://aaaabbbbccccddddeeeeffffgggghhhh',
      'chrome-extension://aaaabbbbccccddddeeeeffffgggghhhh',
    ],
    [
      'moz-extension://3b2a5f4e-0c1d-4e8f-9a7b-1c2d3e4f5a6b',
      'moz-extension://3b2a5f4e-0c1d-4e8f-9a7b-1c2d3e4f5a6b',
    ],
    [
      'safari-web-extension://3B2A5F4E-0C1D-4E8F-9A7B-1C2D3E4F5A6B',
      'safari-web-extension://3b2a5f4e-0c1d-4e8f-9a7b-1c2d3e4f5a6b',
    ],
  ])('accepts %j as %s', (text, canonical) => {
    expect(parseRegisteredOrigin(text)).toBe(canonical);
  });

  it.each([
    '',
    '/',
    'null',
    'undefined',
    'example.com',
    '//example.com',
    'https://',
    'https:///',
    'https:///example.com',
    // Anything besides scheme, host and port
    'https://example.com/path',
    'https://example.com//',
    'https://example.com/.',
    'https://example.com?',
    'https://example.com?q',
    'https://example.com#',
    'https://example.com#part',
    'https://user@example.com',
    'https://user:word@example.com',
    'https://@example.com',
    'https://:@example.com',
    'https://example.com\\',
    'https:\\\\example.com',
    'https://example.com\\@evil.example',
    'https://example.com, https://evil.example',
    'https://example.com https://evil.example',
    // Hosts
    'https://example.com.',
    'https://example.com.:443',
    'https://exa mple.com',
    'https://exa<mple.com',
    'https://.',
    'https://.example.com',
    'https://..example.com',
    'https://example..com',
    'https://example.com..',
    'http://localhost..',
    'https://example.com%2f',
    'https://example.com%00',
    // Escapes, white space and controls, which the WHATWG parser would resolve or forgive
    'https:example.com',
    'https:/example.com',
    'http:localhost',
    'http:/localhost',
    'https:*.example.com',
    'https://ex%61mple.com',
    'https://example%2ecom',
    'https://example.com%2e',
    'https://%65xample.com',
    'http://%6cocalhost',
    'https://exa\tmple.com',
    'https://exa\nmple.com',
    'https://exa\rmple.com',
    'https://\texample.com',
    'https://example.com:\t443',
    'https://example.com\n/',
    'ht\ntps://example.com',
    'https:\t//example.com',
    'https://exa\0mple.com',
    'https://exa\u001fmple.com',
    'https://exa\u007fmple.com',
    'https://exa\u0085mple.com',
    'https://exa\u00a0mple.com',
    'https://exa\u2028mple.com',
    'https://exa\ufeffmple.com',
    'https://[::1',
    'https://256.256.256.256',
    // Ports
    'https://example.com:65536',
    'https://example.com:-1',
    'https://example.com:https',
    // Schemes
    'http://example.com',
    'http://example.com:443',
    'http://localhost.',
    'http://localhost.example.com',
    'http://127.0.0.1.example.com',
    'http://192.168.0.1',
    'http://0.0.0.0:3000',
    'http://user@localhost',
    'ws://example.com',
    'wss://example.com',
    'ftp://example.com',
    'file://',
    'file:///etc/passwd',
    'data:text/html,x',
    'javascript:alert(1)',
    'javascript://example.com',
    'blob:https://example.com',
    'about:blank',
    'chrome-extension://abcdefghijklmnop',
    'chrome-extension://aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaz',
    'chrome-extension://*',
    'moz-extension://not-a-uuid',
    'safari-web-extension://',
    'capacitor://',
    'capacitor://*',
    'capacitor://*.localhost',
    'capacitor://localhost/path',
    'capacitor://user@localhost',
    'capacitor://localhost:99999',
    'capacitor://local..host',
    'capacitor:localhost',
    'ionic://local host',
    'tauri://localhost?x',
    'http://localhost.evil.example',
    'http://*.tauri.localhost',
    'http://tauri.localhost.',
    'http://evillocalhost',
    'vbscript://localhost',
    'intent://localhost',
    // Wildcards
    '*',
    '*.example.com',
    '*://example.com',
    'https://*',
    'https://*/',
    'https://*:443',
    'https://*.',
    'https://*.com',
    'https://*.localhost',
    'https://*.bücher',
    'https://*.xn--p1ai',
    'https://*.com:8443',
    'https://*.127.0.0.1',
    'https://*.192.0.2.7:8443',
    'https://*.127.1',
    'https://*.0x7f.1',
    'https://*.[::1]',
    'https://*.[::ffff:192.0.2.7]:8443',
    'https://*.ex%61mple.com',
    'https://*.exa\tmple.com',
    'https://*.\texample.com',
    'https://*\t.example.com',
    'https://*.exa\u007fmple.com',
    'https://*.exa mple.com',
    'https://*.@example.com',
    'https://*..',
    'https://*.example.com..',
    'https://*.。com',
    'https://**.example.com',
    'https://*.*.example.com',
    'https://a.*.example.com',
    'https://*a.example.com',
    'https://a*.example.com',
    'https://*example.com',
    'https://example.*',
    'https://example.com:*',
    'https://*.example.com.',
    'https://*.example..com',
    'https://*..example.com',
    'https://*.example.com/path',
    'https://*.example.com//',
    'https://*.example.com?',
    'https://*.example.com#',
    'https://*.user@example.com',
    'https://user@*.example.com',
    'https://*.example.com:99999',
    'https://*.example.com:8443:1',
    'https://*.example.com\\',
    'http://*.example.com',
    'http://*.localhost',
  ])('refuses %j', (text) => {
    expect(parseRegisteredOrigin(text)).toBeUndefined();
  });

  it('makes a form that is its own canonical form', () => {
    fc.assert(
      fc.property(fc.webUrl({ validSchemes: ['https', 'http'] }), (url) => {
        const canonical = parseRegisteredOrigin(new URL(url).origin);
        return canonical === undefined || parseRegisteredOrigin(canonical) === canonical;
      }),
    );
    for (const pattern of ['https://*.example.com', 'https://*.example.com:8443'])
      expect(parseRegisteredOrigin(pattern)).toBe(pattern);
  });

  it('gives every https origin the exact form that a browser sends', () => {
    fc.assert(
      fc.property(fc.webAuthority({ withPort: true }), (authority) => {
        const text = `https://${authority}`;
        fc.pre(URL.canParse(text) && !new URL(text).hostname.endsWith('.'));
        return parseRegisteredOrigin(text) === new URL(text).origin;
      }),
    );
  });

  it('never throws, and accepts only secure origins, local ones, and wildcards below a domain', () => {
    const piece = fc.constantFrom(
      'https://',
      'http://',
      '*',
      '.',
      'a',
      'com',
      'localhost',
      ':',
      '443',
      '/',
      '\\',
      '@',
      '?',
      '#',
      '%',
      ' ',
      '\t',
      'ü',
      '[::1]',
      '\0',
    );
    const texts = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join('')),
    );
    // Local: this machine's names and addresses, and names below localhost, such as http://tauri.localhost.
    const shape =
      /^(https:\/\/[^/?#@\\*\s]+|http:\/\/(([a-z0-9_-]+\.)*localhost|127\.0\.0\.1|\[::1\])(:\d+)?|https:\/\/\*\.[a-z0-9-]+(\.[a-z0-9-]+)+(:\d+)?)$/;
    fc.assert(
      fc.property(texts, (text) => {
        const canonical = parseRegisteredOrigin(text);
        return canonical === undefined || shape.test(canonical);
      }),
      { numRuns: 5_000 },
    );
  });

  // The parser maps U+FF0A to `*` after the text was checked, so that a whole top-level domain is let in.
  it.each(['https://＊.com', 'https://＊.example.com', 'https://*.＊.com'])(
    'refuses %j, whose canonical form would be a wildcard',
    (text) => {
      expect(parseRegisteredOrigin(text)).toBeUndefined();
    },
  );
});

describe('matching an exact origin', () => {
  const registered = [
    'https://example.com',
    'https://xn--bcher-kva.example',
    'https://shop.example.com:8443',
  ];

  it.each(registered)('accepts %s', (origin) => {
    expect(originAllowed(origin, registered)).toBe(true);
  });

  it.each([
    '',
    'null',
    '*',
    'undefined',
    'https://',
    'http://example.com',
    'https://example.com:443',
    'https://example.com:8443',
    'https://shop.example.com',
    'https://shop.example.com:443',
    'https://shop.example.com:84430',
    'https://example.com/',
    'https://example.com.',
    'https://EXAMPLE.com',
    'HTTPS://example.com',
    'https://www.example.com',
    'https://example.com.evil.example',
    'https://example.community',
    'https://evil-example.com',
    'https://evilexample.com',
    'https://evil.example/https://example.com',
    'https://evil.example?https://example.com',
    'https://evil.example#https://example.com',
    'https://example.com@evil.example',
    'https://user@example.com',
    ' https://example.com',
    'https://example.com ',
    'https://example.com\n',
    'https://example.com\0',
    'https://example.com,https://evil.example',
    'https://example.com https://evil.example',
    'https://bücher.example',
    'https://bu\u0308cher.example',
    'https://xn--bcher-kvb.example',
    'https://еxample.com',
    'https://exampleXcom',
    'example.com',
    '//example.com',
  ])('refuses %j', (origin) => {
    expect(originAllowed(origin, registered)).toBe(false);
  });

  it('refuses everything if nothing is registered', () => {
    for (const origin of ['', 'null', '*', 'https://example.com'])
      expect(originAllowed(origin, [])).toBe(false);
  });

  it('accepts an origin only if it is registered, byte for byte', () => {
    const near = fc.constantFrom(...registered).chain((origin) =>
      fc.oneof(
        fc.tuple(fc.nat(origin.length), fc.string({ maxLength: 3 })).map(([at, inserted]) => {
          return origin.slice(0, at) + inserted + origin.slice(at);
        }),
        fc.nat(origin.length - 1).map((at) => origin.slice(0, at) + origin.slice(at + 1)),
        fc.nat(origin.length - 1).map((at) => {
          return origin.slice(0, at) + origin.charAt(at).toUpperCase() + origin.slice(at + 1);
        }),
        fc.string({ unit: 'binary' }).map((text) => `https://${text}`),
        fc.webUrl(),
        fc.constant(origin),
      ),
    );
    fc.assert(
      fc.property(near, (origin) => originAllowed(origin, registered) === registered.includes(origin)),
      { numRuns: 5_000 },
    );
  });
});

describe('matching a wildcard', () => {
  const registered = ['https://*.example.com'];

  it.each([
    'https://a.example.com',
    'https://www.example.com',
    'https://a.b.c.example.com',
    'https://a-b.example.com',
    'https://0.example.com',
    'https://xn--bcher-kva.example.com',
    'https://my_app.example.com',
    'https://_dmarc.example.com',
    'https://a_.example.com',
    'https://my_app.a-b.example.com',
  ])('accepts %s', (origin) => {
    expect(originAllowed(origin, registered)).toBe(true);
  });

  it.each([
    '',
    'null',
    '*',
    'https://example.com',
    'https://.example.com',
    'https://..example.com',
    'https://a..example.com',
    'https://*.example.com',
    'https://evilexample.com',
    'https://-.example.com',
    'https://-a.example.com',
    'https://a-.example.com',
    'http://a.example.com',
    'https://a.example.com:443',
    'https://a.example.com:8443',
    'https://a.example.com/',
    'https://a.example.com.',
    'https://A.example.com',
    'https://a.EXAMPLE.com',
    'https://a.example.com.evil.example',
    'https://evil.example/.example.com',
    'https://evil.example/a.example.com',
    'https://evil.example?.example.com',
    'https://evil.example#.example.com',
    'https://evil.example\\.example.com',
    'https://evil.example:443.example.com',
    'https://evil.example@a.example.com',
    'https://user:word@a.example.com',
    'https://user@.example.com',
    'https://evil.example%2f.example.com',
    'https://evil.example\n.example.com',
    'https://a.example.com\n',
    'https://ü.example.com',
    'https://https://a.example.com',
    'https:a.example.com',
    'blob:https://a.example.com',
    'a.example.com',
  ])('refuses %j', (origin) => {
    expect(originAllowed(origin, registered)).toBe(false);
  });

  it('requires the port if the wildcard has one', () => {
    const withPort = ['https://*.example.com:8443'];
    expect(originAllowed('https://a.example.com:8443', withPort)).toBe(true);
    for (const origin of [
      'https://a.example.com',
      'https://a.example.com:443',
      'https://a.example.com:18443',
      'https://example.com:8443',
    ])
      expect(originAllowed(origin, withPort)).toBe(false);
  });

  it('accepts only true subdomains, in the form that browsers send', () => {
    const piece = fc.constantFrom(
      'https://',
      'http://',
      'a',
      'evil',
      '.',
      '..',
      '-',
      '/',
      '@',
      '#',
      '?',
      '\\',
      ':8443',
      '%2e',
      '\n',
      'A',
      'ü',
      '.com',
      'example.com',
      '.example.com',
      'evil.example',
    );
    const texts = fc
      .array(piece, { maxLength: 6 })
      .chain((pieces) =>
        fc.constantFrom(
          pieces.join(''),
          `https://${pieces.join('')}`,
          `https://${pieces.join('')}.example.com`,
        ),
      );
    fc.assert(
      fc.property(texts, (origin) => {
        if (!originAllowed(origin, registered)) return true;
        const url = new URL(origin);
        return url.origin === origin && url.protocol === 'https:' && url.hostname.endsWith('.example.com');
      }),
      { numRuns: 20_000 },
    );
  });

  it('is not weakened by another registered pattern', () => {
    const both = ['https://*.example.com', 'https://example.org'];
    expect(originAllowed('https://example.org', both)).toBe(true);
    expect(originAllowed('https://a.example.org', both)).toBe(false);
    expect(originAllowed('https://example.com', both)).toBe(false);
  });
});

describe('the domain below a wildcard', () => {
  it.each([
    ['https://*.example.com', 'example.com'],
    ['https://*.example.com:8443', 'example.com'],
    ['https://*.shop.example.co.uk', 'shop.example.co.uk'],
  ])('is, for %s, %s without the port', (registered, parent) => {
    expect(wildcardParentOf(registered)).toBe(parent);
  });

  it('is missing for an exact origin', () => {
    for (const exact of ['https://example.com', 'http://localhost:3000', 'capacitor://localhost'])
      expect(wildcardParentOf(exact)).toBeUndefined();
  });
});

describe('the refused origin that an operator sees', () => {
  it.each([
    ['https://evil.example', 'https://evil.example'],
    ['HTTPS://EVIL.example:443', 'https://evil.example'],
    ['http://evil.example:8080', 'http://evil.example:8080'],
    ['https://bücher.example', 'https://xn--bcher-kva.example'],
    ['capacitor://localhost', 'capacitor://localhost'],
    ['tauri://localhost', 'tauri://localhost'],
  ])('is, for %j, %s', (header, shown) => {
    expect(refusedOriginOf(header)).toBe(shown);
  });

  it.each([
    undefined,
    '',
    'null',
    '*',
    'https://*.example.com',
    // Becomes `*.example.com` in its canonical form, which nobody registered.
    'https://＊.example.com',
    'https://evil.example:65536',
    'file://',
    'javascript:alert(1)',
    'https://evil.example/path',
    'https://user@evil.example',
    'https://evil.example, https://shop.example',
    'https://evil.example\n',
    'https://evil\u202eexample.com',
    `https://${'a'.repeat(300)}.example`,
  ])('is missing for %j', (header) => {
    expect(refusedOriginOf(header)).toBeUndefined();
  });

  it.each([
    ['a key', `https://sk-proj-${'a1B2'.repeat(8)}.example`],
    ['a key as the host', `https://sk-${'a1B2'.repeat(8)}`],
    ['a client secret', `https://ek_${'a1b2'.repeat(8)}.example`],
    ['a key in an app scheme', `capacitor://sk-proj-${'a1b2'.repeat(8)}`],
  ])('is not shown if it may contain %s', (_, header) => {
    expect(refusedOriginOf(header)).toBeUndefined();
  });

  it('is short, printable ASCII in its own canonical form, whatever a stranger sends', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'binary' }),
          fc.webUrl(),
          fc.webUrl().map((url) => new URL(url).origin),
        ),
        (header) => {
          const shown = refusedOriginOf(header);
          if (shown === undefined) return;
          expect(shown).toMatch(/^[a-z-]+:\/\/[!-~]+$/);
          expect(refusedOriginOf(shown)).toBe(shown);
        },
      ),
    );
  });
});
