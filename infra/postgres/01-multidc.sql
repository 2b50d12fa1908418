-- The tables of MultiDc's store, schema version 1. What each column holds: src/MultiDc.Storage.Postgres/LAYOUT.md.
-- May be applied again: it changes nothing that is there but the functions. Run by apply.sh in one transaction.

CREATE SCHEMA IF NOT EXISTS multidc;

CREATE TABLE IF NOT EXISTS multidc.schema_version (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    version int NOT NULL);

DO $$
BEGIN
    IF EXISTS (SELECT FROM multidc.schema_version WHERE version <> 1) THEN
        RAISE EXCEPTION 'schema multidc is of version %, and this script makes version 1', (SELECT version FROM multidc.schema_version);
    END IF;
END $$;

INSERT INTO multidc.schema_version (version) VALUES (1) ON CONFLICT DO NOTHING;

-- Who this store is. The first silo that opens it writes the one row.
CREATE TABLE IF NOT EXISTS multidc.store (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    identity bytea NOT NULL,
    system_identifier bigint NOT NULL,
    timeline int NOT NULL);

-- A replica: who may write it (epoch), which rows are its state (generation), where its log begins.
CREATE TABLE IF NOT EXISTS multidc.replica (
    slot int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text COLLATE "C" NOT NULL UNIQUE,
    epoch bigint NOT NULL,
    generation int NOT NULL,
    record bytea NOT NULL,
    hard_state bytea NOT NULL,
    start_index bigint NOT NULL,
    log_start bytea NOT NULL) WITH (fillfactor = 50);

CREATE TABLE IF NOT EXISTS multidc.log (
    slot int NOT NULL,
    index bigint NOT NULL,
    entry bytea NOT NULL,
    PRIMARY KEY (slot, index)) WITH (autovacuum_vacuum_scale_factor = 0.05);

CREATE TABLE IF NOT EXISTS multidc.state (
    slot int NOT NULL,
    generation int NOT NULL,
    key bytea NOT NULL,
    value bytea NOT NULL,
    PRIMARY KEY (slot, generation, key)) WITH (autovacuum_vacuum_scale_factor = 0.05);

CREATE TABLE IF NOT EXISTS multidc.applied (
    slot int NOT NULL,
    generation int NOT NULL,
    record bytea NOT NULL,
    PRIMARY KEY (slot, generation)) WITH (fillfactor = 50);

CREATE TABLE IF NOT EXISTS multidc.record (
    key text COLLATE "C" PRIMARY KEY,
    value bytea NOT NULL);

-- Payloads are compressed by whoever wants to, not by the database; and a key must be one piece to be indexed.
ALTER TABLE multidc.log ALTER entry SET STORAGE EXTERNAL;
ALTER TABLE multidc.state ALTER value SET STORAGE EXTERNAL;
ALTER TABLE multidc.state ALTER key SET STORAGE PLAIN;

-- Fencing. A transaction that writes in a replica's name holds this lock shared while it looks at the epoch and until it has committed;
-- one that raises an epoch holds it alone. So whoever raised an epoch knows that every write it did not fence is committed and visible.
-- The look comes in a statement of its own after the lock: a statement's snapshot is older than the lock that it waits for.
CREATE OR REPLACE FUNCTION multidc.lock_epochs(alone boolean) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'epochs can be checked in transactions of isolation read committed only';
    END IF;

    IF alone THEN
        PERFORM pg_advisory_xact_lock(5581486560433693440); -- 'MultiDc', 0
    ELSE
        PERFORM pg_advisory_xact_lock_shared(5581486560433693440);
    END IF;
END $$;

-- The replicas whose epoch is another than given, each with the epoch it has (-1: there is no such replica); null when there is none.
CREATE OR REPLACE FUNCTION multidc.fenced(g_slot int[], g_epoch bigint[]) RETURNS bigint[] LANGUAGE plpgsql AS $$
BEGIN
    RETURN (
        SELECT array_agg(ARRAY[g.slot::bigint, coalesce(r.epoch, -1)])
        FROM unnest(g_slot, g_epoch) AS g(slot, epoch)
        LEFT JOIN multidc.replica r ON r.slot = g.slot
        WHERE r.epoch IS DISTINCT FROM g.epoch);
