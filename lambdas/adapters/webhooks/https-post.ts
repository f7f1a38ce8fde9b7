import { lookup as resolveName } from 'node:dns';
import { Agent, type RequestOptions, request } from 'node:https';
import type { LookupFunction } from 'node:net';
import { isPublicAddress } from '../../domain/network-address.ts';
import type { DeliveryFailure } from '../../domain/notices/delivery.ts';
import type { PostResult, WebhookPost } from '../../use-cases/ports/notices.ts';

export interface HttpsPostOptions {
  /**
   * Whether a connection to this address is allowed. Only the local server and tests set it, to reach a receiver on the
   * same machine. No deployment setting can.
   *
   * @default addresses of the public internet
   */
  readonly isAllowed?: (address: string) => boolean;
  /** Certificates to trust instead of those that Node.js ships; for tests. */
  readonly ca?: string;
  /** @default the resolver of the system */
  readonly resolve?: typeof resolveName;
  /** Timeout of one whole attempt, milliseconds. @default 10000 */
  readonly timeoutMs?: number;
}

const TIMEOUT_MS = 10_000;
/** Longest status line and headers, bytes. */
const MAX_HEADER_BYTES = 8_192;

class PrivateAddressError extends Error {
  readonly code = 'ERR_PRIVATE_ADDRESS';
}

/**
 * One POST over HTTPS to a URL that a customer has chosen. The name is resolved once, each address is checked, and the
 * connection goes to one of those that were checked: a name that changes in between has no effect. Each attempt
 * opens a new connection. Redirects are not followed; the body of the answer is not read.
 */
export const httpsPost = ({
  isAllowed = isPublicAddress,
  resolve = resolveName,
  timeoutMs = TIMEOUT_MS,
  ca,
}: HttpsPostOptions = {}): WebhookPost => ({
  post: (url, headers, body) =>
    new Promise((settle) => {
      const { hostname } = new URL(url);
      const host = hostname.replace(/^\[|\]$/g, '');
      // Node.js does no name lookup for an address.
      const isAddress = host.includes(':') || /^[\d.]+$/.test(host);
      if (isAddress && !isAllowed(host)) return settle({ status: null, failure: 'private_address' });
      const agent = new Agent({ keepAlive: false });
      let settled = false;
      const done = (result: PostResult): void => {
        if (settled) return;
        settled = true;
        clearTimeout(timer);
        outgoing.destroy();
        agent.destroy();
        settle(result);
      };
      const options: RequestOptions = {
        method: 'POST',
        agent,
        lookup: checkedLookup(resolve, isAllowed),
        maxHeaderSize: MAX_HEADER_BYTES,
        headers: {
          ...headers,
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(body),
          'user-agent': 'spelo-byok-webhooks/1',
        },
        // Explicit, so that NODE_TLS_REJECT_UNAUTHORIZED cannot turn it off.
        rejectUnauthorized: true,
        ...(ca !== undefined && { ca }),
      };
      const outgoing = request(url, options);
      const timer = setTimeout(() => done({ status: null, failure: 'timeout' }), timeoutMs);
      outgoing.on('error', (error) => done({ status: null, failure: failureOf(error) }));
      outgoing.on('response', ({ statusCode = 0 }) => done(resultOf(statusCode)));
      outgoing.end(body);
    }),
});

const resultOf = (status: number): PostResult => {
  if (status >= 200 && status <= 299) return { status, failure: null };
  return { status, failure: status >= 300 && status <= 399 ? 'redirect' : 'http_status' };
};

/** Resolves a name for Node.js and checks all its addresses. A single address that is not allowed refuses the name. */
const checkedLookup =
  (resolve: typeof resolveName, isAllowed: (address: string) => boolean): LookupFunction =>
  (hostname, options, callback) => {
    resolve(hostname, { ...options, all: true }, (error, addresses) => {
      if (error !== null) return callback(error, '', 0);
      const [first] = addresses;
      if (first === undefined || !addresses.every(({ address }) => isAllowed(address)))
        return callback(new PrivateAddressError(), '', 0);
      return options.all === true ? callback(null, addresses) : callback(null, first.address, first.family);
    });
  };

const NAME_ERRORS = new Set(['ENOTFOUND', 'EAI_AGAIN', 'EAI_FAIL', 'ENODATA']);
const TLS_ERRORS =
  /^(?:ERR_TLS_|ERR_SSL_|CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|HOSTNAME_MISMATCH|EPROTO)/;

const failureOf = (error: Error): DeliveryFailure => {
  const code = 'code' in error ? String(error.code) : '';
  if (code === 'ERR_PRIVATE_ADDRESS') return 'private_address';
  if (NAME_ERRORS.has(code)) return 'name_not_found';
  if (TLS_ERRORS.test(code)) return 'tls';
  return 'connection';
};
