import { sqsPostpone } from '../adapters/aws/calls/sqs-hang-ups.ts';
import { dynamoDbClient, kmsClient, sqsClient } from '../adapters/aws/clients.ts';
import { kmsDerivationKeys } from '../adapters/aws/kms-derivation-keys.ts';
import { dynamoDbDeliveries } from '../adapters/aws/notices/dynamodb-deliveries.ts';
import { dynamoDbMailAlertsReader } from '../adapters/aws/notices/dynamodb-mail-alerts.ts';
import { dynamoDbWebhookReader } from '../adapters/aws/notices/dynamodb-webhooks.ts';
import { kmsMailCodes, kmsWebhookSecrets } from '../adapters/aws/notices/kms-webhook-secrets.ts';
import { noticeMessageIn, sqsNotices } from '../adapters/aws/notices/notice-message.ts';
import { sesMailer } from '../adapters/aws/notices/ses-mailer.ts';
import { dynamoDbSessionReader } from '../adapters/aws/sessions/dynamodb-session-reader.ts';
import {
  dynamoDbInvitationReader,
  kmsInvitationSecrets,
} from '../adapters/aws/tenancy/dynamodb-invitations.ts';
import { dynamoDbWorkspaces } from '../adapters/aws/tenancy/dynamodb-workspaces.ts';
import { type HttpsPostOptions, httpsPost } from '../adapters/webhooks/https-post.ts';
import type { EnvironmentOf } from '../contract/environment.ts';
import { MAIL_CHANNEL } from '../domain/notices/mail-alerts.ts';
import { presentNotice } from '../http/presenters/present-notices.ts';
import { type NoticeHandler, noticeMessages } from '../streams/notice-messages.ts';
import { deliverNotice } from '../use-cases/notices/deliver-notice.ts';
import { fanOutNotice } from '../use-cases/notices/fan-out-notice.ts';
import { noticeBody } from '../use-cases/notices/notice-body.ts';
import { sendByMail } from '../use-cases/notices/send-by-mail.ts';
import { sendInvitation } from '../use-cases/notices/send-invitation.ts';
import { sendMailCode } from '../use-cases/notices/send-mail-code.ts';
import { sendToWebhook } from '../use-cases/notices/send-to-webhook.ts';
import { flushingMetrics, type Runtime } from './runtime.ts';

/**
 * Sends notices to the webhooks of workspaces. It connects to addresses that customers choose. In KMS it uses the root
 * of derived secrets, and it cannot open a key. Only the local server and tests pass `post`.
 */
export const noticesHandler = (
  environment: EnvironmentOf<'notices'>,
  { clock, log, metrics }: Pick<Runtime, 'clock' | 'log' | 'metrics'>,
  post: HttpsPostOptions = {},
): NoticeHandler => {
  const dynamoDb = dynamoDbClient(environment, metrics);
  const sqs = sqsClient(environment, metrics);
  const webhooks = dynamoDbWebhookReader(dynamoDb, environment.TENANCY_TABLE);
  const deliveries = dynamoDbDeliveries(dynamoDb, environment.LIMITS_TABLE, clock);
  const sessions = dynamoDbSessionReader(dynamoDb, {
    sessions: environment.SESSIONS_TABLE,
    usage: environment.USAGE_TABLE,
  });
  const workspaces = dynamoDbWorkspaces(dynamoDb, environment.TENANCY_TABLE);
  const mailAlerts = dynamoDbMailAlertsReader(dynamoDb, environment.TENANCY_TABLE);
  const derivationKeys = kmsDerivationKeys(kmsClient(environment, metrics), environment.DERIVATION_KEY_ARN);
  const mailer = sesMailer(environment, environment.MAIL_SENDER, metrics);
  const byMail = sendByMail({ workspaces, mailAlerts, mailer });
  const toWebhook = sendToWebhook({
    webhooks,
    secrets: kmsWebhookSecrets(derivationKeys),
    poster: httpsPost(post),
  });
  return flushingMetrics(
    noticeMessages({
      messageIn: noticeMessageIn,
      fanOut: fanOutNotice({
        clock,
        workspaces,
        webhooks,
        mailAlerts,
        mailAvailable: environment.MAIL_SENDER !== '',
        deliveries,
        queue: sqsNotices(sqs, environment.NOTICE_QUEUE_URL),
        bodyOf: noticeBody({ sessions, present: presentNotice }),
      }),
      deliver: deliverNotice({
        clock,
        deliveries,
        send: async (delivery, now) =>
          delivery.webhookId === MAIL_CHANNEL ? byMail(delivery) : toWebhook(delivery, now),
      }),
      sendMailCode: sendMailCode({ clock, mailAlerts, codes: kmsMailCodes(derivationKeys), mailer }),
      sendInvitation: sendInvitation({
        clock,
        workspaces,
        invitations: dynamoDbInvitationReader(dynamoDb, environment.TENANCY_TABLE),
        secrets: kmsInvitationSecrets(derivationKeys),
        mailer,
        dashboardUrl: environment.DASHBOARD_URL,
      }),
      postpone: sqsPostpone(sqs, environment.NOTICE_QUEUE_URL),
      log,
    }),
    metrics,
  );
};
