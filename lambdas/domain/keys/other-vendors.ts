/** Keys that are certainly not OpenAI's, by the shape that their vendors document. The first that matches names the vendor. */
const VENDORS: readonly (readonly [shape: RegExp, vendor: string])[] = [
  [/^sk-ant-/, 'Anthropic'],
  [/^sk-or-/, 'OpenRouter'],
  [/^sk-lf-|^pk-lf-/, 'Langfuse'],
  [/^sk-[0-9a-f]{32}$/, 'DeepSeek or another vendor with keys of 32 hexadecimal digits'],
  [/^gsk_/, 'Groq'],
  [/^AIza/, 'Google'],
  [/^AQ\.|^ya29\./, 'Google'],
  [/^xai-/, 'xAI'],
  [/^hf_/, 'Hugging Face'],
  [/^pplx-/, 'Perplexity'],
  [/^r8_/, 'Replicate'],
  [/^tgp_v1_/, 'Together AI'],
  [/^fw_/, 'Fireworks AI'],
  [/^nvapi-/, 'NVIDIA'],
  [/^csk-/, 'Cerebras'],
  [/^pcsk_/, 'Pinecone'],
  [/^tvly-/, 'Tavily'],
  [/^lsv2_/, 'LangSmith'],
  [/^(?:sk|rk|pk)_(?:live|test)_|^whsec_/, 'Stripe'],
  [/^sk_[0-9a-f]{20,}$/, 'ElevenLabs'],
  [/^(?:AKIA|ASIA)[A-Z0-9]{8,}$|^ABSK/, 'AWS'],
  [/^gh[pousr]_|^github_pat_/, 'GitHub'],
  [/^glpat-/, 'GitLab'],
  [/^xox[abeoprs]-/, 'Slack'],
  [/^SG\./, 'SendGrid'],
  [/^npm_/, 'npm'],
  [/^(?:AC|SK)[0-9a-f]{32}$/, 'Twilio'],
  [/^(?:sbp_|sb_secret_|sb_publishable_)/, 'Supabase'],
  [/^[A-Za-z0-9]{40,90}AzureOpenAI|JQQJ99[A-Za-z0-9]{10,}/, 'Azure OpenAI'],
  [/^[0-9a-fA-F]{32}$/, 'Azure OpenAI or another vendor with keys of 32 hexadecimal digits'],
  [/^[A-Za-z0-9]{32}$/, 'Mistral or another vendor with keys of 32 letters and digits'],
];

/** Whose key this is; undefined for a text that may be OpenAI's, or is not a key that we know. */
export const vendorOf = (text: string): string | undefined =>
  VENDORS.find(([shape]) => shape.test(text))?.[1];
