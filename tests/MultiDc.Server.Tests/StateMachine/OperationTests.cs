using MultiDc.Client;
using CsCheck;
using MultiDc.Grains;
using MultiDc.Raft;
using MultiDc.Ring;
using MultiDc.Server.StateMachine;
using MultiDc.Storage;
using static MultiDc.Server.Tests.StateMachine.OperationDraft;

namespace MultiDc.Server.Tests.StateMachine;

public sealed class OperationTests
{
    private static readonly HashRange Half = HashRange.OfShard(0, 2);

    [Fact]
    public void They_do_what_the_twin_does() => Gen.Select(Log, Gen.Bool, Gen.Int[1, 40]).Sample(
        static (log, isHalf, size) =>
        {
            var range = isHalf ? Half : HashRange.Full;
            var (machine, twin) = (new Machine(range), new OperationTwin(range));
            var results = log.Chunk(size).SelectMany(part => machine.Apply(part)).ToArray();
            for (var i = 0; i < log.Length; i++)
            {
                Assert.Equal($"{i + 1} {twin.Apply((ulong)i + 1, log[i])}", $"{i + 1} {OperationTwin.Describe(results[i].Result)}");
            }

            Assert.Equal(
                twin.Entries.OrderBy(static e => e.Key, StringComparer.Ordinal).Select(static e => $"{e.Key}={e.Value}"),
                Content(machine).OfType<StoredEntry>().Select(static e => e.Entry)
                    .Select(static e => $"{e.KeyText()}={new OperationTwin.TwinEntry(Text(e.Value), e.CreateRevision.Value, e.ModifyRevision.Value, e.Version, e.Lease.Value)}"));
            Assert.Equal(twin.Leases, LeasesOf(machine));
            Assert.Equal(
                twin.Guards.OrderBy(static g => g.Key, StringComparer.Ordinal).Select(static g => (g.Key, g.Value)),
                Content(machine).OfType<StoredGuard>().Select(static g => (g.Name, g.Token)));
        },
        iter: 2000);

    /// <summary>The log keeps it, with all the room that is left in it.</summary>
    [Fact]
    public void A_command_has_no_more_memory_than_bytes() => Log.Sample(
        static log => Assert.All(log, static command =>
        {
            var bytes = KeyValueCommandCodec.Encode(command);
            Assert.True(System.Runtime.InteropServices.MemoryMarshal.TryGetArray(bytes, out var segment));
            Assert.Equal(bytes.Length, segment.Array!.Length);
        }),
        iter: 300);

    [Fact]
    public void Commands_that_are_encoded_together_are_what_they_are_alone_in_arrays_that_are_not_large() => Gen.Select(Log, Gen.Int[0, 12_000].Array[0, 4]).Sample(
        static (log, sizes) =>
        {
            KeyValueCommand[] commands = [.. log, .. sizes.Select(static size => new WriteCommand(new(1), new(1), new PutOperation(Bytes("large"), new byte[size]))), .. log];
            var together = KeyValueCommandCodec.Encode(commands);
            Assert.Equal(commands.Select(static command => Convert.ToHexString(KeyValueCommandCodec.Encode(command).Span)), together.Select(static bytes => Convert.ToHexString(bytes.Span)));
            var arrays = together.GroupBy(static bytes => System.Runtime.InteropServices.MemoryMarshal.TryGetArray(bytes, out var segment) ? segment.Array! : [], ReferenceEqualityComparer.Instance).ToArray();
            Assert.All(arrays, static array => Assert.Equal(array.Sum(static bytes => bytes.Length), ((byte[])array.Key!).Length));
            Assert.All(arrays, static array => Assert.True(array.Count() == 1 || ((byte[])array.Key!).Length <= 16 * 1024));

            // Few of them: two that follow each other would not have had room in one.
            Assert.InRange(arrays.Length, 1, 1 + (together.Sum(static bytes => bytes.Length) * 2 / (16 * 1024)));
        },
        iter: 100);

