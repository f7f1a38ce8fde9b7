import { z } from 'zod';
import { type FirstSiteAnswers, isPageOrigin, NO_ORIGIN, type Payer } from './first-site.ts';
import { DeployStop } from './stop.ts';
import type { Terminal } from './terminal.ts';

/** Number of attempts: a person who mistypes is asked again, but not a program that always gives the same answer. */
const ATTEMPTS = 3;

/** Returns an answer that `parse` accepts. Throws DeployStop after three that it rejects. */
const askUntil = async <Value>(
  { ask, say }: Terminal,
  question: string,
  fallback: string,
  parse: (answer: string) => Value | undefined,
  complaint: string,
): Promise<Value> => {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    const value = parse(await ask(question, fallback));
    if (value !== undefined) return value;
    if (attempt < ATTEMPTS) say(complaint);
  }
  throw new DeployStop(complaint, 'Run the same command again: it continues with this question.');
};

const PAYERS: readonly Payer[] = ['own', 'platform', 'none'];
const mailAddress = z.email();

export const askOwner = (terminal: Terminal): Promise<string> =>
  askUntil(
    terminal,
    '\nEmail address of the first owner:',
    '',
    (answer) => mailAddress.safeParse(answer).data,
    'The owner must be an email address.',
  );

/** Questions to a person. Where nobody can answer, the tier is 1, and the payer and the origin must be options. */
export const firstSiteAnswers = (
  terminal: Terminal,
  storePlatformKey: (openAiKey: () => Promise<string>) => Promise<void>,
): FirstSiteAnswers => {
  const openAiKey = (): Promise<string> => terminal.askSecret('OpenAI key:');
  return {
    openAiKey,
    storePlatformKey: () => storePlatformKey(openAiKey),
    payer: async () => {
      if (!terminal.interactive)
        throw new DeployStop(
          'The workspace does not exist yet, and who pays OpenAI for it is not given.',
          'Run the same command again, with --key own, platform or none.',
        );
      terminal.say(
        '\nWho pays OpenAI? own: the first workspace has its own key. platform: you pay for your customers.',
      );
      return askUntil(
        terminal,
        'own, platform or none (decide later):',
        'own',
        (answer) => PAYERS.find((payer) => payer === answer),
        'Answer own, platform or none.',
      );
    },
    tier: async () => {
      if (!terminal.interactive) return 1;
      terminal.say(
        '\nThe usage tier of the OpenAI account (platform.openai.com, Settings, Limits) determines how many sessions may run at once.',
      );
      return askUntil(
        terminal,
        'Tier, 1 to 5:',
        '1',
        (answer) => (/^[1-5]$/.test(answer) ? Number(answer) : undefined),
        'The tier must be a number from 1 to 5.',
      );
    },
    origin: async () => {
      if (!terminal.interactive)
        throw new DeployStop(NO_ORIGIN, 'Run the same command again, with --origin.');
      return askUntil(
        terminal,
        '\nAddress of the page that shows the widget, for example https://shop.example.com:',
        '',
        (answer) => (isPageOrigin(answer) ? answer : undefined),
        NO_ORIGIN,
      );
    },
  };
};
