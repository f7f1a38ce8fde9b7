/** What stands before an IPv4 address in IPv6 form: RFC 4291, section 2.5.5.2. */
const IPV4_MAPPED = '0:0:0:0:0:ffff';

/**
 * The part of an address that one caller cannot change at will: an IPv4 address as it is, of an IPv6 address the first 64
 * bits, which are the smallest network that providers hand out (RFC 6177). However it is written: an IPv4 address in IPv6
 * form is that IPv4 address. A text that is no address stays as it is.
 *
 * @example networkOf('2001:db8:0:1:aaaa::1') is '2001:db8:0:1::/64'
 * @example networkOf('::ffff:cb00:7107') is '203.0.113.7'
 */
export const networkOf = (address: string): string => {
  const groups = groupsOf(address.toLowerCase());
  if (groups === undefined) return address;
  if (groups.slice(0, 6).join(':') === IPV4_MAPPED) return dottedOf(groups.slice(6));
  return `${groups.slice(0, 4).join(':')}::/64`;
};

/** The eight groups of an IPv6 address in lower-case hex without leading zeros; undefined for any other text. */
const groupsOf = (address: string): readonly string[] | undefined => {
  const [head = '', tail, ...more] = hexOnly(address).split('::');
  if (!address.includes(':') || more.length > 0) return undefined;
  const before = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const missing = 8 - before.length - after.length;
  if (tail === undefined ? missing !== 0 : missing < 0) return undefined;
  const all = [...before, ...Array.from({ length: missing }, () => '0'), ...after];
  return all.every((group) => /^[0-9a-f]{1,4}$/.test(group))
    ? all.map((group) => group.replace(/^0+(?=.)/, ''))
    : undefined;
};

/** The last four bytes may be written with dots. */
const hexOnly = (address: string): string =>
  address.replace(/(?<=:)\d{1,3}(?:\.\d{1,3}){3}$/, (dotted) => {
    const [a = 0, b = 0, c = 0, d = 0] = dotted.split('.').map(Number);
    const isIpv4 = Math.max(a, b, c, d) <= 255;
    return isIpv4 ? `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}` : dotted;
  });

const dottedOf = (groups: readonly string[]): string =>
  groups
    .map((group) => Number.parseInt(group, 16))
    .flatMap((value) => [value >> 8, value & 255])
    .join('.');
