using MultiDc.Grains;
using MultiDc.Server.StateMachine;
using MultiDc.Storage;

namespace MultiDc.Server.Replication;

/// <summary>Writes and linearizable reads, by themselves or many together.</summary>
internal sealed partial class ReplicaGrain
{
    // A reply is one message, and what is behind it waits for it.
    private const int MaxReadsOfCall = 256;
    private const long MaxReplyBytesOfPart = 128 * 1024;

    // What is read in one go is read again if the state changes meanwhile, and holds others up.
    private const int ReadsOfPart = 32;

    public async Task<OpenSessionReply> OpenSessionAsync(OpenSessionRequest request)
    {
        var applied = await ProposeAsync(OpenSessionCommand.Instance, request.Timeout);
        return new(applied.Session, applied.Result);
    }

    public async Task<WriteResult> WriteAsync(WriteRequest request) =>
        RefusalOf(request) ?? (await ProposeAsync(CommandOf(request), request.Timeout)).Result;

    public async Task<WriteManyReply> WriteManyAsync(WriteManyRequest request)
    {
        var writes = request.Writes;
        if (writes.Length == 0)
        {
            return new([]);
        }

        var decisions = new WriteDecisions(writes.Length);
        var refusals = Array.ConvertAll(writes, RefusalOf);
        var commands = writes.Where((_, i) => refusals[i] is null).Select(CommandOf).ToArray();
        var payloads = KeyValueCommandCodec.Encode(commands);
        var target = pump;
        for (var (i, next) = (0, 0); i < writes.Length; i++)
        {
            if (refusals[i] is { } refusal)
            {
                decisions.Decide(i, refusal);
            }
            else if (target is null)
            {
                decisions.Decide(i, new Rejected(WhyNotServed, NotReadyDetail));
            }
            else
            {
                target.Propose(payloads[next++], writes[i].Timeout, decisions, i);
            }
        }

        try
        {
            await decisions.All.WaitAsync(writes.Max(static write => write.Timeout), time);
        }
        catch (TimeoutException)
        {
            // Those that are not decided are told so.
        }

        return new([.. writes.Select((write, i) => decisions.Of(i) ?? NotCommittedWithin(write.Timeout))]);
    }

    public Task<ReadResult> ReadAsync(Grains.ReadRequest request) => DescribeOtherShard(request.Key.Span) is { } other ? Task.FromResult<ReadResult>(other) : ReadAsync<ReadResult>(
        state => ReadAsync(state, request), static rejected => rejected, request.Timeout);

    public async Task<ReadManyReply> ReadManyAsync(ReadManyRequest request)
    {
        var parts = request.Reads.Take(MaxReadsOfCall).Chunk(ReadsOfPart).Select(reads => (reads.Length, Reading: ReadPartAsync(reads))).ToArray();
        var results = new List<ReadResult>(request.Reads.Length);
        foreach (var (length, reading) in parts)
        {
            var read = await reading;
            results.AddRange(read);
            if (read.Length < length)
            {
                // Replies are of the first reads.
                break;
            }
        }

        return new([.. results]);
    }

    // For one at least; what makes the reply large is the last.
    private Task<ReadResult[]> ReadPartAsync(Grains.ReadRequest[] reads)
    {
        var misplaced = Array.ConvertAll(reads, read => DescribeOtherShard(read.Key.Span));
        return ReadAsync<ReadResult[]>(
            async state =>
            {
                var results = new List<ReadResult>(reads.Length);
                var bytes = 0L;
                for (var i = 0; i < reads.Length && bytes < MaxReplyBytesOfPart; i++)
                {
                    var result = misplaced[i] ?? await ReadAsync(state, reads[i]);
                    results.Add(result);
                    bytes += (result as ReadServed)?.Entry is { } entry ? entry.Key.Length + entry.Value.Length : 0;
                }

                return [.. results];
            },
            rejected => [.. Enumerable.Repeat(rejected, reads.Length)],
            reads.Max(static read => read.Timeout));
    }

    private async ValueTask<ReadResult> ReadAsync(IReplicaState state, Grains.ReadRequest request) =>
        new ReadServed(await KeyValueReader.GetAsync(state, request.Key), new(state.Applied.Value), TimeSpan.Zero, address.Datacenter, ReadLevelKind.Linearizable);

    private static WriteCommand CommandOf(WriteRequest request) => new(request.Session, request.Sequence, request.Operation);

    private static Unknown NotCommittedWithin(TimeSpan timeout) => new($"not committed within {timeout.TotalMilliseconds:0} ms");

    private Rejected? RefusalOf(WriteRequest request) =>
        (OperationLimits.DescribeProblem(request.Operation) ?? policies.DescribeProblem(address.Shard.Keyspace, request.Operation)) is { } problem ? new(RejectionReason.InvalidArgument, problem)
        : DescribeOverQuota(request.Operation) is { } full ? new(RejectionReason.QuotaExceeded, full)
        : null;

    private async Task<ApplyResult> ProposeAsync(KeyValueCommand command, TimeSpan timeout)
    {
        if (pump is not { } target)
        {
            return new(new Rejected(WhyNotServed, NotReadyDetail));
        }

        try
        {
            return await target.ProposeAsync(KeyValueCommandCodec.Encode(command), timeout).WaitAsync(timeout, time);
        }
        catch (TimeoutException)
        {
            return new(NotCommittedWithin(timeout));
        }
    }

    private async Task<TReply> ReadAsync<TReply>(Func<IReplicaState, ValueTask<TReply>> read, Func<ReadRejected, TReply> refuse, TimeSpan timeout)
    {
        if (pump is not { } target)
        {
            return refuse(new(WhyNotServed, NotReadyDetail));
        }

        try
        {
            return await target.ReadAsync(read, refuse, timeout).WaitAsync(timeout, time);
        }
        catch (TimeoutException)
        {
            return refuse(new(RejectionReason.Unavailable, $"the leadership was not confirmed within {timeout.TotalMilliseconds:0} ms"));
        }
    }
}
