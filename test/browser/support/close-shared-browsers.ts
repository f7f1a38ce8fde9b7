export { closeSharedBrowsers as default } from './shared-browsers.ts';
