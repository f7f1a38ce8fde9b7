import { type ReactNode, useEffect, useId, useState } from 'react';
import type { Site } from '../api/queries.ts';
import { useSession } from '../session.tsx';
import { useWidgetFiles } from '../sites/widget-files.ts';
import { Button } from '../ui/button.tsx';
import { FieldRow, SelectField, TextField } from '../ui/field.tsx';
import { Segments } from '../ui/segments.tsx';
import { Snippet } from '../ui/snippet.tsx';
import { Loaded, Note } from '../ui/states.tsx';
import { Bullets, Card } from '../ui/surface.tsx';
import ui from '../ui/ui.module.css';
import css from './embed.module.css';
import {
  attributesOf,
  DEFAULT_OPTIONS,
  type EmbedKind,
  type EmbedOptions,
  type EmbedPlace,
  FRAME_PERMISSION,
  policyOf,
  snippetOf,
} from './snippets.ts';

const KINDS: Readonly<Record<EmbedKind, string>> = {
  html: 'Script tag',
  element: 'Element',
  react: 'React',
  tagManager: 'Tag manager',
};

const INTRO: Readonly<Record<EmbedKind, ReactNode>> = {
  html: 'Paste this line into the head or body of every page that should have the button.',
  element: 'The button appears where you put the element. The option Position has no effect.',
  react: (
    <>
      Pack the package with <code>npm run build:packages</code> and <code>npm pack</code>, and install the
      file. The component also works where pages are rendered on a server.
    </>
  ),
  tagManager: (
    <>
      Use a Custom HTML tag. Google Tag Manager removes <code>data-</code> attributes from script tags, so
      this script sets them.
    </>
  ),
};

/** Options, a live preview and the code for a page. */
export default function EmbedPage({ site }: { readonly site: Site }) {
  const { config } = useSession();
  const files = useWidgetFiles();
  const [options, setOptions] = useState(DEFAULT_OPTIONS);
  const [kind, setKind] = useState<EmbedKind>('html');
  const change = (part: Partial<EmbedOptions>): void => setOptions((now) => ({ ...now, ...part }));
  return (
    <Loaded query={files} what="the snippet">
      {({ file, integrity }) => {
        const place: EmbedPlace = {
          siteId: site.site_id,
          apiUrl: config.widget_api_url,
          filesUrl: config.widget_base_url,
          file,
          integrity,
        };
        return (
          <>
            <Card title="Look" lead="Nothing is stored: your choices become part of the code below.">
              <Options options={options} onChange={change} />
              <Preview place={place} options={options} />
            </Card>
            <Card
              title="Put it on your pages"
              lead="The site ID is not a secret. Your OpenAI key never reaches the browser."
            >
              <Segments label="Kind of page" options={KINDS} value={kind} onChange={setKind} />
              <p className={css['intro']}>{INTRO[kind]}</p>
              <Snippet code={snippetOf(kind, place, options)} label="Copy snippet" />
              <Origins origins={site.allowed_origins} />
            </Card>
            <Card
              title="Content-Security-Policy"
              lead="If your pages send this header, add these sources to your own."
            >
              <Snippet code={policyOf(kind, place)} label="Copy sources" />
            </Card>
            <Card
              title="Pages in a frame"
              lead="If your page is shown in a frame of another page, that frame must allow the microphone."
            >
              <Snippet code={FRAME_PERMISSION} label="Copy frame" />
            </Card>
          </>
        );
      }}
    </Loaded>
  );
}

const Options = ({
  options,
  onChange,
}: {
  readonly options: EmbedOptions;
  readonly onChange: (part: Partial<EmbedOptions>) => void;
}) => {
  const colour = useId();
  return (
    <>
      <FieldRow>
        <TextField
          label="Text of the button"
          placeholder="Talk to us"
          maxLength={60}
          value={options.label}
          onChange={({ target }) => onChange({ label: target.value })}
        />
        <SelectField
          label="Language"
          value={options.lang}
          onChange={({ target }) => onChange({ lang: target.value as EmbedOptions['lang'] })}
        >
          <option value="">Language of the page</option>
          <option value="en">English</option>
          <option value="de">German</option>
          <option value="fr">French</option>
          <option value="es">Spanish</option>
        </SelectField>
      </FieldRow>
      <FieldRow>
        <SelectField
          label="Position"
          value={options.position}
          onChange={({ target }) => onChange({ position: target.value as EmbedOptions['position'] })}
        >
          <option value="">Bottom right</option>
          <option value="bottom-left">Bottom left</option>
          <option value="top-right">Top right</option>
          <option value="top-left">Top left</option>
        </SelectField>
        <SelectField
          label="Theme"
          value={options.theme}
          onChange={({ target }) => onChange({ theme: target.value as EmbedOptions['theme'] })}
        >
          <option value="">Setting of the visitor</option>
          <option value="light">Light</option>
          <option value="dark">Dark</option>
        </SelectField>
        <SelectField
          label="Captions"
          value={options.captions}
          onChange={({ target }) => onChange({ captions: target.value as EmbedOptions['captions'] })}
        >
          <option value="">Shown</option>
          <option value="off">Hidden at first</option>
        </SelectField>
      </FieldRow>
      <FieldRow>
        <TextField
          label="Privacy policy"
          type="url"
          placeholder="https://www.example.com/privacy"
          hint="The notice before the first call links to it."
          value={options.privacyUrl}
          onChange={({ target }) => onChange({ privacyUrl: target.value })}
        />
        <div className={ui['field']}>
          <label className={ui['label']} htmlFor={colour}>
            Colour
          </label>
          <div className={css['colour']}>
            <input
              id={colour}
              type="color"
              value={options.accent === '' ? '#4f46e5' : options.accent}
              onChange={({ target }) => onChange({ accent: target.value })}
            />
            {options.accent !== '' && (
              <Button small onClick={() => onChange({ accent: '' })}>
                Default colour
              </Button>
            )}
          </div>
        </div>
      </FieldRow>
    </>
  );
};

/** The widget itself. It starts a real call where the site allows the dashboard's origin. */
const Preview = ({ place, options }: { readonly place: EmbedPlace; readonly options: EmbedOptions }) => {
  const [broken, setBroken] = useState(false);
  useEffect(() => {
    // Defines the element, once; an import of the same file again does nothing.
    import(/* @vite-ignore */ `${place.filesUrl}${place.file}`).catch(() => setBroken(true));
  }, [place.filesUrl, place.file]);
  if (broken)
    return (
      <Note tone="bad" title="The widget could not be loaded.">
        <p>Reload the page. If it happens again, contact your administrator.</p>
      </Note>
    );
  return (
    <section
      aria-label="Preview"
      className={[css['preview'], options.position === '' ? '' : css[options.position]].join(' ')}
    >
      <spelo-voice
        // The language is read when the element appears.
        key={options.lang}
        site-id={place.siteId}
        api={place.apiUrl}
        {...Object.fromEntries(attributesOf(options))}
      />
    </section>
  );
};

const Origins = ({ origins }: { readonly origins: readonly string[] }) => (
  <Bullets
    items={[
      <>
        It works on{' '}
        {origins.map((origin, index) => (
          <span key={origin}>
            {index > 0 && ', '}
            <code>{origin}</code>
          </span>
        ))}
        . On other pages visitors read “The voice service cannot be reached from here.” Add an origin under
        Settings, or under Usage, Errors.
      </>,
    ]}
  />
);
