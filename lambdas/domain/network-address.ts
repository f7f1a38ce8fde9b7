import ipaddr from 'ipaddr.js';

/**
 * The part of an address that one caller cannot change at will: an IPv4 address unchanged; of an IPv6 address the first
 * 64 bits, the smallest network that providers hand out (RFC 6177). Every spelling of an address gives the same text, and
 * an IPv4 address in IPv6 form (RFC 4291, section 2.5.5.2) gives that IPv4 address. Any other text is returned unchanged.
 *
 * @example networkOf('2001:db8:0:1:aaaa::1') is '2001:db8:0:1::/64'
 * @example networkOf('::ffff:cb00:7107') is '203.0.113.7'
 */
export const networkOf = (address: string): string => {
  if (!ipaddr.IPv6.isValid(address)) return address;
  const parsed = ipaddr.IPv6.parse(address);
  if (parsed.isIPv4MappedAddress()) return parsed.toIPv4Address().toString();
  return `${parsed.parts
    .slice(0, 4)
    .map((group) => group.toString(16))
    .join(':')}::/64`;
};

/** Everything that IANA has assigned as global unicast: https://www.iana.org/assignments/ipv6-address-space */
const GLOBAL_UNICAST = ipaddr.IPv6.parseCIDR('2000::/3');

/**
 * True for an address of the public internet. False for loopback, private, link-local (cloud metadata included), unique
 * local, carrier-grade NAT, multicast and reserved ones, for IPv4 addresses inside of IPv6 ones, and for any other text.
 */
export const isPublicAddress = (address: string): boolean => {
  if (ipaddr.IPv4.isValidFourPartDecimal(address)) return ipaddr.IPv4.parse(address).range() === 'unicast';
  if (!ipaddr.IPv6.isValid(address)) return false;
  const parsed = ipaddr.IPv6.parse(address);
  return parsed.match(GLOBAL_UNICAST) && parsed.range() === 'unicast';
};
