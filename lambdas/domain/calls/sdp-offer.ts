/**
 * Reads the SDP offer of a call: RFC 8866 (SDP), RFC 8829 (JSEP), RFC 8841 (data channels).
 *
 * OpenAI's reader and this one must read the same offer: a data channel that only OpenAI sees would unlock a
 * locked site. So every line must have the form `x=value` in printable ASCII, and everything that two readers could
 * understand differently (a lone CR, a blank line, a repeated direction) is refused.
 */

/** The contract's limit for `sdp`; a browser's offer has about 2 KiB. */
export const MAX_SDP_BYTES = 16 * 1024;
/** Chromium's offer for sound and a data channel has about 70 lines, plus one for each candidate. */
const MAX_LINES = 512;
/** The longest lines of browsers are candidates, with about 200 characters. */
const MAX_LINE_LENGTH = 1_024;

const LINE = /^[a-z]=[\x21-\x7e](?:[\x20-\x7e]*)$/;
const SESSION_LINES = new Set('iuepcbtrza');
const MEDIA_LINES = new Set('icba');
const ORIGIN = /^o=\S+ \d+ \d+ IN IP[46] \S+$/;
const MEDIA = /^m=(\S+) (\d{1,5}) (\S+)((?: [^ ]+)+)$/;
const SOUND_PROTOCOLS: readonly string[] = ['UDP/TLS/RTP/SAVPF', 'TCP/DTLS/RTP/SAVPF'];
const DATA_PROTOCOLS: readonly string[] = ['UDP/DTLS/SCTP', 'TCP/DTLS/SCTP'];
const MAX_PORT = 65_535;

/** No connection is possible without these. Lengths: RFC 8839, section 5.4; fingerprint: RFC 8122, section 5. */
const CONNECTION_ATTRIBUTES: readonly RegExp[] = [
  /^a=ice-ufrag:[A-Za-z0-9+/]{4,256}$/,
  /^a=ice-pwd:[A-Za-z0-9+/]{22,256}$/,
  /^a=fingerprint:[a-z0-9-]+ [0-9A-F]{2}(?::[0-9A-F]{2})+$/i,
];
const DIRECTION = /^a=(sendrecv|sendonly|recvonly|inactive)$/;

/** An offer that the broker forwards. */
export type SdpOffer = {
  /** The checked offer with the line ends that RFC 8866 requires (CRLF). Send this one. */
  readonly sdp: string;
  /** True if the page could send and receive events: the offer has an `m=application` section, whatever its port. */
  readonly hasDataChannel: boolean;
};

/** Why an offer is refused: one sentence for `details`. It quotes nothing of the offer. */
export type SdpProblem = { readonly problem: string };

type Section = { readonly media: string; readonly lines: readonly string[] };

/**
 * Returns the offer in the form to forward, or the reason for refusing it. Accepts exactly one `m=audio` section with a
 * port other than 0 and at most one `m=application` section for WebRTC's data channels. Sound in one direction needs
 * a data channel: without it, the visitor could only speak or only listen.
 */
export const readSdpOffer = (text: string): SdpOffer | SdpProblem => {
  if (text.length > MAX_SDP_BYTES) return { problem: 'The offer is longer than 16 KiB.' };
  const lines = text.replace(/\r?\n$/, '').split(/\r?\n/);
  const malformed = problemOfLines(lines);
  if (malformed !== undefined) return { problem: malformed };
  const [session, ...sections] = sectionsOf(lines);
  const problem =
    problemOfSession(session?.lines ?? []) ??
    problemOfMedia(sections) ??
    problemOfSound(
      session?.lines ?? [],
      sections.filter(({ media }) => isSound(media)),
      sections.length > 1,
    );
  if (problem !== undefined) return { problem };
  return { sdp: `${lines.join('\r\n')}\r\n`, hasDataChannel: sections.length > 1 };
};

