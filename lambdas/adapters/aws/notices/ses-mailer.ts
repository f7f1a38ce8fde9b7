import { SESv2Client, SendEmailCommand } from '@aws-sdk/client-sesv2';
import type { CallObserver } from '../../../domain/call-observer.ts';
import { DependencyUnavailableError } from '../../../domain/dependency.ts';
import type { Mailer } from '../../../use-cases/ports/notices.ts';
import { callAws, callLimits, observeCalls, withoutCallLog } from '../aws-calls.ts';
import type { AwsEndpoints } from '../clients.ts';

/**
 * Errors that a retry of the same mail would get again:
 * https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html
 */
const REFUSALS = new Set(['MessageRejected', 'BadRequestException']);

/** Mail through Amazon SES, as plain text, from one sender. */
export const sesMailer = (environment: AwsEndpoints, sender: string, calls?: CallObserver): Mailer => {
  const endpoint = environment.AWS_ENDPOINT_URL_SESV2;
  const client = new SESv2Client({
    region: environment.AWS_REGION,
    ...callLimits(environment.AWS_CALL_TIMEOUT_MS),
    ...(endpoint !== undefined && { endpoint }),
  });
  withoutCallLog(client);
  observeCalls(client, 'ses', calls);
  return {
    send: async (address, { subject, text }) => {
      try {
        await callAws('ses', 'SendEmail', () =>
          client.send(
            new SendEmailCommand({
              FromEmailAddress: sender,
              Destination: { ToAddresses: [address] },
              Content: {
                Simple: {
                  Subject: { Data: subject, Charset: 'UTF-8' },
                  Body: { Text: { Data: text, Charset: 'UTF-8' } },
                },
              },
            }),
          ),
        );
        return 'accepted';
      } catch (error) {
        if (error instanceof DependencyUnavailableError && REFUSALS.has(error.errorName)) return 'refused';
        throw error;
      }
    },
  };
};
