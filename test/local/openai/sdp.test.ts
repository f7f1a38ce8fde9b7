import { describe, expect, it } from '@jest/globals';
import { answerSdp } from '../../../local/openai/sdp.ts';

describe('the answer without a WebRTC library', () => {
  it('accepts the offer medium by medium', () => {
    const offer = ['v=0', 'o=- 1 2 IN IP4 127.0.0.1', 's=-', 't=0 0']
      .concat(['m=audio 9 UDP/TLS/RTP/SAVPF 111', 'a=mid:0', 'a=rtpmap:111 opus/48000/2', 'a=ssrc:1 cname:x'])
      .concat(['m=application 9 UDP/DTLS/SCTP webrtc-datachannel', 'a=mid:1', 'a=sctp-port:5000', ''])
      .join('\r\n');
    const answer = answerSdp(offer);
    expect(answer.match(/^(m=\S+|a=mid:\d|a=group.*|a=setup.*)/gm)).toEqual([
      'a=group:BUNDLE 0 1',
      'm=audio',
      'a=mid:0',
      'a=setup:passive',
      'm=application',
      'a=mid:1',
      'a=setup:passive',
    ]);
    expect(answer).not.toContain('a=ssrc');
  });
});
