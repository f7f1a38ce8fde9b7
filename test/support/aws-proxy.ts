import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One call of an AWS SDK client, as it stood on the wire. */
export interface AwsCall {
  /** `UpdateItem`, `Decrypt` */
  readonly operation: string;
  readonly body: Readonly<Record<string, unknown>>;
}

export type AwsIntervention =
  /** Answers this error instead of the service. */
  | { readonly errorName: string; readonly status?: number; readonly message?: string }
  /** The service does its work; its answer is lost on the way. */
  | 'lose-answer'
  /** The service gets another request in place of this one. */
  | { readonly body: Readonly<Record<string, unknown>> }
  | undefined;

type Intervene = (call: AwsCall) => AwsIntervention | Promise<AwsIntervention>;

/** Stands between the handlers and a local DynamoDB or KMS. */
export interface AwsProxy {
  readonly url: string;
  /** Every call, oldest first, whatever became of it. */
  readonly calls: readonly AwsCall[];
  /** Where calls go on to; set once the service is up. */
  forwardTo(endpoint: string): void;
  /** Decides about each call from now on; without it every call goes through. */
  intervene(decide?: Intervene): void;
  close(): Promise<void>;
}

export const startAwsProxy = async (): Promise<AwsProxy> => {
  let target = '';
  let decide: Intervene = () => undefined;
  const calls: AwsCall[] = [];

  const forward = async (headers: Record<string, string>, body: string): Promise<Response> =>
    fetch(target, { method: 'POST', headers, body });

  const server = createServer(async (request, response) => {
    try {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const text = Buffer.concat(chunks).toString('utf8');
      const call: AwsCall = {
        operation: String(request.headers['x-amz-target']).split('.').at(-1) ?? '',
        body: JSON.parse(text),
      };
      calls.push(call);
      const intervention = await decide(call);
      if (intervention !== undefined && intervention !== 'lose-answer' && 'errorName' in intervention)
        return answer(response, intervention.status ?? 400, {
          __type: intervention.errorName,
          message: intervention.message ?? 'Injected.',
        });
      const headers = {
        'content-type': String(request.headers['content-type']),
        'x-amz-target': String(request.headers['x-amz-target']),
        authorization: String(request.headers['authorization']),
        'x-amz-date': String(request.headers['x-amz-date']),
      };
      const replaced = typeof intervention === 'object' ? JSON.stringify(intervention.body) : text;
      const upstream = await forward(headers, replaced);
      const upstreamText = await upstream.text();
      if (intervention === 'lose-answer') return void request.socket.resetAndDestroy();
      response.writeHead(upstream.status, {
        'content-type': upstream.headers.get('content-type') ?? 'application/x-amz-json-1.0',
        'x-amzn-requestid': upstream.headers.get('x-amzn-requestid') ?? '',
      });
      response.end(upstreamText);
    } catch {
      response.destroy();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;

  return {
    url: `http://127.0.0.1:${port}`,
    calls,
    forwardTo: (endpoint) => {
      target = endpoint;
    },
    intervene: (next) => {
      decide = next ?? (() => undefined);
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
};

const answer = (response: ServerResponse, status: number, body: Readonly<Record<string, string>>): void => {
  response.writeHead(status, {
    'content-type': 'application/x-amz-json-1.0',
    'x-amzn-requestid': 'injected',
  });
  response.end(JSON.stringify(body));
};
