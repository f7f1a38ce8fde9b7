import type { LocalOpenAi } from '../../../../local/openai/server.ts';
import { callIdOf } from '../../../support/openai-calls.ts';
import { prepareCall, type RealtimeCaller } from '../../../support/realtime-caller.ts';

export interface Caller extends RealtimeCaller {
  readonly callId: string;
}

export const postOffer = (
  openAi: LocalOpenAi,
  secret: string,
  sdp: string,
  contentType = 'application/sdp',
) =>
  fetch(`${openAi.baseUrl}/realtime/calls`, {
    method: 'POST',
    headers: { authorization: `Bearer ${secret}`, 'content-type': contentType },
    body: sdp,
  });

/** A connected call with a client secret, as a browser makes it. */
export const call = async (openAi: LocalOpenAi, secret: string): Promise<Caller> => {
  const caller = await prepareCall();
  const response = await postOffer(openAi, secret, caller.offer);
  if (response.status !== 201) {
    await caller.close();
    throw new Error(`The call was refused: ${response.status}`);
  }
  await caller.connect(await response.text());
  return Object.assign(caller, { callId: callIdOf(response) });
};
