-- The store's tables and views. A version is a membership list; texts are stored once, by content hash.
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
    metadata      VARCHAR USING COMPRESSION 'uncompressed',  -- JSON object
    file          VARCHAR,
    line          BIGINT,
    raw_text_hash VARCHAR,   -- as it was read, before any stage
    first_version VARCHAR,   -- the ingest version that brought it
    ingest_number INTEGER    -- 1 for the store's first ingest, 2 for the next ...: how old the record is
);

-- Texts stand in the file as they are: compressed, a search of the file's bytes would find none, kept or deleted.
-- A text_hash with a dash (`purged-...`, `erased-...`) is a salted commitment: the text and the salt are gone.
CREATE TABLE texts (
    text_hash VARCHAR,
    messages  STRUCT(role VARCHAR, content VARCHAR)[] USING COMPRESSION 'uncompressed'
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

-- Who is in a version, and what was said on the way to it, are kept by parts, so that a version that is like another one
-- costs its difference: a part is what one version wrote, named after it; a version has the rows of its parts without
-- the gaps. Read the views `members` and `verdicts`. Hashes are not compressed: it would cost much more time, at every
-- version, than it saves room.
CREATE TABLE member_rows (
    part      VARCHAR,
    record_id VARCHAR USING COMPRESSION 'uncompressed',
    text_hash VARCHAR USING COMPRESSION 'uncompressed',
    split     VARCHAR
);
CREATE TABLE member_parts (version VARCHAR, part VARCHAR);
CREATE TABLE member_gaps (version VARCHAR, part VARCHAR, record_id VARCHAR);

CREATE TABLE verdict_rows (
    part      VARCHAR,
    record_id VARCHAR,
    action    VARCHAR,
    reason    VARCHAR,
    score     DOUBLE,
    partner   VARCHAR,
    detail    VARCHAR,
    value     VARCHAR,
    text_hash VARCHAR        -- for an edit: the new text
);
CREATE TABLE verdict_parts (version VARCHAR, part VARCHAR);
CREATE TABLE verdict_gaps (version VARCHAR, part VARCHAR, record_id VARCHAR);

CREATE VIEW members AS SELECT version, record_id, text_hash, split
    FROM member_parts JOIN member_rows USING (part) ANTI JOIN member_gaps USING (version, part, record_id);
-- `version` is the version that applying the verdicts made.
CREATE VIEW verdicts AS SELECT version, record_id, action, reason, score, partner, detail, value, text_hash
    FROM verdict_parts JOIN verdict_rows USING (part) ANTI JOIN verdict_gaps USING (version, part, record_id);

-- What a stage keeps of a text, so that it need not be read again: of use only to the stage that made it. `kind` is
-- the stage, a digest of its code and one of the settings that the sketch depends on.
CREATE TABLE sketches (
    kind      VARCHAR,
    text_hash VARCHAR USING COMPRESSION 'uncompressed',
    data      BLOB USING COMPRESSION 'uncompressed'
);

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

-- Of a run's rows (all or a sample): the mean loss over a row's supervised tokens, by the base and by the tuned model.
CREATE TABLE row_losses (
    run_id VARCHAR, record_id VARCHAR, split VARCHAR, tokens BIGINT, before DOUBLE, after DOUBLE
);

CREATE TABLE evaluations (
    evaluation_id VARCHAR, run VARCHAR, version VARCHAR, config VARCHAR, path VARCHAR, created TIMESTAMP, used BIGINT
);

CREATE TABLE answers (
    evaluation_id VARCHAR, task VARCHAR, item VARCHAR, "role" VARCHAR,
    prompt        VARCHAR USING COMPRESSION 'uncompressed',
    prediction    VARCHAR USING COMPRESSION 'uncompressed',
    "references"  VARCHAR[] USING COMPRESSION 'uncompressed',
    scores        VARCHAR
);

CREATE TABLE tags (name VARCHAR, version VARCHAR, created TIMESTAMP);

-- Deletions of texts: `purge` by version, `forget` by person.
CREATE TABLE erasures (
    erasure VARCHAR,         -- `e-` and 12 hex digits
    kind    VARCHAR,         -- purge or forget
    status  VARCHAR,         -- begun: the store is rewritten, files outside it may not be; done
    created TIMESTAMP,
    request VARCHAR,         -- forget: salted hash of what was asked for
    salt    VARCHAR,
    report  VARCHAR          -- JSON: what was found, deleted and scanned; never a value
);

-- Records that were erased on request: a source that still holds them does not bring them back.
CREATE TABLE forgotten (record_id VARCHAR, erasure VARCHAR);

-- Files that were written from the store and may hold texts of it: exports and backups.
CREATE TABLE places (kind VARCHAR, path VARCHAR, version VARCHAR, created TIMESTAMP);

-- What people were asked on the labelling desk. `questions` is the whole question set as JSON; `place` says where the
-- dataset is: an id of the server's, or a file.
CREATE TABLE desk_datasets (
    dataset VARCHAR, place VARCHAR, version VARCHAR, scrubbed BOOLEAN, questions VARCHAR, overlap INTEGER,
    created TIMESTAMP
);

CREATE TABLE desk_items (
    dataset     VARCHAR,
    item        VARCHAR,     -- its name on the desk; that of the record, and more where its text changed under answers
    record_id   VARCHAR,
    text_hash   VARCHAR,     -- of the record's messages when they were shown
    shown_hash  VARCHAR,     -- of what the desk shows
    why         VARCHAR,     -- why a person should see it
    suggestions VARCHAR USING COMPRESSION 'uncompressed',   -- JSON: question -> value, agent, score
    hidden      VARCHAR,     -- JSON: what annotators must not know (which model answered)
    gold        VARCHAR USING COMPRESSION 'uncompressed',   -- JSON: question -> the right answer; null mostly
    pushed      TIMESTAMP
);

-- `key` is a keyed hash: without the key file beside the store it leads to nobody.
CREATE TABLE annotators (annotator VARCHAR, key VARCHAR);

-- What people answered. Rows are only ever added: the last one of a `response` holds, those before are its history.
CREATE TABLE annotations (
    number    BIGINT,
    dataset   VARCHAR,
    response  VARCHAR,
    item      VARCHAR,
    record_id VARCHAR,
    text_hash VARCHAR,       -- as in desk_items: with the text its answers go
    annotator VARCHAR,       -- a pseudonym
    status    VARCHAR,       -- submitted, draft, discarded; deleted: it is no longer on the desk
    answers   VARCHAR USING COMPRESSION 'uncompressed',     -- JSON: question -> value
    stale     BOOLEAN,       -- the text was changed on the desk under the answer
    answered  TIMESTAMP,
    pulled    TIMESTAMP
);

CREATE SEQUENCE used_number;
