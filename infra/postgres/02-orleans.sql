-- Grain storage for Microsoft.Orleans.Persistence.AdoNet 10 on PostgreSQL: a script of our own that fulfils the provider's contract
-- (its query keys, parameters and result columns). Unlike a table without a unique key, it has one winner when the same grain is first
-- written from two places. May be applied again. Run by apply.sh in one transaction.

-- The provider names its tables without a schema, and a schema named as the user would come first.
SET LOCAL search_path = public;

CREATE TABLE IF NOT EXISTS OrleansQuery (
    QueryKey text PRIMARY KEY,
    QueryText text NOT NULL);

CREATE TABLE IF NOT EXISTS OrleansStorage (
    ServiceId text NOT NULL,
    GrainType text NOT NULL,
    GrainIdN0 bigint NOT NULL,
    GrainIdN1 bigint NOT NULL,
    GrainIdExtension text NOT NULL,            -- '' for none: a grain's string key is never empty
    Version int NOT NULL,                      -- the ETag
    Payload bytea,                             -- null: cleared
    ModifiedOn timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (ServiceId, GrainType, GrainIdN0, GrainIdN1, GrainIdExtension)) WITH (fillfactor = 70);

-- Each write and clear returns one row: the new version, or the version that was passed in when it is not the stored one any more.
-- The hashes that the provider passes are not needed where the key itself is indexed.
INSERT INTO OrleansQuery (QueryKey, QueryText) VALUES
('ReadFromStorageKey', '
    SELECT Payload AS PayloadBinary, Version AS Version
    FROM OrleansStorage
    WHERE @GrainIdHash IS NOT NULL AND @GrainTypeHash IS NOT NULL
      AND ServiceId = @ServiceId AND GrainType = @GrainTypeString
      AND GrainIdN0 = @GrainIdN0 AND GrainIdN1 = @GrainIdN1 AND GrainIdExtension = coalesce(@GrainIdExtensionString::text, '''')'),
('WriteToStorageKey', '
    WITH updated AS (
        UPDATE OrleansStorage SET Payload = @PayloadBinary, ModifiedOn = now(),
            Version = CASE Version WHEN 2147483647 THEN 1 ELSE Version + 1 END
        WHERE @GrainIdHash IS NOT NULL AND @GrainTypeHash IS NOT NULL
          AND ServiceId = @ServiceId AND GrainType = @GrainTypeString
          AND GrainIdN0 = @GrainIdN0 AND GrainIdN1 = @GrainIdN1 AND GrainIdExtension = coalesce(@GrainIdExtensionString::text, '''')
          AND Version = @GrainStateVersion::int
        RETURNING Version),
    inserted AS (
        INSERT INTO OrleansStorage (ServiceId, GrainType, GrainIdN0, GrainIdN1, GrainIdExtension, Version, Payload)
        SELECT @ServiceId, @GrainTypeString, @GrainIdN0, @GrainIdN1, coalesce(@GrainIdExtensionString::text, ''''), 1, @PayloadBinary
        WHERE @GrainStateVersion::int IS NULL
        ON CONFLICT DO NOTHING
        RETURNING Version)
    SELECT coalesce((SELECT Version FROM updated), (SELECT Version FROM inserted), @GrainStateVersion::int) AS NewGrainStateVersion'),
('ClearStorageKey', '
    WITH cleared AS (
        UPDATE OrleansStorage SET Payload = NULL, ModifiedOn = now(),
            Version = CASE Version WHEN 2147483647 THEN 1 ELSE Version + 1 END
        WHERE @GrainIdHash IS NOT NULL AND @GrainTypeHash IS NOT NULL
          AND ServiceId = @ServiceId AND GrainType = @GrainTypeString
          AND GrainIdN0 = @GrainIdN0 AND GrainIdN1 = @GrainIdN1 AND GrainIdExtension = coalesce(@GrainIdExtensionString::text, '''')
          AND Version = @GrainStateVersion::int
        RETURNING Version)
    SELECT coalesce((SELECT Version FROM cleared), @GrainStateVersion::int) AS NewGrainStateVersion'),
('DeleteStorageKey', '
    WITH deleted AS (
        DELETE FROM OrleansStorage
        WHERE @GrainIdHash IS NOT NULL AND @GrainTypeHash IS NOT NULL
          AND ServiceId = @ServiceId AND GrainType = @GrainTypeString
          AND GrainIdN0 = @GrainIdN0 AND GrainIdN1 = @GrainIdN1 AND GrainIdExtension = coalesce(@GrainIdExtensionString::text, '''')
          AND Version = @GrainStateVersion::int
        RETURNING Version)
    SELECT CASE WHEN EXISTS (SELECT FROM deleted) THEN @GrainStateVersion::int % 2147483647 + 1 ELSE @GrainStateVersion::int END AS NewGrainStateVersion')
ON CONFLICT (QueryKey) DO UPDATE SET QueryText = excluded.QueryText;
