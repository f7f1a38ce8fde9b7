import { prepareCall } from '../../support/realtime-caller.ts';

/**
 * A page in a process that a test can kill: sends its offer, takes the answer, hears one whole answer of the assistant, and
 * reports that the next one has begun.
 */
const page = await prepareCall();
process.once('message', (message) => {
  void (async () => {
    await page.connect(String(message));
    await page.speak(600);
    await page.event('response.done');
    await page.speak(600);
    await page.event('response.created', 2);
    process.send?.('talking');
  })();
});
process.send?.(page.offer);
