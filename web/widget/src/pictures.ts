import type { CallEnd, CallState } from './call-types.ts';
import type { Problem, ProblemCode, StringName, Strings } from './strings.ts';
import type { Button, Picture } from './view.ts';
import type { Wait } from './wait.ts';

/** State of the widget. `busy` and `error` may wait for a time to pass. */
export type WidgetState = 'idle' | 'notice' | CallState | 'busy' | 'error' | 'ended';

/** Everything that decides what a visitor sees. */
export interface Scene {
  state: WidgetState;
  strings: Strings;
  /** Of the sentences; empty when the page has replaced them. */
  language: string;
  problem?: Problem | undefined;
  end?: CallEnd | undefined;
  seconds: number;
  note?: StringName | undefined;
  showsCaptions: boolean;
  hasEvents: boolean;
  hasExtras?: boolean;
  isMini?: boolean;
  isTyped?: boolean;
}

/** The actions of a visitor, and the current facts of the element. */
export interface Stage {
  attribute(name: string): string | null;
  readonly isMuted: () => boolean;
  readonly isSilent: () => boolean;
  readonly waiting: Wait;
  readonly start: (isTyped: boolean) => void;
  readonly agree: () => void;
  readonly close: () => void;
  readonly hangUp: () => void;
  readonly toggleMute: () => void;
  readonly hearSound: () => void;
  readonly touch: () => void;
  readonly type: (text: string) => void;
  /** Draws again after the scene has changed. */
  readonly redraw: () => void;
}

/** Problems that a retry can solve. Every other problem needs a change first. */
const WORTH_A_RETRY: ReadonlySet<ProblemCode> = new Set<ProblemCode>([
  'rate_limited',
  'busy',
  'openai_error',
  'openai_timeout',
  'unavailable',
  'unreachable',
  'microphone_blocked',
  'microphone_missing',
  'microphone_failed',
  'connection_failed',
  'connection_lost',
  'invalid_signature',
]);

export const IN_CALL: ReadonlySet<WidgetState> = new Set<WidgetState>(['listening', 'thinking', 'speaking']);

const clock = (seconds: number): string =>
  `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, '0')}`;

const waitText = (seconds: number, wait: string, over: string): string =>
  seconds > 0 ? wait.replace('{time}', clock(seconds)) : over;

/** Returns the general sentence for a code that this script does not know or whose sentence was not loaded. */
export const sentenceOf = (code: ProblemCode, strings: Strings): string =>
  strings[code] ?? strings.unavailable;

