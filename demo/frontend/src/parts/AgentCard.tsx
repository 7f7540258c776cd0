import { Icon } from "../icons";
import type { Agent } from "../types";
import { capitalize, count, tellAgo } from "../words";
import { Badge, Progress, ProjectKey } from "./marks";

/** What an agent is doing right now. */
export function AgentCard({ agent }: { agent: Agent }) {
  const { task } = agent;
  return (
    <article className={`agent is-${agent.state}`} aria-label={agent.name}>
      <header>
        <span className={`agent-face k-${agent.kind}`}>
          <Icon name="agents" size={20} />
        </span>
        <div>
          <h3>{agent.name}</h3>
          <p className="faint">{capitalize(agent.kind)}</p>
        </div>
        <Badge value={agent.state} pulse={agent.state === "working"} />
      </header>
      {task ? (
        <div className="agent-task">
          <p className="one-line" title={task.title}>
            <ProjectKey value={task.project.key} name={task.project.name} /> {task.title}
          </p>
          <Progress value={task.progress} label={`Progress of ${task.title}`} />
          <p className="faint agent-step">
            <span>{task.step}</span>
            <span className="number">{task.progress} %</span>
          </p>
        </div>
      ) : (
        <p className="agent-rest faint">{tellRest(agent)}</p>
      )}
      <footer className="faint">
        <span>{count(agent.done, "task")} done</span>
        {agent.failed > 0 && <span className="bad">{agent.failed} failed</span>}
      </footer>
    </article>
  );
}

function tellRest(agent: Agent): string {
  if (agent.state === "idle") return "Waiting for the next task";
  if (agent.state === "paused") return "Switched off: takes no new task";
  return agent.last_seen_at ? `No worker since ${tellAgo(agent.last_seen_at)}` : "No worker was seen yet";
}