END $$;

-- One group commit: everything that waits in one silo, for all its replicas. All or, when a replica is fenced, nothing; then it returns
-- those that are. Arrays with one prefix belong together and are ordered by replica.
CREATE OR REPLACE FUNCTION multidc.commit_batch(
    raising boolean,                                                         -- whether an epoch rises (r)
    g_slot int[], g_epoch bigint[],                                          -- every replica that is touched, at the epoch it must have
    j_slot int[], j_last bigint[],                                           -- where appended entries join: the entry before the first
    e_slot int[], e_index bigint[], e_entry bytea[],                         -- entries
    h_slot int[], h_state bytea[],                                           -- hard states
    others boolean,                                                          -- whether any of the arrays below has something
    t_slot int[], t_first bigint[],                                          -- entries to delete, from there on
    c_slot int[], c_last bigint[],                                           -- entries to delete, up to there
    s_slot int[], s_index bigint[], s_start bytea[],                         -- where a log begins
    r_slot int[], r_epoch bigint[], r_generation int[], r_record bytea[],    -- a replica's epoch and generation
    a_slot int[], a_generation int[], a_record bytea[],                      -- the applied index of an installed snapshot
    n_name text[], n_record bytea[], n_hard_state bytea[], n_start bytea[],  -- replicas to found
    k_key text[], k_value bytea[],                                           -- records to add
    w_key text[], w_value bytea[])                                           -- records to write over what is there
RETURNS bigint[] LANGUAGE plpgsql AS $$
DECLARE
    refused bigint[];
BEGIN
    PERFORM multidc.lock_epochs(raising);
    refused := multidc.fenced(g_slot, g_epoch);
    IF refused IS NOT NULL THEN
        RETURN refused;
    END IF;

    IF others THEN
        DELETE FROM multidc.log l USING unnest(t_slot, t_first) AS t(slot, first) WHERE l.slot = t.slot AND l.index >= t.first;
        DELETE FROM multidc.log l USING unnest(c_slot, c_last) AS c(slot, last) WHERE l.slot = c.slot AND l.index <= c.last;
        UPDATE multidc.replica r SET start_index = s.index, log_start = s.start
            FROM unnest(s_slot, s_index, s_start) AS s(slot, index, start) WHERE r.slot = s.slot;
        UPDATE multidc.replica r SET epoch = u.epoch, generation = u.generation, record = u.record
            FROM unnest(r_slot, r_epoch, r_generation, r_record) AS u(slot, epoch, generation, record) WHERE r.slot = u.slot;
        INSERT INTO multidc.applied (slot, generation, record) SELECT * FROM unnest(a_slot, a_generation, a_record);
        INSERT INTO multidc.replica (name, epoch, generation, record, hard_state, start_index, log_start)
            SELECT n.name, 0, 1, n.record, n.hard_state, 0, n.start
            FROM unnest(n_name, n_record, n_hard_state, n_start) AS n(name, record, hard_state, start) ON CONFLICT DO NOTHING;
        INSERT INTO multidc.record (key, value) SELECT * FROM unnest(k_key, k_value) ON CONFLICT DO NOTHING;
        INSERT INTO multidc.record (key, value) SELECT * FROM unnest(w_key, w_value) ON CONFLICT (key) DO UPDATE SET value = EXCLUDED.value;
    END IF;

    IF cardinality(h_slot) > 0 THEN
        UPDATE multidc.replica r SET hard_state = h.state FROM unnest(h_slot, h_state) AS h(slot, state) WHERE r.slot = h.slot;
    END IF;

    IF cardinality(j_slot) > 0 THEN
        IF EXISTS (
            SELECT FROM unnest(j_slot, j_last) AS j(slot, last)
            WHERE NOT EXISTS (SELECT FROM multidc.log l WHERE l.slot = j.slot AND l.index = j.last)
              AND NOT EXISTS (SELECT FROM multidc.replica r WHERE r.slot = j.slot AND r.start_index = j.last)) THEN
            RAISE EXCEPTION 'entries do not join the stored log';
        END IF;

        -- An index that is taken breaks the primary key.
        INSERT INTO multidc.log (slot, index, entry) SELECT * FROM unnest(e_slot, e_index, e_entry);
    END IF;

    RETURN NULL;
