import * as auditSchemas from '../audit.ts';
import type { Routes } from '../route.ts';

/** Routes of the audit function. */
export const AUDIT_ROUTES = {
  listAudit: {
    method: 'GET',
    path: '/v1/workspaces/{workspaceId}/audit',
    servedBy: 'audit',
    access: 'owner',
    apiTokens: 'auditor',
    summary:
      'The audit trail, newest first. A page may be shorter than its limit. Continue until there is no cursor.',
    query: auditSchemas.auditQuery,
    status: 200,
    data: auditSchemas.auditPage,
    csv: { name: 'audit', list: 'items', record: auditSchemas.auditRow },
    refusals: ['workspace_not_found'],
  },
  verifyAudit: {
    method: 'GET',
    path: '/v1/workspaces/{workspaceId}/audit/verify',
    servedBy: 'audit',
    access: 'owner',
    apiTokens: 'auditor',
    summary:
      'Checks the hash chain of the audit trail and names the first row that was changed. Pass the cursor to continue a long chain.',
    query: auditSchemas.verifyQuery,
    status: 200,
    data: auditSchemas.auditVerification,
    refusals: ['workspace_not_found'],
  },
} as const satisfies Routes;
