using RocksDbSharp;

namespace MultiDc.Storage;

/// <summary>
/// Reads everything and checks what LAYOUT.md and recovery promise. Goes on after a problem wherever what follows can still be judged, and
/// tells each one once.
/// </summary>
internal sealed class StoreVerifier(
    StoreDatabase database, IStoredContentCheck content, Action<StoreProblem> report, CancellationToken cancellationToken)
{
    private readonly SortedDictionary<uint, ReplicaName> names = [];
    private readonly Dictionary<uint, ReplicaRecord> replicas = [];
    private readonly Dictionary<uint, HardState> hardStates = [];
    private readonly Dictionary<uint, SnapshotMetadata> logStarts = [];
    private readonly HashSet<uint> damaged = [];
    private long entries;
    private long rows;
    private long records;
    private long abandonedRows;
    private long problems;

    public StoreVerification Verify()
    {
        CheckHard();
        CheckSlots(database.Log);
        CheckSlots(database.State);
        foreach (var (slot, name) in names)
        {
            CheckReplica(slot, name);
        }

        return new(names.Count, entries, rows, records, abandonedRows, problems);
    }

    private void CheckHard()
    {
        Read(database.Hard, [], [byte.MaxValue], null, (key, value) =>
        {
            if (!CheckHardRecord(key, value))
            {
                Tell(database.Hard, key, null, "no record of this layout has such a key");
            }
        });

        foreach (var slot in replicas.Keys.Concat(hardStates.Keys).Concat(logStarts.Keys).Distinct().Where(slot => !names.ContainsKey(slot)).Order())
        {
            Tell(database.Hard, StoreKeys.Replica(slot), null, $"slot {slot} has records, but no replica has its number");
        }
    }

    private bool CheckHardRecord(byte[] key, byte[] value)
    {
        if (key.AsSpan().SequenceEqual(StoreKeys.Identity))
        {
            return true; // Read before anything else could be.
        }

        if (StoreKeys.ReplicaOfName(key) is { } name)
        {
            if (TryDecode(database.Hard, key, name, value, StoreRecords.DecodeSlot, out var slot) && !names.TryAdd(slot, name))
            {
                Tell(database.Hard, key, name, $"it has slot {slot}, and so has {names[slot]}");
            }

            return true;
        }

        if (StoreKeys.NameOfRecord(key) is { } recordName)
        {
            records++;
            if (TryDecode(database.Hard, key, null, value, StoreRecords.DecodeRecord, out var recordValue) && content.ProblemOf(new StoreRecord(recordName, recordValue)) is { } problem)
            {
                Tell(database.Hard, key, null, problem);
            }

            return true;
        }

        return CheckSlotRecord(key, value);
    }

    private bool CheckSlotRecord(byte[] key, byte[] value)
    {
        if (key.Length != StoreKeys.HardKeyBytes)
        {
            return false;
        }

        var slot = StoreKeys.SlotOfHard(key);
        ReplicaName? name = names.TryGetValue(slot, out var known) ? known : null;
        if (key.AsSpan().SequenceEqual(StoreKeys.Replica(slot)))
        {
            Keep(replicas, StoreRecords.DecodeReplica);
        }
        else if (key.AsSpan().SequenceEqual(StoreKeys.HardState(slot)))
        {
            Keep(hardStates, static bytes => HardStateCodec.Decode(bytes));
        }
        else if (key.AsSpan().SequenceEqual(StoreKeys.LogStart(slot)))
        {
            Keep(logStarts, static bytes => SnapshotMetadataCodec.Decode(bytes));
        }
        else
        {
            return false;
        }

        return true;

        void Keep<T>(Dictionary<uint, T> kept, Func<byte[], T> decode)
        {
            if (TryDecode(database.Hard, key, name, value, decode, out var decoded))
            {
                kept[slot] = decoded;
            }
            else
            {
                damaged.Add(slot);
            }
        }
    }

    /// <summary>Rows of slots that no replica has are nobody's.</summary>
    private void CheckSlots(StoreDatabase.Family family)
    {
        const int slotBytes = 4;
        byte[] next = [];
        try
        {
            while (database.FirstKeyFrom(family, next) is { } key)
            {
                if (key.Length < slotBytes)
                {
                    Tell(family, key, null, "no record of this layout has such a key");
                    next = [.. key, 0];
                    continue;
                }

                var slot = StoreKeys.SlotOf(key);
                if (!names.ContainsKey(slot))
                {
                    Tell(family, key, null, $"it is of slot {slot}, which no replica has");
                }

                next = AfterSlot(slot);
            }
        }
        catch (RocksDbException exception)
        {
            Tell(family, next, null, $"from it on: {exception.Message}");
        }
    }

    private void CheckReplica(uint slot, ReplicaName name)
    {
        var hasRecord = Has(replicas, StoreKeys.Replica(slot), out var replica);
        var hasHardState = Has(hardStates, StoreKeys.HardState(slot), out var hardState);
        var hasStart = Has(logStarts, StoreKeys.LogStart(slot), out var start);
        var last = CheckLog(slot, name, hasStart ? start!.LastIncluded : null);
        if (hasHardState)
        {
            CheckHardState(slot, name, hardState, hasStart ? start!.LastIncluded : null, last);
        }

        if (hasRecord)
        {
            CheckState(slot, name, replica.Generation, hasStart ? start!.LastIncluded : null, last);
        }

        bool Has<T>(Dictionary<uint, T> known, byte[] key, out T? found)
        {
            if (known.TryGetValue(slot, out found))
            {
                return true;
            }

            // One that is there and damaged was told when it was read.
            if (!damaged.Contains(slot))
            {
                Tell(database.Hard, key, name, "it is missing");
            }

            return false;
        }
    }

    /// <summary>The last entry, or the start; null when it cannot be known.</summary>
    private EntryId? CheckLog(uint slot, ReplicaName name, EntryId? start)
    {
        var (expected, term, last) = (start?.Index.Value + 1, start?.Term ?? Term.Zero, start);
        var readAll = Read(database.Log, StoreKeys.Log(slot, 0), AfterSlot(slot), name, (key, value) =>
        {
            entries++;
            if (key.Length != StoreKeys.LogKeyBytes)
            {
                Tell(database.Log, key, name, "no record of this layout has such a key");
                return;
            }

            var index = StoreKeys.IndexOfLog(key);
            if (index <= start?.Index.Value)
            {
                Tell(database.Log, key, name, $"it lies before the log's start, which is after {start?.Index}");
                return;
            }

            if (expected is { } next && index != next)
            {
                Tell(database.Log, StoreKeys.Log(slot, next), name, $"the log has a hole here, up to {index - 1}");
            }

            expected = index + 1;
            if (!TryDecode(database.Log, key, name, value, static bytes => EntryCodec.Decode(bytes), out var entry))
            {
                last = new(term, new(index));
                return;
            }

            CheckEntry(name, key, entry, index, term);
            term = entry.Term > term ? entry.Term : term;
            last = new(term, new(index));
        });
        return readAll ? last : null;
    }

    private void CheckEntry(ReplicaName name, byte[] key, LogEntry entry, ulong index, Term term)
    {
        if (entry.Index.Value != index)
        {
            Tell(database.Log, key, name, $"it holds the entry of index {entry.Index}");
        }

        if (entry.Term < term)
        {
            Tell(database.Log, key, name, $"its term is {entry.Term}, after an entry of term {term}");
        }

        if (entry.Kind == EntryKind.Configuration)
        {
            _ = TryDecode(database.Log, key, name, entry.Payload.ToArray(), static bytes => ConfigurationCodec.Decode(bytes), out _);
        }
        else if (content.ProblemOf(name, entry) is { } problem)
        {
            Tell(database.Log, key, name, problem);
        }
    }

    private void CheckHardState(uint slot, ReplicaName name, HardState hardState, EntryId? start, EntryId? last)
    {
        var key = StoreKeys.HardState(slot);
        if ((last ?? start)?.Term is { } term && term > hardState.Term)
        {
            Tell(database.Hard, key, name, $"its term is {hardState.Term}, but the log has an entry of term {term}");
        }

        if (last is { } end && hardState.Commit > end.Index)
        {
            Tell(database.Hard, key, name, $"{hardState.Commit} is committed, but the log ends at {end.Index}");
        }
    }

    private void CheckState(uint slot, ReplicaName name, uint generation, EntryId? start, EntryId? last)
    {
        var applied = CheckApplied(slot, name, generation, start, last);
        Read(database.State, StoreKeys.Generation(slot, 0), AfterSlot(slot), name, (key, value) =>
        {
            if (key.Length < StoreKeys.StatePrefixBytes || (!StoreKeys.IsRow(key) && !StoreKeys.IsApplied(key)))
            {
                Tell(database.State, key, name, "no record of this layout has such a key");
            }
            else if (StoreKeys.GenerationOf(key) != generation)
            {
                abandonedRows++;
            }
            else if (StoreKeys.IsRow(key))
            {
                rows++;
                if (applied is { } index && content.ProblemOf(name, index, new(key.AsMemory(StoreKeys.StatePrefixBytes), value)) is { } problem)
                {
                    Tell(database.State, key, name, problem);
                }
            }
        });
    }

    private LogIndex? CheckApplied(uint slot, ReplicaName name, uint generation, EntryId? start, EntryId? last)
    {
        var key = StoreKeys.Applied(slot, generation);
        try
        {
            ulong applied = 0;
            if (database.Get(database.State, key) is { } bytes && !TryDecode(database.State, key, name, bytes, StoreRecords.DecodeApplied, out applied))
            {
                return null;
            }

            if (start is { } compacted && applied < compacted.Index.Value)
            {
                Tell(database.State, key, name, $"applied is {applied}, but the log was compacted into {compacted.Index}");
            }

            if (last is { } end && applied > end.Index.Value)
            {
                Tell(database.State, key, name, $"applied is {applied}, but the log ends at {end.Index}");
            }

            return new(applied);
        }
        catch (RocksDbException exception)
        {
            Tell(database.State, key, name, exception.Message);
            return null;
        }
    }

    /// <summary>Past every key of the slot, in <c>log</c> and in <c>state</c>.</summary>
    private static byte[] AfterSlot(uint slot) => slot == uint.MaxValue ? [255, 255, 255, 255, 255] : StoreKeys.Generation(slot + 1, 0)[..4];

    private bool TryDecode<T>(StoreDatabase.Family family, byte[] key, ReplicaName? replica, byte[] value, Func<byte[], T> decode, out T decoded)
    {
        try
        {
            decoded = decode(value);
            return true;
        }
        catch (CodecException exception)
        {
            Tell(family, key, replica, exception.Message);
            decoded = default!;
            return false;
        }
    }

    /// <summary>False when a block could not be read: what is behind it in the range was not seen.</summary>
    private bool Read(StoreDatabase.Family family, byte[] from, byte[] to, ReplicaName? replica, Action<byte[], byte[]> row)
    {
        var previous = from;
        var snapshot = database.TakeSnapshot();
        try
        {
            database.Read(family, from, to, snapshot, (key, value) =>
            {
                cancellationToken.ThrowIfCancellationRequested();
                row(key, value);
                previous = key;
                return true;
            });
            return true;
        }
        catch (RocksDbException exception)
        {
            Tell(family, previous, replica, $"what follows it cannot be read: {exception.Message}");
            return false;
        }
        finally
        {
            database.Release(snapshot);
        }
    }

    private void Tell(StoreDatabase.Family family, byte[] key, ReplicaName? replica, string problem)
    {
        problems++;
        report(new(replica, StoreKeys.Describe(family.Name, key), problem));
    }
}
