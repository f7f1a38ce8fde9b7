import { throwIfMicrophoneForbidden } from './page-policy.ts';
import { Failure, type ProblemCode } from './strings.ts';

const PROBLEM_OF: Readonly<Record<string, ProblemCode>> = {
  NotAllowedError: 'microphone_blocked',
  SecurityError: 'microphone_blocked',
  NotFoundError: 'microphone_missing',
  OverconstrainedError: 'microphone_missing',
};

/** Throws a `Failure` if the browser or the page does not support calls. */
export const throwIfUnsupported = (): void => {
  if (!navigator.mediaDevices?.getUserMedia || typeof RTCPeerConnection === 'undefined' || !crypto.subtle)
    throw new Failure({ code: 'unsupported' });
};

/** Requests the visitor's microphone and returns it. Throws a `Failure`. */
export const openMicrophone = async (): Promise<MediaStream> => {
  throwIfMicrophoneForbidden();
  try {
    return await navigator.mediaDevices.getUserMedia({
      audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true },
    });
  } catch (error) {
    const name = error instanceof DOMException ? error.name : '';
    throw new Failure({ code: PROBLEM_OF[name] ?? 'microphone_failed' }, name);
  }
};

export const trackOf = (stream: MediaStream | undefined): MediaStreamTrack | undefined =>
  stream?.getAudioTracks()[0];

interface TrackHandlers {
  /** The system has muted or unmuted it. */
  readonly onSilenced: (isSilenced: boolean) => void;
  /** It has ended or its device is gone. Called once. */
  readonly onGone: () => void;
}

/** Watches a microphone until it is gone, or `signal` ends it. */
export const watchTrack = (
  track: MediaStreamTrack,
  signal: AbortSignal,
  { onSilenced, onGone }: TrackHandlers,
): void => {
  const watching = new AbortController();
  const options = { signal: watching.signal };
  const replace = (): void => {
    if (options.signal.aborted) return;
    watching.abort();
    onSilenced(false);
    track.stop();
    onGone();
  };
  signal.addEventListener('abort', () => watching.abort(), options);
  track.addEventListener('ended', replace, options);
  track.addEventListener('mute', () => onSilenced(true), options);
  track.addEventListener('unmute', () => onSilenced(false), options);
  navigator.mediaDevices.addEventListener(
    'devicechange',
    async () => {
      if (await isUnplugged(track)) replace();
    },
    options,
  );
  onSilenced(track.muted);
};

/** True when the device behind `track` is no longer connected; some browsers do not end the track. */
const isUnplugged = async (track: MediaStreamTrack): Promise<boolean> => {
  const { deviceId } = track.getSettings();
  const devices = await navigator.mediaDevices.enumerateDevices().catch(() => []);
  const inputs = devices.filter(({ kind }) => kind === 'audioinput');
  return (
    track.readyState === 'ended' ||
    // Without permission to see the devices, each has an empty id.
    (deviceId !== undefined &&
      devices.length > 0 &&
      !inputs.some((device) => device.deviceId === deviceId || device.deviceId === ''))
  );
};
