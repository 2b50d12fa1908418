using System.Diagnostics.CodeAnalysis;

namespace MultiDc.Raft;

/// <summary>
/// Computes the next configuration from the one in force (§4.2, §4.3), or says in words why there is none. Pure. Whatever it gives out
/// breaks no rule of <see cref="GroupConfiguration"/>, and every quorum of it meets every quorum of the one before:
/// <code>
/// simple       C → C'              at most one voter differs, so any two majorities share a voter (§4.2)
/// enter joint  C → C_new,old       everything needs a majority of C_old = C as well (§4.3)
/// leave joint  C_new,old → C_new   everything needed a majority of C_new already (§4.3)
/// </code>
/// When it may be used (one change at a time, an entry of the leader's term committed first, caught-up learners) is the leader's business.
/// </summary>
public static class ConfigurationChanger
{
    /// <summary>Applies changes in one step. Refused when together they change more than one voter, and while joint.</summary>
    public static bool TrySimple(
        GroupConfiguration current,
        IReadOnlyList<ConfigurationChange> changes,
        [NotNullWhen(true)] out GroupConfiguration? next,
        [NotNullWhen(false)] out string? refusal)
    {
        ArgumentNullException.ThrowIfNull(current);
        next = null;
        refusal = current.IsJoint ? "can't apply simple config change in joint config" : null;
        return refusal is null
            && TryApply(current, changes, out next, out refusal)
            && Accept(ref next, out refusal, ChangedVoters(current, next) > 1 ? "more than one voter changed without entering joint config" : null);
    }

    /// <summary>Enters the joint configuration that leads to the changes. Refused while joint already.</summary>
    public static bool TryEnterJoint(
        GroupConfiguration current,
        bool autoLeave,
        IReadOnlyList<ConfigurationChange> changes,
        [NotNullWhen(true)] out GroupConfiguration? next,
        [NotNullWhen(false)] out string? refusal)
    {
        ArgumentNullException.ThrowIfNull(current);
        next = null;
        refusal = current.IsJoint ? "config is already joint" : current.Voters.IsEmpty ? "can't make a zero-voter config joint" : null;
        return refusal is null
            && TryApply(current with { OutgoingVoters = current.Voters, AutoLeave = autoLeave }, changes, out next, out refusal)
            && Accept(ref next, out refusal, null);
    }

    /// <summary>Leaves a joint configuration: the incoming half decides alone, and voters that were to become learners do.</summary>
    public static bool TryLeaveJoint(
        GroupConfiguration current, [NotNullWhen(true)] out GroupConfiguration? next, [NotNullWhen(false)] out string? refusal)
    {
        ArgumentNullException.ThrowIfNull(current);
        next = null;
        refusal = current.IsJoint ? null : "can't leave a non-joint config";
        if (refusal is not null)
        {
            return false;
        }

        var draft = new ConfigurationDraft(current with { OutgoingVoters = [], LearnersNext = [], AutoLeave = false });
        draft.Learners.UnionWith(current.LearnersNext);
        next = draft.ToConfiguration();
        return Accept(ref next, out refusal, null);
    }

    private static bool TryApply(
        GroupConfiguration start,
        IReadOnlyList<ConfigurationChange> changes,
        [NotNullWhen(true)] out GroupConfiguration? next,
        [NotNullWhen(false)] out string? refusal)
    {
        ArgumentNullException.ThrowIfNull(changes);
        next = null;
        var draft = new ConfigurationDraft(start);
        foreach (var change in changes)
        {
            refusal = draft.Apply(change);
            if (refusal is not null)
            {
                return false;
            }
        }

        if (draft.Voters.Count == 0)
        {
            refusal = "removed all voters";
            return false;
        }

        refusal = null;
        next = draft.ToConfiguration();
        return true;
    }

    /// <summary>The last word: nothing with a flaw leaves, whatever was asked.</summary>
    private static bool Accept([NotNullWhen(true)] ref GroupConfiguration? next, [NotNullWhen(false)] out string? refusal, string? objection)
    {
        refusal = objection ?? next!.FindFlaw();
        next = refusal is null ? next : null;
        return refusal is null;
    }

    private static int ChangedVoters(GroupConfiguration one, GroupConfiguration other) =>
        one.Voters.Except(other.Voters).Count() + other.Voters.Except(one.Voters).Count();
}
