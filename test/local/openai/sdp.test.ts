import { describe, expect, it } from '@jest/globals';
import { createCalls } from '../../../local/openai/realtime/calls.ts';
import { answerSdp } from '../../../local/openai/sdp.ts';

describe('the stand-in without a WebRTC library', () => {
  const offer = ['v=0', 'o=- 1 2 IN IP4 127.0.0.1', 's=-', 't=0 0']
    .concat(['m=audio 9 UDP/TLS/RTP/SAVPF 111', 'a=mid:0', 'a=rtpmap:111 opus/48000/2', 'a=ssrc:1 cname:x'])
    .concat(['m=application 9 UDP/DTLS/SCTP webrtc-datachannel', 'a=mid:1', 'a=sctp-port:5000', ''])
    .join('\r\n');

  it('accepts calls, and reports once that no media will flow', async () => {
    const said: string[] = [];
    const calls = createCalls({
      now: () => 0,
      say: (line) => said.push(line),
      load: async () => undefined,
    });
    const call = { offer, settings: undefined, model: 'gpt-realtime-2.1', failure: undefined };
    for (let n = 0; n < 2; n += 1) {
      const opened = await calls.open({ ...call, owner: 'anybody', createdWith: 'key' });
      expect(opened?.answer).toMatch(/^v=0/);
    }
    expect(said).toEqual([expect.stringContaining('werift is not installed')]);
    expect(calls.live()).toEqual([]);
  });

  it('accepts the offer medium by medium', () => {
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
