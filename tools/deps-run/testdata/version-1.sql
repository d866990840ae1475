-- The tables of version 1, as SQLite has them, and a run in the midst of which its
-- process died: root/1 has succeeded, root/2 was running, root/0 was not begun.
-- @PLAN@ stands for the plan.
CREATE TABLE runner(
  id TEXT PRIMARY KEY, host TEXT NOT NULL, pid INTEGER NOT NULL, start_time INTEGER NOT NULL,
  boot_id TEXT NOT NULL, started TEXT NOT NULL) STRICT;
CREATE TABLE workflow(
  id TEXT PRIMARY KEY, plan_digest TEXT NOT NULL, plan TEXT NOT NULL, action TEXT NOT NULL,
  namespace TEXT NOT NULL, installation TEXT NOT NULL, engine TEXT NOT NULL, driver TEXT NOT NULL,
  status TEXT NOT NULL, created TEXT NOT NULL, modified TEXT NOT NULL,
  owner TEXT REFERENCES runner(id), cancel_requested INTEGER NOT NULL DEFAULT 0) STRICT;
CREATE TABLE task(
  workflow TEXT NOT NULL REFERENCES workflow(id) ON DELETE CASCADE, id TEXT NOT NULL,
  position INTEGER NOT NULL, status TEXT NOT NULL, attempt INTEGER NOT NULL DEFAULT 0,
  epoch INTEGER NOT NULL DEFAULT 0, revision TEXT NOT NULL, started TEXT NOT NULL DEFAULT '',
  finished TEXT NOT NULL DEFAULT '', exit_code INTEGER, reason TEXT NOT NULL DEFAULT '',
  message TEXT NOT NULL DEFAULT '', traces TEXT NOT NULL DEFAULT '',
  PRIMARY KEY(workflow, id)) STRICT;
CREATE TABLE output(
  workflow TEXT NOT NULL, task TEXT NOT NULL, name TEXT NOT NULL, sensitive INTEGER NOT NULL,
  value TEXT, box BLOB, ref TEXT, PRIMARY KEY(workflow, task, name),
  FOREIGN KEY(workflow, task) REFERENCES task(workflow, id) ON DELETE CASCADE,
  CHECK((sensitive = 0 AND box IS NULL) OR (sensitive = 1 AND value IS NULL))) STRICT;
CREATE TABLE event(
  seq INTEGER PRIMARY KEY AUTOINCREMENT, time TEXT NOT NULL,
  workflow TEXT NOT NULL REFERENCES workflow(id) ON DELETE CASCADE, task TEXT NOT NULL,
  attempt INTEGER NOT NULL, type TEXT NOT NULL, data TEXT NOT NULL) STRICT;
CREATE INDEX event_workflow ON event(workflow, seq);
CREATE TABLE hold(
  namespace TEXT NOT NULL, name TEXT NOT NULL, workflow TEXT NOT NULL, task TEXT NOT NULL,
  PRIMARY KEY(namespace, name),
  FOREIGN KEY(workflow, task) REFERENCES task(workflow, id) ON DELETE CASCADE) STRICT;
CREATE TABLE installation(
  namespace TEXT NOT NULL, name TEXT NOT NULL, document TEXT NOT NULL,
  PRIMARY KEY(namespace, name)) STRICT;
CREATE TABLE run(
  id TEXT PRIMARY KEY, namespace TEXT NOT NULL, installation TEXT NOT NULL,
  document TEXT NOT NULL) STRICT;
CREATE TABLE result(
  id TEXT PRIMARY KEY, run TEXT NOT NULL REFERENCES run(id), namespace TEXT NOT NULL,
  installation TEXT NOT NULL, status TEXT NOT NULL, document TEXT NOT NULL) STRICT;
CREATE TABLE installation_output(
  namespace TEXT NOT NULL, installation TEXT NOT NULL, name TEXT NOT NULL, result TEXT NOT NULL,
  sensitive INTEGER NOT NULL, value TEXT, box BLOB, ref TEXT,
  PRIMARY KEY(namespace, installation, name, result),
  CHECK((sensitive = 0 AND box IS NULL) OR (sensitive = 1 AND value IS NULL))) STRICT;
CREATE TABLE schema(version INTEGER NOT NULL) STRICT;
INSERT INTO schema(version) VALUES(1);
INSERT INTO runner(id, host, pid, start_time, boot_id, started)
  VALUES('01RUNNER', 'elsewhere', 1, 1, 'another', '2025-01-01T00:00:00.000Z');
INSERT INTO runner(id, host, pid, start_time, boot_id, started)
  VALUES('01HERE', '@HOST@', 1, 1, 'before the last boot', '2025-01-01T00:00:00.000Z');
INSERT INTO workflow(id, plan_digest, plan, action, namespace, installation, engine, driver, status,
    created, modified, owner)
  VALUES('01JGFJJZ000000000000000001', 'sha256:@DIGEST@', '@PLAN@', 'install', '', 'tree', 'local',
    'process:@TOOL@', 'running', '2025-01-01T00:00:00.000Z', '2025-01-01T00:00:00.000Z', '01HERE');
INSERT INTO task(workflow, id, position, status, attempt, epoch, revision, started, finished, exit_code)
  VALUES('01JGFJJZ000000000000000001', 'root/1', 0, 'succeeded', 1, 1, '01JGFJJZ00000000000000000A',
    '2025-01-01T00:00:00.000Z', '2025-01-01T00:00:01.000Z', 0);
INSERT INTO task(workflow, id, position, status, attempt, epoch, revision, started)
  VALUES('01JGFJJZ000000000000000001', 'root/2', 1, 'running', 1, 1, '01JGFJJZ00000000000000000B',
    '2025-01-01T00:00:00.000Z');
INSERT INTO task(workflow, id, position, status, revision)
  VALUES('01JGFJJZ000000000000000001', 'root/0', 2, 'pending', '01JGFJJZ00000000000000000C');
INSERT INTO output(workflow, task, name, sensitive, value)
  VALUES('01JGFJJZ000000000000000001', 'root/1', 'said', 0, '"kept"');
INSERT INTO event(time, workflow, task, attempt, type, data)
  VALUES('2025-01-01T00:00:00.000Z', '01JGFJJZ000000000000000001', '', 0, 'workflow.running', '{}');
