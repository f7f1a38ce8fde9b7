import { BrokerError, type BrokerErrorDetail } from '../../domain/broker-error.ts';
import type { Control } from '../../domain/calls/control.ts';
import { type Conversation, conversationFault } from '../../domain/tenancy/conversation.ts';
import type { FunctionTool } from '../../domain/tenancy/function-tool.ts';
import { wildcardParentOf } from '../../domain/tenancy/origin.ts';
import { modelFault } from '../../domain/tenancy/site-model.ts';
import type { PublicSuffixes } from '../ports/tenancy.ts';

/**
 * Throws `invalid_request` with one sentence per fault for settings that a site cannot have: a model that is shut down or
 * holds no Realtime conversation, a conversation that the model cannot hold, a wildcard over a domain that many owners share,
 * functions where calls have no data channel to carry them.
 */
export const refuseSiteSettings = (
  settings: {
    /** undefined: not changed. */
    readonly model?: string | undefined;
    readonly allowedOrigins?: readonly string[] | undefined;
    /** As they are after the change. */
    readonly control: Control;
    readonly tools: readonly FunctionTool[];
    readonly conversation?: { readonly model: string; readonly settings: Conversation } | undefined;
  },
  suffixes: PublicSuffixes,
  now: Date,
): void => {
  const details = [
    ...modelDetails(settings.model, now),
    ...conversationDetails(settings.conversation),
    ...originDetails(settings.allowedOrigins, suffixes),
    ...toolDetails(settings),
  ];
  if (details.length > 0) throw new BrokerError('invalid_request', { details });
};

const toolDetails = ({ control, tools }: { control: Control; tools: readonly FunctionTool[] }) =>
  control === 'locked' && tools.length > 0
    ? [
        {
          path: 'tools',
          message:
            'A locked site has no functions: its calls have no data channel. Remove them, or use brokered.',
        },
      ]
    : [];

const modelDetails = (model: string | undefined, now: Date): readonly BrokerErrorDetail[] => {
  const fault = model === undefined ? undefined : modelFault(model, now);
  return fault === undefined ? [] : [{ path: 'model', message: fault }];
};

const conversationDetails = (
  conversation: { readonly model: string; readonly settings: Conversation } | undefined,
): readonly BrokerErrorDetail[] => {
  const fault = conversation && conversationFault(conversation.model, conversation.settings);
  return fault === undefined ? [] : [{ path: 'conversation.reasoning_effort', message: fault }];
};

const originDetails = (
  origins: readonly string[] = [],
  suffixes: PublicSuffixes,
): readonly BrokerErrorDetail[] =>
  origins.flatMap((origin, index) => {
    const parent = wildcardParentOf(origin);
    if (parent === undefined || !suffixes.isShared(parent)) return [];
    return [
      {
        path: `allowed_origins.${index}`,
        message: `${origin} covers sites of other owners, who could use your key: anyone can register a name below ${parent}. Register your own host, for example https://your-site.${parent}.`,
      },
    ];
  });