    [Fact]
    public void Who_follows_the_changes_has_the_state_after_each_entry() => Gen.Select(Log, Gen.Int[1, 7]).Sample(
        static (log, size) =>
        {
            var (machine, followed) = (new Machine(), new SortedDictionary<string, KeyValueEntry>(StringComparer.Ordinal));
            foreach (var part in log.Chunk(size))
            {
                machine.Apply(part);
                var revisions = machine.Changes.Select(static c => (c.Revision.Value, Text(c.Key))).ToArray();
                Assert.Equal(revisions.Distinct(), revisions);
                Assert.Equal(revisions.Select(static r => r.Value).Order(), revisions.Select(static r => r.Value));
                foreach (var change in machine.Changes)
                {
                    var told = change.ToEvent();
                    Assert.Equal(followed.TryGetValue(told.KeyText(), out var before) ? before.ModifyRevision : null, told.PreviousRevision);
                    Assert.False(told.Entry is null && before is null, "a removal of what was not there is no change");
                    if (told.Entry is { } entry)
                    {
                        Assert.Equal(change.Revision, entry.ModifyRevision);
                        followed[told.KeyText()] = entry;
                    }
                    else
                    {
                        followed.Remove(told.KeyText());
                    }
                }

                Assert.Equal(
                    Content(machine).OfType<StoredEntry>().Select(static e => Describe(e.Entry)).Order(StringComparer.Ordinal),
                    followed.Values.Select(Describe).Order(StringComparer.Ordinal));
            }
        },
        iter: 1000);

    private static string Describe(KeyValueEntry entry) =>
        $"{entry.KeyText()}={Text(entry.Value)} {entry.CreateRevision.Value} {entry.ModifyRevision.Value} {entry.Version} {entry.Lease.Value}";

    [Fact]
    public void Batches_of_entries_and_restarts_between_them_make_no_difference() => Gen.Select(Log, Gen.Int[1, 7], Gen.Bool).Sample(
        static (log, size, reload) =>
        {
            var (whole, parts) = (new Machine(), new Machine());
            var expected = whole.Apply(log);
            var results = new List<ApplyResult>();
            foreach (var part in log.Chunk(size))
            {
                results.AddRange(parts.Apply(part));
                if (reload)
                {
                    parts.Reload();
                }
            }

            Assert.Equal(expected.Select(static r => OperationTwin.Describe(r.Result)), results.Select(static r => OperationTwin.Describe(r.Result)));
            Assert.Equal(whole.Rows(), parts.Rows());
        },
        iter: 500);

    [Fact]
    public void Every_state_is_one_that_store_verify_takes_for_true() => Log.Sample(
        static log =>
        {
            var machine = new Machine();
            machine.Apply(log);
            var check = new KeyValueContentCheck();
            using var view = machine.State.OpenView();
            Assert.All(view.ScanAsync(ReadOnlyMemory<byte>.Empty, null).ToBlockingEnumerable().ToArray(), row => Assert.Null(check.ProblemOf(new("kv/0@a"), machine.State.Applied, row)));
        },
        iter: 300);

    [Fact]
    public void A_retry_is_answered_the_same_also_after_others_have_written_and_after_a_restart()
    {
        var machine = new Machine();
        var (mine, other) = (machine.Apply(OpenSessionCommand.Instance).Session!.Value, machine.Apply(OpenSessionCommand.Instance).Session!.Value);
        var add = new WriteCommand(mine, new(1), new AddOperation(Bytes("n"), 5));
        var first = Assert.IsType<AppliedNumber>(machine.Apply(add).Result);
        Assert.Equal(5, first.Number);
        Assert.Equal(12, Assert.IsType<AppliedNumber>(machine.Apply(new WriteCommand(other, new(1), new AddOperation(Bytes("n"), 7))).Result).Number);
        Assert.Equal(first, machine.Apply(add).Result);
        machine.Reload();
        Assert.Equal(first, machine.Apply(add).Result);

        var batch = new WriteCommand(mine, new(2), BatchOperation.Of([Compare.Exists(Bytes("n"))], [new GetOperation(Bytes("n")), new AddOperation(Bytes("n"), 1), new DeleteOperation(Bytes("x"))]));
        var second = Assert.IsType<AppliedBatch>(machine.Apply(batch).Result);
        Assert.Equal("applied 7, then: n=12 3 4 2, 13, -", OperationTwin.Describe(second));
        machine.Apply(new WriteCommand(other, new(2), new PutOperation(Bytes("n"), Bytes("other"))));
        machine.Reload();
        Assert.Equal(OperationTwin.Describe(second), OperationTwin.Describe(machine.Apply(batch).Result));
    }

