namespace MultiDc.Raft;

/// <summary>
/// Told whenever a core takes one of the branches that <see cref="RaftProbe"/> names. A simulator counts them, and lists those it never
/// reached: what it never reached it has not tested.
/// </summary>
public interface IRaftProbes
{
    /// <summary>The branch was taken. Called in the middle of a call into the core: must be quick, must not throw and must not call the core.</summary>
    void Hit(RaftProbe probe);
}
