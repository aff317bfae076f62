-- A history of schema 3, as `.dump` of SQLite shows the file, with the two numbers of its header.
PRAGMA application_id = 1885696614;
PRAGMA user_version = 3;
BEGIN TRANSACTION;
CREATE TABLE component (number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE point (
    session INTEGER NOT NULL, series INTEGER NOT NULL, value REAL NOT NULL, std_error REAL, lower REAL,
    upper REAL, verdict TEXT NOT NULL, "limit" REAL, PRIMARY KEY (session, series)
) WITHOUT ROWID;
INSERT INTO "point" VALUES(1,1,4000000.0,0.01,NULL,NULL,'',NULL);
INSERT INTO "point" VALUES(1,2,12.0,NULL,NULL,NULL,'',NULL);
INSERT INTO "point" VALUES(2,1,4300000.0,0.01,NULL,NULL,'',NULL);
INSERT INTO "point" VALUES(2,2,12.0,NULL,NULL,NULL,'',NULL);
INSERT INTO "point" VALUES(2,3,4200000.0,0.01,NULL,NULL,'unchanged',NULL);
CREATE TABLE series (
        number INTEGER PRIMARY KEY, test TEXT NOT NULL, name TEXT NOT NULL, metric TEXT NOT NULL,
        component TEXT NOT NULL, unit TEXT NOT NULL, direction TEXT NOT NULL, UNIQUE (test, name, metric)
    );
INSERT INTO "series" VALUES(1,'tests/test_api.py::test_login','','median','web','ns','lower');
INSERT INTO "series" VALUES(2,'tests/test_api.py::test_login','','calls','web','calls','lower');
INSERT INTO "series" VALUES(3,'tests/test_api.py::test_login','','time','web','ns','lower');
CREATE TABLE service_append (
        writer TEXT PRIMARY KEY, number INTEGER NOT NULL, before INTEGER NOT NULL
    ) WITHOUT ROWID;
CREATE TABLE service_process (
        writer TEXT PRIMARY KEY, start_s REAL NOT NULL, at_s REAL NOT NULL, state TEXT NOT NULL
    ) WITHOUT ROWID;
CREATE TABLE service_window (
        start_s INTEGER NOT NULL, component INTEGER NOT NULL, writer TEXT NOT NULL, seconds INTEGER NOT NULL,
        count INTEGER NOT NULL, errors INTEGER NOT NULL, total_ns INTEGER NOT NULL, most_ns INTEGER NOT NULL,
        histogram BLOB NOT NULL, PRIMARY KEY (component, start_s, writer)
    ) WITHOUT ROWID;
CREATE TABLE session (
        number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, at_s REAL NOT NULL, "commit" TEXT NOT NULL,
        branch TEXT NOT NULL, is_dirty INTEGER NOT NULL, folder TEXT NOT NULL, machine_key TEXT NOT NULL,
        machine TEXT NOT NULL, python TEXT NOT NULL, lock TEXT NOT NULL
    );
INSERT INTO "session" VALUES(1,'00000000000000000000000000000000',1790000000.0,'b6589fc6ab0dc82cf12099d1c2d40ab994e8410c','main',0,'','1a2b3c4d','AMD EPYC, x86_64, Linux','CPython 3.11.7','9f8e7d6c');
INSERT INTO "session" VALUES(2,'00000000000000000000000000000001',1790086400.0,'356a192b7913b04c54574d18c28d46e6395428ab','main',0,'sub','1a2b3c4d','AMD EPYC, x86_64, Linux','CPython 3.11.7','9f8e7d6c');
CREATE INDEX session_at ON session (at_s);
CREATE INDEX service_minute ON service_window (start_s) WHERE seconds < 3600;
CREATE INDEX service_append_number ON service_append (number);
COMMIT;
