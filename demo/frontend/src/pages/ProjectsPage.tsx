import { useMemo } from "react";

import { useLive } from "../live";
import type { Option } from "../parts/Editor";
import { Listing, type ListingSpec } from "../parts/Listing";
import { Badge, Person, ProjectKey } from "../parts/marks";
import { linkTo } from "../route";
import { projectStatuses, taskStatuses, type Page, type Project, type User } from "../types";
import { capitalize, count } from "../words";

export function ProjectsPage() {
  const users = useLive<Page<User>>("/users?page_size=200", 15_000).data?.items;
  const spec = useMemo(
    () => makeSpec((users ?? []).map((user) => ({ value: String(user.id), label: user.name }))),
    [users],
  );
  return <Listing spec={spec} />;
}

const STATUSES = projectStatuses.map((value) => ({ value, label: capitalize(value) }));

function makeSpec(users: Option[]): ListingSpec<Project> {
  return {
    page: "projects",
    icon: "projects",
    noun: "project",
    lead: "What people want done, and how far it is.",
    nameOf: (project) => project.name,
    loss: "is deleted with all of its tasks.",
    columns: [
      { title: "Project", width: "wide", show: showName },
      { title: "Status", show: (project) => <Badge value={project.status} /> },
      { title: "Tasks", show: (project) => <Share project={project} /> },
      { title: "Owner", width: "extra", show: (project) => <Person name={project.owner?.name} /> },
    ],
    filters: [
      { name: "status", label: "Status", options: STATUSES },
      { name: "owner_id", label: "Owner", options: users },
    ],
    fields: [
      { name: "name", label: "Name", kind: "text", isRequired: true, maxLength: 120 },
      { name: "key", label: "Key", kind: "text", isRequired: true, maxLength: 12, hint: "2 to 12 letters and digits" },
      { name: "status", label: "Status", kind: "select", options: STATUSES },
      { name: "owner_id", label: "Owner", kind: "select", options: [{ value: "", label: "nobody" }, ...users], isNumber: true },
      { name: "description", label: "Description", kind: "area" },
    ],
    blank: { status: "active" },
  };
}

function showName(project: Project) {
  return (
    <div className="title-cell">
      <span className="one-line">
        <ProjectKey value={project.key} name={project.name} /> <b>{project.name}</b>
      </span>
      <span className="faint one-line">{project.description}</span>
    </div>
  );
}

/** The tasks by status, as one bar. */
function Share({ project }: { project: Project }) {
  const total = Object.values(project.tasks).reduce((sum, number) => sum + number, 0);
  const shares = taskStatuses.filter((status) => project.tasks[status]);
  const label = shares.map((status) => `${project.tasks[status]} ${status}`).join(", ");
  return (
    <a className="share" href={linkTo("tasks", { project_id: project.id })} title={label || "no tasks"}>
      <span className="share-bar" aria-hidden="true">
        {shares.map((status) => (
          <i key={status} className={`is-${status}`} style={{ flexGrow: project.tasks[status] }} />
        ))}
      </span>
      <small className="faint">
        {count(total, "task")}
        <span className="visually-hidden">: {label}</span>
      </small>
    </a>
  );
}
