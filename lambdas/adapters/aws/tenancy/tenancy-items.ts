import * as z from 'zod';
import { DEFAULT_TIME_ZONE } from '../../../domain/budgets/budget-period.ts';
import { CONTROLS } from '../../../domain/calls/control.ts';
import { DATA_RESIDENCIES } from '../../../domain/openai-models.ts';
import { EMBED_ALGORITHMS, NO_VISITOR_LIMITS } from '../../../domain/sessions/embed-token.ts';
import {
  type Conversation,
  DEFAULT_CONVERSATION,
  EAGERNESS,
  NOISE_REDUCTIONS,
  REASONING_EFFORTS,
  TRANSCRIPTION_MODELS,
} from '../../../domain/tenancy/conversation.ts';
import { FIRST_MESSAGE_TYPES } from '../../../domain/tenancy/first-message.ts';
import type { Invitation } from '../../../domain/tenancy/invitation.ts';
import { DEFAULT_RETENTION } from '../../../domain/tenancy/retention.ts';
import {
  ANOMALY_RESPONSES,
  API_TOKEN_ROLES,
  type ApiToken,
  BILLING_MODES,
  type FormerInstructions,
  type Member,
  ROLES,
  type Site,
  type Workspace,
} from '../../../domain/tenancy/workspace.ts';
import { siteId, workspaceId } from '../ids.ts';

/** The default for items that were stored before this attribute existed. */
export const retentionItem = z
  .object({ sessionDays: z.number(), errorDays: z.number(), changedAt: z.string().nullable() })
  .default(DEFAULT_RETENTION);

export const workspaceItem: z.ZodType<Workspace> = z.object({
  workspaceId,
  name: z.string(),
  billingMode: z.enum(BILLING_MODES),
  plan: z.string(),
  openaiTier: z.number(),
  concurrencyLimit: z.number().nullable(),
  siteSharePercent: z.number().nullable().default(null),
  anomalyResponse: z.enum(ANOMALY_RESPONSES),
  alertEmail: z.string().nullable(),
  timeZone: z.string().default(DEFAULT_TIME_ZONE),
  dataResidency: z.enum(DATA_RESIDENCIES).default('global'),
  retention: retentionItem,
  ownerCount: z.number(),
  siteCount: z.number().default(0),
  createdAt: z.string(),
  deletedAt: z.string().nullable(),
});

export const memberItem: z.ZodType<Member> = z.object({
  workspaceId,
  sub: z.string(),
  role: z.enum(ROLES),
  addedAt: z.string(),
  addedBy: z.string(),
  email: z.string().optional(),
  name: z.string().optional(),
});

export const invitationItem: z.ZodType<Invitation> = z.object({
  workspaceId,
  invitationId: z.string(),
  role: z.enum(ROLES),
  email: z.string().nullable(),
  invitedSub: z.string().nullable(),
  invitedAt: z.string(),
  invitedBy: z.string(),
  expiresAt: z.string(),
  nonce: z.string(),
});

export const apiTokenItem: z.ZodType<ApiToken> = z.object({
  workspaceId,
  tokenId: z.string(),
  name: z.string(),
  role: z.enum(API_TOKEN_ROLES),
  siteIds: z.array(siteId).nullable(),
  createdAt: z.string(),
  createdBy: z.string(),
  expiresAt: z.string(),
  hash: z.string(),
});

const conversationItem: z.ZodType<Conversation> = z.object({
  turnDetection: z
    .discriminatedUnion('type', [
      z.object({
        type: z.literal('server_vad'),
        threshold: z.number(),
        prefixPaddingMs: z.number(),
        silenceDurationMs: z.number(),
        interruptResponse: z.boolean(),
      }),
      z.object({
        type: z.literal('semantic_vad'),
        eagerness: z.enum(EAGERNESS),
        interruptResponse: z.boolean(),
      }),
    ])
    .nullable(),
  noiseReduction: z.enum(NOISE_REDUCTIONS).nullable(),
  transcription: z
    .object({ model: z.enum(TRANSCRIPTION_MODELS), language: z.string().nullable() })
    .nullable(),
  speed: z.number(),
  maxOutputTokens: z.number(),
  reasoningEffort: z.enum(REASONING_EFFORTS).nullable(),
  firstMessage: z
    .object({ type: z.enum(FIRST_MESSAGE_TYPES), text: z.string() })
    .nullable()
    .default(null),
});

export const formerInstructionsItem: z.ZodType<FormerInstructions> = z.object({
  instructions: z.string(),
  replacedAt: z.string(),
  replacedBy: z.string(),
});

export const siteItem: z.ZodType<Site> = z.object({
  siteId,
  workspaceId,
  name: z.string(),
  allowedOrigins: z.array(z.string()),
  model: z.string(),
  voice: z.string(),
  instructions: z.string(),
  tools: z.array(z.object({ name: z.string(), description: z.string(), parameters: z.string() })).default([]),
  conversation: conversationItem.default(DEFAULT_CONVERSATION),
  dataResidency: z.enum(DATA_RESIDENCIES),
  control: z.enum(CONTROLS).default('open'),
  requireEmbedToken: z.boolean().default(false),
  visitorLimits: z
    .object({ callsPerDay: z.number().nullable(), minutesPerDay: z.number().nullable() })
    .default(NO_VISITOR_LIMITS),
  embedKey: z
    .object({
      algorithm: z.enum(EMBED_ALGORITHMS),
      keyId: z.string(),
      publicKey: z.object({ x: z.string(), y: z.string() }).nullable(),
      createdAt: z.string(),
      createdBy: z.string(),
    })
    .nullable()
    .default(null),
  clientSecretTtlSeconds: z.number(),
  maxDurationSeconds: z.number(),
  modelAutoUpgrade: z.boolean().default(true),
  ignoredOrigins: z.array(z.string()).default([]),
  modelMove: z.object({ from: z.string(), to: z.string(), at: z.string() }).nullable().default(null),
  retirementNotices: z.record(z.string(), z.number()).default({}),
  createdAt: z.string(),
  createdBy: z.string(),
});
