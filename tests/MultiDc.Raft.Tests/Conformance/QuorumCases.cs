using System.Collections.Immutable;
using System.Text;

namespace MultiDc.Raft.Tests;

/// <summary>
/// Answers the quorum cases from our quorums, in the other implementation's words. <c>committed</c> and <c>vote</c> take a configuration
/// <c>cfg</c>, perhaps joint with <c>cfgj</c> (<c>zero</c>: joint with nobody), and for each voter in order of first mention its index in
/// <c>idx</c> or its vote in <c>votes</c>; an underscore stands for none. Results that must be the same by another way are computed
/// both ways, and told when they are not.
/// </summary>
internal static class QuorumCases
{
    public static string Answer(Directive directive)
    {
        var isJoint = directive.Arguments.Any(argument => argument.Key == "cfgj");
        var mentioned = Ids(directive.Values("cfg")).Concat(Ids(directive.Values("cfgj"))).Distinct().ToArray();
        var configuration = Configuration(Ids(directive.Values("cfg")), Ids(directive.Values("cfgj")));
        var told = directive.Command == "vote" ? Votes(directive) : Indexes(directive);
        if (told.Length != mentioned.Length)
        {
            var voters = string.Join(' ', mentioned.Order().Select(id => $"{id}:{{}}"));
            return $"error: mismatched input (explicit or _) for voters map[{voters}]: [{string.Join(' ', told.Select(Number))}]\n";
        }

        var known = mentioned.Zip(told).Where(voter => voter.Second > 0).ToDictionary(voter => voter.First, voter => voter.Second);
        return directive.Command switch
        {
            "committed" => Committed(configuration, isJoint, known),
            "vote" => Vote(configuration, known.ToDictionary(voter => voter.Key, voter => voter.Value == 2)),
            _ => throw new FormatException($"unknown command: {directive.Command}"),
        };
    }

    private static string Committed(GroupConfiguration configuration, bool isJoint, Dictionary<ReplicaId, ulong> known)
    {
        var output = new StringBuilder(Drawing(configuration.Members, known));
        var reached = new JointQuorum(configuration).ReachedByMajority(Reached);
        Same("symmetry", Configuration(configuration.OutgoingVoters, configuration.Voters));
        Same("commit quorum", configuration, configuration.Voters.IsEmpty ? reached : CommitQuorumReached(configuration));
        if (!isJoint)
        {
            Same("majority quorum", configuration, new MajorityQuorum(configuration.Voters).ReachedByMajority(Reached));
            Same("self-joint quorum", Configuration(configuration.Voters, configuration.Voters));
            foreach (var (voter, index) in known.Where(voter => voter.Value < reached && configuration.IsVoter(voter.Key)))
            {
                // Whoever is behind what is committed may be further behind.
                Same($"lowering {voter}", configuration, WithLowered(voter, index - 1));
                Same($"lowering {voter} to nothing", configuration, WithLowered(voter, 0));
            }
        }

        return output.Append(Number(reached)).Append('\n').ToString();

        ulong Reached(ReplicaId id) => known.GetValueOrDefault(id);

        ulong CommitQuorumReached(GroupConfiguration of) => new CommitQuorum(of).Reached(id => new LogIndex(Reached(id)), _ => false).Value;

        ulong WithLowered(ReplicaId voter, ulong index) =>
            new JointQuorum(configuration).ReachedByMajority(id => id == voter ? index : Reached(id));

        void Same(string way, GroupConfiguration other, ulong? result = null)
        {
            var actual = result ?? new JointQuorum(other).ReachedByMajority(Reached);
            output.Append(actual == reached ? "" : $"{Number(actual)} <-- via {way}\n");
        }
    }

    private static string Vote(GroupConfiguration configuration, Dictionary<ReplicaId, bool> votes)
    {
        var result = new JointQuorum(configuration).Votes(votes);
        var swapped = new JointQuorum(Configuration(configuration.OutgoingVoters, configuration.Voters)).Votes(votes);
        var alone = configuration.IsJoint ? result : new MajorityQuorum(configuration.Voters).Votes(votes);
        return (swapped == result ? "" : $"Vote{swapped} <-- via symmetry\n")
            + (alone == result ? "" : $"Vote{alone} <-- via majority quorum\n")
            + $"Vote{result}\n";
    }

    /// <summary>A line per voter: a bar as long as there are voters behind it, its index and its id; a question mark for who said nothing.</summary>
    private static string Drawing(ImmutableArray<ReplicaId> voters, Dictionary<ReplicaId, ulong> known)
    {
        if (voters.IsEmpty)
        {
            return "<empty majority quorum>";
        }

        var output = new StringBuilder().Append(' ', voters.Length).Append("    idx\n");
        foreach (var voter in voters)
        {
            var index = known.GetValueOrDefault(voter);
            var behind = voters.Count(other => known.GetValueOrDefault(other) < index);
            var bar = known.ContainsKey(voter) ? new string('x', behind) + ">" : "?";
            output.Append(bar.PadRight(voters.Length + 1)).Append($" {index,5}    (id={voter.Value:x})\n");
        }

        return output.ToString();
    }

    private static ulong[] Indexes(Directive directive) => [.. directive.Values("idx").Select(value => value == "_" ? 0 : ulong.Parse(value))];

    private static ulong[] Votes(Directive directive) => [.. directive.Values("votes").Select(value => value switch
    {
        "y" => 2UL,
        "n" => 1UL,
        "_" => 0UL,
        _ => throw new FormatException($"unknown vote: {value}"),
    })];

    private static GroupConfiguration Configuration(IEnumerable<ReplicaId> incoming, IEnumerable<ReplicaId> outgoing) =>
        GroupConfiguration.None with { Voters = [.. incoming.Distinct()], OutgoingVoters = [.. outgoing.Distinct()] };

    private static IEnumerable<ReplicaId> Ids(IEnumerable<string> values) =>
        values.Where(value => value != "zero").Select(value => new ReplicaId(ulong.Parse(value)));

    private static string Number(ulong index) => index == ulong.MaxValue ? "∞" : index.ToString();
}
