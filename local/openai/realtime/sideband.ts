import { type IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import type { Answer } from '../answers.ts';
import { deliver } from '../deliver.ts';
import type { Fault } from '../faults.ts';
import { type Calls, closeSideband } from './calls.ts';

/** The path to which a sideband connects, with the ID of its call as `call_id`. */
export const SIDEBAND_PATH = '/v1/realtime';

/** Upgrades requests to sidebands. */
export type Sidebands = {
  readonly accept: (upgrade: Upgrade, callId: string, fault: Fault | undefined) => void;
  readonly refuse: (upgrade: Upgrade, answer: Answer, headers: Readonly<Record<string, string>>) => void;
};

/** A request that asks for a WebSocket, as in Node's `upgrade` event. */
export type Upgrade = { readonly request: IncomingMessage; readonly socket: Duplex; readonly head: Buffer };

/** The sidebands of one stand-in. */
export function createSidebands(calls: Calls): Sidebands {
  const server = new WebSocketServer({ noServer: true });
  return {
    accept: ({ request, socket, head }, callId, fault) => {
      server.handleUpgrade(request, socket, head, (sideband) => {
        // If a client breaks the protocol or vanishes, its socket closes, and nothing else needs to be done.
        sideband.on('error', () => undefined);
        const close = fault?.closeSideband;
        if (close !== undefined) {
          const timer = setTimeout(
            () => closeSideband(sideband, close.code, close.reason),
            close.afterMs ?? 0,
          );
          sideband.once('close', () => clearTimeout(timer));
        }
        calls.attach(callId, sideband);
      });
    },
    refuse: ({ request, socket }, answer, headers) => {
      const response = new ServerResponse(request);
      response.shouldKeepAlive = false;
      response.assignSocket(socket as Parameters<typeof response.assignSocket>[0]);
      response.once('finish', () => socket.end());
      deliver(response, answer, headers);
    },
  };
}
