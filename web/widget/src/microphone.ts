import { Failure, type ProblemCode } from './strings.ts';

const PROBLEM_OF: Readonly<Record<string, ProblemCode>> = {
  NotAllowedError: 'microphone_blocked',
  SecurityError: 'microphone_blocked',
  NotFoundError: 'microphone_missing',
  OverconstrainedError: 'microphone_missing',
};

/** The visitor's microphone, asked for at this moment and not before. Throws a `Failure`. */
export const openMicrophone = async (): Promise<MediaStream> => {
  if (!navigator.mediaDevices?.getUserMedia || typeof RTCPeerConnection === 'undefined' || !crypto.subtle)
    throw new Failure({ code: 'unsupported' });
  try {
    return await navigator.mediaDevices.getUserMedia({
      audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true },
    });
  } catch (error) {
    const name = error instanceof DOMException ? error.name : '';
    throw new Failure({ code: PROBLEM_OF[name] ?? 'microphone_failed' }, name);
  }
};
