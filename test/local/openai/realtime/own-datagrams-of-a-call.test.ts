import { createHmac, randomBytes } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { crc32 } from 'node:zlib';
import { afterAll, expect, it } from '@jest/globals';
import { CANNED_OFFER } from '../../../../lambdas/domain/calls/canned-offer.ts';
import { type LocalOpenAi, startLocalOpenAi } from '../../../../local/openai/server.ts';
import { createCall } from '../../../support/openai-calls.ts';
import { fakeKey } from '../driver.ts';

const parts: (LocalOpenAi | Socket)[] = [];
afterAll(async () => {
  for (const part of parts) await part.close();
});

const STUN_COOKIE = Buffer.from('2112a442', 'hex');
const FINGERPRINT_XOR = 0x5354554e;

const attribute = (type: number, value: Buffer): Buffer => {
  const head = Buffer.alloc(4);
  head.writeUInt16BE(type, 0);
  head.writeUInt16BE(value.length, 2);
  return Buffer.concat([head, value, Buffer.alloc((4 - (value.length % 4)) % 4)]);
};

const header = (length: number, transactionId: Buffer): Buffer => {
  const head = Buffer.alloc(4);
  head.writeUInt16BE(1, 0);
  head.writeUInt16BE(length, 2);
  return Buffer.concat([head, STUN_COOKIE, transactionId]);
};

/** A connectivity check of ICE with the right password: RFC 8445, section 7.1; RFC 8489. */
const bindingRequest = (username: string, password: string): Buffer => {
  const transactionId = randomBytes(12);
  const body = Buffer.concat([
    attribute(0x0006, Buffer.from(username)),
    attribute(0x0024, Buffer.from('6e7f1eff', 'hex')),
    attribute(0x802a, randomBytes(8)),
  ]);
  const signed = Buffer.concat([header(body.length + 24, transactionId), body]);
  const integrity = attribute(0x0008, createHmac('sha1', password).update(signed).digest());
  const whole = Buffer.concat([header(body.length + 32, transactionId), body, integrity]);
  const checksum = Buffer.alloc(4);
  checksum.writeUInt32BE((crc32(whole) ^ FINGERPRINT_XOR) >>> 0, 0);
  return Buffer.concat([whole, attribute(0x8028, checksum)]);
};

// Only Linux has all of 127.0.0.0/8 without further ado.
const itOnLinux = process.platform === 'linux' ? it : it.skip;

itOnLinux(
  'A call answers the connectivity checks of this machine, and not the same checks from another address',
  async () => {
    const openAi = await startLocalOpenAi();
    parts.push(openAi);
    const answer = await (await createCall(openAi, fakeKey(), CANNED_OFFER)).text();
    const firstOf = (pattern: RegExp): string => pattern.exec(answer)?.[1] ?? '';
    const username = `${firstOf(/^a=ice-ufrag:(\S+)/m)}:spelobyok`;
    const password = firstOf(/^a=ice-pwd:(\S+)/m);
    const port = Number(firstOf(/^a=candidate:\S+ 1 udp \d+ 127\.0\.0\.1 (\d+) /m));

    // 127.0.0.2 plays another machine. What it sends is sent first, so an answer to it would come first.
    const answered: string[] = [];
    const sockets = await Promise.all(
      ['127.0.0.2', '127.0.0.1'].map(async (address) => {
        const socket = createSocket('udp4');
        parts.push(socket);
        socket.bind({ address });
        await once(socket, 'listening');
        socket.on('message', () => answered.push(address));
        return socket;
      }),
    );
    const [foreign, own] = sockets;
    const check = bindingRequest(username, password);
    const arrived = once(own as Socket, 'message');
    foreign?.send(check, port, '127.0.0.1');
    foreign?.send(Buffer.from([22, 254, 253]), port, '127.0.0.1');
    own?.send(check, port, '127.0.0.1');
    await arrived;
    expect(answered).toEqual(['127.0.0.1']);
  },
);
