import { describe, expect, it } from '@jest/globals';
import {
  isRealtimeModelName,
  modelFault,
  modelWarnings,
} from '../../../lambdas/domain/tenancy/site-model.ts';

const TODAY = new Date('2026-11-30T12:00:00Z');

describe('the model of a site', () => {
  it.each([
    'gpt-realtime-2.1',
    'gpt-realtime-2.1-mini',
    'gpt-realtime-2',
    'gpt-realtime-1.5',
    'gpt-realtime',
    'gpt-realtime-2025-08-28',
    'gpt-realtime-mini-2025-12-15',
    'gpt-realtime-9',
    'gpt-9-realtime-preview',
  ])('is accepted today: %s', (model) => {
    expect(modelFault(model, TODAY)).toBeUndefined();
  });

  it.each([
    'gpt-4o',
    'gpt-4o-mini',
    'gpt-5',
    'gpt-6-luna',
    'o3',
    'whisper-1',
    'gpt-4o-transcribe',
    'gpt-live-1',
    'gpt-live-transcribe',
    'gpt-audio',
    'gpt-audio-mini',
    'gpt-realtime-whisper',
    'gpt-realtime-translate',
    'gpt-4o-mini-tts',
    'tts-1-hd',
    'text-embedding-3-small',
    'dall-e-3',
    'realtimegpt',
    'claude-opus-4',
  ])('is refused because it is not a Realtime model: %s', (model) => {
    expect(modelFault(model, TODAY)).toMatch(/is not a Realtime model\. Choose one/);
    expect(isRealtimeModelName(model)).toBe(false);
  });

  it.each([
    ['gpt-4o-realtime-preview', '2026-05-07', 'gpt-realtime-2.1'],
    ['gpt-4o-realtime-preview-2024-10-01', '2026-05-07', 'gpt-realtime-2.1'],
    ['gpt-4o-realtime-preview-2024-12-17', '2026-05-07', 'gpt-realtime-2.1'],
    ['gpt-4o-realtime-preview-2025-06-03', '2026-05-07', 'gpt-realtime-2.1'],
    ['gpt-4o-mini-realtime-preview', '2026-05-07', 'gpt-realtime-2.1-mini'],
    ['gpt-4o-mini-realtime-preview-2024-12-17', '2026-07-23', 'gpt-realtime-2.1-mini'],
    ['gpt-realtime-mini-2025-10-06', '2026-07-23', 'gpt-realtime-2.1-mini'],
  ])('is refused because it was shut down: %s', (model, day, successor) => {
    expect(modelFault(model, TODAY)).toBe(`OpenAI shut ${model} down on ${day}. Choose ${successor}.`);
  });

  it.each(['gpt-realtime', 'gpt-realtime-2025-08-28', 'gpt-realtime-mini', 'gpt-realtime-mini-2025-12-15'])(
    'is refused from 2027-01-20: %s',
    (model) => {
      expect(modelFault(model, new Date('2027-01-19T23:59:59.999Z'))).toBeUndefined();
      expect(modelFault(model, new Date('2027-01-20T00:00:00.000Z'))).toMatch(/shut .* down on 2027-01-20/);
    },
  );
});

describe('the warnings of a site', () => {
  it.each([
    ['gpt-realtime-2.1', true, '2026-11-30', []],
    ['gpt-realtime-9', true, '2026-11-30', ['model_unknown']],
    ['gpt-realtime', true, '2026-11-30', ['model_retiring']],
    ['gpt-realtime', false, '2026-11-30', ['model_retiring']],
    ['gpt-realtime', true, '2027-01-20', ['model_shut_down']],
    ['gpt-realtime', false, '2027-01-20', ['model_shut_down']],
  ])('on %s with automatic moves %s on %s are %j', (model, modelAutoUpgrade, day, codes) => {
    const warnings = modelWarnings({ model, modelAutoUpgrade }, new Date(`${day}T12:00:00Z`));
    expect(warnings.map(({ code }) => code)).toEqual(codes);
  });

  it('state the next step, and who decides', () => {
    const warn = (modelAutoUpgrade: boolean, day: string) =>
      modelWarnings({ model: 'gpt-realtime', modelAutoUpgrade }, new Date(`${day}T12:00:00Z`))[0]?.message;
    expect(warn(true, '2027-01-13')).toBe(
      'OpenAI shuts gpt-realtime down on 2027-01-20, in 7 days. This site moves to gpt-realtime-2.1 on 2027-01-19. To choose yourself, change the model or turn the move off.',
    );
    expect(warn(false, '2027-01-19')).toBe(
      'OpenAI shuts gpt-realtime down on 2027-01-20, in 1 day. This site opted out of the move. Choose gpt-realtime-2.1 before that day.',
    );
  });
});
