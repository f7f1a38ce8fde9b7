import { execFileSync } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Certificate {
  readonly key: string;
  readonly cert: string;
}

/** A self-signed certificate, made at run time. */
export const makeCertificate = (...names: readonly string[]): Certificate => {
  const folder = mkdtempSync(join(tmpdir(), 'certificate-'));
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  try {
    execFileSync(
      'openssl',
      [
        ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'],
        ...['-keyout', key, '-out', cert, '-days', '2', '-subj', '/CN=receiver'],
        ...['-addext', `subjectAltName=${names.join(',')}`],
      ],
      { stdio: 'ignore' },
    );
    return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') };
  } finally {
    rmSync(folder, { recursive: true });
  }
};

export interface ReceivedNotice {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** Answers a notice. The default is 204. */
export type Respond = (response: ServerResponse, notice: ReceivedNotice) => void;

export interface WebhookReceiver {
  readonly port: number;
  readonly received: readonly ReceivedNotice[];
  /** The number of TCP connections. */
  readonly connections: number;
  respondWith(respond: Respond | undefined): void;
  forget(): void;
  close(): Promise<void>;
}

/** A customer's server, over TLS on 127.0.0.1. */
export const startReceiver = async (certificate: Certificate): Promise<WebhookReceiver> => {
  let received: ReceivedNotice[] = [];
  let respond: Respond | undefined;
  let connections = 0;
  const server = createServer(certificate, (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { url = '', headers } = request;
      const notice = { path: url, headers, body: Buffer.concat(chunks).toString('utf8') };
      received.push(notice);
      if (respond === undefined) response.writeHead(204).end();
      else respond(response, notice);
    });
  });
  server.on('connection', () => {
    connections += 1;
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    get received() {
      return received;
    },
    get connections() {
      return connections;
    },
    respondWith: (next) => {
      respond = next;
    },
    forget: () => {
      received = [];
      respond = undefined;
    },
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
};

/** Verifies a notice as docs/notices.md describes, with the displayed secret. */
export const isSignedWith = (secret: string, { headers, body }: ReceivedNotice): boolean => {
  const key = Buffer.from(secret.replace('whsec_', ''), 'base64');
  const expected = createHmac('sha256', key)
    .update(`${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`)
    .digest('base64');
  return String(headers['webhook-signature']).split(' ').includes(`v1,${expected}`);
};
