import { dynamoDbBudgets } from '../adapters/aws/budgets/dynamodb-budgets.ts';
import { sqsHangUps } from '../adapters/aws/calls/sqs-hang-ups.ts';
import { dynamoDbClient, kmsClient, sqsClient } from '../adapters/aws/clients.ts';
import { dynamoDbKeyFacts } from '../adapters/aws/keys/dynamodb-key-facts.ts';
import { kmsDerivationKeys } from '../adapters/aws/kms-derivation-keys.ts';
import { dynamoDbDeliveries } from '../adapters/aws/notices/dynamodb-deliveries.ts';
import { dynamoDbMailAlerts } from '../adapters/aws/notices/dynamodb-mail-alerts.ts';
import { dynamoDbWebhooks } from '../adapters/aws/notices/dynamodb-webhooks.ts';
import { kmsMailCodes, kmsWebhookSecrets } from '../adapters/aws/notices/kms-webhook-secrets.ts';
import { sqsNotices } from '../adapters/aws/notices/notice-message.ts';
import { dynamoDbRateLimiter } from '../adapters/aws/sessions/dynamodb-rate-limiter.ts';
import { kmsPseudonyms } from '../adapters/aws/sessions/kms-pseudonyms.ts';
import { dynamoDbApiTokenStore } from '../adapters/aws/tenancy/dynamodb-api-token-store.ts';
import { dynamoDbApiTokenReader } from '../adapters/aws/tenancy/dynamodb-api-tokens.ts';
import { dynamoDbInvitations, kmsInvitationSecrets } from '../adapters/aws/tenancy/dynamodb-invitations.ts';
import { dynamoDbTenancy } from '../adapters/aws/tenancy/dynamodb-tenancy.ts';
import { dynamoDbDayUsage } from '../adapters/aws/usage/dynamodb-day-usage.ts';
import { josePublicKeys } from '../adapters/oidc/embed-tokens.ts';
import { publicSuffixList } from '../adapters/psl/public-suffixes.ts';
import type { HttpsPostOptions } from '../adapters/webhooks/https-post.ts';
import type { EnvironmentOf } from '../contract/environment.ts';
import { MANAGE_ROUTES } from '../contract/routes/manage.ts';
import { TABLES } from '../contract/tables.ts';
import { isPublicAddress } from '../domain/network-address.ts';
import { apiTokenEndpoints } from '../http/endpoints/api-token-endpoints.ts';
import type { EndpointsOf } from '../http/endpoints/endpoint.ts';
import { manageEndpoints } from '../http/endpoints/manage-endpoints.ts';
import { memberEndpoints } from '../http/endpoints/member-endpoints.ts';
import { noticesEndpoints } from '../http/endpoints/notices-endpoints.ts';
import { type HttpHandler, httpHandler } from '../http/http-handler.ts';
import { presentNotice } from '../http/presenters/present-notices.ts';
import { auditEventFactory } from '../use-cases/audit/audit-event-factory.ts';
import { listBudgets } from '../use-cases/budgets/list-budgets.ts';
import { readBudget } from '../use-cases/budgets/read-budget.ts';
import { removeBudget } from '../use-cases/budgets/remove-budget.ts';
import { setBudget } from '../use-cases/budgets/set-budget.ts';
import { changeWebhook } from '../use-cases/notices/change-webhook.ts';
import { createWebhook } from '../use-cases/notices/create-webhook.ts';
import { mailAlerts } from '../use-cases/notices/mail-alerts.ts';
import { removeWebhook } from '../use-cases/notices/remove-webhook.ts';
import { rotateWebhookSecret } from '../use-cases/notices/rotate-webhook-secret.ts';
import { sendAgain } from '../use-cases/notices/send-again.ts';
import { sendTestNotice } from '../use-cases/notices/send-test-notice.ts';
import { acceptInvitation, offeredInvitation } from '../use-cases/tenancy/accept-invitation.ts';
import { createApiToken, listApiTokens, revokeApiToken } from '../use-cases/tenancy/api-tokens.ts';
import { changeSite } from '../use-cases/tenancy/change-site.ts';
import { changeWorkspace } from '../use-cases/tenancy/change-workspace.ts';
import { createSite } from '../use-cases/tenancy/create-site.ts';
import { createWorkspace } from '../use-cases/tenancy/create-workspace.ts';
import { removeEmbedKey, storeEmbedKey } from '../use-cases/tenancy/embed-keys.ts';
import { invitePerson, removeInvitation } from '../use-cases/tenancy/invite-person.ts';
import { nameMyself } from '../use-cases/tenancy/name-myself.ts';
import { removeMember } from '../use-cases/tenancy/remove-member.ts';
import { saveMember } from '../use-cases/tenancy/save-member.ts';
import { httpDeps } from './http-deps.ts';
import type { Runtime } from './runtime.ts';

/**
 * Workspaces, members and sites. In KMS it uses only the root of keyed hashes, for the addresses in the audit trail.
 */
