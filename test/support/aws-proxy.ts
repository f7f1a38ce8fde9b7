import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One call of an AWS SDK client, as it was sent. */
export interface AwsCall {
  /** `UpdateItem`, `Decrypt` */
  readonly operation: string;
  readonly body: Readonly<Record<string, unknown>>;
  /** The caller: the path of its endpoint, without the slash. */
  readonly caller: string;
  /** The same for every attempt of one call, and different for each call. */
  readonly invocation: string;
}

export type AwsIntervention =
  /** Answers this error instead of the service. */
  | {
      readonly errorName: string;
      readonly status?: number;
      readonly message?: string;
      /** Further fields of the error, such as `CancellationReasons`. */
      readonly fields?: Readonly<Record<string, unknown>>;
    }
  /** Answers this success instead of the service. */
  | { readonly answer: Readonly<Record<string, unknown>> }
  /** The service handles the call, and its answer is lost. */
  | 'lose-answer'
  /** The connection breaks before the service has received the call. */
  | 'reset'
  /** The call is accepted and never answered; the service does not receive it. */
  | 'hang'
  /** As `hang`, but the service handles the call. */
  | 'hang-after'
  /** The service gets another request instead of this one. */
  | { readonly body: Readonly<Record<string, unknown>> }
  | undefined;

type Intervene = (call: AwsCall) => AwsIntervention | Promise<AwsIntervention>;

/** A proxy between the handlers and a local DynamoDB or KMS. */
export interface AwsProxy {
  readonly url: string;
  /** A separate endpoint for one of several callers, so that its calls can be identified. */
  urlFor(caller: string): string;
  /** Every call, oldest first, whatever its result. */
  readonly calls: readonly AwsCall[];
  /** The target of the calls; set when the service has started. */
  forwardTo(endpoint: string): void;
  /** Decides about each later call. Without it, every call passes. */
  intervene(decide?: Intervene): void;
  /** Called for each call that the service has answered, before its caller gets the answer. */
  onAnswered(listener: (call: AwsCall) => void): void;
  close(): Promise<void>;
}

export const startAwsProxy = async (): Promise<AwsProxy> => {
  let target = '';
  let decide: Intervene = () => undefined;
  let answered: (call: AwsCall) => void = () => undefined;
  const calls: AwsCall[] = [];

  const forward = async (headers: Record<string, string>, body: string): Promise<Response> =>
    fetch(target, { method: 'POST', headers, body });

  const server = createServer(async (request, response) => {
    try {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const text = Buffer.concat(chunks).toString('utf8');
      const header = (name: string): string => String(request.headers[name]);
      const call: AwsCall = {
        operation: header('x-amz-target').split('.').at(-1) ?? '',
        body: JSON.parse(text),
        caller: (request.url ?? '').replaceAll('/', ''),
        invocation: header('amz-sdk-invocation-id'),
      };
      calls.push(call);
      const intervention = await decide(call);
      if (intervention === 'hang') return;
      if (intervention === 'reset') return void request.socket.resetAndDestroy();
      if (typeof intervention === 'object' && 'errorName' in intervention)
        return answer(response, intervention.status ?? 400, {
          __type: intervention.errorName,
          message: intervention.message ?? 'Injected.',
          ...intervention.fields,
        });
      if (typeof intervention === 'object' && 'answer' in intervention)
        return answer(response, 200, intervention.answer);
      const headers = {
        'content-type': header('content-type'),
        'x-amz-target': header('x-amz-target'),
        authorization: header('authorization'),
        'x-amz-date': header('x-amz-date'),
      };
      const replaced = typeof intervention === 'object' ? JSON.stringify(intervention.body) : text;
      const upstream = await forward(headers, replaced);
      const upstreamText = await upstream.text();
      answered(call);
      if (intervention === 'hang-after') return;
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
  const url = `http://127.0.0.1:${port}`;

  return {
    url,
    urlFor: (caller) => `${url}/${caller}`,
    calls,
    forwardTo: (endpoint) => {
      target = endpoint;
    },
    intervene: (next) => {
      decide = next ?? (() => undefined);
    },
    onAnswered: (listener) => {
      answered = listener;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
};

const answer = (response: ServerResponse, status: number, body: Readonly<Record<string, unknown>>): void => {
  response.writeHead(status, {
    'content-type': 'application/x-amz-json-1.0',
    'x-amzn-requestid': 'injected',
  });
  response.end(JSON.stringify(body));
};
