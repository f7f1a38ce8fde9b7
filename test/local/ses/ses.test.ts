import { SESv2Client, SendEmailCommand, type SendEmailCommandInput } from '@aws-sdk/client-sesv2';
import { afterAll, expect, it } from '@jest/globals';
import { RULES } from '../../../local/ses/rules.ts';
import { startLocalSes } from '../../../local/ses/server.ts';

const ses = await startLocalSes({ identities: ['sender.example'] });
const client = new SESv2Client({
  endpoint: ses.endpoint,
  region: 'us-east-1',
  credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  maxAttempts: 1,
});
afterAll(async () => {
  client.destroy();
  await ses.close();
});

const good: SendEmailCommandInput = {
  FromEmailAddress: 'alerts@sender.example',
  Destination: { ToAddresses: ['ops@customer.example'] },
  Content: { Simple: { Subject: { Data: 'Hello' }, Body: { Text: { Data: 'World' } } } },
};

it('an email that SES would accept is in the mailbox', async () => {
  const { MessageId } = await client.send(new SendEmailCommand(good));
  expect(MessageId).toMatch(/^[0-9a-f-]{36}$/);
  expect(ses.mails).toEqual([
    { from: 'alerts@sender.example', to: ['ops@customer.example'], subject: 'Hello', text: 'World' },
  ]);
});

const BREAKING: Readonly<Record<string, Partial<SendEmailCommandInput>>> = {
  'The sender is an address.': { FromEmailAddress: 'nobody' },
  'The sender belongs to a verified identity.': { FromEmailAddress: 'alerts@other.example' },
  'A message has one to fifty recipients.': { Destination: { ToAddresses: [] } },
  'A recipient is an address in ASCII, its domain in punycode.': {
    Destination: { ToAddresses: ['ops@bücher.example'] },
  },
  'The content is exactly one of Simple, Raw and Template.': { Content: {} },
  'A simple message has a subject on one line, and a body.': {
    Content: { Simple: { Subject: { Data: 'a\nBcc: b@example.com' }, Body: { Text: { Data: '' } } } },
  },
};

it.each(RULES)('an email that breaks the rule "$name" is refused', async ({ name, error }) => {
  const before = ses.mails.length;
  const sent = client.send(new SendEmailCommand({ ...good, ...BREAKING[name] }));
  await expect(sent).rejects.toMatchObject({ name: error, message: name });
  expect(ses.mails).toHaveLength(before);
});
