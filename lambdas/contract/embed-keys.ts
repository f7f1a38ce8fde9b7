import * as z from 'zod';
import { EMBED_ALGORITHMS } from '../domain/sessions/embed-token.ts';
import { timestamp } from './common.ts';

/** Schemas of the keys that verify a site's embed tokens. */

export const putEmbedKeyRequest = z
  .strictObject({
    algorithm: z.enum(EMBED_ALGORITHMS),
    public_key: z
      .string()
      .max(1_000)
      .optional()
      .describe('ES256: the public key of your server, PEM (`-----BEGIN PUBLIC KEY-----`), curve P-256.'),
  })
  .meta({ id: 'PutEmbedKeyRequest' });

const facts = {
  algorithm: z.enum(EMBED_ALGORITHMS),
  key_id: z.string(),
  created_at: timestamp,
  created_by: z.string(),
};

export const shownEmbedKey = z.object(facts);

export const embedKey = z
  .object({
    ...facts,
    secret: z
      .string()
      .nullable()
      .describe(
        'HS256: the secret of your server, shown once. Sign with this text as it is. null for ES256.',
      ),
  })
  .meta({ id: 'EmbedKey' });
