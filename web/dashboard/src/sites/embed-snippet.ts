import type { DashboardConfig } from '../config.ts';

/** What the operator pastes into a page: the widget's script, and the element where the widget shall stand. */
export const embedSnippet = (config: DashboardConfig, siteId: string): string =>
  `<script src="${config.widget_base_url}spelo-voice.js" async></script>
<spelo-voice site-id="${siteId}"></spelo-voice>`;
