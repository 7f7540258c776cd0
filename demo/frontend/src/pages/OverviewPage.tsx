import type { ReactNode } from "react";

import { api } from "../api";
import { Icon } from "../icons";
import type { Live } from "../live";
import { AgentCard } from "../parts/AgentCard";
import { Days } from "../parts/Days";
import { Badge, Priority, ProjectKey } from "../parts/marks";
import { Empty, Failure, Skeleton, Stale } from "../parts/states";
import { useAct } from "../parts/toasts";
import { linkTo } from "../route";
import type { Overview, Task, TaskStatus } from "../types";
import { capitalize, count, tellAgo, tellDuration } from "../words";

const TILES: TaskStatus[] = ["running", "queued", "done", "failed"];

export function OverviewPage({ live }: { live: Live<Overview> }) {
  const { data, error, reload } = live;
  const act = useAct();
  const drafts = data?.tasks.draft ?? 0;
  return (
    <section aria-labelledby="title">
      <header className="page-head">
        <div>
          <h1 id="title">Overview</h1>
          <p>What the agents are at, what waits for them, and what came of it.</p>
        </div>
        <div className="tools">
          <button
            className="button is-primary"
            disabled={drafts === 0}
            onClick={() => act(() => api.post("/tasks/queue-drafts"), `${count(drafts, "task")} queued.`, reload)}
          >
            <Icon name="play" /> Queue {drafts > 0 ? count(drafts, "draft") : "drafts"}
          </button>
        </div>
      </header>
      {!data && (error ? <Failure error={error} retry={reload} /> : <Skeleton />)}
      {data && (
        <>
          <Stale error={error} />
          <div className="tiles">
            {TILES.map((status) => (
              <a key={status} className={`tile is-${status}`} href={linkTo("tasks", { status })}>
                <span className="tile-name">
                  <i className={status === "running" && data.tasks.running ? "dot pulse" : "dot"} />
                  {capitalize(status)}
                </span>
                <strong className="number">{data.tasks[status] ?? 0}</strong>
              </a>
            ))}
          </div>
          <h2 className="section">Agents</h2>
          {data.agents.length === 0 && <Empty icon="agents" title="No agents yet" />}
          <div className="agents">
            {data.agents.map((agent) => (
              <AgentCard key={agent.id} agent={agent} />
            ))}
          </div>
          <div className="columns">
            <Panel title="Next in the queue" href={linkTo("tasks", { status: "queued" })}>
              {data.waiting.length === 0 && <Empty title="The queue is empty">Queue a task, and an agent takes it.</Empty>}
              <ul className="lines">
                {data.waiting.map((task) => (
                  <Line key={task.id} task={task}>
                    <Priority value={task.priority} />
                  </Line>
                ))}
              </ul>
            </Panel>
            <Panel title="Ended last" href={linkTo("tasks", { status: "done" })}>
              {data.recent.length === 0 && <Empty title="Nothing has ended yet" />}
              <ul className="lines">
                {data.recent.map((task) => (
                  <Line key={task.id} task={task}>
                    <span className="faint number" title={tellAgo(task.finished_at)}>
                      {tellDuration(task.started_at, task.finished_at)}
                    </span>
                    <Badge value={task.status} />
                  </Line>
                ))}
              </ul>
            </Panel>
            <Panel title="Two weeks">
              <Days days={data.days} />
              <p className="legend faint">
                <span className="is-done">
                  <i className="dot" /> done
                </span>
                <span className="is-failed">
                  <i className="dot" /> failed
                </span>
              </p>
            </Panel>
          </div>
        </>
      )}
    </section>
  );
}

function Panel({ title, href, children }: { title: string; href?: string; children: ReactNode }) {
  return (
    <section className="card panel">
      <header>
        <h2>{title}</h2>
        {href && <a href={href}>See all</a>}
      </header>
      {children}
    </section>
  );
}

function Line({ task, children }: { task: Task; children: ReactNode }) {
  return (
    <li>
      <ProjectKey value={task.project.key} name={task.project.name} />
      <span className="one-line" title={task.title}>
        {task.title}
      </span>
      {children}
    </li>
  );
}