const problemOfLines = (lines: readonly string[]): string | undefined => {
  if (lines[0] !== 'v=0') return 'This is no session description: it must start with "v=0".';
  if (lines.length > MAX_LINES) return `The offer has more than ${MAX_LINES} lines.`;
  if (lines.some((line) => line.length > MAX_LINE_LENGTH))
    return `A line of the offer is longer than ${MAX_LINE_LENGTH} characters.`;
  if (!lines.every((line) => LINE.test(line)))
    return 'Each line of the offer must have the form "x=value", in printable ASCII characters.';
  return undefined;
};

/** The lines before the first `m=`, then one section for each `m=`. */
const sectionsOf = (lines: readonly string[]): readonly Section[] => {
  const starts = lines.flatMap((line, index) => (line.startsWith('m=') ? [index] : []));
  return [0, ...starts].map((start, index) => ({
    media: index === 0 ? '' : (lines[start] ?? ''),
    lines: lines.slice(index === 0 ? 0 : start + 1, starts[index]),
  }));
};

const problemOfSession = ([, origin, name, ...rest]: readonly string[]): string | undefined => {
  const isComplete = ORIGIN.test(origin ?? '') && name?.startsWith('s=') && rest.some(startsTime);
  if (!isComplete) return 'The offer lacks its "o=", "s=" or "t=" line, or they are out of order.';
  return rest.every((line) => SESSION_LINES.has(line[0] ?? ''))
    ? undefined
    : 'The offer has a line of an unknown type before its first "m=".';
};

const startsTime = (line: string): boolean => line.startsWith('t=');

const isSound = (media: string): boolean => media.startsWith('m=audio ');

const problemOfMedia = (sections: readonly Section[]): string | undefined => {
  for (const { media, lines } of sections) {
    const [, kind, port = '', protocol = '', formats = ''] = MEDIA.exec(media) ?? [];
    if (kind !== 'audio' && kind !== 'application')
      return 'The offer may have "m=audio" and "m=application" sections only.';
    if (Number(port) > MAX_PORT) return 'A port of the offer is out of range.';
    if (kind === 'audio' && Number(port) === 0) return 'The port of "m=audio" must not be 0.';
    const isWebRtc =
      kind === 'audio'
        ? SOUND_PROTOCOLS.includes(protocol) && /^(?: \d{1,3})+$/.test(formats)
        : DATA_PROTOCOLS.includes(protocol) && formats === ' webrtc-datachannel';
    if (!isWebRtc) return `The "m=${kind}" line is not one of WebRTC.`;
    if (!lines.every((line) => MEDIA_LINES.has(line[0] ?? '')))
      return 'The offer has a line of an unknown type after an "m=" line.';
  }
  const sounds = sections.filter(({ media }) => isSound(media)).length;
  if (sounds !== 1) return 'The offer must have exactly one "m=audio" section.';
  return sections.length > 2 ? 'The offer may have one "m=application" section only.' : undefined;
};

const problemOfSound = (
  session: readonly string[],
  [sound]: readonly Section[],
  hasDataChannel: boolean,
): string | undefined => {
  const lines = sound?.lines ?? [];
  const all = [...session, ...lines];
  if (!CONNECTION_ATTRIBUTES.every((attribute) => all.some((line) => attribute.test(line))))
    return 'The offer lacks "a=ice-ufrag", "a=ice-pwd" or "a=fingerprint".';
  const inSession = directionsOf(session);
  const inSound = directionsOf(lines);
  if (inSession.length > 1 || inSound.length > 1) return 'The offer gives the direction of its sound twice.';
  const direction = inSound[0] ?? inSession[0] ?? 'sendrecv';
  if (direction === 'inactive') return 'The sound of the offer is switched off ("a=inactive").';
  return direction === 'sendrecv' || hasDataChannel
    ? undefined
    : `An offer with "a=${direction}" needs a data channel ("m=application").`;
};

const directionsOf = (lines: readonly string[]): readonly string[] =>
  lines.flatMap((line) => DIRECTION.exec(line)?.[1] ?? []);
