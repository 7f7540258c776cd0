import { useMemo } from "react";

import { api } from "../api";
import { Action, Listing, type ListingSpec } from "../parts/Listing";
import { Badge, Progress } from "../parts/marks";
import { useAct } from "../parts/toasts";
import { agentKinds, type Agent } from "../types";
import { capitalize, tellAgo } from "../words";

const KINDS = agentKinds.map((value) => ({ value, label: capitalize(value) }));

export function AgentsPage() {
  const act = useAct();
  const spec = useMemo(() => makeSpec(act), [act]);
  return <Listing spec={spec} />;
}

function makeSpec(act: ReturnType<typeof useAct>): ListingSpec<Agent> {
  return {
    page: "agents",
    icon: "agents",
    noun: "agent",
    lead: "They run queued tasks, one at a time each, as long as a worker is up.",
    nameOf: (agent) => agent.name,
    loss: "is deleted; what it did stays.",
    columns: [
      { title: "Agent", show: showName },
      { title: "State", show: (agent) => <Badge value={agent.state} pulse={agent.state === "working"} /> },
      { title: "Now", width: "wide", show: showTask },
      { title: "Record", width: "extra", show: showRecord },
      { title: "Seen", width: "extra", show: (agent) => <span className="faint">{tellAgo(agent.last_seen_at)}</span> },
    ],
    filters: [
      { name: "kind", label: "Kind", options: KINDS },
      {
        name: "is_enabled",
        label: "Takes tasks",
        options: [
          { value: "true", label: "yes" },
          { value: "false", label: "no" },
        ],
      },
    ],
    fields: [
      { name: "name", label: "Name", kind: "text", isRequired: true, maxLength: 60 },
      { name: "kind", label: "Kind", kind: "select", options: KINDS },
      { name: "is_enabled", label: "Takes new tasks", kind: "check" },
    ],
    blank: { kind: "builder", is_enabled: true },
    actions: (agent, reload) => (
      <Action
        icon={agent.is_enabled ? "pause" : "play"}
        label={`${agent.is_enabled ? "Pause" : "Resume"} ${agent.name}`}
        onClick={() =>
          act(
            () => api.patch(`/agents/${agent.id}`, { is_enabled: !agent.is_enabled }),
            agent.is_enabled ? `${agent.name} takes no new task.` : `${agent.name} takes tasks again.`,
            reload,
          )
        }
      />
    ),
  };
}

function showName(agent: Agent) {
  return (
    <div className="title-cell">
      <b>{agent.name}</b>
      <span className="faint">{capitalize(agent.kind)}</span>
    </div>
  );
}

function showTask(agent: Agent) {
  if (!agent.task) return <span className="faint">–</span>;
  return (
    <div className="running">
      <span className="one-line">{agent.task.title}</span>
      <Progress value={agent.task.progress} label={`Progress of ${agent.task.title}`} />
      <small className="faint">{agent.task.step}</small>
    </div>
  );
}

function showRecord(agent: Agent) {
  return (
    <span className="number">
      {agent.done} done{agent.failed > 0 && <span className="bad"> · {agent.failed} failed</span>}
    </span>
  );
}