    [Fact]
    public void An_append_stops_at_the_largest_value()
    {
        var machine = new Machine();
        var session = machine.Apply(OpenSessionCommand.Instance).Session!.Value;
        machine.Apply(new WriteCommand(session, new(1), new PutOperation(Bytes("k"), new byte[KeyLimits.MaxValueBytes - 1])));
        Assert.Equal(KeyLimits.MaxValueBytes, Assert.IsType<AppliedNumber>(machine.Apply(new WriteCommand(session, new(2), new AppendOperation(Bytes("k"), new byte[1]))).Result).Number);
        Assert.Equal(RejectionReason.OutOfRange, Assert.IsType<Rejected>(machine.Apply(new WriteCommand(session, new(3), new AppendOperation(Bytes("k"), new byte[1]))).Result).Reason);
        Assert.Equal(KeyLimits.MaxValueBytes, KeyValueReader.GetAsync(machine.State, Bytes("k")).AsTask().Result!.Value.Length);
    }

    [Fact]
    public void A_batch_that_reads_more_than_is_kept_for_a_retry_changes_nothing()
    {
        var machine = new Machine();
        var session = machine.Apply(OpenSessionCommand.Instance).Session!.Value;
        machine.Apply(new WriteCommand(session, new(1), new PutOperation(Bytes("large"), new byte[BatchOperation.MaxResultBytes / 2])));
        Assert.IsType<AppliedBatch>(Get(2, 1).Result);
        Assert.Equal(RejectionReason.OutOfRange, Assert.IsType<Rejected>(Get(3, 2).Result).Reason);
        Assert.Equal("1", Text(KeyValueReader.GetAsync(machine.State, Bytes("count")).AsTask().Result!.Value));
        Assert.True(machine.Rows().Max(static row => row.Length) < 4 * BatchOperation.MaxResultBytes);

        ApplyResult Get(ulong sequence, int times) => machine.Apply(new WriteCommand(
            session, new(sequence), BatchOperation.Of(null, [new AddOperation(Bytes("count"), 1), .. Enumerable.Repeat<WriteOperation>(new GetOperation(Bytes("large")), times)])));
    }

    [Fact]
    public void Guards_are_bounded_and_make_room_only_when_told_to()
    {
        var machine = new Machine();
        var session = machine.Apply(OpenSessionCommand.Instance).Session!.Value;
        var sequence = 0UL;
        Assert.All(
            machine.Apply(Enumerable.Range(0, Guard.MaxGuardsOfShard).Select(i => Guarded(new DeleteOperation(Bytes("k")), $"g{i}", 5))),
            static r => Assert.IsType<Applied>(r.Result));
        Assert.Equal(RejectionReason.LimitReached, Refused(Guarded(new DeleteOperation(Bytes("k")), "one too many", 5)));
        machine.Reload();
        Assert.Equal(RejectionReason.LimitReached, Refused(Guarded(new DeleteOperation(Bytes("k")), "one too many", 5)));
        Assert.Equal(RejectionReason.FencingTokenStale, Refused(Guarded(new ForgetGuardOperation(Bytes("k")), "g7", 4)));
        Assert.IsType<Applied>(machine.Apply(Guarded(new ForgetGuardOperation(Bytes("k")), "g7", 5)).Result);
        Assert.IsType<Applied>(machine.Apply(Guarded(new ForgetGuardOperation(Bytes("k")), "never used", 5)).Result);
        Assert.IsType<Applied>(machine.Apply(Guarded(new DeleteOperation(Bytes("k")), "one too many", 5)).Result);
        Assert.Equal(RejectionReason.LimitReached, Refused(Guarded(new DeleteOperation(Bytes("k")), "g7", 9)));

        WriteCommand Guarded(WriteOperation operation, string name, ulong token) => new(session, new(++sequence), operation with { Guard = new(name, token) });
        RejectionReason Refused(WriteCommand write) => Assert.IsType<Rejected>(machine.Apply(write).Result).Reason;
    }

    [Fact]
    public void A_fence_takes_a_place_only_if_its_batch_happens()
    {
        var machine = new Machine();
        var session = machine.Apply(OpenSessionCommand.Instance).Session!.Value;
        var sequence = 0UL;
        machine.Apply(Enumerable.Range(0, Guard.MaxGuardsOfShard - 1).Select(i => Write(new DeleteOperation(Bytes("k")) { Guard = new($"g{i}", 5) })));
        machine.Apply(Write(new PutOperation(Bytes("text"), Bytes("none"))));
        for (var i = 0; i < 3; i++)
        {
            Assert.Equal(RejectionReason.NotAnInteger, ReasonOf(Fence($"refused {i}", new AddOperation(Bytes("text"), 1))));
        }

        Assert.IsType<AppliedBatch>(machine.Apply(Fence("last", new FenceOperation(Bytes("k"), "last"))).Result);
        Assert.Equal(RejectionReason.LimitReached, ReasonOf(Fence("one too many", new DeleteOperation(Bytes("k")))));
        Assert.IsType<AppliedBatch>(machine.Apply(Fence("last", new DeleteOperation(Bytes("k")))).Result);

        WriteCommand Fence(string name, WriteOperation next) => Write(BatchOperation.Of(null, [new FenceOperation(Bytes("k"), name), next]));
        WriteCommand Write(WriteOperation operation) => new(session, new(++sequence), operation);
        RejectionReason ReasonOf(WriteCommand write) => Assert.IsType<Rejected>(machine.Apply(write).Result).Reason;
    }

