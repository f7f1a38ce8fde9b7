import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { z } from 'zod';

/**
 * A stand-in for EventBridge, for local use and tests only: PutEvents, and rules that match on source and detail type. It
 * checks no signature. A target that fails is not called again.
 */
export interface LocalEventBus {
  readonly endpoint: string;
  close(): Promise<void>;
}

export interface BusEvent {
  readonly source: string;
  readonly 'detail-type': string;
  readonly detail: unknown;
}

const putEvents = z.object({
  Entries: z.array(z.object({ Source: z.string(), DetailType: z.string(), Detail: z.string() })),
});

export const startEventBus = async (deliver: (event: BusEvent) => Promise<void>): Promise<LocalEventBus> => {
  const server = createServer(async (request, response) => {
    const { Entries } = putEvents.parse(JSON.parse(await text(request)));
    for (const { Source, DetailType, Detail } of Entries)
      await deliver({ source: Source, 'detail-type': DetailType, detail: JSON.parse(Detail) }).catch(
        () => undefined,
      );
    response.writeHead(200, { 'content-type': 'application/x-amz-json-1.1' });
    response.end(
      JSON.stringify({ FailedEntryCount: 0, Entries: Entries.map(() => ({ EventId: randomUUID() })) }),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The event bus has no port.');
  return {
    endpoint: `http://127.0.0.1:${address.port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
};
