import { useQuery } from '@tanstack/react-query';
import { useSession } from '../session.tsx';

/** `manifest.json` alongside the widget's files: the one whose name and content never change, and its hash. */
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
