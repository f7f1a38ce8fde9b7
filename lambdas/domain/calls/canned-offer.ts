/**
 * An audio offer without a data channel, to check whether OpenAI creates calls with a key: create a call with it,
 * then hang it up. No certificate has its fingerprint, so nobody can connect to such a call.
 *
 * Opus is OpenAI's audio format; PCMU is supported by every WebRTC implementation (RFC 7874, section 3).
 */
export const CANNED_OFFER = [
  'v=0',
  'o=- 1 1 IN IP4 127.0.0.1',
  's=-',
  't=0 0',
  'a=group:BUNDLE 0',
  'm=audio 9 UDP/TLS/RTP/SAVPF 111 0',
  'c=IN IP4 0.0.0.0',
  'a=mid:0',
  'a=sendrecv',
  'a=rtcp-mux',
  'a=ice-ufrag:spelobyok',
  'a=ice-pwd:thisofferisansweredbynobody',
  // The SHA-256 of "spelo-byok canned offer".
  'a=fingerprint:sha-256 36:79:DB:88:1F:45:CB:7D:50:D5:9A:24:B7:1B:BA:51:B3:20:4E:B6:08:A6:B8:A8:A4:E8:DA:39:3B:F6:AF:9A',
  'a=setup:actpass',
  'a=rtpmap:111 opus/48000/2',
  'a=fmtp:111 minptime=10;useinbandfec=1',
  'a=rtpmap:0 PCMU/8000',
  '',
].join('\r\n');
