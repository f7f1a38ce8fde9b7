import { useQuery } from '@tanstack/react-query';
import type { DashboardConfig } from '../config.ts';
import { useSession } from '../session.tsx';

/** `manifest.json` beside the widget's files: the one whose name and content never change, and its hash. */
export interface WidgetFiles {
  readonly version: string;
  readonly file: string;
  readonly integrity: string;
}

export const useWidgetFiles = () => {
  const { config } = useSession();
  return useQuery({
    queryKey: ['widget-files', config.widget_base_url],
    queryFn: async ({ signal }): Promise<WidgetFiles> => {
      const answer = await fetch(`${config.widget_base_url}manifest.json`, { signal });
      if (!answer.ok) throw new Error(`The widget’s files are missing (status ${answer.status}).`);
      return (await answer.json()) as WidgetFiles;
    },
    staleTime: Number.POSITIVE_INFINITY,
  });
};

/** The snippet for a page: the widget's script, pinned by its hash, and the element. */
export const embedSnippet = (config: DashboardConfig, files: WidgetFiles, siteId: string): string => {
  const isBesideApi = new URL(config.widget_base_url).origin === new URL(config.widget_api_url).origin;
  const api = isBesideApi ? '' : `\n  data-api="${config.widget_api_url}"`;
  return `<script src="${config.widget_base_url}${files.file}"
  integrity="${files.integrity}"
  crossorigin="anonymous"${api} defer></script>
<spelo-voice site-id="${siteId}"></spelo-voice>`;
};
