using System.Collections.Immutable;
using CsCheck;

namespace MultiDc.Raft.Tests;

/// <summary>Random valid values of everything that has bytes.</summary>
internal static class Generate
{
    public static readonly Gen<ulong> Number = Gen.OneOf(Gen.ULong[0, 300], Gen.ULong, Gen.Const(ulong.MaxValue));
    public static readonly Gen<ReplicaId> Replica = Number.Select(value => new ReplicaId(value));
    public static readonly Gen<Term> Term = Number.Select(value => new Term(value));
    public static readonly Gen<LogIndex> Index = Number.Select(value => new LogIndex(value));
    public static readonly Gen<EntryId> Id = Gen.Select(Term, Index, (term, index) => new EntryId(term, index));
    public static readonly Gen<HardState> HardState = Gen.Select(Term, Replica, Index, (term, vote, commit) => new HardState(term, vote, commit));

    /// <summary>Plain voters in half of the cases, otherwise anything without a flaw.</summary>
    public static readonly Gen<GroupConfiguration> Configuration = Gen.OneOf(
        Gen.ULong[1, ulong.MaxValue].HashSet[1, 9].Select(voters => new GroupConfiguration(voters.Select(value => new ReplicaId(value)))),
        Gen.Select(Gen.ULong[1, ulong.MaxValue].HashSet[0, 9], Gen.Int[0, 9].Array[9], Gen.ULong[1, 3].Array[9], Gen.Bool, Gen.Int[1, 3])
            .Select(Assembled)
            .Where(configuration => configuration.FindFlaw() is null));

    public static readonly Gen<SnapshotMetadata> Snapshot =
        Gen.Select(Id, Configuration, (id, configuration) => new SnapshotMetadata(id, configuration));

    public static readonly Gen<LogEntry> Entry = Gen.Select(
        Gen.ULong[1, ulong.MaxValue],
        Gen.ULong[1, ulong.MaxValue],
        Gen.Enum<EntryKind>(),
        Gen.Byte.Array[0, 40],
        (term, index, kind, payload) => EntryOf(new EntryId(new Term(term), new LogIndex(index)), kind, payload));

    public static readonly Gen<AppendRequest> AppendRequest = Gen.Select(
        Gen.Select(Replica, Replica, Index),
        Gen.ULong[0, 1000],
        Gen.ULong[0, 1000],
        Gen.Select(Gen.Int[0, 2], Gen.Enum<EntryKind>(), Gen.Byte.Array[0, 20]).Array[0, 5],
        (ends, term, index, parts) =>
        {
            var (from, to, commit) = ends;
            var previous = new EntryId(new Term(term), new LogIndex(index));
            var last = previous;
            var entries = ImmutableArray.CreateBuilder<LogEntry>();
            foreach (var (gap, kind, payload) in parts)
            {
                last = new EntryId(new Term(Math.Max(1, last.Term.Value + (ulong)gap)), last.Index.Next());
                entries.Add(EntryOf(last, kind, payload));
            }

            return new AppendRequest(from, to, last.Term.Next(), previous, entries.ToImmutable(), commit);
        });

    public static readonly Gen<LeasePromise> Promise = Gen.OneOf(
        Gen.Const(LeasePromise.None),
        Gen.Select(Gen.Long[0, long.MaxValue], Gen.Long[0, long.MaxValue], (clock, held) => new LeasePromise(new MonotonicTime(clock), held)));

    public static readonly Gen<RaftMessage> Message = Gen.Select(Replica, Replica, Term).SelectMany((from, to, term) => Gen.OneOf(
        Id.Select(id => (RaftMessage)new PreVoteRequest(from, to, term, id)),
        Gen.Bool.Select(granted => (RaftMessage)new PreVoteResponse(from, to, term, granted)),
        Gen.Select(Id, Gen.Bool, (id, transfer) => (RaftMessage)new VoteRequest(from, to, term, id, transfer)),
        Gen.Bool.Select(granted => (RaftMessage)new VoteResponse(from, to, term, granted)),
        AppendRequest.Select(request => (RaftMessage)request),
        Index.Select(match => (RaftMessage)new AppendAccepted(from, to, term, match)),
        Gen.Select(Index, Id, (rejected, hint) => (RaftMessage)new AppendRejected(from, to, term, rejected, hint)),
        Gen.Select(Index, Number, (commit, round) => (RaftMessage)new HeartbeatRequest(from, to, term, commit, round)),
        Gen.Select(Number, Promise, (round, promise) => (RaftMessage)new HeartbeatResponse(from, to, term, round, promise)),
        Snapshot.Select(snapshot => (RaftMessage)new SnapshotRequest(from, to, term, snapshot)),
        Gen.Select(Id, Number, (last, round) => (RaftMessage)new QuiesceRequest(from, to, term, last, round)),
        Number.Select(round => (RaftMessage)new QuiesceResponse(from, to, term, round)),
        Gen.Const((RaftMessage)new WakeRequest(from, to, term)),
        Gen.Const((RaftMessage)new TimeoutNowRequest(from, to, term))));

    /// <summary>One of the parts a member can have for each id, or in some cases too many witnesses.</summary>
    private static GroupConfiguration Assembled(HashSet<ulong> values, int[] parts, ulong[] places, bool tells, int minCommitDatacenters)
    {
        var ids = values.Select(value => new ReplicaId(value)).ToArray();
        return GroupConfiguration.None with
        {
            Voters = With(0, 1, 2, 3, 4),
            OutgoingVoters = With(3, 4, 5, 6, 7),
            Learners = With(8, 9),
            LearnersNext = With(6),
            Witnesses = With(2, 4, 7),
            AutoLeave = tells && With(3, 4, 5, 6, 7).Length > 0,
            Datacenters = ids.Select((id, at) => (id, at)).Where(_ => tells).ToImmutableSortedDictionary(m => m.id, m => new DatacenterTag(places[m.at])),
            MinCommitDatacenters = tells && ids.Length > 0 ? minCommitDatacenters : 1,
        };

        ImmutableArray<ReplicaId> With(params int[] wanted) => [.. ids.Where((_, at) => wanted.Contains(parts[at]))];
    }

    private static LogEntry EntryOf(EntryId id, EntryKind kind, byte[] payload) => new(id, kind, kind is EntryKind.NoOp or EntryKind.WithheldCommand ? default : payload);
}
