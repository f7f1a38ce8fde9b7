import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { LOOPBACK, listen } from '../listen.ts';
import { RULES, type SendEmailRequest } from './rules.ts';

export interface ReceivedMail {
  readonly from: string;
  readonly to: readonly string[];
  readonly subject: string;
  readonly text: string;
}

/**
 * `SendEmail` of Amazon SES v2 on 127.0.0.1, for local use and tests only: keeps mail in memory and sends none. Strict:
 * a request that AWS refuses is refused (`rules.ts`). Insecure: it checks no signature and no policy.
 */
export interface LocalSes {
  readonly endpoint: string;
  /** All mail, oldest first. */
  readonly mails: readonly ReceivedMail[];
  /** Answers this many of the next calls with a 500. */
  failNext(calls: number): void;
  /** Refuses mail to this address, as SES does for one that bounced. */
  refuse(address: string): void;
  close(): Promise<void>;
}

const PATH = '/v2/email/outbound-emails';
const MAX_REQUEST_BYTES = 1_048_576;

/** @param identities verified domains and addresses that may send. */
export const startLocalSes = async ({
  identities,
}: {
  readonly identities: readonly string[];
}): Promise<LocalSes> => {
  const mails: ReceivedMail[] = [];
  const refused = new Set<string>();
  let failures = 0;

  const answer = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const request = await readRequest(incoming);
    if (failures > 0) {
      failures -= 1;
      return send(response, 500, 'InternalFailure', {});
    }
    if (incoming.method !== 'POST' || incoming.url !== PATH || request === undefined)
      return send(response, 400, 'BadRequestException', {
        message: 'The local mailbox knows SendEmail only.',
      });
    const broken = RULES.find(({ breaks }) => breaks(request, identities));
    if (broken !== undefined) {
      // For the developer; AWS sends no such header.
      response.setHeader('x-strict-source', broken.source);
      return send(response, 400, broken.error, { message: broken.name });
    }
    const { FromEmailAddress: from = '', Destination, Content } = request;
    const to = Destination?.ToAddresses ?? [];
    if (to.some((address) => refused.has(address)))
      return send(response, 400, 'MessageRejected', { message: 'The address is on the suppression list.' });
    const subject = Content?.Simple?.Subject?.Data ?? '';
    mails.push({ from, to, subject, text: Content?.Simple?.Body?.Text?.Data ?? '' });
    return send(response, 200, undefined, { MessageId: randomUUID() });
  };

  const server = createServer((incoming, response) => {
    answer(incoming, response).catch(() => response.destroy());
  });
  const port = await listen(server);
  return {
    endpoint: `http://${LOOPBACK}:${port}`,
    mails,
    failNext: (calls) => {
      failures = calls;
    },
    refuse: (recipient) => {
      refused.add(recipient);
    },
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
};

const readRequest = async (incoming: IncomingMessage): Promise<SendEmailRequest | undefined> => {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of incoming) {
    size += Buffer.byteLength(chunk);
    if (size <= MAX_REQUEST_BYTES) chunks.push(Buffer.from(chunk));
  }
  if (size > MAX_REQUEST_BYTES) return undefined;
  try {
    const parsed: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'));
    return typeof parsed === 'object' && parsed !== null ? parsed : undefined;
  } catch {
    return undefined;
  }
};

const send = (response: ServerResponse, status: number, error: string | undefined, body: object): void => {
  response.writeHead(status, {
    'content-type': 'application/json',
    'x-amzn-requestid': randomUUID(),
    ...(error !== undefined && { 'x-amzn-errortype': error }),
  });
  response.end(JSON.stringify(body));
};