    [Fact]
    public void A_token_counts_also_when_its_write_is_refused_for_another_reason()
    {
        var machine = new Machine();
        var session = machine.Apply(OpenSessionCommand.Instance).Session!.Value;
        Assert.Equal(RejectionReason.PreconditionFailed, Reason(1, new CompareAndSetOperation(Bytes("k"), Bytes("a"), Bytes("b")) { Guard = new("lock", 9) }));
        Assert.Equal(RejectionReason.FencingTokenStale, Reason(2, new PutOperation(Bytes("k"), Bytes("b")) { Guard = new("lock", 8) }));
        Assert.Null(KeyValueReader.GetAsync(machine.State, Bytes("k")).AsTask().Result);

        RejectionReason Reason(ulong sequence, WriteOperation operation) => Assert.IsType<Rejected>(machine.Apply(new WriteCommand(session, new(sequence), operation)).Result).Reason;
    }

    [Fact]
    public void Leases_and_their_keys_are_bounded()
    {
        var machine = new Machine();
        var session = machine.Apply(OpenSessionCommand.Instance).Session!.Value;
        var sequence = 0UL;
        Assert.All(
            machine.Apply(Enumerable.Range(0, LeaseLimits.MaxLeasesOfShard).Select(_ => Write(new GrantLeaseOperation(Bytes("k"), TimeSpan.FromSeconds(5))))),
            static r => Assert.IsType<Applied>(r.Result));
        machine.Reload();
        Assert.Equal(RejectionReason.LimitReached, ReasonOf(Write(new GrantLeaseOperation(Bytes("k"), TimeSpan.FromSeconds(5)))));
        var lease = new LeaseId(7);
        machine.Apply(Enumerable.Range(0, LeaseLimits.MaxKeysOfLease).Select(i => Write(new PutOperation(Bytes($"k{i}"), Bytes("v")) { Lease = lease })));
        Assert.Equal(RejectionReason.LimitReached, ReasonOf(Write(new PutOperation(Bytes("one too many"), Bytes("v")) { Lease = lease })));
        Assert.IsType<Applied>(machine.Apply(Write(new PutOperation(Bytes("k7"), Bytes("w")) { Lease = lease })).Result);
        Assert.Equal(RejectionReason.LeaseNotFound, ReasonOf(Write(new PutOperation(Bytes("k"), Bytes("v")) { Lease = new(1) })));
        Assert.IsType<Applied>(machine.Apply(Write(new RevokeLeaseOperation(Bytes("k"), lease))).Result);
        Assert.DoesNotContain(Content(machine), static row => row is StoredEntry or StoredBoundKey);
        Assert.IsType<Applied>(machine.Apply(Write(new GrantLeaseOperation(Bytes("k"), TimeSpan.FromSeconds(5)))).Result);

        WriteCommand Write(WriteOperation operation) => new(session, new(++sequence), operation);
        RejectionReason ReasonOf(WriteCommand write) => Assert.IsType<Rejected>(machine.Apply(write).Result).Reason;
    }

    private static IEnumerable<string> LeasesOf(Machine machine)
    {
        var content = Content(machine).ToArray();
        var keys = content.OfType<StoredBoundKey>().ToLookup(static b => b.Lease, static b => Text(b.Key));
        foreach (var lease in content.OfType<StoredLease>())
        {
            Assert.Equal(lease.Keys, keys[lease.Lease].Count());
            yield return $"{lease.Lease} {lease.Ttl} {lease.RenewedAt}: {string.Join(' ', keys[lease.Lease].Order(StringComparer.Ordinal))}";
        }
    }

    private static IEnumerable<StoredContent> Content(Machine machine)
    {
        using var view = machine.State.OpenView();
        return [.. view.ScanAsync(ReadOnlyMemory<byte>.Empty, null).ToBlockingEnumerable().Select(StoredContent.OfRow)];
    }
}
