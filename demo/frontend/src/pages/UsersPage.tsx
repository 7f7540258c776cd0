import { Listing, type ListingSpec } from "../parts/Listing";
import { Avatar, Badge } from "../parts/marks";
import { linkTo } from "../route";
import { roles, type User } from "../types";
import { capitalize, count, tellAgo } from "../words";

const ROLES = roles.map((value) => ({ value, label: capitalize(value) }));

const spec: ListingSpec<User> = {
  page: "users",
  icon: "users",
  noun: "user",
  lead: "Who owns the projects and looks after the tasks.",
  nameOf: (user) => user.name,
  loss: "is deleted; their projects and tasks stay, and are nobody's.",
  columns: [
    { title: "Name", width: "wide", show: showName },
    { title: "Role", show: (user) => <span className={`role is-${user.role}`}>{capitalize(user.role)}</span> },
    { title: "Status", show: (user) => <Badge value={user.is_active ? "active" : "inactive"} /> },
    {
      title: "Open tasks",
      width: "extra",
      show: (user) => <a href={linkTo("tasks", { assignee_id: user.id })}>{count(user.open_tasks, "task")}</a>,
    },
    { title: "Joined", width: "extra", show: (user) => <span className="faint">{tellAgo(user.created_at)}</span> },
  ],
  filters: [
    { name: "role", label: "Role", options: ROLES },
    {
      name: "is_active",
      label: "Active",
      options: [
        { value: "true", label: "yes" },
        { value: "false", label: "no" },
      ],
    },
  ],
  fields: [
    { name: "name", label: "Name", kind: "text", isRequired: true, maxLength: 120 },
    { name: "email", label: "Email", kind: "email", isRequired: true, maxLength: 254 },
    { name: "role", label: "Role", kind: "select", options: ROLES },
    { name: "is_active", label: "Active", kind: "check" },
  ],
  blank: { role: "member", is_active: true },
};

export function UsersPage() {
  return <Listing spec={spec} />;
}

function showName(user: User) {
  return (
    <div className="person">
      <Avatar name={user.name} size={34} />
      <div className="title-cell">
        <b>{user.name}</b>
        <span className="faint">{user.email}</span>
      </div>
    </div>
  );
}
