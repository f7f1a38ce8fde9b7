import { Agent, createServer, type IncomingMessage, request } from 'node:http';
import { type AddressInfo, connect } from 'node:net';

/** One call on its way to a service. */
export interface RelayedCall {
  /** `UpdateItem` and `Decrypt` at AWS, elsewhere `POST /v1/realtime/client_secrets`. */
  readonly operation: string;
  /** Of the request. */
  readonly text: string;
}

export interface RelayHooks {
  /** The call continues after this resolves. */
  readonly arrived?: (call: RelayedCall) => void | Promise<void>;
  /** Called before the response is returned. */
  readonly answered?: (call: RelayedCall, answer: string) => void;
}

export interface Relay {
  readonly url: string;
  /** The address of the service, set once it is up. */
  forwardTo(endpoint: string): void;
  close(): Promise<void>;
}

/** Stands in front of a service on this machine, passes every call on unchanged, and reports it. */
export const startRelay = async ({ arrived, answered }: RelayHooks): Promise<Relay> => {
  const agent = new Agent({ keepAlive: true, maxSockets: 256 });
  let target = 'http://127.0.0.1';

  const server = createServer(async (incoming, outgoing) => {
    try {
      const text = await textOf(incoming);
      const path = incoming.url ?? '/';
      const operation = incoming.headers['x-amz-target'];
      const call = {
        operation: operation?.toString().split('.').at(-1) ?? `${incoming.method} ${path}`,
        text,
      };
      await arrived?.(call);
      const { host: _, connection: __, ...headers } = incoming.headers;
      const answer = await new Promise<IncomingMessage>((resolve, reject) => {
        const { method = 'POST' } = incoming;
        request(new URL(path, target), { method, agent, headers }, resolve).on('error', reject).end(text);
      });
      const answerText = await textOf(answer);
      answered?.(call, answerText);
      outgoing.writeHead(answer.statusCode ?? 500, answer.headers).end(answerText);
    } catch {
      outgoing.destroy();
    }
  });
  // A WebSocket: forwards the request unchanged, and then all bytes in both directions.
  server.on('upgrade', async (incoming, socket, head) => {
    await arrived?.({ operation: `${incoming.method} ${incoming.url}`, text: '' });
    const { hostname, port } = new URL(target);
    const upstream = connect({ host: hostname, port: Number(port) });
    const lines = incoming.rawHeaders.flatMap((name, i, all) =>
      i % 2 === 0 ? [`${name}: ${all[i + 1]}`] : [],
    );
    upstream.write([`${incoming.method} ${incoming.url} HTTP/1.1`, ...lines, '', ''].join('\r\n'));
    upstream.write(head);
    upstream.pipe(socket).pipe(upstream);
    for (const side of [upstream, socket])
      side.on('error', () => {
        upstream.destroy();
        socket.destroy();
      });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    forwardTo: (endpoint) => {
      target = endpoint;
    },
    close: () =>
      new Promise((resolve) => {
        agent.destroy();
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
};

const textOf = async (stream: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
};
