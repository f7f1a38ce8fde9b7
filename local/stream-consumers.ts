import type { LocalDynamoDb } from './dynamodb/engine.ts';
import type { LocalFunctions } from './functions-in-process.ts';
import { type StreamClients, type StreamPump, startStreamPump } from './stream-pump.ts';

/** Runs the detector and, at its own pace, the projector and the archiver behind the streams of the tables. */
export const startStreamConsumers = async (
  clients: StreamClients,
  { watching, recording }: Pick<LocalFunctions, 'watching' | 'recording'>,
  onDeadLetter: (table: string, sequenceNumber: string) => void,
  onWritten: LocalDynamoDb['onWritten'],
): Promise<StreamPump> => {
  const running: StreamPump[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(running.map((pump) => pump.close()));
  };
  try {
    // Two consumers of one stream, as on AWS. The detector goes first: its actions write audit events too.
    for (const consumers of [watching, recording])
      running.push(await startStreamPump(clients, consumers, onDeadLetter, onWritten));
  } catch (error) {
    await close();
    throw error;
  }
  return {
    drain: async () => {
      for (const pump of running) await pump.drain();
    },
    close,
  };
};

/** Consumers that start with the first drain and run only while they are drained. */
export const consumedAtDrain = (start: () => Promise<StreamPump>): StreamPump => {
  let stopped: Promise<StreamPump> | undefined;
  const startAndStop = async (): Promise<StreamPump> => {
    const consumers = await start();
    await consumers.close();
    return consumers;
  };
  return {
    drain: async () => {
      stopped ??= startAndStop();
      await (await stopped).drain();
    },
    close: async () => {
      await stopped;
    },
  };
};
