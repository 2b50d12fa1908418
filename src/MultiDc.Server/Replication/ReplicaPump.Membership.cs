namespace MultiDc.Server.Replication;

/// <summary>Changes of the group's membership (dissertation §4), and what a witness does without.</summary>
internal sealed partial class ReplicaPump
{
    /// <summary>
    /// Changes the membership. <see cref="Applied"/> when the first configuration of the change is committed; a joint one is left later,
    /// see <see cref="PumpStatus.Configuration"/>.
    /// </summary>
    public async Task<WriteResult> ChangeConfigurationAsync(IReadOnlyList<ConfigurationChange> changes, ConfigurationTransition transition) =>
        (await ProposeAsync(node => node.ProposeConfiguration(changes, transition))).Result;

    /// <summary>Leaves a joint configuration that was entered explicitly.</summary>
    public async Task<WriteResult> LeaveJointAsync() => (await ProposeAsync(static node => node.ProposeLeaveJoint())).Result;

    // A witness applies nothing: its applied index moves over entries of which it holds the ids.
    private void RequirePayloads(IReadOnlyList<LogEntry> entries)
    {
        var isFull = node.Configuration.Contains(node.Id) && !node.Configuration.IsWitness(node.Id);
        Invariant.Require(!isFull || entries.All(static entry => entry.Kind != EntryKind.WithheldCommand), "only a witness is told ids without payloads");
    }
}
