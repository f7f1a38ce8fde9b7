import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { WebSocket } from 'ws';
import type { SessionFields } from '../../domain/calls/watched-call.ts';
import { readOpenAiError } from '../../domain/keys/openai-error-body.ts';
import { firstMessageInput } from '../../domain/tenancy/first-message.ts';
import type { VoiceSettings } from '../../domain/tenancy/workspace.ts';
import type { Sideband, SidebandEvent, Sidebands } from '../../use-cases/ports/calls.ts';
import { baseUrlFor } from './hosts.ts';
import { sessionOf } from './session-config.ts';
import { objectOf, sessionFields, watchedEventIn } from './watched-events.ts';

/** Larger than any event without sound; a longer frame closes the socket with 1009. */
const MAX_FRAME_BYTES = 1_048_576;

const ATTACH_TIMEOUT_MS = 5_000;

/** NAT gateways drop connections that were idle for 350 s. https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-troubleshooting.html */
const PING_MS = 60_000;

/** Bytes of a refusal that are read. */
const MAX_REFUSAL_BYTES = 16_384;

/** OpenAI's sidebands: the server's own view of a call. */
export const openAiSidebands = (configuredBaseUrl: string): Sidebands => ({
  attach: async (key, { callId, settings, turnByTurn }) => {
    const baseUrl = baseUrlFor(configuredBaseUrl, settings.dataResidency).replace(/^http/, 'ws');
    const socket = new WebSocket(`${baseUrl}/realtime?call_id=${callId}`, {
      // A header has to be a string. It is not referenced after the upgrade.
      headers: { authorization: `Bearer ${key.bytes().toString('latin1')}` },
      followRedirects: false,
      handshakeTimeout: ATTACH_TIMEOUT_MS,
      maxPayload: MAX_FRAME_BYTES,
      perMessageDeflate: false,
    });
    const opened = await new Promise<'open' | 'no_call' | 'refused'>((resolve) => {
      socket.once('open', () => resolve('open'));
      socket.once('unexpected-response', (_, response) => {
        void isNoCall(response).then((gone) => {
          resolve(gone ? 'no_call' : 'refused');
          socket.terminate();
        });
      });
      // Also keeps an error after the upgrade from being thrown; `close` follows each.
      socket.on('error', () => resolve('refused'));
    });
    return opened === 'open'
      ? { result: 'attached', sideband: sidebandOf(socket, settings, turnByTurn) }
      : { result: opened };
  },

  // OpenAI fills in the missing fields of these two objects. Its first response has the complete values.
  admittedFields: (settings, turnByTurn) => {
    const { input: _, reasoning: __, ...fields } = sessionFields(sessionOf(settings, turnByTurn));
    return fields;
  },
});

/** True for OpenAI's own 404: it knows no such call. Another 404 proves nothing. */
const isNoCall = async (response: IncomingMessage): Promise<boolean> => {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of response) {
      chunks.push(chunk as Buffer);
      size += (chunk as Buffer).byteLength;
      if (size > MAX_REFUSAL_BYTES) return false;
    }
    const body: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'));
    return response.statusCode === 404 && readOpenAiError(body) !== undefined;
  } catch {
    return false;
  }
};

const sidebandOf = (socket: WebSocket, settings: VoiceSettings, turnByTurn: boolean): Sideband => {
  const queue: SidebandEvent[] = [];
  let wake: (() => void) | undefined;
  const push = (event: SidebandEvent): void => {
    queue.push(event);
    wake?.();
  };
  socket.on('message', (data) => {
    const event = watchedEventIn(String(data));
    if (event !== undefined) push(event);
  });
  let answered = true;
  socket.on('pong', () => {
    answered = true;
  });
  const pings = setInterval(() => {
    if (!answered) return socket.terminate();
    answered = false;
    return socket.ping();
  }, PING_MS);
  pings.unref();
  socket.once('close', () => {
    clearInterval(pings);
    push({ type: 'closed' });
  });
  const send = (event: Readonly<Record<string, unknown>>): boolean => {
    if (socket.readyState !== WebSocket.OPEN) return false;
    socket.send(JSON.stringify(event));
    return true;
  };
  const silence = (): void => {
    send({ type: 'response.cancel' });
    send({ type: 'output_audio_buffer.clear' });
  };
  const { model: _, audio: __, reasoning: ___, ...changeable } = sessionOf(settings, turnByTurn);
  return {
    begin: () => {
      send({ type: 'session.update', session: changeable });
    },
    restore: (expected) => {
      send({ type: 'session.update', session: { ...changeable, ...learned(expected, turnByTurn) } });
    },
    silence,
    stop: () => {
      send({
        type: 'session.update',
        session: { type: 'realtime', audio: { input: { turn_detection: null } } },
      });
    },
    respond: ({ reservationId, maxOutputTokens, prompt }) =>
      send({
        type: 'response.create',
        event_id: reservationId,
        response: {
          max_output_tokens: maxOutputTokens,
          metadata: { reservation: reservationId },
          ...(prompt !== undefined && { input: firstMessageInput(prompt) }),
        },
      }),
    next: async (timeoutMs) => {
      if (queue.length === 0)
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, timeoutMs);
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      wake = undefined;
      return queue.shift();
    },
    close: async () => {
      if (socket.readyState === WebSocket.CLOSED) return;
      const closed = once(socket, 'close');
      socket.close(1_000);
      const late = setTimeout(() => socket.terminate(), 1_000);
      await closed;
      clearTimeout(late);
    },
  };
};

/**
 * The fields that OpenAI filled in, with the values of its first response. The model and the voice of a session cannot be changed.
 */
const learned = (expected: SessionFields, turnByTurn: boolean): Readonly<Record<string, unknown>> => {
  const parse = (name: string): unknown => {
    const text = expected[name];
    return text === undefined ? undefined : JSON.parse(text);
  };
  const entries = ['instructions', 'tool_choice', 'output_modalities', 'reasoning'].flatMap((name) => {
    const value = parse(name);
    return value === undefined || value === null ? [] : [[name, value] as const];
  });
  const known = objectOf(parse('input'));
  const input = {
    ...known,
    ...(turnByTurn && {
      turn_detection: { type: 'server_vad', ...objectOf(known['turn_detection']), create_response: false },
    }),
  };
  return { ...Object.fromEntries(entries), ...(Object.keys(input).length > 0 && { audio: { input } }) };
};
