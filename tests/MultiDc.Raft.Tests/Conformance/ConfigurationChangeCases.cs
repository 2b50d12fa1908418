using System.Text;
using static MultiDc.Raft.ConfigurationChangeKind;

namespace MultiDc.Raft.Tests;

/// <summary>
/// Answers the configuration-change cases from <see cref="ConfigurationChanger"/>. <c>simple</c> and <c>enter-joint</c> take changes as
/// input, <c>leave-joint</c> none. Printed are the configuration and, per member, from where a leader would send: a member that is new, or was
/// removed and comes back, starts at the number of commands before.
/// </summary>
internal sealed class ConfigurationChangeCases
{
    private SortedDictionary<ReplicaId, ulong> next = [];
    private GroupConfiguration configuration = GroupConfiguration.None;
    private ulong commands;

    public string Answer(Directive directive)
    {
        var output = Execute(directive);
        commands++;
        return output.EndsWith('\n') ? output : output + "\n";
    }

    /// <summary>
    /// <c>v1 l2 r3 u4</c>: make a voter, make a learner, remove, update. An update changes nothing, and a change of replica 0 is one that
    /// the application called off; our changer knows neither, so both are left out here.
    /// </summary>
    public static bool TryParse(string input, out List<ConfigurationChange> changes, out string error)
    {
        (changes, error) = ([], "");
        foreach (var word in input.Length == 0 ? [] : input.Split(' '))
        {
            var kind = word.Length == 0 ? '\0' : word[0];
            error = word.Length < 2 ? $"unknown token {word}"
                : !"vlru".Contains(kind) ? $"unknown input: {word}"
                : !ulong.TryParse(word[1..], out _) ? $"strconv.ParseUint: parsing \"{word[1..]}\": invalid syntax"
                : "";
            if (error.Length > 0)
            {
                return false;
            }

            var id = new ReplicaId(ulong.Parse(word[1..]));
            if (kind != 'u' && !id.IsNone)
            {
                changes.Add(new ConfigurationChange(kind switch { 'v' => AddVoter, 'l' => AddLearner, _ => Remove }, id));
            }
        }

        return true;
    }

    private string Execute(Directive directive)
    {
        if (!TryParse(directive.Input, out var changes, out var error))
        {
            return error;
        }

        if (directive.Command == "leave-joint" && directive.Input.Length > 0)
        {
            return "this command takes no input";
        }

        var (changed, refusal) = directive.Command switch
        {
            "simple" => (ConfigurationChanger.TrySimple(configuration, changes, out var c, out var why) ? c : null, why),
            "enter-joint" => (ConfigurationChanger.TryEnterJoint(configuration, directive.IsSet("autoleave"), changes, out var c, out var why) ? c : null, why),
            "leave-joint" => (ConfigurationChanger.TryLeaveJoint(configuration, out var c, out var why) ? c : null, why),
            _ => (null, "unknown command"),
        };
        if (changed is null)
        {
            return refusal!;
        }

        Track(changed, changes);
        configuration = changed;
        return Print();
    }

    private void Track(GroupConfiguration changed, List<ConfigurationChange> changes)
    {
        foreach (var change in changes)
        {
            if (change.Kind != Remove)
            {
                next.TryAdd(change.Replica, Math.Max(commands, 1));
            }
            else if (!changed.OutgoingVoters.Contains(change.Replica))
            {
                next.Remove(change.Replica);
            }
        }

        next = new(next.Where(member => changed.Contains(member.Key)).ToDictionary());
        Assert.Equal(changed.Members, next.Keys);
    }

    private string Print()
    {
        var output = new StringBuilder().Append(configuration).Append('\n');
        foreach (var (id, from) in next)
        {
            output.Append($"{id}: StateProbe match=0 next={from}{(configuration.IsLearner(id) ? " learner" : "")}\n");
        }

        return output.ToString();
    }
}
