import { type Answer, refusal, unsupportedType } from './answers.ts';
import { type Part, parseMultipart } from './multipart.ts';
import { parseMintRequest, type SessionRequest } from './session-schema.ts';

/** The form of `POST /v1/realtime/calls` with a standard key. */
export type CallForm = { readonly sdp: string; readonly session: SessionRequest | undefined };

/** The parts that OpenAI's specification has, and their types (`RealtimeCallCreateRequest`, `encoding`). */
const PART_TYPES = new Map([
  ['sdp', 'application/sdp'],
  ['session', 'application/json'],
]);

/**
 * Parses the form, or returns the error that OpenAI would send. Stricter than OpenAI is known to be: each part must have
 * the type in the specification, so that a broker which omits a type does not work by chance.
 */
export function readCallForm(
  contentType: string,
  body: Buffer,
): { readonly form: CallForm } | { readonly refused: Answer } {
  const parts = parseMultipart(contentType, body);
  if (parts === undefined)
    return { refused: refusal(400, { message: 'Could not parse multipart form.', code: 'invalid_form' }) };
  const refused = refusePart(parts);
  if (refused !== undefined) return { refused };
  const sdp = textOf(parts, 'sdp');
  if (sdp === undefined)
    return {
      refused: refusal(400, {
        message: "Missing required parameter: 'sdp'.",
        param: 'sdp',
        code: 'missing_required_parameter',
      }),
    };
  const session = textOf(parts, 'session');
  if (session === undefined) return { form: { sdp, session: undefined } };
  const parsed = parseMintRequest({ session: parseJson(session) ?? null });
  return 'refused' in parsed ? parsed : { form: { sdp, session: parsed.request.session } };
}

function refusePart(parts: readonly Part[]): Answer | undefined {
  for (const [index, { name, contentType }] of parts.entries()) {
    const type = PART_TYPES.get(name);
    if (type === undefined)
      return refusal(400, {
        message: `Unknown parameter: '${name}'.`,
        param: name,
        code: 'unknown_parameter',
      });
    if (parts.findIndex((part) => part.name === name) !== index)
      return refusal(400, { message: `Duplicate parameter: '${name}'.`, param: name, code: 'invalid_form' });
    if (contentType !== type) return unsupportedType();
  }
  return undefined;
}

function textOf(parts: readonly Part[], name: string): string | undefined {
  return parts.find((part) => part.name === name)?.text;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
