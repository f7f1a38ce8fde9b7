import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { CANNED_OFFER } from '../../../lambdas/domain/calls/canned-offer.ts';
import { MAX_SDP_BYTES, readSdpOffer } from '../../../lambdas/domain/calls/sdp-offer.ts';

// Recorded from Chromium and firefox-esr in November 2026.
const recorded: Record<string, string[]> = JSON.parse(
  readFileSync(new URL('./browser-offers.json', import.meta.url), 'utf8'),
);

const HEAD = [
  'v=0',
  'o=- 1 2 IN IP4 127.0.0.1',
  's=-',
  't=0 0',
  'a=group:BUNDLE 0 1',
  'a=ice-ufrag:abcd',
  'a=ice-pwd:0123456789abcdefghijkl',
  'a=fingerprint:sha-256 AA:BB:CC',
];
const SOUND = ['m=audio 9 UDP/TLS/RTP/SAVPF 111', 'c=IN IP4 0.0.0.0', 'a=mid:0', 'a=rtpmap:111 opus/48000/2'];
const DATA = ['m=application 9 UDP/DTLS/SCTP webrtc-datachannel', 'a=mid:1', 'a=sctp-port:5000'];
const offerOf = (...lines: readonly string[]): string => `${lines.join('\r\n')}\r\n`;
const sound = offerOf(...HEAD, ...SOUND);
const both = offerOf(...HEAD, ...SOUND, ...DATA);

