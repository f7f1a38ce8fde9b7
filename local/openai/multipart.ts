/** One part of a `multipart/form-data` body (RFC 7578). */
export type Part = {
  readonly name: string;
  /** In lower case, without parameters; `text/plain` if the part has none, as RFC 7578 section 4.4 says. */
  readonly contentType: string;
  readonly text: string;
};

const BOUNDARY = /^multipart\/form-data\s*;.*\bboundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))/i;
const LINE_END = '\r\n';

/** The parts in their order, or undefined for a body that is not well-formed. */
export function parseMultipart(contentType: string, body: Buffer): readonly Part[] | undefined {
  const [, quoted, plain] = BOUNDARY.exec(contentType) ?? [];
  const boundary = quoted ?? plain;
  if (boundary === undefined) return undefined;
  // Each character of Latin-1 is one byte, so the text of a part can be read as UTF-8 afterwards.
  const sections = `${LINE_END}${body.toString('latin1')}`.split(`${LINE_END}--${boundary}`);
  const [preamble, ...rest] = sections;
  const end = rest.pop();
  if (preamble !== '' || (end !== '--' && end !== `--${LINE_END}`)) return undefined;
  const parts = rest.map(parsePart);
  return parts.every((part) => part !== undefined) ? parts : undefined;
}

function parsePart(section: string): Part | undefined {
  const [head = '', ...body] = section.split(`${LINE_END}${LINE_END}`);
  if (!head.startsWith(LINE_END) || body.length === 0) return undefined;
  const headers = new Map(
    head
      .slice(LINE_END.length)
      .split(LINE_END)
      .map((line) => {
        const [name = '', ...value] = line.split(':');
        return [name.toLowerCase(), value.join(':').trim()] as const;
      }),
  );
  const name = /^form-data;.*?\bname="([^"]*)"/.exec(headers.get('content-disposition') ?? '')?.[1];
  if (name === undefined) return undefined;
  return {
    name,
    contentType: (headers.get('content-type') ?? 'text/plain').replace(/;.*/, '').trim().toLowerCase(),
    text: Buffer.from(body.join(`${LINE_END}${LINE_END}`), 'latin1').toString('utf8'),
  };
}
