import { randomBytes } from 'node:crypto';

/** True for text that starts as a session description and offers at least one medium. */
export function isSdpOffer(text: string): boolean {
  return text.startsWith('v=0') && /^m=/m.test(text);
}

/**
 * An SDP answer that accepts each medium of the offer, in order and under its own mid.
 *
 * For a machine without the WebRTC library: it has no candidates, because there is no peer. A browser parses it and then
 * waits in vain for a connection, so the exchange can be tested, but not the sound.
 */
export function answerSdp(offer: string): string {
  const transport = [
    `a=ice-ufrag:${randomBytes(6).toString('base64url')}`,
    `a=ice-pwd:${randomBytes(18).toString('base64url')}`,
    `a=fingerprint:sha-256 ${colonHex(randomBytes(32))}`,
    'a=setup:passive',
  ];
  const media = offer.split(/^(?=m=)/m).slice(1);
  const sections = media.flatMap((section, index) => {
    const lines = section.split(/\r?\n/);
    const kept = lines.filter((line) =>
      /^a=(mid:|rtpmap:|fmtp:|rtcp-mux|sctp-port:|max-message-size:)/.test(line),
    );
    const hasMid = kept.some((line) => line.startsWith('a=mid:'));
    const isSound = lines[0]?.startsWith('m=audio') ?? false;
    return [
      ...lines.slice(0, 1).map((line) => line.replace(/^(m=\S+) \d+/, '$1 9')),
      'c=IN IP4 0.0.0.0',
      ...(hasMid ? [] : [`a=mid:${index}`]),
      ...kept,
      ...transport,
      ...(isSound ? ['a=sendrecv'] : []),
    ];
  });
  const bundle = sections
    .filter((line) => line.startsWith('a=mid:'))
    .map((line) => line.slice('a=mid:'.length));
  const head = [
    'v=0',
    `o=- ${randomBytes(6).readUIntBE(0, 6)} 2 IN IP4 127.0.0.1`,
    's=-',
    't=0 0',
    `a=group:BUNDLE ${bundle.join(' ')}`,
    'a=ice-lite',
  ];
  return `${[...head, ...sections].join('\r\n')}\r\n`;
}

function colonHex(bytes: Buffer): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0').toUpperCase()).join(':');
}
