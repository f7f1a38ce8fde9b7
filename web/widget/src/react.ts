import {
  createElement,
  forwardRef,
  type HTMLAttributes,
  type ReactElement,
  useEffect,
  useImperativeHandle,
  useLayoutEffect,
  useRef,
} from 'react';
import type { SpeloAttributes, SpeloEvents, SpeloTools, SpeloVoiceElement } from './public.ts';

type Handler<Name extends keyof SpeloEvents> = ((detail: SpeloEvents[Name]) => void) | undefined;

/** The attributes of the element in camel case, its properties, and a function for each of its events. */
export interface SpeloVoiceProps extends Omit<HTMLAttributes<HTMLElement>, 'onError' | 'onEnded'> {
  readonly siteId: string;
  readonly api: string;
  readonly label?: string | undefined;
  readonly floating?: boolean | undefined;
  readonly position?: SpeloAttributes['position'] | undefined;
  readonly theme?: SpeloAttributes['theme'] | undefined;
  readonly accent?: string | undefined;
  readonly captions?: SpeloAttributes['captions'] | undefined;
  readonly privacyUrl?: string | undefined;
  readonly noticeVersion?: string | undefined;
  readonly idleSeconds?: number | undefined;
  readonly strings?: Readonly<Record<string, string>> | undefined;
  readonly tools?: SpeloTools | undefined;
  readonly getEmbedToken?: (() => string | Promise<string>) | undefined;
  readonly onStateChange?: Handler<'spelo-state'>;
  readonly onConnected?: Handler<'spelo-connected'>;
  readonly onCaption?: Handler<'spelo-caption'>;
  readonly onUsage?: Handler<'spelo-usage'>;
  readonly onError?: Handler<'spelo-error'>;
  readonly onEnded?: Handler<'spelo-ended'>;
  readonly onTool?: Handler<'spelo-tool'>;
}

/** An effect that runs before the browser draws; on a server React warns of that one and runs neither. */
const useEarlyEffect = typeof document === 'undefined' ? useEffect : useLayoutEffect;

/** `<spelo-voice>` for React 18 and 19: the same element, rendered on a server too. */
export const SpeloVoice = forwardRef<SpeloVoiceElement, SpeloVoiceProps>((props, ref): ReactElement => {
  const {
    siteId,
    privacyUrl,
    noticeVersion,
    idleSeconds,
    floating,
    strings,
    tools,
    getEmbedToken,
    onStateChange,
    onConnected,
    onCaption,
    onUsage,
    onError,
    onEnded,
    onTool,
    ...attributes
  } = props;
  const element = useRef<SpeloVoiceElement>(null);
  const handlers = useRef<Readonly<Record<string, ((detail: never) => void) | undefined>>>({});
  useImperativeHandle(ref, () => element.current as SpeloVoiceElement, []);
  useEarlyEffect(() => {
    handlers.current = {
      'spelo-state': onStateChange,
      'spelo-connected': onConnected,
      'spelo-caption': onCaption,
      'spelo-usage': onUsage,
      'spelo-error': onError,
      'spelo-ended': onEnded,
      'spelo-tool': onTool,
    };
    if (element.current) Object.assign(element.current, { tools, getEmbedToken });
  });
  useEarlyEffect(() => {
    if (element.current && strings) element.current.strings = strings;
  }, [strings]);
  useEarlyEffect(() => {
    const { current } = element;
    const tell = (event: Event): void => handlers.current[event.type]?.((event as CustomEvent<never>).detail);
    const names = Object.keys(handlers.current);
    for (const name of names) current?.addEventListener(name, tell);
    return () => {
      for (const name of names) current?.removeEventListener(name, tell);
    };
  }, []);
  return createElement('spelo-voice', {
    ...attributes,
    ref: element,
    'site-id': siteId,
    'privacy-url': privacyUrl,
    'notice-version': noticeVersion,
    'idle-seconds': idleSeconds,
    floating: floating ? '' : undefined,
  });
});
SpeloVoice.displayName = 'SpeloVoice';
