/** `node test/lib/ask-synthesizer.ts OPTIONS`: prints the answer of the synthesizer, for tests that cannot wait for a promise. */
const response = await fetch(process.env['SYNTHESIZER'] ?? '', {
  method: 'POST',
  body: process.argv[2] ?? '{}',
});
const answer = await response.text();
if (!response.ok) throw new Error(answer);
process.stdout.write(answer);
