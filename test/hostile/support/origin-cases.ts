import fc from 'fast-check';

/** The origins that the site has registered, in the form in which browsers send them. */
export const REGISTERED = [
  'https://shop.example',
  'https://port.example:8443',
  'http://localhost:3000',
  'https://xn--mller-kva.example',
] as const;
export const WILDCARD = 'https://*.wild.example';

/** Of every text that is an Origin header, those that may be answered. Written apart from the product's own rule. */
export const mayRead = (origin: string): boolean =>
  (REGISTERED as readonly string[]).includes(origin) ||
  /^https:\/\/(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+wild\.example$/.test(origin);

type Variation = (origin: string) => string;

const host =
  (change: (host: string) => string): Variation =>
  (origin) =>
    origin.replace(/^(https?:\/\/)([^:/]*)/, (_, scheme: string, name: string) => `${scheme}${change(name)}`);

const VARIATIONS: Readonly<Record<string, Variation>> = {
  'as it is': (origin) => origin,
  suffix: host((name) => `${name}.evil.example`),
  'suffix without a dot': host((name) => `${name}evil.example`),
  prefix: host((name) => `evil${name}`),
  'prefix with a hyphen': host((name) => `evil-${name}`),
  subdomain: host((name) => `www.${name}`),
  'parent domain': host((name) => name.replace(/^[^.]*\./, '')),
  capitals: (origin) => origin.toUpperCase(),
  'capital in the host': host((name) => `${name.charAt(0).toUpperCase()}${name.slice(1)}`),
  'other scheme': (origin) =>
    origin.startsWith('https') ? origin.replace('https', 'http') : origin.replace('http', 'https'),
  'scheme in capitals': (origin) => origin.replace(/^https?/, (scheme) => scheme.toUpperCase()),
  'scheme left out': (origin) => origin.replace(/^https?:/, ''),
  'other scheme kind': (origin) => origin.replace(/^https?/, 'file'),
  'default port': (origin) => `${origin.replace(/:\d+$/, '')}:443`,
  'other port': (origin) => `${origin.replace(/:\d+$/, '')}:444`,
  'no port': (origin) => origin.replace(/:\d+$/, ''),
  'port with zeros': (origin) => `${origin.replace(/:\d+$/, '')}:00443`,
  'trailing dot': host((name) => `${name}.`),
  'trailing slash': (origin) => `${origin}/`,
  path: (origin) => `${origin}/path`,
  query: (origin) => `${origin}?a=1`,
  fragment: (origin) => `${origin}#a`,
  userinfo: (origin) => origin.replace('://', '://user:pass@'),
  'the origin as userinfo': (origin) => `${origin}@evil.example`,
  'backslash userinfo': (origin) => `${origin}\\@evil.example`,
  'escaped dot': (origin) => origin.replace('.', '%2e'),
  'dot without a dot': (origin) => origin.replace('.', 'x'),
  'full-width dot': (origin) => origin.replace('.', '。'),
  homograph: (origin) => origin.replace('o', 'о'),
  'unicode of the punycode': (origin) => origin.replace('xn--mller-kva', 'müller'),
  'soft hyphen': (origin) => origin.replace('.', '\u00ad.'),
  'zero width': host((name) => `${name}\u200b`),
  'blank in front': (origin) => ` ${origin}`,
  'blank behind': (origin) => `${origin} `,
  tab: (origin) => `${origin}\t`,
  'line break': (origin) => `${origin}\n`,
  zero: (origin) => `${origin}\0`,
  'a zero and more': (origin) => `${origin}\0.evil.example`,
  twice: (origin) => `${origin}, ${origin}`,
  'twice, with a blank': (origin) => `${origin} ${origin}`,
  'with another': (origin) => `https://evil.example, ${origin}`,
  'another with it': (origin) => `${origin},https://evil.example`,
  quoted: (origin) => `"${origin}"`,
  'in angle brackets': (origin) => `<${origin}>`,
  'star for the host': host(() => '*'),
  'star for a label': host((name) => `*.${name}`),
  'wildcard as it is registered': () => WILDCARD,
  'apex of the wildcard': () => 'https://wild.example',
  'below the wildcard': host((name) => `${name}.wild.example`),
  'below the wildcard, empty label': () => 'https://.wild.example',
  'below the wildcard, two dots': () => 'https://a..wild.example',
  'below the wildcard, hyphen': () => 'https://-.wild.example',
  'below the wildcard, user': () => 'https://evil.example/a.wild.example',
  'below the wildcard, other': () => 'https://evil.example#.wild.example',
  'below the wildcard, port': () => 'https://a.wild.example:444',
  'ip of localhost': (origin) => origin.replace('localhost', '127.0.0.1'),
  decimal: (origin) => origin.replace('localhost', '2130706433'),
  null: () => 'null',
  star: () => '*',
  empty: () => '',
  undefined: () => 'undefined',
  reversed: (origin) => [...origin].reverse().join(''),
  long: (origin) => `${origin}${'a'.repeat(5_000)}`,
};

/** An Origin header as data: of which registered origin, and what was done to it. */
export interface OriginCase {
  readonly of: string;
  readonly variations: readonly string[];
}

export const SINGLE_VARIATIONS: readonly OriginCase[] = REGISTERED.flatMap((of) =>
  Object.keys(VARIATIONS).map((name) => ({ of, variations: [name] })),
);

export const originCases = (): fc.Arbitrary<OriginCase> =>
  fc.record({
    of: fc.constantFrom(...REGISTERED),
    variations: fc.array(fc.constantFrom(...Object.keys(VARIATIONS)), { minLength: 1, maxLength: 3 }),
  });

export const originOf = ({ of, variations }: OriginCase): string =>
  variations.reduce((origin, name) => VARIATIONS[name]?.(origin) ?? origin, of);
