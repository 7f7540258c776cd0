// What a test drives VS Code by: operations over HTTP, and Python's debug type.
//
// The extension of Python is not on npm. This one starts the same adapter, debugpy's, and
// takes the processes that it tells of as that one does.

"use strict";

const fs = require("fs");
const http = require("http");
const path = require("path");
const vscode = require("vscode");

const sessions = new Map(); // those that live, by id
const configured = new Set(); // ids of those that have been told of all breakpoints
const stops = []; // wherever a thread has stopped
const ended = []; // tasks, each with its exit code

const folder = () => vscode.workspace.workspaceFolders[0];
const locate = (file) => vscode.Uri.file(path.resolve(folder().uri.fsPath, file));

async function open(file) {
  return vscode.workspace.openTextDocument(locate(file));
}

const operations = {
  async open({ file, line }) {
    const place = new vscode.Range(line - 1, 0, line - 1, 0);
    const options = { preview: false, selection: place };
    const shown = await vscode.window.showTextDocument(await open(file), options);
    shown.revealRange(place, vscode.TextEditorRevealType.InCenter);
  },

  // Have an editor show a text, as if somebody had typed it and not saved.
  async type({ file, text }) {
    const document = await open(file);
    const edit = new vscode.WorkspaceEdit();
    const end = document.lineAt(document.lineCount - 1).range.end;
    edit.replace(document.uri, new vscode.Range(new vscode.Position(0, 0), end), text);
    await vscode.workspace.applyEdit(edit);
  },

  async problems({ file }) {
    await open(file);
    return vscode.languages.getDiagnostics(locate(file)).map((each) => ({
      line: each.range.start.line + 1,
      message: each.message,
      severity: vscode.DiagnosticSeverity[each.severity],
    }));
  },

  async breakpoints({ places }) {
    vscode.debug.removeBreakpoints(vscode.debug.breakpoints);
    vscode.debug.addBreakpoints(
      places.map(({ file, line }) => {
        const place = new vscode.Position(line - 1, 0);
        return new vscode.SourceBreakpoint(new vscode.Location(locate(file), place));
      }),
    );
  },

  async start({ name }) {
    return vscode.debug.startDebugging(folder(), name);
  },

  // One session, as its own square does, or all of them.
  async stop({ name }) {
    const chosen = [...sessions.values()].find((each) => each.name === name);
    await vscode.debug.stopDebugging(chosen);
  },

  async sessions() {
    return [...sessions.values()].map((each) => ({
      id: each.id,
      name: each.name,
      type: each.type,
      isConfigured: configured.has(each.id),
      parent: each.parentSession ? each.parentSession.name : null,
    }));
  },

  async stops() {
    return stops;
  },

  async resume({ session, thread }) {
    const found = sessions.get(session);
    await found.customRequest("continue", { threadId: thread });
  },

  async evaluate({ session, frame, expression }) {
    const wanted = { expression, frameId: frame, context: "repl" };
    return (await sessions.get(session).customRequest("evaluate", wanted)).result;
  },

  async tasks() {
    return (await vscode.tasks.fetchTasks()).filter(isWritten).map((each) => each.name);
  },

  async run({ name }) {
    const tasks = (await vscode.tasks.fetchTasks()).filter(isWritten);
    await vscode.tasks.executeTask(tasks.find((each) => each.name === name));
  },

  async running() {
    return vscode.tasks.taskExecutions.map((each) => each.task.name);
  },

  async ended() {
    return ended;
  },

  // What asks a person is not waited for.
  async command({ name, words, waits }) {
    const done = vscode.commands.executeCommand(name, ...words);
    if (waits) await done;
  },
};

// Those of tasks.json: others are made up for each script of a package.json.
function isWritten(task) {
  return task.source === "Workspace";
}

async function look(session, body) {
  const words = { threadId: body.threadId, levels: 1 };
  const [frame] = (await session.customRequest("stackTrace", words)).stackFrames;
  stops.push({
    session: session.id,
    name: session.name,
    thread: body.threadId,
    reason: body.reason,
    frame: frame.id,
    file: frame.source ? frame.source.path : null,
    line: frame.line,
  });
}

function track(session) {
  return {
    onDidSendMessage(message) {
      if (message.type === "response" && message.command === "configurationDone") {
        configured.add(session.id);
      }
      if (message.type === "event" && message.event === "stopped") {
        // After VS Code itself has taken note of it.
        setImmediate(() => look(session, message.body).catch(() => undefined));
      }
    },
  };
}

const debugpy = {
  createDebugAdapterDescriptor({ configuration }) {
    const { connect, python } = configuration;
    if (configuration.request === "attach" && connect) {
      return new vscode.DebugAdapterServer(Number(connect.port), connect.host || "127.0.0.1");
    }
    return new vscode.DebugAdapterExecutable(python, ["-m", "debugpy.adapter"]);
  },
};

// A browser of this machine, and without a window: VS Code itself is shown in one.
const chromium = {
  resolveDebugConfiguration(_folder, configuration) {
    if (configuration.request !== "launch") return configuration;
    return {
      ...configuration,
      browserLaunchLocation: "workspace",
      runtimeExecutable: process.env.SCENESHIFT_CHROMIUM,
      runtimeArgs: ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage"],
    };
  },
};

function attachChild({ session, event, body }) {
  if (event !== "debugpyAttach") return;
  const options = { parentSession: session, lifecycleManagedByParent: true };
  vscode.debug.startDebugging(session.workspaceFolder, body, options);
}

async function answer(request, response) {
  let text = "";
  for await (const chunk of request) text += chunk;
  const { op, ...words } = JSON.parse(text);
  let said;
  try {
    said = { result: (await operations[op](words)) ?? null };
  } catch (error) {
    said = { error: String((error && error.stack) || error) };
  }
  response.end(JSON.stringify(said));
}

function serve(context) {
  const server = http.createServer(answer);
  context.subscriptions.push({ dispose: () => server.close() });
  server.listen(0, "127.0.0.1", () => {
    const file = process.env.SCENESHIFT_DRIVER;
    fs.writeFileSync(`${file}.new`, String(server.address().port));
    fs.renameSync(`${file}.new`, file);
  });
}

exports.activate = (context) => {
  context.subscriptions.push(
    vscode.debug.registerDebugAdapterDescriptorFactory("debugpy", debugpy),
    vscode.debug.registerDebugAdapterTrackerFactory("*", { createDebugAdapterTracker: track }),
    vscode.debug.registerDebugConfigurationProvider("chrome", chromium),
    vscode.debug.registerDebugConfigurationProvider("msedge", chromium),
    vscode.debug.onDidReceiveDebugSessionCustomEvent(attachChild),
    vscode.debug.onDidStartDebugSession((each) => sessions.set(each.id, each)),
    vscode.debug.onDidTerminateDebugSession((each) => sessions.delete(each.id)),
    vscode.tasks.onDidEndTaskProcess(({ execution, exitCode }) => {
      ended.push({ name: execution.task.name, code: exitCode ?? null });
    }),
  );
  serve(context);
};
