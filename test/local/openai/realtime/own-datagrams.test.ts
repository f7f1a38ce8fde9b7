import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { networkInterfaces } from 'node:os';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { UdpTransport } from 'werift';
import { candidateAddresses, dropForeignDatagrams } from '../../../../local/openai/realtime/own-datagrams.ts';

const sockets: Socket[] = [];
let transport: UdpTransport;
beforeAll(async () => {
  dropForeignDatagrams(UdpTransport, () => new Set(['127.0.0.1']));
  transport = await UdpTransport.init('udp4');
});
afterAll(async () => {
  for (const socket of sockets) socket.close();
  await transport.close();
});

const sendFrom = async (address: string, text: string): Promise<void> => {
  const socket = createSocket('udp4');
  sockets.push(socket);
  socket.bind({ address });
  await once(socket, 'listening');
  await new Promise<void>((resolve, reject) =>
    socket.send(text, transport.port, '127.0.0.1', (error) => (error ? reject(error) : resolve())),
  );
};

// Only Linux has all of 127.0.0.0/8 without further ado.
const itOnLinux = process.platform === 'linux' ? it : it.skip;

itOnLinux(
  'A socket of the WebRTC library reads what this machine sends, and drops what another address sends',
  async () => {
    const received: string[] = [];
    const second = new Promise<void>((resolve) => {
      transport.onData = (data) => {
        received.push(String(data));
        if (String(data) === 'last') resolve();
      };
    });
    // 127.0.0.2 plays another machine. Datagrams between loopback addresses arrive in order.
    await sendFrom('127.0.0.1', 'first');
    await sendFrom('127.0.0.2', 'foreign');
    await sendFrom('127.0.0.1', 'last');
    await second;
    expect(received).toEqual(['first', 'last']);
  },
);

it('The stand-in offers only loopback to a peer on loopback, and its own addresses to other peers as well', () => {
  const local = 'v=0\r\na=candidate:1 1 udp 2130706431 127.0.0.1 4000 typ host\r\n';
  expect(candidateAddresses(local)).toEqual(['127.0.0.1']);
  const own = Object.values(networkInterfaces()).flatMap((all = []) => all.map(({ address }) => address));
  const offered = candidateAddresses('v=0\r\n');
  expect(offered[0]).toBe('127.0.0.1');
  expect(own).toEqual(expect.arrayContaining(offered));
  expect(offered.filter((address) => address.startsWith('fe80:'))).toEqual([]);
});
