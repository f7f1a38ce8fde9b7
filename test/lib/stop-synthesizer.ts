export { stopSynthesizer as default } from './synthesizer.ts';
