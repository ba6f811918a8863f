BEGIN TRANSACTION;
CREATE TABLE "_sqlite_migrations" (
   "id" INTEGER PRIMARY KEY,
   "migration_set" TEXT,
   "name" TEXT,
   "applied_at" TEXT
);
INSERT INTO "_sqlite_migrations" VALUES(1,'cohort_tracker','m001_first_schema','2026-11-28 18:07:40.581352+00:00');
CREATE TABLE assignments (
  id TEXT PRIMARY KEY,
  name TEXT,
  type TEXT
) STRICT, WITHOUT ROWID;
INSERT INTO "assignments" VALUES('51ad4063cce211e4842bcf45','Assignment 1','lesson');
INSERT INTO "assignments" VALUES('db6e3e2d145186e1f303644d','Assignment 0','lesson');
CREATE TABLE changes (
  id INTEGER PRIMARY KEY,
  run_id INTEGER NOT NULL REFERENCES runs (id),
  class_id TEXT NOT NULL REFERENCES classes (id),
  changed_at TEXT NOT NULL,
  kind TEXT NOT NULL,
  progression_id TEXT NOT NULL,
  student_id TEXT NOT NULL,
  assignment_id TEXT NOT NULL,
  field TEXT,
  old TEXT,
  new TEXT
) STRICT;
CREATE TABLE classes (
  id TEXT PRIMARY KEY,
  friendly_id TEXT,
  name TEXT NOT NULL,
  is_published INTEGER,
  position INTEGER NOT NULL DEFAULT 0,
  is_active INTEGER NOT NULL DEFAULT 0,
  timezone TEXT,
  starts_on TEXT,
  synced_at TEXT,
  revision INTEGER NOT NULL DEFAULT 0,
  clean_full_at TEXT,
  next_deep_page INTEGER NOT NULL DEFAULT 1
) STRICT;
INSERT INTO "classes" VALUES('c2a14fc611f21671a2c961ba','class','Class',1,0,1,NULL,NULL,'2026-11-28T18:07:40.926Z',3,'2026-11-28T18:07:40.926Z',1);
CREATE TABLE enrolments (
  id INTEGER PRIMARY KEY,
  class_id TEXT NOT NULL REFERENCES classes (id),
  student_id TEXT,
  email TEXT,
  first_name TEXT,
  last_name TEXT,
  night TEXT,
  region TEXT,
  enrolled_on TEXT,
  withdrawn_on TEXT
) STRICT;
CREATE TABLE jobs (
  id INTEGER PRIMARY KEY,
  asked_by TEXT NOT NULL,
  state TEXT NOT NULL,
  is_full INTEGER NOT NULL DEFAULT 0,
  cancel_requested INTEGER NOT NULL DEFAULT 0,
  started_at TEXT NOT NULL,
  ended_at TEXT,
  error_code TEXT,
  error TEXT
) STRICT;
INSERT INTO "jobs" VALUES(1,'cli','done',0,0,'2026-11-28T18:07:40.830Z','2026-11-28T18:07:40.934Z',NULL,NULL);
CREATE TABLE marks (
  class_id TEXT NOT NULL REFERENCES classes (id),
  student_id TEXT NOT NULL,
  kind TEXT NOT NULL,
  until TEXT,
  made_at TEXT NOT NULL,
  PRIMARY KEY (class_id, student_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE mentors (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  night TEXT
) STRICT;
CREATE TABLE progressions (
  id TEXT NOT NULL,
  student_id TEXT NOT NULL REFERENCES students (id),
  assignment_id TEXT NOT NULL REFERENCES assignments (id),
  grade REAL,
  started_at TEXT,
  completed_at TEXT,
  reviewed_at TEXT,
  synced_at TEXT NOT NULL,
  class_id TEXT NOT NULL REFERENCES classes (id),
  raw_grade REAL,
  is_suspect INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (class_id, id)
) STRICT, WITHOUT ROWID;
INSERT INTO "progressions" VALUES('18d07a02651a301d38b7fed3','1ebfbfce993093adc328cb25','51ad4063cce211e4842bcf45',0.5,'2026-03-03T10:00:00.000Z','2026-03-03T11:00:00.000Z',NULL,'2026-11-28T18:07:40.913Z','c2a14fc611f21671a2c961ba',NULL,0);
INSERT INTO "progressions" VALUES('3e81cbc10d5c539f22309869','72abb06d70378061e39a7e54','db6e3e2d145186e1f303644d',0.5,'2026-03-02T10:00:00.000Z','2026-03-02T11:00:00.000Z',NULL,'2026-11-28T18:07:40.913Z','c2a14fc611f21671a2c961ba',NULL,0);
INSERT INTO "progressions" VALUES('41c8c55d7faa01cb74c5bae2','72abb06d70378061e39a7e54','51ad4063cce211e4842bcf45',0.5,'2026-03-04T10:00:00.000Z','2026-03-04T11:00:00.000Z',NULL,'2026-11-28T18:07:40.913Z','c2a14fc611f21671a2c961ba',NULL,0);
INSERT INTO "progressions" VALUES('5fcb81d9e401ae820b8a52bc','1ebfbfce993093adc328cb25','db6e3e2d145186e1f303644d',0.5,'2026-03-01T10:00:00.000Z','2026-03-01T11:00:00.000Z',NULL,'2026-11-28T18:07:40.913Z','c2a14fc611f21671a2c961ba',NULL,0);
CREATE TABLE purged_rows (
  class_id TEXT NOT NULL REFERENCES classes (id),
  row_digest TEXT NOT NULL,
  PRIMARY KEY (class_id, row_digest)
) STRICT, WITHOUT ROWID;
CREATE TABLE purged_students (
  id_digest TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;
CREATE TABLE quarantine (
  class_id TEXT NOT NULL REFERENCES classes (id),
  row_key TEXT NOT NULL,
  reason TEXT NOT NULL,
  payload TEXT NOT NULL,
  first_run_id INTEGER NOT NULL REFERENCES runs (id),
  last_run_id INTEGER NOT NULL REFERENCES runs (id),
  PRIMARY KEY (class_id, row_key)
) STRICT, WITHOUT ROWID;
CREATE TABLE runs (
  id INTEGER PRIMARY KEY,
  job_id INTEGER NOT NULL REFERENCES jobs (id),
  class_id TEXT NOT NULL REFERENCES classes (id),
  state TEXT NOT NULL,
  kind TEXT,
  is_clean INTEGER,
  started_at TEXT,
  ended_at TEXT,
  pages INTEGER NOT NULL DEFAULT 0,
  page_total INTEGER,
  records INTEGER NOT NULL DEFAULT 0,
  added INTEGER NOT NULL DEFAULT 0,
  changed INTEGER NOT NULL DEFAULT 0,
  removed INTEGER NOT NULL DEFAULT 0,
  quarantined INTEGER NOT NULL DEFAULT 0,
  error_code TEXT,
  error TEXT
) STRICT;
INSERT INTO "runs" VALUES(1,1,'c2a14fc611f21671a2c961ba','done','full',1,'2026-11-28T18:07:40.873Z','2026-11-28T18:07:40.926Z',2,2,4,4,0,0,0,NULL,NULL);
CREATE TABLE students (
  id TEXT PRIMARY KEY,
  first_name TEXT,
  last_name TEXT,
  email TEXT
) STRICT, WITHOUT ROWID;
INSERT INTO "students" VALUES('1ebfbfce993093adc328cb25','Student 0','Practice','student 0@practice.example');
INSERT INTO "students" VALUES('72abb06d70378061e39a7e54','Student 1','Practice','student 1@practice.example');
CREATE TABLE sync_history (
  id INTEGER PRIMARY KEY,
  synced_at TEXT NOT NULL,
  class_id TEXT NOT NULL REFERENCES classes (id),
  page INTEGER NOT NULL,
  records_processed INTEGER NOT NULL,
  run_id INTEGER NOT NULL REFERENCES runs (id)
) STRICT;
INSERT INTO "sync_history" VALUES(1,'2026-11-28T18:07:40.913Z','c2a14fc611f21671a2c961ba',0,4,1);
INSERT INTO "sync_history" VALUES(2,'2026-11-28T18:07:40.926Z','c2a14fc611f21671a2c961ba',0,4,1);
CREATE TABLE tombstones (
  id TEXT NOT NULL,
  student_id TEXT NOT NULL REFERENCES students (id),
  assignment_id TEXT NOT NULL REFERENCES assignments (id),
  grade REAL,
  started_at TEXT,
  completed_at TEXT,
  reviewed_at TEXT,
  synced_at TEXT NOT NULL,
  class_id TEXT NOT NULL REFERENCES classes (id),
  raw_grade REAL,
  removed_at TEXT NOT NULL,
  PRIMARY KEY (class_id, id)
) STRICT, WITHOUT ROWID;
CREATE TABLE unit_assignments (
  class_id TEXT NOT NULL REFERENCES classes (id),
  assignment_id TEXT NOT NULL,
  unit_position INTEGER NOT NULL,
  position INTEGER NOT NULL,
  PRIMARY KEY (class_id, assignment_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE units (
  class_id TEXT NOT NULL REFERENCES classes (id),
  position INTEGER NOT NULL,
  name TEXT NOT NULL,
  PRIMARY KEY (class_id, position)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX "idx__sqlite_migrations_migration_set_name"
    ON "_sqlite_migrations" ("migration_set", "name");
CREATE INDEX runs_by_job ON runs (job_id);
CREATE INDEX runs_by_class ON runs (class_id, id);
CREATE INDEX changes_by_class ON changes (class_id, changed_at);
COMMIT;
