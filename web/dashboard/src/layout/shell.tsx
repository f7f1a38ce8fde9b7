import {
  Bell,
  Building2,
  Calculator,
  ChartColumn,
  Check,
  ChevronsUpDown,
  Copy,
  CreditCard,
  Globe,
  House,
  KeyRound,
  LogOut,
  MailOpen,
  Menu as MenuIcon,
  Mic,
  Plus,
  ScrollText,
  Settings,
  SunMoon,
  User,
  Users,
  Wallet,
} from 'lucide-react';
import { type ReactNode, useEffect, useRef, useState } from 'react';
import { NavLink, useLocation, useNavigate, useOutlet } from 'react-router';
import type { Workspace } from '../api/queries.ts';
import { useSession } from '../session.tsx';
import { Button } from '../ui/button.tsx';
import { Menu, MenuGroup, MenuItem } from '../ui/menu.tsx';
import { Note, SignInAgain } from '../ui/states.tsx';
import { useToast } from '../ui/toasts.tsx';
import { useWorkspace } from '../workspace.tsx';
import { Brand } from './brand.tsx';
import css from './layout.module.css';
import { applyTheme, storedTheme, THEMES, type Theme } from './theme.ts';

const NAVIGATION = [
  { to: 'home', title: 'Home', icon: House },
  { to: 'billing', title: 'Billing', icon: CreditCard },
  { to: 'voice', title: 'Test voice', icon: Mic },
  { to: 'sites', title: 'Sites', icon: Globe },
  { to: 'usage', title: 'Usage', icon: ChartColumn },
  { to: 'budgets', title: 'Budgets', icon: Wallet },
  { to: 'calculator', title: 'Calculator', icon: Calculator },
] as const;
const ADMINISTRATION = [
  { to: 'alerts', title: 'Alerts', icon: Bell },
  { to: 'audit', title: 'Audit', icon: ScrollText },
  { to: 'members', title: 'Members', icon: Users },
  { to: 'api-tokens', title: 'API tokens', icon: KeyRound },
  { to: 'settings', title: 'Settings', icon: Settings },
] as const;

export const Shell = ({
  workspaces,
  renderPage,
}: {
  readonly workspaces: readonly Workspace[];
  readonly renderPage: (outlet: ReactNode) => ReactNode;
}) => {
  const { workspace_id } = useWorkspace();
  const { signedOut } = useSession();
  const location = useLocation();
  const [open, setOpen] = useState(false);
  const main = useRef<HTMLElement>(null);
  const outlet = useOutlet();

  // A new page begins at its top, for eyes and for screen readers.
  const shown = useRef(location.pathname);
  useEffect(() => {
    if (shown.current === location.pathname) return;
    shown.current = location.pathname;
    setOpen(false);
    window.scrollTo(0, 0);
    main.current?.focus({ preventScroll: true });
  }, [location.pathname]);

  const links = (
    items: readonly { readonly to: string; readonly title: string; readonly icon: typeof Mic }[],
  ) =>
    items.map(({ to, title, icon: Icon }) => (
      <NavLink key={to} to={`/w/${workspace_id}/${to}`} className={css['navLink'] ?? ''}>
        <Icon aria-hidden="true" />
        {title}
      </NavLink>
    ));

  return (
    <div className={css['shell']}>
      <a href="#main" className={css['skip']}>
        Skip to main content
      </a>
      <header className={css['topBar']}>
        <Brand />
        <Button kind="quiet" aria-expanded={open} aria-controls="side" onClick={() => setOpen(!open)}>
          <MenuIcon aria-hidden="true" />
          Menu
        </Button>
      </header>
      <aside id="side" className={css['side']} data-open={open} aria-label="Workspace and account">
        <div className={css['sideBrand']}>
          <Brand />
        </div>
        <WorkspaceMenu workspaces={workspaces} />
        <nav className={css['nav']} aria-label="Workspace">
          {links(NAVIGATION)}
          <div className={css['navTitle']}>Administration</div>
          {links(ADMINISTRATION)}
        </nav>
        <div className={css['spring']} />
        <PersonMenu />
      </aside>
      <main id="main" ref={main} className={css['main']} tabIndex={-1} style={{ outline: 'none' }}>
        <div className={css['mainInner']}>
          {signedOut && (
            <div className={css['banner']}>
              <Note tone="warn" live title="You are signed out.">
                <p>Your sign-in has ended. Sign in again to continue.</p>
                <SignInAgain how="resume" />
              </Note>
            </div>
          )}
          {renderPage(outlet)}
        </div>
      </main>
    </div>
  );
};

const WorkspaceMenu = ({ workspaces }: { readonly workspaces: readonly Workspace[] }) => {
  const { name, role, workspace_id } = useWorkspace();
  const navigate = useNavigate();
  return (
    <Menu
      button={
        <>
          <Building2 aria-hidden="true" />
          <span>
            <strong>{name}</strong>
            <small>You are {role}</small>
          </span>
          <ChevronsUpDown aria-hidden="true" />
        </>
      }
    >
      <MenuGroup title="Workspaces">
        {workspaces.map((workspace) => {
          const current = workspace.workspace_id === workspace_id;
          return (
            <MenuItem
              key={workspace.workspace_id}
              current={current}
              icon={current ? <Check aria-hidden="true" /> : <Building2 aria-hidden="true" />}
              onSelect={() => void navigate(`/w/${workspace.workspace_id}/home`)}
            >
              {workspace.name}
            </MenuItem>
          );
        })}
      </MenuGroup>
      <ul>
        <MenuItem icon={<Plus aria-hidden="true" />} onSelect={() => void navigate('/new-workspace')}>
          New workspace
        </MenuItem>
        <MenuItem icon={<MailOpen aria-hidden="true" />} onSelect={() => void navigate('/invitation')}>
          Accept an invitation
        </MenuItem>
      </ul>
    </Menu>
  );
};

const THEME_NAMES: Readonly<Record<Theme, string>> = {
  system: 'As the system',
  light: 'Light',
  dark: 'Dark',
};

const PersonMenu = () => {
  const { person, signIn } = useSession();
  const say = useToast();
  const [theme, setTheme] = useState(storedTheme);
  const choose = (next: Theme): void => {
    applyTheme(next);
    setTheme(next);
  };
  return (
    <Menu
      side="above"
      button={
        <>
          <User aria-hidden="true" />
          <span>
            <strong title={person.sub}>{person.name ?? person.sub}</strong>
          </span>
          <ChevronsUpDown aria-hidden="true" />
        </>
      }
    >
      <MenuGroup title="You">
        <MenuItem
          icon={<Copy aria-hidden="true" />}
          onSelect={() => void navigator.clipboard.writeText(person.sub).then(() => say('User ID copied.'))}
        >
          Copy your user ID
        </MenuItem>
      </MenuGroup>
      <MenuGroup title="Appearance">
        {THEMES.map((candidate) => (
          <MenuItem
            key={candidate}
            current={candidate === theme}
            icon={candidate === theme ? <Check aria-hidden="true" /> : <SunMoon aria-hidden="true" />}
            onSelect={() => choose(candidate)}
          >
            {THEME_NAMES[candidate]}
          </MenuItem>
        ))}
      </MenuGroup>
      <ul>
        <MenuItem icon={<LogOut aria-hidden="true" />} onSelect={() => void signIn.end()}>
          Sign out
        </MenuItem>
      </ul>
    </Menu>
  );
};
