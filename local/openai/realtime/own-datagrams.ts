import type { RemoteInfo } from 'node:dgram';
import { networkInterfaces } from 'node:os';
import type { UdpTransport } from 'werift';

type Addresses = () => ReadonlySet<string>;

const KEPT_MS = 1_000;
let known: { readonly addresses: ReadonlySet<string>; readonly atMs: number } | undefined;

/** The addresses of this machine, at most a second old: networks come and go with VPNs and containers. */
const ownAddresses: Addresses = () => {
  const atMs = performance.now();
  if (known === undefined || atMs - known.atMs > KEPT_MS) {
    const interfaces = Object.values(networkInterfaces()).flatMap((addresses = []) => addresses);
    known = { addresses: new Set(interfaces.map(({ address }) => address)), atMs };
  }
  return known.addresses;
};

const LOOPBACK = '127.0.0.1';

/**
 * The addresses that an answer offers: loopback alone to a peer that offers it, otherwise also the machine's own IPv4
 * addresses, or its IPv6 ones if it has no other. Deliberately few: on a busy machine, the library can fail in a
 * handshake over several address pairs.
 */
export function candidateAddresses(offer: string): string[] {
  if (/^a=candidate:.* 127\.0\.0\.1 /m.test(offer)) return [LOOPBACK];
  const others = [...ownAddresses()].filter(
    (address) => !address.startsWith('fe80:') && address !== '::1' && address !== LOOPBACK,
  );
  const ipv4 = others.filter((address) => !address.includes(':'));
  return [LOOPBACK, ...(ipv4.length > 0 ? ipv4 : others)];
}

const restricted = new WeakSet<object>();

/**
 * Makes every socket of the WebRTC library drop what other machines send. The library binds to all interfaces, whichever
 * addresses it offers as candidates, and has no setting for it.
 *
 * @param own The addresses whose datagrams are read.
 */
export function dropForeignDatagrams(transport: typeof UdpTransport, own: Addresses = ownAddresses): void {
  if (restricted.has(transport)) return;
  restricted.add(transport);
  const init = transport.init.bind(transport);
  transport.init = async (...args) => {
    const opened = await init(...args);
    const readers = opened.socket.listeners('message');
    opened.socket.removeAllListeners('message');
    opened.socket.on('message', (datagram: Buffer, from: RemoteInfo) => {
      if (!own().has(from.address.replace(/%.*/, ''))) return;
      for (const reader of readers) reader.call(opened.socket, datagram, from);
    });
    return opened;
  };
}