describe('the reader of SDP offers', () => {
  it.each(Object.entries(recorded))('accepts the offer of %s unchanged', (name, lines) => {
    const offer = offerOf(...lines);
    expect(readSdpOffer(offer)).toEqual({ sdp: offer, hasDataChannel: name.includes('data channel') });
  });

  it('accepts the smallest offers', () => {
    expect(readSdpOffer(sound)).toEqual({ sdp: sound, hasDataChannel: false });
    expect(readSdpOffer(both)).toEqual({ sdp: both, hasDataChannel: true });
  });

  it('accepts LF and CRLF, with or without a line end at the end, and forwards CRLF', () => {
    const withLf = both.replaceAll('\r\n', '\n');
    for (const text of [withLf, withLf.trimEnd(), both.trimEnd(), both.replace('\r\n', '\n')])
      expect(readSdpOffer(text)).toEqual({ sdp: both, hasDataChannel: true });
  });

  it('finds a data channel before the audio section, and a bundled one with port 0', () => {
    expect(readSdpOffer(offerOf(...HEAD, ...DATA, ...SOUND))).toMatchObject({ hasDataChannel: true });
    const bundled = both.replace('m=application 9', 'm=application 0');
    expect(readSdpOffer(bundled)).toMatchObject({ hasDataChannel: true });
  });

  it('accepts one-way audio only with a data channel', () => {
    for (const direction of ['recvonly', 'sendonly']) {
      const oneWay = [...SOUND, `a=${direction}`];
      expect(readSdpOffer(offerOf(...HEAD, ...oneWay, ...DATA))).toMatchObject({ hasDataChannel: true });
      expect(readSdpOffer(offerOf(...HEAD, ...oneWay))).toEqual({
        problem: `An offer with "a=${direction}" needs a data channel ("m=application").`,
      });
      // The direction of the session counts where the section has none.
      const inherited = offerOf(...HEAD, `a=${direction}`, ...SOUND);
      expect(readSdpOffer(inherited)).toHaveProperty('problem');
    }
    const overridden = offerOf(...HEAD, 'a=recvonly', ...SOUND, 'a=sendrecv');
    expect(readSdpOffer(overridden)).toMatchObject({ hasDataChannel: false });
  });

  it.each([
    ['no text', ''],
    ['a greeting', 'hello'],
    ['JSON', JSON.stringify({ type: 'offer', sdp: sound })],
    ['white space before v=0', ` ${sound}`],
    ['a byte order mark', `\uFEFF${sound}`],
    ['another version', sound.replace('v=0', 'v=1')],
    ['a version twice', sound.replace('s=-', 'v=0')],
    ['no origin', sound.replace(/^o=.*\r\n/m, '')],
    ['a malformed origin', sound.replace('o=- 1 2 IN', 'o=- 1 IN')],
    ['no session name', sound.replace(/^s=.*\r\n/m, '')],
    ['no time', sound.replace(/^t=.*\r\n/m, '')],
    ['lines out of order', sound.replace('s=-\r\nt=0 0', 't=0 0\r\ns=-')],
    ['no section', offerOf(...HEAD)],
    ['an obsolete key line', sound.replace('a=mid:0', 'k=prompt')],
    ['a key line for the session', sound.replace('a=group:BUNDLE 0 1', 'k=prompt')],
    ['a second session after the first', `${sound}${sound}`],
    ['data only', offerOf(...HEAD, ...DATA)],
    ['two sounds', offerOf(...HEAD, ...SOUND, ...SOUND)],
    ['two data sections', offerOf(...HEAD, ...SOUND, ...DATA, ...DATA)],
    ['sound switched off', offerOf(...HEAD, 'm=audio 0 UDP/TLS/RTP/SAVPF 111', ...DATA)],
    ['sound on port 00', offerOf(...HEAD, 'm=audio 00 UDP/TLS/RTP/SAVPF 111')],
    ['a port out of range', sound.replace('m=audio 9', 'm=audio 65536')],
    ['a range of ports', sound.replace('m=audio 9', 'm=audio 9/2')],
    ['a negative port', sound.replace('m=audio 9', 'm=audio -9')],
    ['a port that is no number', sound.replace('m=audio 9', 'm=audio x')],
    ['video', offerOf(...HEAD, ...SOUND, 'm=video 9 UDP/TLS/RTP/SAVPF 96')],
    ['rejected video', offerOf(...HEAD, ...SOUND, 'm=video 0 UDP/TLS/RTP/SAVPF 96')],
    ['an image section', offerOf(...HEAD, ...SOUND, 'm=image 9 udptl t38')],
    ['a text section', offerOf(...HEAD, ...SOUND, 'm=text 9 RTP/AVP 98')],
    ['a message section', offerOf(...HEAD, ...SOUND, 'm=message 9 TCP/MSRP *')],
    ['an upper-case kind', sound.replace('m=audio', 'm=Audio')],
    ['an upper-case m=', offerOf(...HEAD, ...SOUND, 'M=application 9 UDP/DTLS/SCTP webrtc-datachannel')],
    ['a section without formats', offerOf(...HEAD, 'm=audio 9 UDP/TLS/RTP/SAVPF')],
    ['two spaces in a section', sound.replace('m=audio 9', 'm=audio  9')],
    ['unencrypted sound', sound.replace('UDP/TLS/RTP/SAVPF', 'RTP/AVP')],
    ['sound over SCTP', sound.replace('UDP/TLS/RTP/SAVPF 111', 'UDP/DTLS/SCTP webrtc-datachannel')],
    ['data over RTP', both.replace('UDP/DTLS/SCTP webrtc-datachannel', 'UDP/TLS/RTP/SAVPF 99')],
    ['another use of SCTP', both.replace('webrtc-datachannel', 'webrtc-datachannel bfcp')],
    ['sound switched off by a direction', offerOf(...HEAD, ...SOUND, 'a=inactive', ...DATA)],
    ['two directions', offerOf(...HEAD, ...SOUND, 'a=sendrecv', 'a=recvonly', ...DATA)],
    ['two directions for the session', offerOf(...HEAD, 'a=sendrecv', 'a=recvonly', ...SOUND)],
    ['no user fragment', sound.replace(/^a=ice-ufrag.*\r\n/m, '')],
    ['no ICE password', sound.replace(/^a=ice-pwd.*\r\n/m, '')],
    ['a short ICE password', sound.replace(/^a=ice-pwd:.*$/m, 'a=ice-pwd:short')],
    ['no fingerprint', sound.replace(/^a=fingerprint.*\r\n/m, '')],
    ['a blank line', sound.replace('a=mid:0', '\r\na=mid:0')],
    ['two last line ends', `${sound}\r\n`],
    ['an empty value', sound.replace('a=mid:0', 'a=')],
    ['a value of spaces', sound.replace('a=mid:0', 'a= ')],
    ['an indented line', sound.replace('a=mid:0', ' a=mid:0')],
    ['a tab', sound.replace('a=mid:0', 'a=mid:\t0')],
    ['a NUL', sound.replace('a=mid:0', 'a=mid:0\0')],
    ['text beyond ASCII', sound.replace('a=mid:0', 'a=mid:é')],
    ['a long line', sound.replace('a=mid:0', `a=mid:${'0'.repeat(1_024)}`)],
    ['many lines', offerOf(...HEAD, ...SOUND, ...Array.from({ length: 512 }, () => 'a=x'))],
  ])('refuses %s', (_, text) => {
    expect(readSdpOffer(text)).toEqual({ problem: expect.stringMatching(/^[A-Z].*\.$/) });
  });

  // What separates lines for another reader must not hide a section from this one.
  it.each(['\r', '\u2028', '\u2029', '\u0085', '\v', '\f', '\0', '\\n', '\n\r'])(
    'does not overlook a data channel behind the separator %j',
    (separator) => {
      const hidden = `${sound.trimEnd()}${separator}${DATA.join(separator)}`;
      const result = readSdpOffer(hidden);
      if ('problem' in result) return;
      expect(separator).toBe('\\n');
      expect(result.sdp).not.toMatch(/^m=application/m);
    },
  );

  it('accepts an offer of 16 KiB and refuses one byte more', () => {
    const filler = (bytes: number): string[] => {
      const lines: string[] = [];
      for (let left = bytes; left > 0; left -= 900) lines.push(`a=x${'x'.repeat(Math.min(left, 900) - 5)}`);
      return lines;
    };
    const room = MAX_SDP_BYTES - sound.length;
    const full = sound + offerOf(...filler(room));
    expect(full).toHaveLength(MAX_SDP_BYTES);
    expect(readSdpOffer(full)).toMatchObject({ hasDataChannel: false });
    expect(readSdpOffer(full.replace('a=xx', 'a=xxx'))).toEqual({
      problem: 'The offer is longer than 16 KiB.',
    });
  });

  it('never throws, and accepts its own output unchanged', () => {
    const line = fc.oneof(
      fc.constantFrom(...HEAD, ...SOUND, ...DATA, 'a=recvonly', 'a=sendrecv', '', 'm=video 9 X 1'),
      fc.string(),
    );
    const end = fc.constantFrom('\r\n', '\n', '\r', '');
    const mutated = fc
      .tuple(fc.array(fc.tuple(line, end)), fc.boolean())
      .map(([pieces, isValid]) => (isValid ? both : '') + pieces.map((piece) => piece.join('')).join(''));
    fc.assert(
      fc.property(mutated, (text) => {
        const result = readSdpOffer(text);
        if ('problem' in result) return;
        expect(readSdpOffer(result.sdp)).toEqual(result);
        expect(result.hasDataChannel).toBe(/^m=application /m.test(result.sdp));
        expect(result.sdp.match(/^m=audio /gm)).toHaveLength(1);
      }),
    );
  });
});

describe('the canned SDP offer', () => {
  it('offers audio without a data channel', () => {
    expect(readSdpOffer(CANNED_OFFER)).toEqual({ sdp: CANNED_OFFER, hasDataChannel: false });
  });
});
