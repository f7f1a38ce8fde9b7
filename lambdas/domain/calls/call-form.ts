import { createHash } from 'node:crypto';

/** The form that creates a call: two parts, each with its type and without a file name, as OpenAI specifies them. */
export const callForm = (
  offer: string,
  session: string,
): { readonly type: string; readonly text: string } => {
  // A digest of the content cannot occur in the content.
  const boundary = `spelo-${createHash('sha256').update(offer).update(session).digest('hex').slice(0, 32)}`;
  const part = (name: string, type: string, text: string): string =>
    `--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\nContent-Type: ${type}\r\n\r\n${text}\r\n`;
  return {
    type: `multipart/form-data; boundary=${boundary}`,
    text: `${part('sdp', 'application/sdp', offer)}${part('session', 'application/json', session)}--${boundary}--\r\n`,
  };
};
