import type { LocalOpenAi } from '../../local/openai/server.ts';
import { type CallerOptions, prepareCall, type RealtimeCaller } from './realtime-caller.ts';

export const CALLS_PATH = '/v1/realtime/calls';
/** The path of a hang-up of any call, for faults. */
export const HANGUP_PATH = '/v1/realtime/calls/*/hangup';
export const SIDEBAND_PATH = '/v1/realtime';

/** Creates a call as a server does: a form with the offer and the session, and a standard key. */
export const createCall = (
  { baseUrl }: Pick<LocalOpenAi, 'baseUrl'>,
  key: string,
  offer: string,
  session?: Record<string, unknown>,
  signal?: AbortSignal,
): Promise<Response> => {
  const form = new FormData();
  form.set('sdp', new Blob([offer], { type: 'application/sdp' }));
  if (session !== undefined)
    form.set('session', new Blob([JSON.stringify(session)], { type: 'application/json' }));
  return fetch(`${baseUrl}/realtime/calls`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}` },
    body: form,
    ...(signal !== undefined && { signal }),
  });
};

export const hangUp = (
  { baseUrl }: Pick<LocalOpenAi, 'baseUrl'>,
  callId: string,
  key: string,
): Promise<Response> =>
  fetch(`${baseUrl}/realtime/calls/${callId}/hangup`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}` },
  });

export const callIdOf = (response: Response): string =>
  response.headers.get('location')?.split('/').at(-1) ?? '';

/** A connected call that was created with a standard key. */
export const callWithKey = async (
  openAi: Pick<LocalOpenAi, 'baseUrl'>,
  key: string,
  session: Record<string, unknown>,
  options?: CallerOptions,
): Promise<RealtimeCaller & { readonly callId: string }> => {
  const caller = await prepareCall(options);
  const response = await createCall(openAi, key, caller.offer, session);
  if (response.status !== 201) {
    await caller.close();
    throw new Error(`The call was refused: ${response.status}`);
  }
  await caller.connect(await response.text());
  return Object.assign(caller, { callId: callIdOf(response) });
};
