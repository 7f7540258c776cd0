import { Icon } from "./icons";
import { useLive, type Live } from "./live";
import { AgentsPage } from "./pages/AgentsPage";
import { OverviewPage } from "./pages/OverviewPage";
import { ProjectsPage } from "./pages/ProjectsPage";
import { TasksPage } from "./pages/TasksPage";
import { UsersPage } from "./pages/UsersPage";
import { Toasts } from "./parts/toasts";
import { linkTo, pages, useRoute, type PageName } from "./route";
import { useTheme } from "./theme";
import type { Overview } from "./types";
import { capitalize } from "./words";

export function App() {
  const { page } = useRoute();
  const live = useLive<Overview>("/overview", 1000);
  return (
    <Toasts>
      <div className="app">
        <Sidebar page={page} live={live} />
        <main>
          {page === "overview" && <OverviewPage live={live} />}
          {page === "tasks" && <TasksPage />}
          {page === "projects" && <ProjectsPage />}
          {page === "agents" && <AgentsPage />}
          {page === "users" && <UsersPage />}
        </main>
      </div>
    </Toasts>
  );
}

function Sidebar({ page, live }: { page: PageName; live: Live<Overview> }) {
  const [theme, turnTheme] = useTheme();
  const { data, error } = live;
  const numbers: Partial<Record<PageName, number | undefined>> = {
    tasks: data && (data.tasks.queued ?? 0) + (data.tasks.running ?? 0),
    projects: data?.projects,
    agents: data?.agents.length,
    users: data?.users,
  };
  return (
    <aside className="sidebar">
      <a className="brand" href={linkTo("overview")}>
        <img src="/icon.svg" alt="" width="34" height="34" />
        <span>Orchestrator</span>
      </a>
      <nav aria-label="Main">
        {pages.map((name) => (
          <a key={name} href={linkTo(name)} aria-current={name === page ? "page" : undefined}>
            <Icon name={name} />
            <span>{capitalize(name)}</span>
            {numbers[name] !== undefined && <small className="number">{numbers[name]}</small>}
          </a>
        ))}
      </nav>
      <div className="sidebar-foot">
        <a className="link" href="/api/docs">
          <Icon name="book" /> <span>API reference</span>
        </a>
        <button className="link" onClick={turnTheme} aria-label={theme === "dark" ? "Light theme" : "Dark theme"}>
          <Icon name={theme === "dark" ? "sun" : "moon"} />
          <span>{theme === "dark" ? "Light theme" : "Dark theme"}</span>
        </button>
        <p className={error ? "health is-failed" : "health is-done"} role="status">
          <i className="dot" aria-hidden="true" />
          <span>{error ? "Backend away" : data ? capitalize(data.environment) : "Connecting"}</span>
        </p>
      </div>
    </aside>
  );
}
