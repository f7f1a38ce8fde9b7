import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { z } from 'zod';
import { LOOPBACK, listen } from '../listen.ts';

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
  const port = await listen(server);
  return {
    endpoint: `http://${LOOPBACK}:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
};
