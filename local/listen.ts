import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export const LOOPBACK = '127.0.0.1';

/** Longer than a client keeps a connection that nobody uses, so that no request meets one that is being closed. */
const KEEP_ALIVE_MS = 60_000;

/** Makes a stand-in listen on this machine only; 0 takes any free port. Returns the port, and rejects if it is taken. */
export const listen = async (server: Server, port = 0): Promise<number> => {
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  server.listen(port, LOOPBACK);
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
};
