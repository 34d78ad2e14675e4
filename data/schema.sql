-- The store's tables. A version is a membership list; texts are stored once, by content hash.
-- No primary keys: DuckDB keeps an index for each in memory, and Store checks the same rules set-wise.

CREATE TABLE meta (key VARCHAR, value VARCHAR);

-- One row a raw row that could be read; immutable.
CREATE TABLE records (
    record_id     VARCHAR,
    kind          VARCHAR,
    label         VARCHAR,
    source        VARCHAR,
    licence       VARCHAR,
    language      VARCHAR,
    "timestamp"   VARCHAR,
    metadata      VARCHAR,   -- JSON object
    file          VARCHAR,
    line          BIGINT,
    raw_text_hash VARCHAR,   -- as it was read, before any stage
    first_version VARCHAR,   -- the ingest version that brought it
    ingest_number INTEGER    -- 1 for the store's first ingest, 2 for the next ...: how old the record is
);

CREATE TABLE texts (
    text_hash VARCHAR,
    messages  STRUCT(role VARCHAR, content VARCHAR)[]
);

CREATE TABLE versions (
    version   VARCHAR,
    parent    VARCHAR,       -- NULL for an ingest
    stage     VARCHAR,
    config    VARCHAR,       -- JSON object
    code      VARCHAR,       -- digest of the stage's source
    stage_key VARCHAR,       -- digest of stage, config and code: what judged, whatever it judged
    created   TIMESTAMP,
    used      BIGINT,        -- counts up at every creation and reuse: the highest is `latest`
    rows      BIGINT,
    dropped   BIGINT,
    edited    BIGINT,
    assigned  BIGINT,
    tagged    BIGINT,
    restored  BIGINT,        -- records that an undo brought back
    seconds   DOUBLE,
    digest    VARCHAR        -- SHA-256 over the sorted membership
);

CREATE TABLE members (version VARCHAR, record_id VARCHAR, text_hash VARCHAR, split VARCHAR);

CREATE TABLE verdicts (
    version   VARCHAR,       -- the version that applying them made
    record_id VARCHAR,
    action    VARCHAR,
    reason    VARCHAR,
    score     DOUBLE,
    partner   VARCHAR,
    detail    VARCHAR,
    value     VARCHAR,
    text_hash VARCHAR        -- for an edit: the new text
);

-- What a stage keeps of a text, so that it need not be read again: of use only to the stage that made it. `kind` is
-- the stage, a digest of its code and one of the settings that the sketch depends on.
CREATE TABLE sketches (kind VARCHAR, text_hash VARCHAR, data BLOB);

CREATE TABLE reasons (stage VARCHAR, reason VARCHAR, meaning VARCHAR);

CREATE TABLE files (version VARCHAR, file VARCHAR, sha256 VARCHAR, bytes BIGINT, rows BIGINT, rejected BIGINT);

CREATE TABLE rejects (version VARCHAR, file VARCHAR, line BIGINT, reason VARCHAR, detail VARCHAR);

CREATE TABLE facts (
    subject VARCHAR, subject_kind VARCHAR, name VARCHAR, value DOUBLE, unit VARCHAR, slice VARCHAR, n BIGINT,
    low DOUBLE, high DOUBLE, level DOUBLE, method VARCHAR, signature VARCHAR, outcome VARCHAR, threshold VARCHAR,
    n_needed BIGINT, evidence VARCHAR, detail VARCHAR, created TIMESTAMP
);

CREATE TABLE runs (
    run_id VARCHAR, version VARCHAR, model VARCHAR, method VARCHAR, config VARCHAR, seed BIGINT, rows VARCHAR,
    packages VARCHAR, hardware VARCHAR, path VARCHAR, base_digest VARCHAR, weights_digest VARCHAR, status VARCHAR,
    metrics VARCHAR, created TIMESTAMP, used BIGINT
);

CREATE TABLE evaluations (
    evaluation_id VARCHAR, run VARCHAR, version VARCHAR, config VARCHAR, path VARCHAR, created TIMESTAMP, used BIGINT
);

CREATE TABLE answers (
    evaluation_id VARCHAR, task VARCHAR, item VARCHAR, "role" VARCHAR, prompt VARCHAR, prediction VARCHAR,
    "references" VARCHAR[], scores VARCHAR
);

CREATE TABLE tags (name VARCHAR, version VARCHAR, created TIMESTAMP);

CREATE SEQUENCE used_number;
