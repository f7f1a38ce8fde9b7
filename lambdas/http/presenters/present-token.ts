import type { MintedToken } from '../../use-cases/sessions/mint-token.ts';
import type { DataOf } from '../endpoints/endpoint.ts';
import { presentFirstMessage } from './present-conversation.ts';

export const presentToken = (minted: MintedToken): DataOf<'mintToken'> => ({
  client_secret: { value: minted.clientSecret.value, expires_at: minted.clientSecret.expiresAt },
  session_id: minted.session.sessionId,
  signing_secret: minted.signingSecret,
  model: minted.session.model,
  voice: minted.session.voice,
  realtime_url: minted.realtimeUrl,
  mode: minted.mode,
  heartbeat_seconds: minted.heartbeatSeconds,
  max_duration_seconds: minted.maxDurationSeconds,
  remaining_slots: minted.remainingSlots,
  first_message: presentFirstMessage(minted.firstMessage),
});
