using System.Text.RegularExpressions;

namespace MultiDc.Raft.Tests;

/// <summary>The lines of a trace that tell something.</summary>
internal static partial class TraceLines
{
    [GeneratedRegex(@"^> (\d+) (handling Ready|receiving messages|processing append thread|processing apply thread)$")]
    public static partial Regex Header();

    [GeneratedRegex(@"^(?:\w+)->(\d+) Msg\w+ Term:")]
    public static partial Regex Message();

    [GeneratedRegex(@"^Lead:(\d+) State:(\w+)$")]
    public static partial Regex SoftState();

    [GeneratedRegex(@"^HardState Term:(\d+)(?: Vote:(\d+))? Commit:(\d+)$")]
    public static partial Regex HardState();

    [GeneratedRegex(@"^INFO (\d+) became (follower|pre-candidate|candidate|leader) at term (\d+)$")]
    public static partial Regex Became();

    [GeneratedRegex(@"^INFO (\d+) switched to configuration (.*)$")]
    public static partial Regex Switched();

    [GeneratedRegex(@"^INFO (\d+) forgetting leader \d+ at term \d+$")]
    public static partial Regex Forgetting();

    [GeneratedRegex(@"^WARN (\d+) stepped down to follower since quorum is not active$")]
    public static partial Regex SteppedDown();

    [GeneratedRegex(@"^(\d+): (State\w+) \((Voter|Non-Voter)\) Term:(\d+) Lead:(\d+)$")]
    public static partial Regex State();

    [GeneratedRegex(@"^(\d+): State(?:Probe|Replicate|Snapshot) match=\d+ next=\d+( learner)?")]
    public static partial Regex Status();

    [GeneratedRegex(@"^\d+/\d+ Entry\w+(?: .*)?$")]
    public static partial Regex Entry();
}