export const manageHandler = (
  environment: EnvironmentOf<'manage'>,
  runtime: Runtime,
  { isAllowed = isPublicAddress }: Pick<HttpsPostOptions, 'isAllowed'> = {},
): HttpHandler => {
  const dynamoDb = dynamoDbClient(environment, runtime.metrics);
  const derivationKeys = kmsDerivationKeys(
    kmsClient(environment, runtime.metrics),
    environment.DERIVATION_KEY_ARN,
  );
  const pseudonyms = kmsPseudonyms(derivationKeys);
  const budgetTables = {
    usage: environment.USAGE_TABLE,
    tenancy: environment.TENANCY_TABLE,
    writer: 'manage',
  } as const;
  const ports = {
    backOff: runtime.backOff,
    embedSecrets: pseudonyms,
    publicKeys: josePublicKeys(),
    budgets: dynamoDbBudgets(dynamoDb, budgetTables),
    usage: dynamoDbDayUsage(dynamoDb, environment.USAGE_TABLE),
    hangUps: sqsHangUps(sqsClient(environment, runtime.metrics), environment.HANGUP_QUEUE_URL),
    watchesCalls: environment.WATCH !== 'off',
    clock: runtime.clock,
    random: runtime.random,
    plans: environment.PLANS,
    suffixes: publicSuffixList,
    limiter: dynamoDbRateLimiter(dynamoDb, environment.LIMITS_TABLE),
    workspacesPerDay: environment.WORKSPACES_PER_DAY,
    auditEvents: auditEventFactory({
      ...runtime,
      pseudonyms,
    }),
    keys: dynamoDbKeyFacts(dynamoDb, environment.KEYS_TABLE),
    tenancy: dynamoDbTenancy(dynamoDb, {
      name: environment.TENANCY_TABLE,
      indexName: TABLES.tenancy.index.name,
      writer: 'manage',
    }),
  };
  const noticePorts = {
    clock: ports.clock,
    random: ports.random,
    backOff: runtime.backOff,
    tenancy: ports.tenancy,
    auditEvents: ports.auditEvents,
    webhooks: dynamoDbWebhooks(dynamoDb, environment.TENANCY_TABLE),
    secrets: kmsWebhookSecrets(derivationKeys),
    deliveries: dynamoDbDeliveries(dynamoDb, environment.LIMITS_TABLE, runtime.clock),
    queue: sqsNotices(sqsClient(environment, runtime.metrics), environment.NOTICE_QUEUE_URL),
    isAllowed,
    limiter: ports.limiter,
    mail: dynamoDbMailAlerts(dynamoDb, environment.TENANCY_TABLE),
    codes: kmsMailCodes(derivationKeys),
    mailAvailable: environment.MAIL_SENDER !== '',
    bodyOf: presentNotice,
  };
  const memberPorts = {
    ...ports,
    invitations: dynamoDbInvitations(dynamoDb, environment.TENANCY_TABLE),
    secrets: kmsInvitationSecrets(derivationKeys),
    queue: noticePorts.queue,
    mailAvailable: noticePorts.mailAvailable,
  };
  const tokenPorts = { ...ports, apiTokens: dynamoDbApiTokenStore(dynamoDb, environment.TENANCY_TABLE) };
  const endpoints: EndpointsOf<'manage'> = {
    ...memberEndpoints({
      ...memberPorts,
      saveMember: saveMember(memberPorts),
      removeMember: removeMember(memberPorts),
      nameMyself: nameMyself(memberPorts),
      invitePerson: invitePerson(memberPorts),
      removeInvitation: removeInvitation(memberPorts),
      offeredInvitation: offeredInvitation(memberPorts),
      acceptInvitation: acceptInvitation(memberPorts),
    }),
    ...apiTokenEndpoints({
      clock: runtime.clock,
      createApiToken: createApiToken(tokenPorts),
      listApiTokens: listApiTokens(tokenPorts),
      revokeApiToken: revokeApiToken(tokenPorts),
    }),
    ...noticesEndpoints({
      ...noticePorts,
      createWebhook: createWebhook(noticePorts),
      changeWebhook: changeWebhook(noticePorts),
      removeWebhook: removeWebhook(noticePorts),
      rotateWebhookSecret: rotateWebhookSecret(noticePorts),
      sendTestNotice: sendTestNotice(noticePorts),
      sendAgain: sendAgain(noticePorts),
      mailAlerts: mailAlerts(noticePorts),
    }),
    ...manageEndpoints({
      clock: runtime.clock,
      tenancy: ports.tenancy,
      keys: ports.keys,
      plans: ports.plans,
      createWorkspace: createWorkspace(ports),
      changeWorkspace: changeWorkspace(ports),
      createSite: createSite(ports),
      changeSite: changeSite(ports),
      storeEmbedKey: storeEmbedKey(ports),
      removeEmbedKey: removeEmbedKey(ports),
      budgets: {
        listBudgets: listBudgets(ports),
        readBudget: readBudget(ports),
        setBudget: setBudget(ports),
        removeBudget: removeBudget(ports),
      },
    }),
  };
  return httpHandler(
    MANAGE_ROUTES,
    endpoints,
    httpDeps(environment, runtime, dynamoDbApiTokenReader(dynamoDb, environment.TENANCY_TABLE)),
  );
};
