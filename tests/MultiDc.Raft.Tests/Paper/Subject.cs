namespace MultiDc.Raft.Tests;

/// <summary>One replica, number 1, among others that the test speaks for. Timeouts are the shortest allowed unless a random source is given.</summary>
internal sealed class Subject
{
    public const int T = 10;

    private readonly IRandomSource random;
    private readonly RaftNodeOptions options;

    public Subject(
        int size = 3,
        ulong term = 0,
        ulong vote = 0,
        string log = "",
        IRandomSource? random = null,
        Func<RaftNodeOptions, RaftNodeOptions>? options = null,
        GroupConfiguration? configuration = null)
    {
        Disk = new Disk(configuration ?? Voters([.. Enumerable.Range(1, size).Select(static id => (ulong)id)]))
        {
            HardState = new HardState(new Term(term), new ReplicaId(vote), LogIndex.Zero),
        };
        Disk.Entries.AddRange(Entries(log));
        this.random = random ?? new Shortest();
        this.options = (options ?? (same => same))(new RaftNodeOptions { Id = Id(1), ElectionTimeoutTicks = T, HeartbeatTicks = 1 });
        Node = new RaftNode(this.options, Disk.Recover(), this.random);
    }

    public RaftNode Node { get; private set; }

    public Disk Disk { get; }

    public static ReplicaId Id(ulong id) => new(id);

    public static GroupConfiguration Voters(params ulong[] ids) => new(ids.Select(Id));

    public static EntryId At(ulong term, ulong index) => new(new Term(term), new LogIndex(index));

    /// <summary>Entries written as "term/index term/index".</summary>
    public static LogEntry[] Entries(string log) =>
        [.. log.Split(' ', StringSplitOptions.RemoveEmptyEntries)
            .Select(word => word.Split('/'))
            .Select(id => new LogEntry(At(ulong.Parse(id[0]), ulong.Parse(id[1])), EntryKind.Command, new byte[] { 1 }))];

    public string Log => string.Join(' ', Disk.Entries.Select(entry => entry.Id));

    public void Tick(int times = 1)
    {
        for (var i = 0; i < times; i++)
        {
            Node.Tick();
            Node.Check();
        }
    }

    public void Step(params RaftMessage[] messages)
    {
        foreach (var message in messages)
        {
            Node.Step(message);
            Node.Check();
        }
    }

    /// <summary>Carries out all Readys and tells what was said, as scenarios print it.</summary>
    public string[] Said() => [.. Messages().Select(Conversation.Of)];

    public List<RaftMessage> Messages()
    {
        var said = new List<RaftMessage>();
        while (NextReady() is { } ready)
        {
            said.AddRange(ready.MessagesWhilePersisting);
            said.AddRange(ready.MessagesAfterPersist);
        }

        return said;
    }

    /// <summary>Carries out one Ready, if there is one.</summary>
    public Ready? NextReady()
    {
        if (!Node.TryGetReady(out var ready))
        {
            return null;
        }

        Disk.Write(ready, new Dictionary<EntryId, List<EntryId>>());
        Disk.State.AddRange(ready.EntriesToApply.Select(entry => entry.Id));
        Node.Advance();
        Node.Check();
        return ready;
    }

    public string[] Answer(RaftMessage message)
    {
        Messages();
        Step(message);
        return Said();
    }

    /// <summary>Wins an election with the votes of all others and says so durably; their answers to its first append are the test's.</summary>
    public Subject Lead()
    {
        Tick(Node.Term == Term.Zero ? T : 2 * T);
        foreach (var other in Others)
        {
            Step(new PreVoteResponse(other, Id(1), Node.Role == RaftRole.PreCandidate ? Node.Term.Next() : Node.Term, Granted: true));
        }

        // Its own vote counts when it is durable.
        Messages();
        foreach (var other in Others)
        {
            Step(new VoteResponse(other, Id(1), Node.Term, Granted: true));
        }

        Assert.Equal(RaftRole.Leader, Node.Role);
        Messages();
        return this;
    }

    /// <summary>Leads with everything in its log accepted by all.</summary>
    public Subject LeadCommitted()
    {
        Lead();
        foreach (var other in Others)
        {
            Step(Accepted(other.Value, Node.LastEntry.Index.Value));
        }

        Messages();
        Assert.Equal(Node.LastEntry.Index, Node.Commit);
        return this;
    }

    public AppendAccepted Accepted(ulong from, ulong match) => new(Id(from), Id(1), Node.Term, new LogIndex(match));

    public static AppendRequest Append(ulong from, ulong term, EntryId previous, string entries, ulong commit = 0) =>
        new(Id(from), Id(1), new Term(term), previous, [.. Entries(entries)], new LogIndex(commit));

    public HeartbeatResponse Heard(ulong from, ulong round) => new(Id(from), Id(1), Node.Term, round);

    /// <summary>Loses everything that is not on disk.</summary>
    public void Restart() => Node = new RaftNode(options, Disk.Recover(), random);

    private IEnumerable<ReplicaId> Others => Node.Configuration.Members.Where(member => member != Id(1));

    private sealed class Shortest : IRandomSource
    {
        public int Next(int minInclusive, int maxExclusive) => minInclusive;
    }
}
