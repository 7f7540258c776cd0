import assert from "node:assert/strict";
import { test } from "node:test";

import { readProblem } from "../src/api";
import { readForm } from "../src/parts/Editor";
import { linkTo, parseRoute } from "../src/route";
import { count, hueOf, initials, tellAgo, tellDuration } from "../src/words";

test("An address names its page and filters, and back", () => {
  const link = linkTo("tasks", { status: "queued", q: "a&b", page: "" });
  assert.equal(link, "#/tasks?status=queued&q=a%26b");
  const { page, filters } = parseRoute(link);
  assert.equal(page, "tasks");
  assert.deepEqual(Object.fromEntries(filters), { status: "queued", q: "a&b" });
});

test("An address that is not known is the overview", () => {
  assert.equal(parseRoute("").page, "overview");
  assert.equal(parseRoute("#/nowhere?x=1").page, "overview");
});

test("What the backend refuses is told by field", () => {
  const error = readProblem(422, { detail: [{ loc: ["body", "email"], msg: "Value error, no address" }] });
  assert.deepEqual(error.fields, { email: "no address" });
});

test("A sentence of the backend is passed on", () => {
  assert.equal(readProblem(409, { detail: "`email` is taken" }).message, "email is taken");
});

test("A backend that does not start is told with its line", () => {
  const error = readProblem(503, { error: { headline: "NameError: x", file: "app.py", line: 3 } });
  assert.equal(error.message, "The backend does not start: NameError: x at app.py:3");
});

test("An answer that is no JSON is told as silence", () => {
  assert.equal(readProblem(502, null).message, "The backend does not answer.");
});

test("A form's empty choice is null, and its numbers are numbers", () => {
  const form = new FormData();
  form.set("title", " x ");
  form.set("owner", "");
  form.set("priority", "3");
  const values = readForm(
    [
      { name: "title", label: "", kind: "text" },
      { name: "owner", label: "", kind: "select", isNumber: true },
      { name: "priority", label: "", kind: "select", isNumber: true },
      { name: "active", label: "", kind: "check" },
    ],
    form,
  );
  assert.deepEqual(values, { title: "x", owner: null, priority: 3, active: false });
});

test("Times are told as people do", () => {
  const now = Date.parse("2026-01-02T00:00:00Z");
  assert.equal(tellAgo(null, now), "never");
  assert.equal(tellAgo("2026-01-01T23:59:30Z", now), "just now");
  assert.equal(tellAgo("2026-01-01T23:57:00Z", now), "3m ago");
  assert.equal(tellDuration("2026-01-01T00:00:00Z", "2026-01-01T00:01:05Z"), "1 m 5 s");
  assert.equal(tellDuration(null, null), "");
});

test("Names have initials and a color of their own", () => {
  assert.equal(initials("Ada Maria Okafor"), "AO");
  assert.equal(initials("Ada"), "A");
  assert.equal(hueOf("Ada"), hueOf("Ada"));
  assert.equal(count(1, "task"), "1 task");
  assert.equal(count(2, "task"), "2 tasks");
});
