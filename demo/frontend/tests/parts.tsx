import assert from "node:assert/strict";
import { test } from "node:test";

import { renderToStaticMarkup } from "react-dom/server";

import { AgentCard } from "../src/parts/AgentCard";
import { Days } from "../src/parts/Days";
import { Priority, Progress } from "../src/parts/marks";
import { Failure } from "../src/parts/states";
import type { Agent } from "../src/types";

const agent: Agent = {
  id: 1,
  created_at: "2026-01-01T00:00:00Z",
  updated_at: "2026-01-01T00:00:00Z",
  name: "Anvil",
  kind: "builder",
  is_enabled: true,
  last_seen_at: null,
  state: "working",
  done: 2,
  failed: 1,
  task: {
    id: 5,
    title: "Draw tiles",
    status: "running",
    project: { id: 1, key: "ATLAS", name: "Atlas" },
    progress: 40,
    step: "Linking",
    started_at: null,
  },
};

test("An agent at work shows its task and how far it is", () => {
  const markup = renderToStaticMarkup(<AgentCard agent={agent} />);
  for (const text of ["Anvil", "Working", "Draw tiles", "Linking", "40 %", "2 tasks done", "1 failed"]) {
    assert.ok(markup.includes(text), text);
  }
  assert.match(markup, /role="progressbar"[^>]*aria-valuenow="40"/);
});

test("An agent without a worker says so", () => {
  const markup = renderToStaticMarkup(<AgentCard agent={{ ...agent, state: "offline", task: null, failed: 0 }} />);
  assert.ok(markup.includes("No worker was seen yet"));
  assert.ok(!markup.includes("failed"));
});

test("What is shown by shape and color is also said", () => {
  assert.ok(renderToStaticMarkup(<Priority value={4} />).includes("Urgent priority"));
  assert.match(renderToStaticMarkup(<Progress value={7} label="Progress" />), /aria-label="Progress"/);
  const days = renderToStaticMarkup(<Days days={[{ day: "2026-03-04", done: 2, failed: 1 }]} />);
  assert.ok(days.includes("4 March: 2 done, 1 failed") || days.includes("March 4: 2 done, 1 failed"));
});

test("A failure can be tried again", () => {
  const markup = renderToStaticMarkup(<Failure error={new Error("no luck")} retry={() => {}} />);
  assert.match(markup, /role="alert".*no luck.*Try again/);
});
