-- A history of schema 1, as `.dump` of SQLite shows the file, with the two numbers of its header.
PRAGMA application_id = 1885696614;
PRAGMA user_version = 1;
BEGIN TRANSACTION;
CREATE TABLE point (
        series INTEGER NOT NULL, session INTEGER NOT NULL, value REAL NOT NULL, std_error REAL, lower REAL,
        upper REAL, verdict TEXT NOT NULL, "limit" REAL, PRIMARY KEY (series, session)
    ) WITHOUT ROWID;
INSERT INTO "point" VALUES(1,1,4000000.0,0.01,NULL,NULL,'',NULL);
INSERT INTO "point" VALUES(1,2,4000001.0,0.01,NULL,NULL,'',NULL);
INSERT INTO "point" VALUES(1,3,4000002.0,0.01,NULL,NULL,'',NULL);
INSERT INTO "point" VALUES(1,4,4000003.0,0.01,NULL,NULL,'',NULL);
INSERT INTO "point" VALUES(2,1,5000000.0,NULL,4900000.0,5100000.0,'within',6000000.0);
INSERT INTO "point" VALUES(2,2,5000000.0,NULL,4900000.0,5100000.0,'within',6000000.0);
INSERT INTO "point" VALUES(2,3,5000000.0,NULL,4900000.0,5100000.0,'within',6000000.0);
INSERT INTO "point" VALUES(2,4,5000000.0,NULL,4900000.0,5100000.0,'within',6000000.0);
INSERT INTO "point" VALUES(3,1,3000000.0,0.01,NULL,NULL,'',NULL);
INSERT INTO "point" VALUES(3,2,3000000.0,0.01,NULL,NULL,'',NULL);
INSERT INTO "point" VALUES(3,3,3000000.0,0.01,NULL,NULL,'',NULL);
INSERT INTO "point" VALUES(3,4,3000000.0,0.01,NULL,NULL,'',NULL);
CREATE TABLE series (
        number INTEGER PRIMARY KEY, test TEXT NOT NULL, name TEXT NOT NULL, metric TEXT NOT NULL,
        component TEXT NOT NULL, unit TEXT NOT NULL, direction TEXT NOT NULL, UNIQUE (test, name, metric)
    );
INSERT INTO "series" VALUES(1,'tests/test_api.py::test_login','','median','web','ns','lower');
INSERT INTO "series" VALUES(2,'tests/test_api.py::test_login','','p95','web','ns','lower');
INSERT INTO "series" VALUES(3,'tests/test_db.py::test_query','','median','db.read','ns','lower');
CREATE TABLE session (
        number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, at_s REAL NOT NULL, "commit" TEXT NOT NULL,
        branch TEXT NOT NULL, is_dirty INTEGER NOT NULL, folder TEXT NOT NULL, machine_key TEXT NOT NULL,
        machine TEXT NOT NULL, python TEXT NOT NULL, lock TEXT NOT NULL
    );
INSERT INTO "session" VALUES(1,'00000000000000000000000000000000',1790000000.0,'b6589fc6ab0dc82cf12099d1c2d40ab994e8410c','main',0,'','1a2b3c4d','AMD EPYC, x86_64, Linux','CPython 3.11.7','9f8e7d6c');
INSERT INTO "session" VALUES(2,'00000000000000000000000000000001',1790086400.0,'356a192b7913b04c54574d18c28d46e6395428ab','main',0,'','1a2b3c4d','AMD EPYC, x86_64, Linux','CPython 3.11.7','9f8e7d6c');
INSERT INTO "session" VALUES(3,'00000000000000000000000000000002',1790172800.0,'da4b9237bacccdf19c0760cab7aec4a8359010b0','main',0,'','1a2b3c4d','AMD EPYC, x86_64, Linux','CPython 3.11.7','9f8e7d6c');
INSERT INTO "session" VALUES(4,'00000000000000000000000000000003',1790259200.0,'77de68daecd823babbb58edb1c8e14d7106e83bb','main',0,'','1a2b3c4d','AMD EPYC, x86_64, Linux','CPython 3.11.7','9f8e7d6c');
CREATE INDEX session_at ON session (at_s);
CREATE INDEX point_session ON point (session);
COMMIT;
