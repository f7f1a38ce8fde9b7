/**
 * Requests of `SendEmail` that SES refuses regardless of its state. A request that AWS would refuse fails here too, so
 * that no test passes on a request that only this mailbox accepts.
 */
export interface Rule {
  /** AWS's requirement, as a unique sentence. */
  readonly name: string;
  /** The page of AWS's documentation with the requirement. */
  readonly source: string;
  readonly error: 'BadRequestException' | 'MessageRejected';
  readonly breaks: (request: SendEmailRequest, identities: readonly string[]) => boolean;
}

/** The part of a request that the product uses. */
export interface SendEmailRequest {
  readonly FromEmailAddress?: string;
  readonly Destination?: { readonly ToAddresses?: readonly string[] };
  readonly Content?: {
    readonly Simple?: {
      readonly Subject?: { readonly Data?: string };
      readonly Body?: { readonly Text?: { readonly Data?: string }; readonly Html?: unknown };
    };
    readonly Raw?: unknown;
    readonly Template?: unknown;
  };
}

const API = 'https://docs.aws.amazon.com/ses/latest/APIReference-V2';
const SEND = `${API}/API_SendEmail.html`;
const DESTINATION = `${API}/API_Destination.html`;
const CONTENT = `${API}/API_EmailContent.html`;
const MESSAGE = `${API}/API_Message.html`;
const QUOTAS = 'https://docs.aws.amazon.com/ses/latest/dg/quotas.html';
const IDENTITIES = 'https://docs.aws.amazon.com/ses/latest/dg/verify-addresses-and-domains.html';

const ADDRESS = /^[\x21-\x7e]{1,64}@[a-z0-9.-]{3,190}$/i;
const recipientsOf = ({ Destination }: SendEmailRequest): readonly string[] => Destination?.ToAddresses ?? [];

export const RULES: readonly Rule[] = [
  {
    name: 'The sender is an address.',
    source: SEND,
    error: 'BadRequestException',
    breaks: ({ FromEmailAddress }) => !ADDRESS.test(FromEmailAddress ?? ''),
  },
  {
    name: 'The sender belongs to a verified identity.',
    source: IDENTITIES,
    error: 'MessageRejected',
    breaks: ({ FromEmailAddress = '' }, identities) =>
      ![FromEmailAddress, FromEmailAddress.split('@')[1] ?? ''].some((name) => identities.includes(name)),
  },
  {
    name: 'A message has one to fifty recipients.',
    source: QUOTAS,
    error: 'BadRequestException',
    breaks: (request) => recipientsOf(request).length < 1 || recipientsOf(request).length > 50,
  },
  {
    name: 'A recipient is an address in ASCII, its domain in punycode.',
    source: DESTINATION,
    error: 'BadRequestException',
    breaks: (request) => !recipientsOf(request).every((address) => ADDRESS.test(address)),
  },
  {
    name: 'The content is exactly one of Simple, Raw and Template.',
    source: CONTENT,
    error: 'BadRequestException',
    breaks: ({ Content = {} }) =>
      [Content.Simple, Content.Raw, Content.Template].filter((part) => part !== undefined).length !== 1,
  },
  {
    name: 'A simple message has a subject on one line, and a body.',
    source: MESSAGE,
    error: 'BadRequestException',
    breaks: ({ Content }) => {
      const { Subject, Body } = Content?.Simple ?? {};
      const subject = Subject?.Data ?? '';
      return subject === '' || /[\r\n]/.test(subject) || Body?.Text?.Data === undefined;
    },
  },
];
