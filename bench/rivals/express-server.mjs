import express from 'express';

/**
 * The token server of OpenAI's own sample: the key in the environment, one call, the answer handed through. Nobody is asked
 * for an origin, nothing is limited and nothing recorded.
 * https://developers.openai.com/api/docs/guides/realtime-webrtc#creating-an-ephemeral-token
 */

const { OPENAI_API_KEY, OPENAI_BASE_URL } = process.env;
const sessionConfig = JSON.stringify({
  session: { type: 'realtime', model: 'gpt-realtime-2.1', audio: { output: { voice: 'marin' } } },
});

const app = express();

app.post('/session', async (_request, response) => {
  try {
    const answer = await fetch(`${OPENAI_BASE_URL}/realtime/client_secrets`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${OPENAI_API_KEY}`, 'Content-Type': 'application/json' },
      body: sessionConfig,
    });
    response.status(answer.status).json(await answer.json());
  } catch {
    response.status(500).json({ error: 'Failed to generate token' });
  }
});

const server = app.listen(0, '127.0.0.1', () => {
  process.send?.({ url: `http://127.0.0.1:${server.address().port}` });
});
