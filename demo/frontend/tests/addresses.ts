import assert from "node:assert/strict";
import { test } from "node:test";

import { findAddresses } from "../addresses";

const PROCFILE = "# people\nbackend: uvicorn\nworker: python\nfrontend: npm\n";

test("The supervisor's word about the backend is taken", () => {
  const found = findAddresses({ PORT: "5174", BACKEND_URL: "http://127.0.0.1:8000" }, PROCFILE);
  assert.deepEqual(found, { port: 5174, backend: "http://127.0.0.1:8000" });
});

test("Under honcho the backend is two hundred below", () => {
  const found = findAddresses({ PORT: "7200" }, PROCFILE);
  assert.deepEqual(found, { port: 7200, backend: "http://127.0.0.1:7000" });
});

test("The distance follows the Procfile's order", () => {
  const found = findAddresses({ PORT: "5000" }, "frontend: npm\nbackend: uvicorn\n");
  assert.deepEqual(found, { port: 5000, backend: "http://127.0.0.1:5100" });
});

test("Without any port they are honcho's own", () => {
  assert.deepEqual(findAddresses({}, PROCFILE), { port: 5200, backend: "http://127.0.0.1:5000" });
});
