import type { ServerResponse } from 'node:http';
import type { Answer } from './answers.ts';

const SLOW_BYTE_INTERVAL_MS = 200;

/** Sends an answer in its manner of delivery. Every answer with headers gets the common ones too. */
export function deliver(
  response: ServerResponse,
  answer: Answer,
  common: Readonly<Record<string, string>>,
): void {
  const body = Buffer.from(answer.body);
  const headers = { ...common, ...answer.headers };
  switch (answer.delivery) {
    case 'hang':
      return;
    case 'reset':
      response.socket?.resetAndDestroy();
      return;
    case 'truncated':
      response.writeHead(answer.status, { ...headers, 'content-length': String(body.length) });
      response.write(body.subarray(0, body.length / 2), () => response.destroy());
      return;
    case 'slow-body':
      response.writeHead(answer.status, { ...headers, 'content-length': String(body.length) });
      dribble(response, body);
      return;
    case undefined:
      response.writeHead(answer.status, headers);
      response.end(body);
  }
}

function dribble(response: ServerResponse, body: Buffer): void {
  let sent = 0;
  const timer = setInterval(() => {
    response.write(body.subarray(sent, sent + 1));
    sent += 1;
    if (sent < body.length) return;
    clearInterval(timer);
    response.end();
  }, SLOW_BYTE_INTERVAL_MS);
  response.once('close', () => clearInterval(timer));
}