END $$;

-- Writes applied rows of replicas and their applied indexes. All or, when a replica is fenced or its state replaced, nothing; then it
-- returns those that are.
CREATE OR REPLACE FUNCTION multidc.flush_state(
    g_slot int[], g_epoch bigint[], g_generation int[], g_applied bytea[],
    u_slot int[], u_generation int[], u_key bytea[], u_value bytea[],
    d_slot int[], d_generation int[], d_key bytea[])
RETURNS bigint[] LANGUAGE plpgsql AS $$
DECLARE
    refused bigint[];
BEGIN
    PERFORM multidc.lock_epochs(false);
    refused := multidc.fenced(g_slot, g_epoch);
    IF refused IS NOT NULL THEN
        RETURN refused;
    END IF;

    INSERT INTO multidc.state AS s (slot, generation, key, value) SELECT * FROM unnest(u_slot, u_generation, u_key, u_value)
        ON CONFLICT (slot, generation, key) DO UPDATE SET value = excluded.value;
    DELETE FROM multidc.state s USING unnest(d_slot, d_generation, d_key) AS d(slot, generation, key)
        WHERE s.slot = d.slot AND s.generation = d.generation AND s.key = d.key;
    INSERT INTO multidc.applied (slot, generation, record) SELECT * FROM unnest(g_slot, g_generation, g_applied)
        ON CONFLICT (slot, generation) DO UPDATE SET record = excluded.record;
    RETURN NULL;
END $$;

-- Adds rows of a snapshot that is being received, to a generation that nobody reads yet. Returns as flush_state does.
CREATE OR REPLACE FUNCTION multidc.stage_rows(g_slot int, g_epoch bigint, g_generation int, u_key bytea[], u_value bytea[])
RETURNS bigint[] LANGUAGE plpgsql AS $$
DECLARE
    refused bigint[];
BEGIN
    PERFORM multidc.lock_epochs(false);
    refused := multidc.fenced(ARRAY[g_slot], ARRAY[g_epoch]);
    IF refused IS NULL THEN
        INSERT INTO multidc.state (slot, generation, key, value) SELECT g_slot, g_generation, u.key, u.value FROM unnest(u_key, u_value) AS u(key, value);
    END IF;

    RETURN refused;
END $$;

-- Deletes some rows of generations below a bound that are not the state. Returns how many it deleted; fewer than max_rows: no more is left.
CREATE OR REPLACE FUNCTION multidc.sweep(g_slot int, g_epoch bigint, live int, below int, max_rows int) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
    deleted int;
BEGIN
    PERFORM multidc.lock_epochs(false);
    IF multidc.fenced(ARRAY[g_slot], ARRAY[g_epoch]) IS NOT NULL THEN
        RETURN 0;
    END IF;

    DELETE FROM multidc.applied WHERE slot = g_slot AND generation < below AND generation <> live;
    DELETE FROM multidc.state WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM multidc.state WHERE slot = g_slot AND generation < below AND generation <> live LIMIT max_rows));
    GET DIAGNOSTICS deleted = ROW_COUNT;
    RETURN deleted;
END $$;

-- The timeline of the server's write-ahead log. A server that was restored from a backup, or is a promoted standby, has another than before.
CREATE OR REPLACE FUNCTION multidc.timeline() RETURNS int LANGUAGE sql AS $$
    SELECT ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int
$$;

-- For an operator who KNOWS that this server has every transaction that was ever acknowledged (promotion of a synchronous standby, clean
-- pg_upgrade): the silos take it for the server they knew. Called where transactions were lost, it lets replicas break their promises.
CREATE OR REPLACE FUNCTION multidc.nothing_was_lost() RETURNS void LANGUAGE sql AS $$
    UPDATE multidc.store SET system_identifier = (SELECT c.system_identifier FROM pg_control_system() c), timeline = multidc.timeline()
$$;
