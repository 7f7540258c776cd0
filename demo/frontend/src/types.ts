export const roles = ["member", "maintainer", "admin"] as const;
export const projectStatuses = ["planned", "active", "paused", "archived"] as const;
export const agentKinds = ["builder", "tester", "reviewer", "writer"] as const;
export const taskStatuses = ["running", "queued", "draft", "done", "failed", "cancelled"] as const;
export const agentStates = ["working", "idle", "paused", "offline"] as const;

export type Role = (typeof roles)[number];
export type ProjectStatus = (typeof projectStatuses)[number];
export type AgentKind = (typeof agentKinds)[number];
export type TaskStatus = (typeof taskStatuses)[number];
export type AgentState = (typeof agentStates)[number];

type Stamped = { id: number; created_at: string; updated_at: string };
type Brief = { id: number; name: string };
type ProjectBrief = Brief & { key: string };
type Counts = Partial<Record<TaskStatus, number>>;

export type User = Stamped & {
  name: string;
  email: string;
  role: Role;
  is_active: boolean;
  open_tasks: number;
};

export type Project = Stamped & {
  key: string;
  name: string;
  description: string;
  status: ProjectStatus;
  owner_id: number | null;
  owner: Brief | null;
  tasks: Counts;
};

export type Task = Stamped & {
  project_id: number;
  project: ProjectBrief;
  parent_id: number | null;
  parent: { id: number; title: string; status: TaskStatus } | null;
  assignee_id: number | null;
  assignee: Brief | null;
  agent: (Brief & { kind: AgentKind }) | null;
  title: string;
  description: string;
  status: TaskStatus;
  priority: number;
  attempts: number;
  progress: number;
  step: string | null;
  result: string | null;
  queued_at: string | null;
  started_at: string | null;
  finished_at: string | null;
  subtasks: number;
  subtasks_done: number;
};

export type Agent = Stamped & {
  name: string;
  kind: AgentKind;
  is_enabled: boolean;
  last_seen_at: string | null;
  state: AgentState;
  done: number;
  failed: number;
  task: {
    id: number;
    title: string;
    status: TaskStatus;
    project: ProjectBrief;
    progress: number;
    step: string | null;
    started_at: string | null;
  } | null;
};

export type Day = { day: string; done: number; failed: number };

export type Overview = {
  environment: string;
  tasks: Counts;
  projects: number;
  users: number;
  agents: Agent[];
  waiting: Task[];
  recent: Task[];
  days: Day[];
};

export type Page<Item> = { items: Item[]; total: number; page: number; page_size: number };
