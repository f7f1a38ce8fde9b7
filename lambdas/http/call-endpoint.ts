import type * as z from 'zod';
import type { callRequest } from '../contract/calls.ts';
import { BrokerError } from '../domain/broker-error.ts';
import { readSdpOffer, type SdpOffer } from '../domain/calls/sdp-offer.ts';
import { parseEventSignature } from '../domain/sessions/event-signature.ts';
import type { OpenCallRequest, OpenedCall } from '../use-cases/calls/open-call.ts';
import type { DataOf } from './endpoints/endpoint.ts';
import { presentFirstMessage } from './presenters/present-conversation.ts';

type Body = z.output<typeof callRequest>;

/** The offer in the form that is forwarded, or `invalid_offer` with its fault. */
export const offerIn = ({ sdp }: Body): SdpOffer => {
  const offer = readSdpOffer(sdp);
  if ('problem' in offer)
    throw new BrokerError('invalid_offer', { details: [{ path: 'sdp', message: offer.problem }] });
  return offer;
};

export const replacesIn = ({ replaces }: Body): OpenCallRequest['replaces'] =>
  replaces && {
    sessionId: replaces.session_id,
    signature: parseEventSignature(replaces.signature),
  };

/** Never contains the call ID, a client secret, the instructions, the key, or the first message of a locked site. */
export const presentCall = (opened: OpenedCall): DataOf<'openCall'> => ({
  sdp: opened.answer,
  session_id: opened.session.sessionId,
  signing_secret: opened.signingSecret,
  model: opened.session.model,
  voice: opened.session.voice,
  mode: opened.mode,
  control: opened.control,
  heartbeat_seconds: opened.heartbeatSeconds,
  max_duration_seconds: opened.maxDurationSeconds,
  remaining_slots: opened.remainingSlots,
  first_message: presentFirstMessage(opened.firstMessage),
});