/** Returns the picture of a scene, for the view. */
export const pictureOf = (scene: Scene, stage: Stage): Picture => {
  const { strings, state, isTyped } = scene;
  const button = (name: StringName, onClick: () => void, more: Partial<Button> = {}): Button => ({
    name,
    label: strings[name] ?? '',
    onClick,
    ...more,
  });
  const isMuted = stage.isMuted();

  const ofNotice = (): Partial<Picture> => {
    const url = stage.attribute('privacy-url');
    return {
      title: strings.notice_title,
      text: strings.notice,
      link: url === null ? undefined : { label: strings.notice_link, url },
      buttons: [button('decline', stage.close), button('agree', stage.agree, { look: 'main' })],
    };
  };

  // By functions, because the build shortens the names of the fields.
  const toggle = (name: 'minimise' | 'captions', isOn: boolean, set: (isOn: boolean) => void): Button =>
    button(
      name,
      () => {
        set(!isOn);
        stage.redraw();
      },
      { look: 'icon', icon: name, pressed: isOn },
    );

  const ofCall = (): Partial<Picture> => {
    const inCall = IN_CALL.has(state);
    const looksMuted = isMuted && state !== 'speaking';
    const isSilent = stage.isSilent();
    return {
      title:
        looksMuted && inCall
          ? strings.muted
          : (isTyped && state === 'listening' && strings.typing) || (strings[state as StringName] ?? ''),
      detail: (!inCall && strings.reconnect_hint) || '',
      time: clock(scene.seconds),
      orb: looksMuted ? 'microphoneOff' : 'bars',
      isMuted: looksMuted,
      isMini: scene.isMini,
      note: (isSilent ? strings.sound_blocked : scene.note && strings[scene.note]) ?? '',
      captionsHint:
        scene.showsCaptions && scene.hasEvents ? (isTyped ? '' : strings.captions_hint) : undefined,
      typing: isTyped
        ? {
            label: strings.typing ?? '',
            send: strings.send ?? '',
            onInput: stage.touch,
            onText: stage.type,
          }
        : undefined,
      buttons: [
        ...(isTyped
          ? []
          : [
              button('mute', stage.toggleMute, {
                look: 'icon',
                icon: isMuted ? 'microphoneOff' : 'microphone',
                pressed: isMuted,
              }),
            ]),
        ...(scene.hasExtras
          ? [
              toggle('minimise', scene.isMini === true, (isMini) => {
                scene.isMini = isMini;
              }),
            ]
          : []),
        ...(scene.hasExtras && scene.hasEvents
          ? [
              toggle('captions', scene.showsCaptions, (showsCaptions) => {
                scene.showsCaptions = showsCaptions;
              }),
            ]
          : []),
        ...(isSilent ? [button('hear', stage.hearSound, { look: 'main' })] : []),
        button('hang_up', stage.hangUp, { look: 'hang', icon: 'hangUp' }),
      ],
    };
  };

  const ofProblem = (): Partial<Picture> => {
    const code = scene.problem?.code ?? 'unavailable';
    const isBusy = state === 'busy';
    const isOfCall = /^(microphone|connection)_/.test(code);
    return {
      title: isBusy ? strings.busy_title : isOfCall ? strings.call_failed_title : strings.error_title,
      detail: sentenceOf(code, strings),
      orb: 'attention',
      text: scene.problem?.retryAfter
        ? waitText(stage.waiting.leftSeconds(), isBusy ? strings.wait_busy : strings.wait, strings.wait_over)
        : '',
      buttons: [
        button('close', stage.close),
        ...(/^microphone_/.test(code) && scene.hasExtras && !isTyped
          ? [button('type_instead', () => stage.start(true))]
          : []),
        ...(WORTH_A_RETRY.has(code)
          ? [
              button('retry', () => stage.start(false), {
                look: 'main',
                disabled: stage.waiting.isResting(isBusy),
              }),
            ]
          : []),
      ],
    };
  };

  const ofState = (): Partial<Picture> => {
    switch (state) {
      case 'idle': {
        const label = stage.attribute('label') ?? strings.launch;
        return { launcher: button('launch', () => stage.start(false), { icon: 'microphone', label }) };
      }
      case 'notice':
        return ofNotice();
      case 'connecting':
        return {
          title: strings.connecting,
          detail: isTyped ? '' : strings.permission,
          buttons: [button('cancel', stage.hangUp)],
        };
      case 'busy':
      case 'error':
        return ofProblem();
      case 'ended':
        return {
          title: strings.ended_title,
          detail: strings.ended_after.replace('{time}', clock(scene.end?.seconds ?? 0)),
          orb: 'done',
          text: (scene.end?.note && strings[scene.end.note]) ?? '',
          buttons: [
            button('close', stage.close),
            button('again', () => stage.start(false), { look: 'main' }),
          ],
        };
      default:
        return ofCall();
    }
  };

  return {
    state,
    region: strings.region,
    language: scene.language,
    isHeard: IN_CALL.has(state) && !isMuted && !isTyped,
    title: '',
    detail: '',
    time: '',
    orb: 'microphone',
    text: '',
    note: '',
    captionsLabel: strings.captions ?? '',
    isMuted,
    accent: stage.attribute('accent') ?? undefined,
    buttons: [],
    ...ofState(),
  };
};
