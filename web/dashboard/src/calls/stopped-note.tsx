import { FailureNote, Loading, Note } from '../ui/states.tsx';
import { callsInWords, countStopped, type Stopped, useLive } from './live-calls.ts';

/** Before a change: how many calls it ends at this moment, and how many token sessions it cannot end. */
export const StoppedNote = ({
  stopped,
  keepsCalls = false,
}: {
  readonly stopped: Stopped;
  /** The person chose to let calls run on. */
  readonly keepsCalls?: boolean;
}) => {
  const live = useLive();
  if (live.data === undefined)
    return live.error === null ? (
      <Loading what="the live calls" lines={1} />
    ) : (
      <FailureNote failure={live.error} onRetry={() => void live.refetch()} />
    );
  const { calls, tokens } = countStopped(live.data.items, stopped);
  return (
    <Note
      live
      tone={calls > 0 && !keepsCalls ? 'warn' : 'neutral'}
      title={keepsCalls ? `Keeps ${callsInWords(calls)} running.` : `Ends ${callsInWords(calls)}.`}
    >
      {tokens > 0 && (
        <p>
          {tokens === 1 ? '1 session' : `${tokens} sessions`} opened with a token cannot be ended. OpenAI ends
          each after an hour at the latest.
        </p>
      )}
    </Note>
  );
};
