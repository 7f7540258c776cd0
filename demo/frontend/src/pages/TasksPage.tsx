import { useMemo } from "react";

import { api } from "../api";
import { Icon } from "../icons";
import { useLive } from "../live";
import { Action, Listing, type ListingSpec } from "../parts/Listing";
import { Badge, Person, Priority, Progress, ProjectKey } from "../parts/marks";
import type { Option } from "../parts/Editor";
import { useAct } from "../parts/toasts";
import { taskStatuses, type Page, type Project, type Task, type User } from "../types";
import { capitalize, tellAgo, tellDuration } from "../words";

const PRIORITIES = ["Low", "Normal", "High", "Urgent"].map((label, at) => ({ value: String(at + 1), label }));
const NOBODY = { value: "", label: "nobody" };
const SLOW_MS = 15_000;

export function TasksPage() {
  const projects = useLive<Page<Project>>("/projects?page_size=200", SLOW_MS).data?.items;
  const users = useLive<Page<User>>("/users?page_size=200", SLOW_MS).data?.items;
  const act = useAct();
  const spec = useMemo(
    () =>
      makeSpec(
        (projects ?? []).map((project) => ({ value: String(project.id), label: project.name })),
        (users ?? []).map((user) => ({ value: String(user.id), label: user.name })),
        act,
      ),
    [projects, users, act],
  );
  return <Listing spec={spec} />;
}

function makeSpec(projects: Option[], users: Option[], act: ReturnType<typeof useAct>): ListingSpec<Task> {
  return {
    page: "tasks",
    icon: "tasks",
    noun: "task",
    lead: "Queue a task, and the next free agent runs it.",
    nameOf: (task) => task.title,
    loss: "is gone for good; its parts stay as tasks of their own.",
    columns: [
      { title: "Task", width: "wide", show: showTitle },
      { title: "Status", show: showStatus },
      { title: "Priority", width: "extra", show: (task) => <Priority value={task.priority} /> },
      { title: "Person", width: "extra", show: (task) => <Person name={task.assignee?.name} /> },
      { title: "Agent", width: "extra", show: (task) => task.agent?.name ?? <span className="faint">–</span> },
    ],
    filters: [
      { name: "status", label: "Status", options: taskStatuses.map((value) => ({ value, label: capitalize(value) })) },
      { name: "project_id", label: "Project", options: projects },
      { name: "assignee_id", label: "Person", options: users },
    ],
    fields: [
      { name: "title", label: "Title", kind: "text", isRequired: true, maxLength: 200 },
      { name: "project_id", label: "Project", kind: "select", options: projects, isNumber: true, isRequired: true },
      { name: "assignee_id", label: "Person", kind: "select", options: [NOBODY, ...users], isNumber: true },
      { name: "priority", label: "Priority", kind: "select", options: PRIORITIES, isNumber: true },
      { name: "parent_id", label: "Part of task", kind: "text", isNumber: true, hint: "A task's number, in the same project" },
      { name: "description", label: "Description", kind: "area" },
    ],
    blank: { priority: 2, project_id: projects[0]?.value },
    actions: (task, reload) => {
      const call = (verb: string, told: string) => () => act(() => api.post(`/tasks/${task.id}/${verb}`), told, reload);
      const isOpen = task.status === "queued" || task.status === "running";
      if (isOpen) return <Action icon="stop" label={`Cancel ${task.title}`} onClick={call("cancel", "The task was cancelled.")} />;
      const isAgain = task.status !== "draft";
      return (
        <Action
          icon={isAgain ? "again" : "play"}
          label={`Queue ${task.title}${isAgain ? " again" : ""}`}
          onClick={call("queue", "The task was queued.")}
        />
      );
    },
  };
}

function showTitle(task: Task) {
  return (
    <div className="title-cell">
      <span className="one-line">
        <ProjectKey value={task.project.key} name={task.project.name} /> <b>{task.title}</b>
      </span>
      <span className="faint one-line">
        <span className="number">#{task.id}</span>
        {task.parent && (
          <span title={`Part of ${task.parent.title}`}>
            <Icon name="branch" size={13} /> {task.parent.title}
          </span>
        )}
        {task.subtasks > 0 && (
          <span>
            {task.subtasks_done} of {task.subtasks} parts done
          </span>
        )}
        {task.result && <span>{task.result}</span>}
      </span>
    </div>
  );
}

function showStatus(task: Task) {
  if (task.status === "running") {
    return (
      <div className="running">
        <Badge value="running" pulse />
        <Progress value={task.progress} label={`Progress of ${task.title}`} />
        <small className="faint">{task.step}</small>
      </div>
    );
  }
  const took = task.status === "done" || task.status === "failed" ? tellDuration(task.started_at, task.finished_at) : "";
  const when = task.finished_at ?? (task.status === "queued" ? task.queued_at : null);
  return (
    <div className="running">
      <Badge value={task.status} />
      {when && <small className="faint">{[took, tellAgo(when)].filter(Boolean).join(" · ")}</small>}
    </div>
  );
}
